"""One's own account, as the pages show it: live sessions, keys, events.

Refuses to look at anybody else's: every query names the actor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.accounts.passkeys import Passkey
from rempart.accounts.roles import Role
from rempart.accounts.visitor import SignInMethod
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("own_account")

EventColumn: TypeAlias = Literal["time", "kind", "place"]


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A live session: in which role, how it was opened, where from, and when."""

    session_ref: int
    role: Role
    org_name: str
    method: SignInMethod
    address: str
    agent: str
    opened_at: datetime
    seen_at: datetime
    is_bound: bool


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """Something that happened to the account; `by_another`: somebody else did it.

    `reported_at` is set once its owner said it was not them, `handled_at` and `outcome` once the
    operator answered.
    """

    event_ref: int
    at: datetime
    kind: str
    address: str
    agent: str
    details: Mapping[str, Any]
    by_another: bool
    reported_at: datetime | None
    handled_at: datetime | None
    outcome: str


def list_sessions(tx: Transaction, actor_ref: int) -> list[OwnSession]:
    """Return an actor's live sessions, the last seen first."""
    rows = tx.execute(QUERIES.list_sessions, {"actor_ref": actor_ref})
    return [OwnSession(row[0], Role(row[1]), *row[2:]) for row in rows]


def end_one(tx: Transaction, actor_ref: int, session_ref: int) -> list[int]:
    """End one of an actor's sessions; return its reference, nothing when there is none."""
    facts = {"actor_ref": actor_ref, "session_ref": session_ref}
    return [int(row[0]) for row in tx.execute(QUERIES.end_one, facts)]


def end_others(tx: Transaction, actor_ref: int, *, kept_ref: int) -> list[int]:
    """End all of an actor's sessions but one; return their references."""
    facts = {"actor_ref": actor_ref, "kept_ref": kept_ref}
    return [int(row[0]) for row in tx.execute(QUERIES.end_others, facts)]


def list_passkeys(tx: Transaction, actor_ref: int) -> list[Passkey]:
    """Return an actor's keys, closed ones included, the oldest first."""
    return [
        _make_passkey(row) for row in tx.execute(QUERIES.list_passkeys, {"actor_ref": actor_ref})
    ]


def lock_passkeys(tx: Transaction, actor_ref: int) -> list[Passkey]:
    """Return the same, locked until the end of the transaction."""
    return [
        _make_passkey(row) for row in tx.execute(QUERIES.lock_passkeys, {"actor_ref": actor_ref})
    ]


def rename_passkey(tx: Transaction, actor_ref: int, credential_id: bytes, label: str) -> bool:
    """Give a usable key another name; False when there is none."""
    facts = {"actor_ref": actor_ref, "credential_id": credential_id, "label": label}
    return tx.execute(QUERIES.rename_passkey, facts).fetchone() is not None


def revoke_passkey(tx: Transaction, actor_ref: int, credential_id: bytes) -> str | None:
    """End a key; return its name, None when there is none to end."""
    facts = {"actor_ref": actor_ref, "credential_id": credential_id}
    row = tx.execute(QUERIES.revoke_passkey, facts).fetchone()
    return None if row is None else str(row[0])


def list_events(
    tx: Transaction, actor_ref: int, listing: Listing[EventColumn]
) -> tuple[list[OwnEvent], int]:
    """Return one page of an actor's events, and how many there are in all."""
    return load_page(tx, QUERIES.list_events, listing, OwnEvent, {"actor_ref": actor_ref})


def load_event(tx: Transaction, actor_ref: int, event_ref: int) -> OwnEvent | None:
    """Return one event of an actor, None when there is none."""
    facts = {"actor_ref": actor_ref, "event_ref": event_ref}
    row = tx.execute(QUERIES.load_event, facts).fetchone()
    return None if row is None else OwnEvent(*row)


def save_report(tx: Transaction, actor_ref: int, event_ref: int, *, words: str) -> bool:
    """Write that an event was not its owner's doing; False when that was written before."""
    facts = {"actor_ref": actor_ref, "event_ref": event_ref, "words": words}
    return tx.execute(QUERIES.insert_report, facts).fetchone() is not None


def _make_passkey(row: tuple[Any, ...]) -> Passkey:
    credential_id, label, created_at, used_at, backed_up, cloned_at, revoked_at = row
    return Passkey(
        credential_id=bytes(credential_id),
        label=label,
        created_at=created_at,
        used_at=used_at,
        backed_up=backed_up,
        cloned_at=cloned_at,
        revoked_at=revoked_at,
    )
