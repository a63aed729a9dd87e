"""How a browser is offered to bind its session to its device, and the cookie it then earns.

Refuses to speak of a device to somebody not signed in. Browsers that do not know the headers do
nothing, and lose nothing.

Source: W3C Device Bound Session Credentials §9.
"""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from rempart.accounts.devices import ALGORITHM, COOKIE_LIFETIME
from rempart.portals.desk import get_desk
from rempart.workflows.accounts.bind_device import compute_device_digest

REGISTRATION: Final = "Secure-Session-Registration"
CHALLENGE: Final = "Secure-Session-Challenge"
RESPONSE: Final = "Secure-Session-Response"
SESSION_ID: Final = "Sec-Secure-Session-Id"
# What a request need not wait for: these answer everybody alike.
UNBOUND_PATHS: Final = ("/static", "/v1", "/oauth", "/langue", "/docs/api", "/.well-known")
_OFFER: Final = "rempart_device_offer"


class DeviceOfferMiddleware:
    """Tells the browser of whoever just came in how to bind the session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the header where a session was opened."""
        response = self._get_response(request)
        challenge = getattr(request, _OFFER, None)
        if challenge is not None:
            response.headers[REGISTRATION] = (
                f'({ALGORITHM});path="{reverse("bind-device")}";challenge="{challenge}"'
            )
        return response


def keep_offer(request: HttpRequest, challenge: str) -> None:
    """Remember, until the answer to this request, the challenge of a session just opened."""
    setattr(request, _OFFER, challenge)


def read_device_digest(request: HttpRequest) -> bytes | None:
    """Return the digest of the cookie of the browser's device; None when it sent none."""
    cookie = request.COOKIES.get(name_cookie(), "")
    return compute_device_digest(cookie) if cookie else None


def name_cookie() -> str:
    """Return the cookie's name: over TLS, one that no other host can plant."""
    prefix = "__Host-" if settings.SESSION_COOKIE_SECURE else ""
    return f"{prefix}rempart_device"


def give_cookie(request: HttpRequest, response: HttpResponse, cookie: str) -> None:
    """Give the browser the cookie its device earned."""
    response.set_cookie(
        name_cookie(),
        cookie,
        max_age=COOKIE_LIFETIME,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def challenge_next(response: HttpResponse, session_ref: int, challenge: str) -> None:
    """Tell the browser what to sign next."""
    response.headers[CHALLENGE] = f'"{challenge}";id="{session_ref}"'


def make_instructions(request: HttpRequest, session_ref: int) -> dict[str, Any]:
    """Return what the browser keeps of a bound session: whose requests wait for which cookie."""
    secure = "; Secure" if request.is_secure() else ""
    return {
        "session_identifier": str(session_ref),
        "refresh_url": reverse("refresh-device"),
        "scope": {
            "origin": get_desk().public_url,
            "include_site": False,
            "scope_specification": [
                {"type": "exclude", "domain": "*", "path": path} for path in UNBOUND_PATHS
            ],
        },
        "credentials": [
            {
                "type": "cookie",
                "name": name_cookie(),
                "attributes": f"Path=/; HttpOnly; SameSite=Lax{secure}",
            }
        ],
    }
