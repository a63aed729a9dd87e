"""The life of a browser session: opened after a ceremony, entered at each request, ended.

Refuses to know how somebody was recognised: the ceremonies decide that and come here with an actor
and a role. The token itself stays in the browser; only its digest is stored.
"""

import secrets
from dataclasses import dataclass
from typing import Final, Literal

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.roles import Role
from rempart.accounts.session_limits import find_session_limits
from rempart.accounts.visitor import SignInMethod, Visitor
from rempart.storage import web_sessions
from rempart.storage.connect import Transaction

EndReason = Literal["left", "revoked", "provider", "suspended", "replaced"]

_EVENT_OF_END: Final = {
    "left": SecurityEventKind.SIGNED_OUT,
    "provider": SecurityEventKind.SESSION_ENDED_BY_PROVIDER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whence:
    """Where a browser's request comes from: the address our own proxies saw, and its agent."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Who a ceremony recognised, and the one role they chose to act in.

    Args:
        membership_ref: The membership that gives the role; None for a member, and for a
            professional in a situation of their own.
        provider: The OIDC provider's name (`psc` for Pro Santé Connect), empty for a passkey; with
            its session (`provider_sid`) and its name of the person (`provider_sub`).
    """

    actor_ref: int
    role: Role
    org_ref: int | None
    membership_ref: int | None
    accountable_ref: int | None
    method: SignInMethod
    provider: str = ""
    provider_sid: str = ""
    provider_sub: str = ""


def enter_session(
    tx: Transaction, token_digest: bytes, device_digest: bytes | None = None
) -> Visitor | None:
    """Return who a live session belongs to, and open this transaction to their rows; else None.

    Args:
        tx: A transaction of the role `portals`.
        token_digest: SHA-256 of the browser's token.
        device_digest: Digest of the cookie its device earned: a bound session opens with both.
    """
    return web_sessions.enter(tx, token_digest, device_digest)


def open_web_session(
    tx: Transaction, recognised: Recognised, *, token_digest: bytes, whence: Whence
) -> int:
    """Open a session for somebody just recognised and write the event; return its reference.

    Args:
        tx: A transaction of the role `signin`.
        recognised: Who, in which role, how.
        token_digest: SHA-256 of the token the browser was just given.
        whence: Where from.
    """
    limits = find_session_limits(recognised.role)
    session_ref = draw_ref()
    web_sessions.save_session(
        tx,
        {
            "session_ref": session_ref,
            "token_digest": token_digest,
            "actor_ref": recognised.actor_ref,
            "role": recognised.role.value,
            "membership_ref": recognised.membership_ref,
            "org_ref": recognised.org_ref,
            "accountable_ref": recognised.accountable_ref,
            "method": recognised.method,
            "provider": recognised.provider,
            "provider_sid": recognised.provider_sid,
            "provider_sub": recognised.provider_sub,
            "address": whence.address,
            "agent": whence.agent,
            "idle": limits.idle,
            "absolute": limits.absolute,
        },
    )
    record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.SIGNED_IN,
            actor_ref=recognised.actor_ref,
            session_ref=session_ref,
            org_ref=recognised.org_ref,
            address=whence.address,
            agent=whence.agent,
            details={"method": recognised.method, "role": recognised.role.value},
        ),
    )
    return session_ref


def end_web_session(
    tx: Transaction,
    session_ref: int,
    *,
    reason: EndReason,
    whence: Whence,
    by: Visitor | None = None,
) -> bool:
    """End a session and write the event; False when there was none to end (or not one's own)."""
    actor_ref = web_sessions.end_session(tx, session_ref, reason=reason)
    if actor_ref is None:
        return False
    record_event(
        tx,
        SecurityEvent(
            kind=_EVENT_OF_END.get(reason, SecurityEventKind.SESSION_ENDED),
            actor_ref=actor_ref,
            by_ref=by.actor_ref if by else None,
            session_ref=session_ref,
            address=whence.address,
            agent=whence.agent,
            details={"reason": reason},
        ),
    )
    return True


def record_event(tx: Transaction, event: SecurityEvent) -> int:
    """Write a security event in this transaction; return its reference."""
    event_ref = draw_ref()
    web_sessions.append_event(tx, event, event_ref=event_ref)
    return event_ref


def draw_ref() -> int:
    """Draw a random positive 64-bit reference."""
    return secrets.randbits(63) or 1
