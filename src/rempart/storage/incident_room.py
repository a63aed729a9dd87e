"""The timeline of an incident: lines are added and read, never changed. Roles: analyst, portals."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg.errors
from psycopg.types.json import Jsonb

from rempart.incidents.room import EventKind, RoomEvent
from rempart.kernel.errors import Conflict
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("incident_room")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomIncident:
    """What an incident is: for the head of its pages."""

    incident_id: int
    title: str
    exercise: bool
    declared_at: datetime
    starts_ms: int
    ends_ms: int
    answered_at: datetime | None
    account_refs: tuple[int, ...]


def add_event(
    tx: Transaction,
    incident_id: int,
    *,
    kind: EventKind,
    happened_ms: int,
    author: str,
    author_ref: int | None = None,
    insurer_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Add a line to the timeline and return its number.

    Args:
        tx: The transaction of what the line tells: both happen or neither.
        incident_id: The incident.
        kind: What happened.
        happened_ms: When it happened, Unix milliseconds.
        author: Who writes it. From a page, the database writes the visitor's own name.
        author_ref: Their account, when they have one.
        insurer_id: The one insurer it is about.
        details: What it says, by the keys of its kind. Nothing in it names a person concerned.

    Raises:
        Conflict: the incident is closed.
    """
    try:
        row = tx.execute(
            QUERIES.insert_event,
            {
                "incident_id": incident_id,
                "kind": kind.value,
                "happened_ms": happened_ms,
                "insurer_id": insurer_id,
                "author_ref": author_ref,
                "author": author,
                "details": Jsonb(dict(details or {})),
            },
        ).fetchone()
    except psycopg.errors.ObjectNotInPrerequisiteState as refusal:
        raise Conflict(
            "this incident is closed: open it again, with a reason, to add to it"
            if kind is not EventKind.REOPENED
            else "this incident is open"
        ) from refusal
    if row is None:
        raise RuntimeError("RETURNING gave no row")
    return int(row[0])


def list_events(
    tx: Transaction, incident_id: int, kinds: Collection[EventKind] | None = None
) -> list[RoomEvent]:
    """Return the timeline in the order it was written, or the lines of some kinds."""
    wanted = None if kinds is None else sorted(kind.value for kind in kinds)
    rows = tx.execute(QUERIES.list_events, {"incident_id": incident_id, "kinds": wanted})
    return [_make_event(row) for row in rows]


def _make_event(row: tuple[Any, ...]) -> RoomEvent:
    event_ref, kind, happened_ms, recorded_at, author, author_ref, *insurer, details = row
    insurer_id, insurer_name = insurer
    return RoomEvent(
        event_ref=event_ref,
        kind=EventKind(kind),
        happened_ms=happened_ms,
        recorded_at=recorded_at,
        author=author,
        author_ref=author_ref,
        insurer_id=insurer_id,
        insurer=insurer_name,
        details=details,
    )


def load_incident(tx: Transaction, incident_id: int) -> RoomIncident | None:
    """Return one incident; None when there is none for whoever asks."""
    row = tx.execute(QUERIES.load_incident, {"incident_id": incident_id}).fetchone()
    if row is None:
        return None
    number, title, exercise, declared_at, starts_ms, ends_ms, answered_at, account_refs = row
    return RoomIncident(
        incident_id=number,
        title=title,
        exercise=exercise,
        declared_at=declared_at,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        answered_at=answered_at,
        account_refs=tuple(account_refs),
    )


def list_guard_steps(tx: Transaction, incident_id: int, *, margin_ms: int) -> list[RoomEvent]:
    """Return what the guard and those who steer it did to the accounts of an incident.

    Args:
        tx: A transaction.
        incident_id: The incident.
        margin_ms: How far around its window.
    """
    rows = tx.execute(
        QUERIES.list_guard_steps, {"incident_id": incident_id, "margin_ms": margin_ms}
    )
    return [_make_step(row) for row in rows]


def find_accounts(tx: Transaction, words: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the accounts that each word leads to: an RPPS, a reference, a FINESS or a SIRET."""
    wanted = sorted(set(words))
    found: dict[str, tuple[int, ...]] = dict.fromkeys(wanted, ())
    for word, account_ref in tx.execute(QUERIES.find_accounts, {"words": wanted}):
        found[word] = (*found[word], int(account_ref))
    return found


def is_closed(tx: Transaction, incident_id: int) -> bool:
    """Say whether nothing more is added to an incident."""
    [(closed,)] = tx.execute(QUERIES.is_closed, {"incident_id": incident_id}).fetchall()
    return bool(closed)


def read_clock(tx: Transaction) -> int:
    """Return the database's own instant, in Unix milliseconds."""
    [(now_ms,)] = tx.execute(QUERIES.read_clock).fetchall()
    return int(now_ms)


def _make_step(row: tuple[Any, ...]) -> RoomEvent:
    t_ms, kind, author_ref, author, step, target, target_ref, profession, reason = row
    return RoomEvent(
        event_ref=None,
        kind=EventKind(kind),
        happened_ms=t_ms,
        recorded_at=datetime.fromtimestamp(t_ms / 1000, UTC),
        author=author,
        author_ref=author_ref or None,
        details={
            "step": step,
            "target": target,
            "target_ref": target_ref,
            "profession": profession,
            "reason": reason,
            "automatic": author_ref is None,
        },
    )
