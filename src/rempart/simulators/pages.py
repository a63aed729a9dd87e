"""What people see of a simulated provider: who to be, what to approve, and the way out.

Refuses to send a browser to an address its client did not register, whatever the error.
"""

import functools
import html
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, get_args
from urllib.parse import quote

from rempart.simulators import memory as lifetimes
from rempart.simulators.clients import RegisteredClient
from rempart.simulators.faults import FAULT_NAMES, Fault
from rempart.simulators.memory import Channel, CibaRequest, Grant, PendingPage, SsoSession
from rempart.simulators.messages import (
    Reply,
    Request,
    answer_error,
    answer_json,
    answer_page,
    answer_redirect,
)
from rempart.simulators.people import Person
from rempart.simulators.provider import Realm
from rempart.simulators.tokens import ELSEWHERE

SHOWN: Final = 20
_MEANS: Final[Mapping[Channel, str]] = {"CARD": "carte CPS", "MOBILE": "application e-CPS"}


@dataclass(frozen=True, slots=True)
class Wallet:
    """The pages of one realm."""

    realm: Realm

    @property
    def cookie(self) -> str:
        """The name of its cookie; ports share cookies, so it must be no one else's."""
        return f"simulator_{self.realm.name.replace('-', '_')}"

    # ------------------------------------------------------------ authorization

    def authorize(self, request: Request) -> Reply:
        """Answer an authorization request: with the page, with a code, or with an error."""
        asked = request.query
        client = self.realm.clients.find(asked.get("client_id", ""))
        redirect_uri = asked.get("redirect_uri", "")
        if client is None or not client.allows_redirect(redirect_uri):
            return answer_page("Demande refusée", _UNKNOWN_CLIENT, 400)
        error = self._find_error(asked)
        if error:
            return self._send_error(asked, *error)
        page = PendingPage(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=asked["scope"],
            state=asked.get("state", ""),
            nonce=asked.get("nonce", ""),
            challenge=asked["code_challenge"],
            expires=self.realm.clock() + lifetimes.PAGE_LIFETIME_S,
        )
        session = self.realm.find_session(request.cookies.get(self.cookie, ""))
        if session is not None and self._is_enough(session, asked):
            return self._send_code(page, session, fault=None)
        if asked.get("prompt") == "none":
            return self._send_error(asked, "login_required", "nobody is signed in")
        name = secrets.token_urlsafe(16)
        self.realm.memory.pages[name] = page
        return self.show(name)

    def show(self, name: str, search: str = "") -> Reply:
        """Show who one can be."""
        page = self.realm.memory.pages.get(name)
        if page is None:
            return answer_page("Page expirée", _EXPIRED, 400)
        found = self.realm.people.search(search, limit=SHOWN)
        choices = "".join(self._format_choice(person) for person in found)
        content = _CHOICE.format(
            client=html.escape(page.client_id),
            path=html.escape(self.realm.authorize_path),
            name=html.escape(name),
            search=html.escape(search),
            people=choices or "<li>Personne ne correspond.</li>",
            count=len(self.realm.people),
            shown=len(found),
            channels=_format_options({c: _MEANS[c] for c in get_args(Channel)}),
            faults=_format_options({"": "aucun", **{str(k): v for k, v in FAULT_NAMES.items()}}),
        )
        return answer_page(self.realm.title, content)

    def choose(self, request: Request) -> Reply:
        """Sign in as the person whose button was pressed, or go back empty-handed."""
        form = request.form
        page = self.realm.memory.pages.get(form.get("page", ""))
        if page is None:
            return answer_page("Page expirée", _EXPIRED, 400)
        asked = {"redirect_uri": page.redirect_uri, "state": page.state}
        if "cancel" in form:
            del self.realm.memory.pages[form["page"]]
            return self._send_error(asked, "access_denied", "the person gave up")
        person = self.realm.people.find(form.get("person", ""))
        if person is None:
            return self.show(form["page"])
        del self.realm.memory.pages[form["page"]]
        browser = secrets.token_urlsafe(24)
        session = self.realm.open_session(person, _read_channel(form), browser)
        fault = Fault(form["fault"]) if form.get("fault") in set(Fault) else None
        return self._send_code(page, session, fault=fault).with_cookie(self.cookie, browser)

    def _find_error(self, asked: Mapping[str, str]) -> tuple[str, str] | None:
        if asked.get("response_type") != "code":
            return "unsupported_response_type", "only code is offered"
        if "openid" not in asked.get("scope", "").split():
            return "invalid_scope", "ask for openid"
        if (
            asked.get("code_challenge_method") != "S256"
            or len(asked.get("code_challenge", "")) < 43
        ):
            return "invalid_request", "PKCE with S256 is required"
        wanted = asked.get("acr_values", "").split()
        if wanted and self.realm.acr and self.realm.acr not in wanted:
            return "invalid_request", "this acr is not offered"
        return None

    def _is_enough(self, session: SsoSession, asked: Mapping[str, str]) -> bool:
        """Say whether a session spares the page: not when a fresh ceremony is asked for."""
        age = self.realm.clock() - session.auth_time
        limit = asked.get("max_age", "")
        fresh = not limit.isdecimal() or age < int(limit)
        return session.is_live(self.realm.clock()) and fresh and asked.get("prompt") != "login"

    def _send_code(self, page: PendingPage, session: SsoSession, *, fault: Fault | None) -> Reply:
        code = self.realm.make_grant(
            Grant(
                page=page,
                session=session,
                fault=fault,
                expires=self.realm.clock() + lifetimes.CODE_LIFETIME_S,
            )
        )
        answer = {
            "state": page.state,
            "session_state": session.sid,
            "iss": self.realm.issuer,
            "code": code,
        }
        match fault:
            case Fault.WRONG_STATE:
                answer["state"] = secrets.token_urlsafe(16)
            case Fault.ISS_OF_ANOTHER:
                answer["iss"] = ELSEWHERE
            case Fault.ISS_MISSING:
                del answer["iss"]
        return answer_redirect(page.redirect_uri, answer)

    def _send_error(self, asked: Mapping[str, str], error: str, description: str) -> Reply:
        answer = {"error": error, "error_description": description, "iss": self.realm.issuer}
        if asked.get("state"):
            answer["state"] = asked["state"]
        return answer_redirect(asked["redirect_uri"], answer)

    def _format_choice(self, person: Person) -> str:
        places = " · ".join(activity.name for activity in person.activities)
        return _PERSON.format(
            subject=html.escape(person.subject),
            name=html.escape(person.name),
            hint=html.escape(person.hint),
            places=html.escape(places),
        )

    # ------------------------------------------------------------ logout

    def leave(self, request: Request) -> Reply:
        """End a session (RP-initiated logout), tell its clients, and send the browser home."""
        asked = {**request.query, **request.form}
        browser = request.cookies.get(self.cookie, "")
        sid = self.realm.read_hint(asked.get("id_token_hint", ""))
        if not sid:
            session = self.realm.find_session(browser)
            sid = session.sid if session else ""
        self.realm.end_session(sid)
        wanted = asked.get("post_logout_redirect_uri", "")
        client = self.realm.clients.find(asked.get("client_id", ""))
        if wanted and client is not None and wanted == client.home_uri:
            return answer_redirect(wanted, {"state": asked["state"]} if "state" in asked else {})
        return answer_page("Session fermée", "<p>Vous êtes déconnecté du fournisseur.</p>")

    # ------------------------------------------------------------ CIBA

    def ask_device(self, request: Request) -> Reply:
        """Ask somebody on their own device (CIBA, poll mode)."""
        client = self.realm.recognise_client(request)
        if client is None:
            return answer_error("invalid_client", "the client does not prove who it is", 401)
        form = request.form
        message = form.get("binding_message", "")
        person = self.realm.people.find_by_hint(form.get("login_hint", ""))
        if "openid" not in form.get("scope", "").split():
            return answer_error("invalid_scope", "ask for openid")
        if len(message) != 2 or not message.isdecimal():
            return answer_error("invalid_binding_message", "write two digits")
        if person is None:
            return answer_error("unknown_user_id", "nobody has this national identifier")
        if form.get("channel", "CARD") not in get_args(Channel):
            return answer_error("invalid_request", "channel is CARD or MOBILE")
        return answer_json(self._keep_ciba(client, person, form))

    def _keep_ciba(
        self, client: RegisteredClient, person: Person, form: Mapping[str, str]
    ) -> dict[str, object]:
        now = self.realm.clock()
        name = secrets.token_urlsafe(24)
        self.realm.memory.ciba[name] = CibaRequest(
            client_id=client.client_id,
            person=person,
            scope=form["scope"],
            binding_message=form["binding_message"],
            channel=_read_channel(form),
            expires=now + lifetimes.CIBA_LIFETIME_S,
            next_poll=now,
            state="approved" if self.realm.auto_approve else "pending",
        )
        return {
            "auth_req_id": name,
            "expires_in": lifetimes.CIBA_LIFETIME_S,
            "interval": lifetimes.CIBA_INTERVAL_S,
        }

    def show_device(self) -> Reply:
        """Show what software asks: the person compares the number with their screen's."""
        waiting = "".join(
            _ASKED.format(
                name=quote(name),
                person=html.escape(asked.person.name),
                client=html.escape(asked.client_id),
                message=html.escape(asked.binding_message),
                means=_MEANS[asked.channel],
            )
            for name, asked in self.realm.memory.ciba.items()
            if asked.state == "pending" and asked.expires > self.realm.clock()
        )
        return answer_page("Demandes reçues", f"<ul>{waiting or '<li>Aucune demande.</li>'}</ul>")

    def answer_device(self, request: Request) -> Reply:
        """Approve or refuse what software asks."""
        asked = self.realm.memory.ciba.get(request.form.get("request", ""))
        if asked is not None and asked.state == "pending":
            asked.state = "approved" if request.form.get("answer") == "yes" else "refused"
        return answer_redirect("/wallet/ciba")

    # ------------------------------------------------------------ the map

    def find_answer(self, request: Request) -> Callable[[], Reply] | None:
        """Return what answers a request to this realm, None when it is not for it."""
        realm, path, protocol = self.realm, request.path, f"/auth/realms/{self.realm.name}"
        routes: dict[tuple[str, str], Callable[[], Reply]] = {
            ("GET", f"{protocol}/.well-known/{realm.discovery_name}"): lambda: answer_json(
                realm.describe_itself()
            ),
            ("GET", realm.authorize_path): lambda: self.authorize(request),
            ("GET", f"{realm.authorize_path}/choix"): lambda: self.show(
                request.query.get("page", ""), request.query.get("q", "")
            ),
            ("POST", f"{realm.authorize_path}/choix"): lambda: self.choose(request),
        }
        for (method, name), answer in self._list_protocol().items():
            address = f"{protocol}/protocol/openid-connect/{name}"
            routes[method, address] = functools.partial(answer, request)
        if realm.has_ciba:
            routes["GET", "/wallet/ciba"] = self.show_device
            routes["POST", "/wallet/ciba"] = lambda: self.answer_device(request)
        return routes.get((request.method, path))

    def _list_protocol(self) -> dict[tuple[str, str], Callable[[Request], Reply]]:
        realm = self.realm
        routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "certs"): lambda _: answer_json(realm.signer.describe_keys()),
            ("POST", "token"): realm.answer_token,
            ("POST", "token/introspect"): realm.answer_introspection,
            ("POST", "revoke"): realm.answer_revocation,
            ("GET", "userinfo"): realm.answer_userinfo,
            ("POST", "userinfo"): realm.answer_userinfo,
            ("GET", "logout"): self.leave,
            ("POST", "logout"): self.leave,
        }
        if realm.has_ciba:
            routes["POST", "ext/ciba/auth"] = self.ask_device
        return routes


