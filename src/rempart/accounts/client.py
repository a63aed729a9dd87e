"""Who calls: a client is a key that lets software, or a signed-in browser, act for one account.

Refuses to know how keys are stored, and to tell an unknown key from a revoked one.
"""

from dataclasses import dataclass
from typing import Literal

from rempart.kernel.errors import AccessDenied

ClientKind = Literal["software", "portal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One key, and the account it acts for.

    `expires_ms` is the first millisecond at which the key is worth nothing (None: never).
    """

    client_ref: int
    account_ref: int
    kind: ClientKind
    expires_ms: int | None
    revoked: bool


def check_can_ask(client: Client | None, *, now_ms: int) -> Client:
    """Let a client ask, or refuse.

    Args:
        client: The client found for the key presented, None when there is none.
        now_ms: The instant of the request, Unix milliseconds.

    Returns:
        The same client, now known to be one that may ask.

    Raises:
        AccessDenied: the key is unknown, revoked or expired; the three look the same, so that a
            found key cannot be told from an invented one.
    """
    if client is None or client.revoked or _has_expired(client, now_ms):
        raise AccessDenied("the key is unknown, revoked or expired: ask for a new one")
    return client


def _has_expired(client: Client, now_ms: int) -> bool:
    return client.expires_ms is not None and client.expires_ms <= now_ms
