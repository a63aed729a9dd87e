"""The timeline of an incident: lines are added and read, never changed. Roles: analyst, portals."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import psycopg.errors
from psycopg.types.json import Jsonb

from rempart.incidents.room import EventKind, RoomEvent
from rempart.kernel.errors import Conflict
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("incident_room")


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
    event_ref, kind, happened_ms, recorded_at, author, author_ref, insurer_id, details = row
    return RoomEvent(
        event_ref=event_ref,
        kind=EventKind(kind),
        happened_ms=happened_ms,
        recorded_at=recorded_at,
        author=author,
        author_ref=author_ref,
        insurer_id=insurer_id,
        details=details,
    )