def _read_channel(form: Mapping[str, str]) -> Channel:
    return "MOBILE" if form.get("channel") == "MOBILE" else "CARD"


def _format_options(names: Mapping[str, str]) -> str:
    return "".join(
        f'<option value="{html.escape(str(value))}">{html.escape(name)}</option>'
        for value, name in names.items()
    )


_UNKNOWN_CLIENT: Final = (
    "<p>Cette application n’est pas enregistrée ici, ou demande une réponse à une adresse qu’elle "
    "n’a pas déclarée. Rien n’a été transmis.</p>"
)
_EXPIRED: Final = "<p>Revenez à l’application et recommencez.</p>"
_CHOICE: Final = """
<p>L’application <code>{client}</code> demande qui vous êtes.</p>
<form method="get" action="{path}/choix" role="search"><fieldset>
<input type="hidden" name="page" value="{name}">
<label>Nom, numéro ou établissement <input type="search" name="q" value="{search}"></label>
<button class="plain" type="submit">Chercher</button></fieldset></form>
<form method="post" action="{path}/choix">
<input type="hidden" name="page" value="{name}">
<fieldset><label>Moyen <select name="channel">{channels}</select></label>
<label>Défaut à simuler <select name="fault">{faults}</select></label></fieldset>
<p><small>{shown} personnes montrées sur {count}.</small></p>
<ul>{people}</ul>
<button class="plain" type="submit" name="cancel" value="1">Renoncer</button>
</form>
"""
_PERSON: Final = """<li><button type="submit" name="person" value="{subject}">{name}</button>
<small>{hint} {places}</small></li>"""
_ASKED: Final = """<li><p><code>{client}</code> demande l’accord de <strong>{person}</strong>
({means}). Nombre affiché : <strong>{message}</strong></p>
<form method="post" action="/wallet/ciba"><input type="hidden" name="request" value="{name}">
<button name="answer" value="yes">Le nombre est le même : accepter</button>
<button class="plain" name="answer" value="no">Refuser</button></form></li>"""
