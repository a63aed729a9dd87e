"""The two halves of a passkey's ceremony: a challenge kept in the browser's session, its answer.

Refuses to serve a challenge twice, or late, or for another purpose; and to say why a proof is
refused: every refusal is the same bytes.
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, cast

from django.http import HttpRequest, JsonResponse

from rempart.accounts.passkeys import is_challenge_alive
from rempart.exchange.passkey_messages import RelyingParty
from rempart.portals.addresses import find_browser_address
from rempart.portals.allowances import AddressAllowance
from rempart.portals.desk import get_desk
from rempart.portals.session_store import SessionStore
from rempart.workflows.accounts.passkey_ceremony import draw_challenge

# What somebody not signed in leaves in the session table goes soon.
STRANGER_LIFETIME_S: Final = 600
NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})
_PREFIX: Final = "challenge "


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was kept at the first half; no value: none was asked for, or too long ago."""

    value: bytes | None
    facts: Mapping[str, str]


def get_party() -> RelyingParty:
    """Return this site, as authenticators know it."""
    return RelyingParty.from_url(get_desk().public_url)


def open_challenge(
    request: HttpRequest, purpose: str, *, facts: Mapping[str, str] = NO_FACTS
) -> bytes:
    """Draw a challenge and keep it in the browser's session, in place of an earlier one.

    Args:
        request: The first half of the ceremony.
        purpose: What it is for: an answer serves no other purpose.
        facts: What the second half will need to know.
    """
    value = draw_challenge()
    request.session[f"{_PREFIX}{purpose}"] = {
        "value": base64.b64encode(value).decode("ascii"),
        "asked_at": get_desk().now().isoformat(),
        "facts": dict(facts),
    }
    return value


def take_challenge(request: HttpRequest, purpose: str) -> Challenge:
    """Take a challenge out of the browser's session: it serves once."""
    kept = cast("SessionStore", request.session).take(f"{_PREFIX}{purpose}")
    if kept is None:
        return Challenge(None, NO_FACTS)
    asked_at = datetime.fromisoformat(kept["asked_at"])
    if not is_challenge_alive(asked_at, now=get_desk().now()):
        return Challenge(None, NO_FACTS)
    return Challenge(base64.b64decode(kept["value"]), kept["facts"])


def read_message(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object a script of ours sent; an empty one when it cannot be read."""
    try:
        message = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def read_text(message: dict[str, Any], name: str) -> str:
    """Return a text of a message, empty when it is not one."""
    text = message.get(name)
    return text if isinstance(text, str) else ""


def read_credential(message: dict[str, Any]) -> dict[str, Any]:
    """Return what the authenticator said, as the browser put it into a message."""
    credential = message.get("credential")
    return credential if isinstance(credential, dict) else {}


def answer_options(options: dict[str, Any]) -> JsonResponse:
    """Give the browser what it needs to ask an authenticator."""
    return JsonResponse({"options": options})


def answer_next(address: str) -> JsonResponse:
    """Tell the browser that all is well, and where to go."""
    return JsonResponse({"next": address})


def answer_refused() -> JsonResponse:
    """Refuse; always with these bytes."""
    return JsonResponse({"error": "refused"}, status=HTTPStatus.FORBIDDEN)


def answer_too_many(wait_ms: float) -> JsonResponse:
    """Ask to come back later."""
    seconds = max(1, math.ceil(wait_ms / 1000))
    response = JsonResponse({"error": "too_many"}, status=HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(seconds)
    return response


def count_try(request: HttpRequest, allowance: AddressAllowance) -> JsonResponse | None:
    """Count one try of this browser's address; return the refusal when there are too many."""
    wait_ms = allowance.ask(find_browser_address(request))
    return answer_too_many(wait_ms) if wait_ms else None
