"""What one browser carries through a sign-in at a provider: kept in its session, taken once.

Refuses an answer this browser did not ask for, one that comes late, and one that comes twice: the
state names the ceremony, and taking it removes it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse

from rempart.accounts.visitor import Visitor
from rempart.portals.addresses import find_browser_address
from rempart.portals.challenges import STRANGER_LIFETIME_S
from rempart.portals.desk import get_desk
from rempart.portals.landing import find_home
from rempart.portals.oidc import PSC, Ceremony, OidcClient, Recognition
from rempart.portals.oidc_http import ProviderDown
from rempart.portals.oidc_tokens import ProviderNotBelieved
from rempart.portals.session_store import SessionStore
from rempart.portals.visit import (
    begin_visit,
    end_visit,
    get_visitor,
    get_whence,
    read_next,
    renew_visit,
)
from rempart.workflows.accounts.provider_logout import find_session_provider
from rempart.workflows.accounts.sign_in_with_psc import record_refused_answer
from rempart.workflows.accounts.web_session import Recognised

LIFETIME_S: Final = 10 * 60
CHOICE_LIFETIME_S: Final = 5 * 60
MOST_AT_ONCE: Final = 4
RETRY_AFTER_S: Final = 10
_PREFIX: Final = "ceremony:"
_CHOICE: Final = "choice"

Purpose = Literal["sign_in", "step_up"]
# Why a sign-in goes no further: each has its paragraph in templates/portals/providers/refused.html.
Refusal = Literal[
    "no_provider", "expired", "gave_up", "provider_error", "token", "unknown", "suspended",
    "no_place", "not_rpps", "no_situation", "malformed", "no_role", "another_person", "too_many",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A ceremony under way, and what it is for.

    Args:
        next: Where the visitor was going; empty: home.
        session_ref: The session to confirm; None for a sign-in.
    """

    provider: str
    purpose: Purpose
    next: str
    session_ref: int | None
    ceremony: Ceremony


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Somebody recognised who has several roles, or a code to type; for a few minutes.

    Args:
        places: Facts of the provider that the choice is checked against.
    """

    provider: str
    actor_ref: int | None
    subject: str
    sid: str
    next: str
    at: int
    places: list[dict[str, Any]]


def start(
    request: HttpRequest, client: OidcClient, *, purpose: Purpose, session_ref: int | None = None
) -> HttpResponse:
    """Send the browser to a provider.

    Args:
        request: From a page of ours, or a link.
        client: Our side of the provider.
        purpose: A sign-in, or the confirmation of who one is.
        session_ref: The session to confirm.
    """
    elsewhere = _find_own_address(request)
    if elsewhere is not None:
        return HttpResponseRedirect(elsewhere)
    if get_desk().allowances.ceremonies.ask(find_browser_address(request)):
        return refuse(request, "too_many", status=429)
    now = get_now()
    try:
        address, ceremony = client.begin(
            make_return_address(client.provider.name), now=now, fresh=purpose == "step_up"
        )
    except ProviderDown:
        return answer_down(request, client)
    _keep(
        request,
        Pending(
            provider=client.provider.name,
            purpose=purpose,
            next=read_next(request, otherwise=""),
            session_ref=session_ref,
            ceremony=ceremony,
        ),
    )
    return HttpResponseRedirect(address)


def finish(
    request: HttpRequest,
    client: OidcClient | None,
    welcome: Callable[[HttpRequest, OidcClient, Pending, Recognition], HttpResponse],
) -> HttpResponse:
    """Take the answer of a provider: to `welcome` for a sign-in, or confirm who the visitor is.

    Args:
        request: The browser, back with an answer in its address.
        client: Our side of the provider this address is for.
        welcome: What to do with somebody recognised.
    """
    pending = _take(request, request.GET.get("state", ""))
    if client is None or pending is None or pending.provider != client.provider.name:
        return refuse(request, "expired")
    error = request.GET.get("error")
    if error:
        return refuse(request, "gave_up" if error == "access_denied" else "provider_error")
    try:
        recognition = client.finish(
            pending.ceremony,
            request.GET.dict(),
            make_return_address(pending.provider),
            now=get_now(),
        )
    except ProviderDown:
        return answer_down(request, client)
    except ProviderNotBelieved as refused:
        note_refusal(request, pending.provider, refused.reason)
        return refuse(request, "token")
    if pending.purpose == "step_up":
        return _confirm(request, pending, recognition)
    return welcome(request, client, pending, recognition)


def refuse(request: HttpRequest, reason: Refusal, *, status: int = 403) -> HttpResponse:
    """Say that a sign-in goes no further, and what to do."""
    page = "portals/providers/refused.html"
    response = render(request, page, {"reason": reason}, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def answer_down(request: HttpRequest, client: OidcClient) -> HttpResponse:
    """Say that a provider does not answer; nothing was written."""
    context = {"label": client.provider.label}
    response = render(request, "portals/providers/down.html", context, status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def note_refusal(request: HttpRequest, provider: str, reason: str) -> None:
    """Write the event of an answer that was not believed."""
    with get_desk().signin() as tx:
        record_refused_answer(tx, reason, provider=provider, whence=get_whence(request))


def enter(request: HttpRequest, recognised: Recognised, next_page: str) -> HttpResponse:
    """Open the session of somebody recognised and go where they were going, or home."""
    begin_visit(request, recognised)
    return HttpResponseRedirect(next_page or reverse(find_home(recognised.role)))


def keep_choice(request: HttpRequest, choice: Choice) -> None:
    """Remember somebody recognised while they choose.

    The browser gets a new token first, and whoever was signed in with the one before is out.
    """
    end_visit(request, reason="replaced")
    request.session.create()
    request.session.set_expiry(STRANGER_LIFETIME_S)
    rotate_token(request)
    request.session[_CHOICE] = asdict(choice)


def read_choice(request: HttpRequest, provider: str | None = None) -> Choice | None:
    """Return who is choosing, None when nobody is, or not through this provider, or too late."""
    kept = request.session.get(_CHOICE)
    if not isinstance(kept, dict):
        return None
    choice = Choice(**kept)
    in_time = 0 <= get_now() - choice.at + 1 <= CHOICE_LIFETIME_S
    return choice if in_time and provider in {None, choice.provider} else None


def make_return_address(provider: str) -> str:
    """Return where a provider sends browsers back: registered there, so never built otherwise."""
    path = reverse("psc-return") if provider == PSC else reverse("oidc-return", args=[provider])
    return f"{get_desk().public_url}{path}"


def find_logout_url(visitor: Visitor) -> str | None:
    """Return where a visitor ends their session at the provider too; None when there is nowhere.

    Ask before ending the session here. It is a link to follow, not a redirection: a form of ours
    may lead to pages of ours only.
    """
    if visitor.method == "passkey":
        return None
    with get_desk().signin() as tx:
        found = find_session_provider(tx, visitor.session_ref)
    client = get_desk().providers.find(found[0]) if found else None
    return client.make_logout_url(f"{get_desk().public_url}/") if client else None


def get_now() -> int:
    """Return the present instant in Unix seconds."""
    return int(get_desk().now().timestamp())


def _confirm(request: HttpRequest, pending: Pending, recognition: Recognition) -> HttpResponse:
    """Note that the visitor is the person of this session, just proved again."""
    visitor = get_visitor(request)
    if visitor is None or visitor.session_ref != pending.session_ref:
        return refuse(request, "expired")
    with get_desk().signin() as tx:
        expected = find_session_provider(tx, visitor.session_ref)
    if expected != (pending.provider, recognition.subject):
        note_refusal(request, pending.provider, "another person confirmed")
        return refuse(request, "another_person")
    if not renew_visit(request, visitor):
        return refuse(request, "expired")
    return HttpResponseRedirect(pending.next or reverse("account"))


def _keep(request: HttpRequest, pending: Pending) -> None:
    """Keep a ceremony beside the others of this browser; the oldest leave."""
    names = [name for name in request.session.keys() if name.startswith(_PREFIX)]  # noqa: SIM118 - not a dict
    names.sort(key=lambda name: request.session[name]["ceremony"]["started"])
    for name in names[: max(0, len(names) - MOST_AT_ONCE + 1)]:
        del request.session[name]
    request.session[f"{_PREFIX}{pending.ceremony.state}"] = asdict(pending)
    if get_visitor(request) is None:
        request.session.set_expiry(STRANGER_LIFETIME_S)


def _take(request: HttpRequest, state: str) -> Pending | None:
    """Take a ceremony out of the session, so that its answer serves once; None when too old."""
    if not state or not request.session.session_key:
        return None
    kept = cast("SessionStore", request.session).take(f"{_PREFIX}{state}")
    if not isinstance(kept, Mapping):
        return None
    ceremony = Ceremony(**kept["ceremony"])
    if not -1 <= get_now() - ceremony.started <= LIFETIME_S:
        return None
    return Pending(**{**kept, "ceremony": ceremony})


def _find_own_address(request: HttpRequest) -> str | None:
    """Return this page on our public address, when a browser came by the machine's number.

    Cookies do not follow from 127.0.0.1 to localhost, where the provider sends browsers back.
    """
    ours = urlsplit(get_desk().public_url)
    if ours.hostname != "localhost" or not request.get_host().startswith("127.0.0.1"):
        return None
    return f"{get_desk().public_url}{request.get_full_path()}"
