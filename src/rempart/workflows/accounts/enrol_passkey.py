"""Add a passkey to one's own account, once signed in.

Refuses people who give care: Pro Santé Connect is how they come in, and the only way.
"""

from typing import Any, Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.visitor import Visitor
from rempart.exchange.passkey_messages import (
    KeyOwner,
    KnownKey,
    Message,
    NewKey,
    ProofRefused,
    RelyingParty,
    make_registration_options,
    read_registration,
)
from rempart.kernel.errors import AccessDenied, Conflict, NotAllowed
from rempart.storage import passkeys
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import Whence, record_event

KEYS_LIMIT: Final = 10


def ask_for_new_key(
    tx: Transaction, actor_ref: int, party: RelyingParty, challenge: bytes
) -> dict[str, Any] | None:
    """Return what a browser needs to make a key for an actor; None when they may have none.

    Args:
        tx: A transaction of the role `signin`.
        actor_ref: Whose key it will be; an unknown or suspended actor gives None.
        party: This site.
        challenge: Fresh random bytes.
    """
    owner = passkeys.load_owner(tx, actor_ref)
    known = passkeys.list_known(tx, actor_ref)
    if owner is None:
        return None
    handle, name = owner
    return make_registration_options(
        party,
        KeyOwner(handle=handle, name=name),
        challenge=challenge,
        known=[KnownKey(credential_id=one, transports=tuple(by)) for one, by in known],
    )


def check_can_add_key(tx: Transaction, visitor: Visitor) -> None:
    """Let a visitor add a key, or refuse.

    Raises:
        NotAllowed: they come in by Pro Santé Connect.
        Conflict: they have as many as one may have.
    """
    if visitor.actor_kind == "professional":
        raise NotAllowed("professionals sign in with Pro Santé Connect: a passkey opens nothing")
    if len(passkeys.list_usable(tx, visitor.actor_ref)) >= KEYS_LIMIT:
        raise Conflict(f"one may have {KEYS_LIMIT} passkeys: revoke one first")


def add_own_passkey(
    tx: Transaction,
    visitor: Visitor,
    message: Message,
    *,
    label: str,
    party: RelyingParty,
    challenge: bytes | None,
    whence: Whence,
) -> None:
    """Keep a key the visitor's browser just made, with its event.

    Args:
        tx: A transaction of the role `signin`.
        visitor: Whose key it is; their step-up was checked.
        message: What the browser sent.
        label: What they call it, cleaned.
        party: This site.
        challenge: What was to be signed, taken out of the session; None when there was none.
        whence: Where from.

    Raises:
        NotAllowed, Conflict: see `check_can_add_key`.
        AccessDenied: the message proves nothing; nothing was written.
    """
    check_can_add_key(tx, visitor)
    if challenge is None:
        raise AccessDenied("the ceremony is over: begin again")
    try:
        key = read_registration(message, party, challenge=challenge)
    except ProofRefused:
        raise AccessDenied("the key could not be verified: begin again") from None
    keep_key(
        tx,
        key,
        actor_ref=visitor.actor_ref,
        org_ref=visitor.org_ref,
        label=label,
        whence=whence,
        session_ref=visitor.session_ref,
    )


def keep_key(
    tx: Transaction,
    key: NewKey,
    *,
    actor_ref: int,
    org_ref: int | None,
    label: str,
    whence: Whence,
    session_ref: int | None = None,
) -> None:
    """Write a verified key and its event, and warn its owner wherever they can be told.

    Raises:
        AccessDenied: the key is known here already, whoever has it.
    """
    saved = passkeys.save_passkey(
        tx,
        {
            "credential_id": key.credential_id,
            "actor_ref": actor_ref,
            "public_key": key.public_key,
            "sign_count": key.sign_count,
            "transports": list(key.transports),
            "aaguid": key.aaguid,
            "backed_up": key.backed_up,
            "label": label,
        },
    )
    if not saved:
        raise AccessDenied("the key could not be kept: begin again")
    event_ref = record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.PASSKEY_ADDED,
            actor_ref=actor_ref,
            session_ref=session_ref,
            org_ref=org_ref,
            address=whence.address,
            agent=whence.agent,
            details={"label": label},
        ),
    )
    warn_now(tx, event_ref)
