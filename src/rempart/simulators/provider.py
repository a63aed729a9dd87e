"""A simulated OpenID Connect provider: one realm, as Pro Santé Connect's or as a company's.

Faithful to what a client can see: endpoints, required parameters, lifetimes, claims. Refuses what
the real one refuses: no PKCE, an unknown redirect address, a code used twice, a client unproved.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

from rempart.simulators import memory as lifetimes
from rempart.simulators.clients import ClientBook, RegisteredClient
from rempart.simulators.faults import SIGNATURE_FAULTS, Fault
from rempart.simulators.memory import Channel, Grant, Memory, SsoSession, Tokens
from rempart.simulators.messages import Reply, Request, answer_error, answer_json
from rempart.simulators.people import Directory, Person
from rempart.simulators.tokens import (
    Facts,
    Signer,
    compute_challenge,
    make_id_token,
    make_logout_claims,
)

PostForm = Callable[[str, Mapping[str, str]], None]
Describe = Callable[[Person], Mapping[str, Any]]
Clock = Callable[[], float]

_HUGE: Final = 4 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Realm:
    """One provider.

    Args:
        name: Of the realm, in its path.
        base_url: The origin it answers on, without a slash at the end.
        discovery_name: Under `.well-known`; Pro Santé Connect's is not the standard one.
        authorize_path: Of the page where people sign in.
        acr: The level it vouches for; empty: it says none.
        has_ciba: Whether software may ask people on their own device.
        title: Of its page.
        people: Who can sign in.
        describe: The claims of somebody.
        clients: Who may ask.
        post: Takes a logout token that is for a client.
        clock: Seconds since 1970.
        auto_approve: Whether a CIBA request is approved without a click.
    """

    name: str
    base_url: str
    discovery_name: str
    authorize_path: str
    acr: str
    has_ciba: bool
    title: str
    people: Directory
    describe: Describe
    clients: ClientBook
    post: PostForm
    clock: Clock
    signer: Signer
    auto_approve: bool = False
    memory: Memory = field(default_factory=Memory)

    @property
    def issuer(self) -> str:
        """The issuer's name, which is also where its addresses start."""
        return f"{self.base_url}/auth/realms/{self.name}"

    @property
    def protocol(self) -> str:
        """Where its protocol endpoints start."""
        return f"{self.issuer}/protocol/openid-connect"

    def describe_itself(self) -> dict[str, Any]:
        """Return the discovery document."""
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.base_url}{self.authorize_path}",
            "token_endpoint": f"{self.protocol}/token",
            "introspection_endpoint": f"{self.protocol}/token/introspect",
            "userinfo_endpoint": f"{self.protocol}/userinfo",
            "end_session_endpoint": f"{self.protocol}/logout",
            "jwks_uri": f"{self.protocol}/certs",
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "acr_values_supported": [self.acr] if self.acr else [],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "userinfo_signing_alg_values_supported": ["RS256", "none"],
            "token_endpoint_auth_methods_supported": [
                "private_key_jwt",
                "client_secret_basic",
                "client_secret_post",
            ],
            "introspection_endpoint_auth_methods_supported": [
                "private_key_jwt",
                "client_secret_basic",
                "client_secret_post",
            ],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "scope_all"],
            "claims_supported": ["aud", "sub", "iss", "auth_time", "given_name", "acr"],
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "authorization_response_iss_parameter_supported": True,
        }
        if self.has_ciba:
            document["grant_types_supported"].append(CIBA_GRANT)
            document["backchannel_token_delivery_modes_supported"] = ["poll"]
            document["backchannel_authentication_endpoint"] = f"{self.protocol}/ext/ciba/auth"
        return document

    def recognise_client(self, request: Request) -> RegisteredClient | None:
        """Return the client that made a request, if it proves who it is."""
        audiences = (self.issuer, f"{self.protocol}/token", f"{self.base_url}{request.path}")
        return self.clients.recognise(request, audiences=audiences, now=self.clock())

    def open_session(self, person: Person, channel: Channel, browser: str = "") -> SsoSession:
        """Sign somebody in at the provider."""
        now = self.clock()
        session = SsoSession(
            sid=secrets.token_hex(16), person=person, channel=channel, auth_time=now, seen=now
        )
        self.memory.sessions[session.sid] = session
        if browser:
            self.memory.browsers[browser] = session.sid
        return session

    def find_session(self, browser: str) -> SsoSession | None:
        """Return the live session of a browser, by its cookie."""
        return self.memory.sessions.get(self.memory.browsers.get(browser, ""))

    def end_session(self, sid: str) -> None:
        """End a session and tell every client that took part in it."""
        session = self.memory.drop_session(sid)
        if session is None:
            return
        for client_id in sorted(session.client_ids):
            client = self.clients.find(client_id)
            if client is not None and client.logout_uri:
                self.post(client.logout_uri, {"logout_token": self.sign_logout(session, client_id)})

    def sign_logout(self, session: SsoSession, client_id: str) -> str:
        """Return the logout token of a session for one of its clients."""
        claims = make_logout_claims(
            issuer=self.issuer,
            client_id=client_id,
            subject=session.person.subject,
            sid=session.sid,
            now=self.clock(),
        )
        return self.signer.sign(claims, typ="logout+jwt")

    # ------------------------------------------------------------ tokens

    def answer_token(self, request: Request) -> Reply:
        """Exchange a code, a refresh token or an approved CIBA request for tokens."""
        client = self.recognise_client(request)
        if client is None:
            return answer_error("invalid_client", "the client does not prove who it is", 401)
        match request.form.get("grant_type"):
            case "authorization_code":
                return self._redeem_code(client, request.form)
            case "refresh_token":
                return self._refresh(client, request.form)
            case grant if grant == CIBA_GRANT and self.has_ciba:
                return self._redeem_ciba(client, request.form)
        return answer_error("unsupported_grant_type", "this grant is not offered")

    def _redeem_code(self, client: RegisteredClient, form: Mapping[str, str]) -> Reply:
        grant = self.memory.grants.get(form.get("code", ""))
        if grant is None or grant.expires <= self.clock():
            return answer_error("invalid_grant", "the code is unknown or over")
        if grant.used:
            # RFC 6749 §4.1.2: a code seen twice was stolen; nothing issued with it is worth more.
            self.end_session(grant.session.sid)
            return answer_error("invalid_grant", "the code was used already")
        page = grant.page
        if (page.client_id, page.redirect_uri) != (client.client_id, form.get("redirect_uri")):
            return answer_error("invalid_grant", "the code is for another client or address")
        verifier = form.get("code_verifier", "")
        if not secrets.compare_digest(compute_challenge(verifier), page.challenge):
            return answer_error("invalid_grant", "code_verifier does not match code_challenge")
        grant.used = True
        return self._issue(
            client, grant.session, scope=page.scope, nonce=page.nonce, fault=grant.fault
        )

    def _refresh(self, client: RegisteredClient, form: Mapping[str, str]) -> Reply:
        tokens = self.memory.refresh.pop(form.get("refresh_token", ""), None)
        if tokens is None or tokens.client_id != client.client_id:
            return answer_error("invalid_grant", "the refresh token is unknown or over")
        self.memory.access.pop(tokens.access, None)
        return self._issue(
            client, tokens.session, scope=tokens.scope, nonce=tokens.nonce, fault=tokens.fault
        )

    def _redeem_ciba(self, client: RegisteredClient, form: Mapping[str, str]) -> Reply:
        now = self.clock()
        name = form.get("auth_req_id", "")
        asked = self.memory.ciba.get(name)
        if asked is None or asked.client_id != client.client_id:
            return answer_error("invalid_grant", "this request is unknown")
        if asked.expires <= now:
            return answer_error("expired_token", "nobody answered in time")
        if asked.state == "refused":
            del self.memory.ciba[name]
            return answer_error("access_denied", "the person refused")
        if asked.state == "pending":
            too_soon = now < asked.next_poll
            asked.next_poll = now + lifetimes.CIBA_INTERVAL_S
            error = "slow_down" if too_soon else "authorization_pending"
            return answer_error(error, "the person has not answered yet")
        del self.memory.ciba[name]
        session = self.open_session(asked.person, asked.channel)
        return self._issue(client, session, scope=asked.scope, nonce="", fault=None)

    def _issue(
        self,
        client: RegisteredClient,
        session: SsoSession,
        *,
        scope: str,
        nonce: str,
        fault: Fault | None,
    ) -> Reply:
        now = self.clock()
        session.seen = now
        session.client_ids.add(client.client_id)
        jti = secrets.token_urlsafe(16)
        tokens = Tokens(
            access=self._sign_access(client, session, scope=scope, jti=jti),
            refresh=secrets.token_urlsafe(32),
            client_id=client.client_id,
            scope=scope,
            nonce=nonce,
            session=session,
            fault=fault,
            access_expires=now + lifetimes.ACCESS_LIFETIME_S,
            refresh_expires=now + lifetimes.REFRESH_LIFETIME_S,
            jti=jti,
            issued=now,
        )
        self.memory.keep(tokens)
        return answer_json(
            {
                "access_token": tokens.access,
                "expires_in": lifetimes.ACCESS_LIFETIME_S,
                "refresh_token": tokens.refresh,
                "refresh_expires_in": lifetimes.REFRESH_LIFETIME_S,
                "token_type": "Bearer",
                "id_token": self._sign_identity(tokens),
                "session_state": session.sid,
                "scope": scope,
            }
        )

    def _sign_access(
        self, client: RegisteredClient, session: SsoSession, *, scope: str, jti: str
    ) -> str:
        now = int(self.clock())
        person = session.person
        return self.signer.sign(
            {
                "iss": self.issuer,
                "sub": person.subject,
                "azp": client.client_id,
                "typ": "Bearer",
                "exp": now + lifetimes.ACCESS_LIFETIME_S,
                "iat": now,
                "auth_time": int(session.auth_time),
                "jti": jti,
                "sid": session.sid,
                "acr": self.acr,
                "scope": scope,
                **({"SubjectNameID": person.hint, "authMode": session.channel}
                   if person.profession else {}),
            }
        )  # fmt: skip

    def _sign_identity(self, tokens: Tokens) -> str:
        session = tokens.session
        facts = Facts(
            issuer=self.issuer,
            client_id=tokens.client_id,
            subject=session.person.subject,
            sid=session.sid,
            nonce=tokens.nonce,
            acr=self.acr,
            auth_time=int(session.auth_time),
            access_token=tokens.access,
            claims={"authMode": session.channel} if session.person.profession else {},
        )
        claims = make_id_token(facts, now=self.clock(), fault=tokens.fault)
        return self.signer.sign(claims, tokens.fault if tokens.fault in SIGNATURE_FAULTS else None)

    # ------------------------------------------------------------ what tokens open

    def answer_userinfo(self, request: Request) -> Reply:
        """Say who an access token stands for."""
        tokens = self.memory.access.get(request.bearer)
        if tokens is None:
            challenge = ("www-authenticate", 'Bearer error="invalid_token"')
            return Reply(status=401, headers=(challenge,))
        person, fault = tokens.session.person, tokens.fault
        claims = {"sub": person.subject, **self.describe(person)}
        match fault:
            case Fault.USERINFO_OF_ANOTHER:
                claims["sub"] = f"{person.subject}1"
            case Fault.NO_EXERCISE:
                claims["SubjectRefPro"] = {"codeCivilite": "", "exercices": []}
            case Fault.NO_NATIONAL_ID:
                other = {"identifiant": "ANS20210107161422", "origine": "EDIT", "qualite": 1}
                claims |= {"SubjectNameID": "ANS20210107161422", "otherIds": [other]}
            case Fault.USERINFO_HUGE:
                claims["padding"] = "x" * _HUGE
            case Fault.USERINFO_MALFORMED:
                claims |= {"SubjectNameID": 12, "SubjectRefPro": "rien", "name": ["x"]}
            case Fault.USERINFO_SIGNED | Fault.USERINFO_SIGNED_BY_ANOTHER:
                claims |= {"iss": self.issuer, "aud": tokens.client_id}
                signed = self.signer.sign(claims, fault).encode()
                headers = (("content-type", "application/jwt"),)
                return Reply(status=200, headers=headers, body=signed)
        return answer_json(claims)

    def answer_introspection(self, request: Request) -> Reply:
        """Tell a client whether a token is live, and what it says (RFC 7662)."""
        if self.recognise_client(request) is None:
            return answer_error("invalid_client", "the client does not prove who it is", 401)
        tokens = self.memory.access.get(request.form.get("token", ""))
        if tokens is None:
            return answer_json({"active": False})
        session = tokens.session
        return answer_json(
            {
                **(self.describe(session.person) if session.person.profession else {}),
                "active": True,
                "iss": self.issuer,
                "sub": session.person.subject,
                "azp": tokens.client_id,
                "client_id": tokens.client_id,
                "username": session.person.hint,
                "token_type": "Bearer",
                "scope": tokens.scope,
                "acr": self.acr,
                "authMode": session.channel,
                "sid": session.sid,
                "auth_time": int(session.auth_time),
                "iat": int(tokens.issued),
                "exp": int(tokens.access_expires),
                "jti": tokens.jti,
            }
        )

    def answer_revocation(self, request: Request) -> Reply:
        """Forget a token (RFC 7009); an unknown one is no error."""
        client = self.recognise_client(request)
        if client is None:
            return answer_error("invalid_client", "the client does not prove who it is", 401)
        token = request.form.get("token", "")
        tokens = self.memory.access.get(token) or self.memory.refresh.get(token)
        if tokens is not None and tokens.client_id == client.client_id:
            self.memory.access.pop(tokens.access, None)
            self.memory.refresh.pop(tokens.refresh, None)
        return Reply(status=200)

    def read_hint(self, token: str) -> str:
        """Return the session an id_token_hint of ours names, expired or not; else nothing."""
        try:
            claims = jwt.decode(token, self.signer.key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return ""
        return str(claims.get("sid", "")) if claims.get("iss") == self.issuer else ""

    def make_grant(self, grant: Grant) -> str:
        """Keep an authorization and return its code."""
        code = secrets.token_urlsafe(24)
        self.memory.grants[code] = grant
        return code


CIBA_GRANT: Final = "urn:openid:params:grant-type:ciba"
