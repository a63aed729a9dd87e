"""What somebody does with their own account: close sessions, name and revoke keys, report events.

Refuses to touch anybody else's, and to revoke the last way in. Permissions are checked by the page.
"""

from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.passkeys import Passkey, check_can_revoke
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import own_account
from rempart.storage.connect import Transaction
from rempart.storage.own_account import EventColumn, OwnEvent, OwnSession
from rempart.workflows.accounts.web_session import Whence, record_event

__all__ = ["EventColumn", "OwnEvent", "OwnSession", "Passkey"]

WORDS_LIMIT: Final = 2000


def list_own_sessions(tx: Transaction, visitor: Visitor) -> list[OwnSession]:
    """Return the visitor's live sessions, the last seen first."""
    return own_account.list_sessions(tx, visitor.actor_ref)


def list_own_passkeys(tx: Transaction, visitor: Visitor) -> list[Passkey]:
    """Return the visitor's keys, closed ones included, the oldest first."""
    return own_account.list_passkeys(tx, visitor.actor_ref)


def list_own_events(
    tx: Transaction, visitor: Visitor, listing: Listing[EventColumn]
) -> tuple[list[OwnEvent], int]:
    """Return one page of what happened to the visitor's account, and how much there is."""
    return own_account.list_events(tx, visitor.actor_ref, listing)


def read_own_event(tx: Transaction, visitor: Visitor, event_ref: int) -> OwnEvent:
    """Return one event of the visitor's account.

    Raises:
        NotFound: there is none with this reference, or it is somebody else's.
    """
    event = own_account.load_event(tx, visitor.actor_ref, event_ref)
    if event is None:
        raise NotFound("no such event in your account")
    return event


def end_own_session(tx: Transaction, visitor: Visitor, session_ref: int, *, whence: Whence) -> None:
    """Close one of the visitor's sessions, with its event. Closing a closed one changes nothing."""
    ended = own_account.end_one(tx, visitor.actor_ref, session_ref)
    _record_ends(tx, visitor, ended, whence=whence)


def end_other_sessions(tx: Transaction, visitor: Visitor, *, whence: Whence) -> int:
    """Close all of the visitor's sessions but this one, each with its event; return how many."""
    ended = own_account.end_others(tx, visitor.actor_ref, kept_ref=visitor.session_ref)
    _record_ends(tx, visitor, ended, whence=whence)
    return len(ended)


def rename_own_passkey(
    tx: Transaction, visitor: Visitor, credential_id: bytes, *, label: str, whence: Whence
) -> None:
    """Give one of the visitor's keys another name.

    Raises:
        NotFound: they have no usable key with this reference.
    """
    if not own_account.rename_passkey(tx, visitor.actor_ref, credential_id, label):
        raise NotFound("no usable key of yours has this reference: open the list again")
    _record(tx, visitor, SecurityEventKind.PASSKEY_RENAMED, {"label": label}, whence=whence)


def revoke_own_passkey(
    tx: Transaction, visitor: Visitor, credential_id: bytes, *, whence: Whence
) -> None:
    """End one of the visitor's keys.

    Raises:
        NotFound, Conflict: see `check_can_revoke`.
    """
    keys = own_account.lock_passkeys(tx, visitor.actor_ref)
    check_can_revoke(keys, credential_id, method=visitor.method)
    label = own_account.revoke_passkey(tx, visitor.actor_ref, credential_id)
    _record(tx, visitor, SecurityEventKind.PASSKEY_REVOKED, {"label": label or ""}, whence=whence)


def report_event(
    tx: Transaction, visitor: Visitor, event_ref: int, *, words: str, whence: Whence
) -> None:
    """Tell the operator that an event of one's account was not one's own doing.

    Args:
        tx: A transaction of the visitor.
        visitor: Who says so.
        event_ref: The event.
        words: What they say about it, at most WORDS_LIMIT characters; may be empty.
        whence: Where from.

    Raises:
        NotFound: there is no such event in their account.
        Conflict: they said so before.
    """
    event = read_own_event(tx, visitor, event_ref)
    if event.reported_at is not None or not own_account.save_report(
        tx, visitor.actor_ref, event_ref, words=words
    ):
        raise Conflict("this event was reported already: the operator has it")
    details: dict[str, str | int | bool] = {"event": str(event_ref), "kind": event.kind}
    _record(tx, visitor, SecurityEventKind.EVENT_REPORTED, details, whence=whence)


def _record_ends(tx: Transaction, visitor: Visitor, ended: list[int], *, whence: Whence) -> None:
    for session_ref in ended:
        record_event(
            tx,
            SecurityEvent(
                kind=SecurityEventKind.SESSION_ENDED,
                actor_ref=visitor.actor_ref,
                session_ref=session_ref,
                org_ref=visitor.org_ref,
                address=whence.address,
                agent=whence.agent,
                details={"reason": "revoked"},
            ),
        )


def _record(
    tx: Transaction,
    visitor: Visitor,
    kind: SecurityEventKind,
    details: dict[str, str | int | bool],
    *,
    whence: Whence,
) -> None:
    record_event(
        tx,
        SecurityEvent(
            kind=kind,
            actor_ref=visitor.actor_ref,
            session_ref=visitor.session_ref,
            org_ref=visitor.org_ref,
            address=whence.address,
            agent=whence.agent,
            details=details,
        ),
    )
