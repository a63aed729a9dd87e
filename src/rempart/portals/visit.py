"""Who is visiting, and what they may open: the one gate before every page.

Each view carries `@public` or `@allows(permission)`; a view with neither fails a test. Refuses to
keep an identity in the browser or in the session's data: the database recognises the session's
token at each transaction, and shows that transaction the visitor's rows only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from psycopg import Connection

from rempart.accounts.devices import needs_device
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.session import clean_agent
from rempart.accounts.session_limits import find_session_limits
from rempart.accounts.visitor import Visitor
from rempart.disclosure.acts import Author
from rempart.kernel.errors import NotAllowed, StepUpNeeded
from rempart.portals.addresses import find_browser_address
from rempart.portals.desk import get_desk
from rempart.portals.device_binding import keep_offer, read_device_digest
from rempart.portals.session_store import compute_token_digest
from rempart.workflows.accounts.bind_device import offer_device
from rempart.workflows.accounts.passkey_ceremony import renew_web_session
from rempart.workflows.accounts.web_session import (
    EndReason,
    Recognised,
    Whence,
    end_web_session,
    enter_session,
    open_web_session,
)

Parameters = ParamSpec("Parameters")
View = Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase]
AnyView = TypeVar("AnyView", bound=Callable[..., HttpResponseBase])
Transaction = Connection[tuple[Any, ...]]

GATE: Final = "rempart_gate"  # what each view carries: a Permission, or "public"
_CACHE: Final = "rempart_visitor"


class SessionOver(Exception):
    """The session ended between two steps of one request: the visitor signs in again."""


def get_visitor(request: HttpRequest) -> Visitor | None:
    """Return who is signed in, or None; asked once per request."""
    if not hasattr(request, _CACHE):
        setattr(request, _CACHE, _recognise(request))
    return cast("Visitor | None", getattr(request, _CACHE))


def require_visitor(request: HttpRequest) -> Visitor:
    """Return who is signed in, in a view that `allows` let them open.

    Raises:
        SessionOver: nobody is signed in any more.
    """
    visitor = get_visitor(request)
    if visitor is None:
        raise SessionOver
    return visitor


def make_author(visitor: Visitor) -> Author:
    """Return a visitor as the author of an act on the ledger."""
    return Author(visitor.actor_ref, visitor.session_ref)


@contextmanager
def open_visit(request: HttpRequest) -> Iterator[tuple[Transaction, Visitor]]:
    """Open a transaction that sees the visitor's rows only.

    Raises:
        SessionOver: nobody is signed in any more.
    """
    key = request.session.session_key
    with get_desk().transaction() as tx:
        visitor = (
            enter_session(tx, compute_token_digest(key), read_device_digest(request))
            if key
            else None
        )
        if visitor is None:
            raise SessionOver
        yield tx, visitor


def begin_visit(request: HttpRequest, recognised: Recognised) -> int:
    """Open a session for somebody a ceremony recognised; return its reference.

    The browser gets a new token: whatever it had before is worth nothing now, forms included, and
    the session it had, if any, ends.
    """
    end_visit(request, reason="replaced")
    request.session.clear_expired()
    request.session.create()
    limits = find_session_limits(recognised.role)
    request.session.set_expiry(int(limits.absolute.total_seconds()))
    rotate_token(request)
    key = request.session.session_key or ""
    with get_desk().signin() as tx:
        session_ref = open_web_session(
            tx, recognised, token_digest=compute_token_digest(key), whence=get_whence(request)
        )
        keep_offer(request, offer_device(tx, session_ref))
    _forget(request)
    return session_ref


def renew_visit(request: HttpRequest, visitor: Visitor) -> bool:
    """Note a fresh ceremony of a visitor; False when their session ended meanwhile.

    The browser gets a new token for the same session. A crash between the two tables leaves a
    token that opens nothing: the visitor signs in again.
    """
    old_key = request.session.session_key or ""
    request.session.cycle_key()
    rotate_token(request)
    new_key = request.session.session_key or ""
    with get_desk().signin() as tx:
        renewed = renew_web_session(
            tx,
            visitor,
            old_digest=compute_token_digest(old_key),
            new_digest=compute_token_digest(new_key),
            whence=get_whence(request),
        )
    _forget(request)
    return renewed


def end_visit(request: HttpRequest, *, reason: EndReason) -> None:
    """End the visitor's session and forget the browser's token. Nobody signed in: no event.

    A crash between the two leaves a token that opens nothing.
    """
    with suppress(SessionOver), open_visit(request) as (tx, visitor):
        end_web_session(
            tx, visitor.session_ref, reason=reason, whence=get_whence(request), by=visitor
        )
    request.session.flush()
    _forget(request)


def get_whence(request: HttpRequest) -> Whence:
    """Return where a request comes from, as far as our proxies can tell."""
    agent = clean_agent(request.headers.get("User-Agent", ""))
    return Whence(address=find_browser_address(request), agent=agent)


def public(view: AnyView) -> AnyView:
    """Mark a view that anybody may open."""
    setattr(view, GATE, "public")
    return view


def allows(permission: Permission) -> Callable[[View[Parameters]], View[Parameters]]:
    """Open a view to those whose role has `permission`; others are told what to do instead."""

    def decorate(view: View[Parameters]) -> View[Parameters]:
        @wraps(view)
        def guarded(
            request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs
        ) -> HttpResponseBase:
            visitor = get_visitor(request)
            if visitor is None:
                return send_to_sign_in(request)
            try:
                check_can(visitor, permission, now=get_desk().now())
            except StepUpNeeded:
                return _send(request, "step-up")
            except NotAllowed:
                return render(request, "portals/error.html", _FORBIDDEN, status=403)
            if needs_device(visitor, permission, is_policy=get_desk().sensitive_needs_device):
                return render(request, "portals/device_needed.html", status=403)
            try:
                return view(request, *args, **kwargs)
            except SessionOver:
                return send_to_sign_in(request)

        setattr(guarded, GATE, permission)
        return guarded

    return decorate


def send_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send the browser to the sign-in page, and back here afterwards."""
    return _send(request, "sign-in")


def read_next(request: HttpRequest, *, otherwise: str) -> str:
    """Return the page to go to next, as `next` says, if it is one of ours; else `otherwise`."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    mine = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if mine and wanted.startswith("/") else otherwise


_FORBIDDEN: Final = {"what": "forbidden", "status": 403}


def _forget(request: HttpRequest) -> None:
    if hasattr(request, _CACHE):
        delattr(request, _CACHE)


def _recognise(request: HttpRequest) -> Visitor | None:
    key = request.session.session_key
    if not key:
        return None
    with get_desk().transaction() as tx:
        return enter_session(tx, compute_token_digest(key), read_device_digest(request))


def _send(request: HttpRequest, name: str) -> HttpResponse:
    # A form is not sent again by itself: the visitor comes back to the page that showed it.
    here = request.get_full_path() if request.method == "GET" else request.path
    address = f"{reverse(name)}?{urlencode({'next': here})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)
