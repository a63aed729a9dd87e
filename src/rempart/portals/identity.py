"""Who is signed in: kept in the server's session, never in the browser.

The professional's portal key is in the session too, sealed, so that a copy of the session table
holds no usable key. Refuses to say more to somebody who lacks a right than that they lack it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, Final, Literal, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from rempart.portals.seal import Seal

Role = Literal["professional", "operator"]
Parameters = ParamSpec("Parameters")
View = Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase]

_SLOT: Final = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The person at the keyboard, as far as one sign-in tells; an operator has no key."""

    role: Role
    name: str = ""
    profession: str = ""
    sealed_key: str = ""

    @property
    def is_operator(self) -> bool:
        """Whether this is an operator of the platform."""
        return self.role == "operator"


def get_person(request: HttpRequest) -> Person | None:
    """Return who is signed in, or None."""
    kept = request.session.get(_SLOT)
    return Person(**kept) if kept else None


def sign_in(request: HttpRequest, person: Person, *, lifetime_s: int) -> None:
    """Open a fresh session for `person`; whatever the browser had before is worth nothing now.

    Sessions that have ended are forgotten here: nobody else would.
    """
    request.session.flush()
    request.session.clear_expired()
    request.session[_SLOT] = {name: getattr(person, name) for name in Person.__dataclass_fields__}
    request.session.set_expiry(lifetime_s)


def sign_out(request: HttpRequest) -> None:
    """Forget the session on the server, and with it the only copy of the portal key."""
    request.session.flush()


def open_key(person: Person, seal: Seal) -> str:
    """Return the portal key of a signed-in professional.

    Raises:
        ValueError: the session was written under another portals' key.
    """
    return seal.open(person.sealed_key)


def professional_required(view: View[Parameters]) -> View[Parameters]:
    """Let professionals in; anybody else is sent to sign in."""
    return _require("professional", view)


def operator_required(view: View[Parameters]) -> View[Parameters]:
    """Let operators in; anybody else is sent to sign in."""
    return _require("operator", view)


def redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send the browser to the page that says how to get a link.

    A fragment asked for by a live page moves the whole page there, not the fragment.
    """
    address = reverse("sign-in")
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _require(role: Role, view: View[Parameters]) -> View[Parameters]:
    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> HttpResponseBase:
        person = get_person(request)
        if person is None:
            return redirect_to_sign_in(request)
        if person.role != role:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
