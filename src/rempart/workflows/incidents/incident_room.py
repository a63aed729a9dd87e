"""The room of an incident: opened with it, written in by those who work there, and closed.

Everything written is a line of the timeline; nothing of it is ever changed. Refuses to add to a
closed incident.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from rempart.accounts.inquiries import check_is_host
from rempart.accounts.permissions import Permission, check_can
from rempart.incidents.evidence import Window
from rempart.incidents.room import (
    HOLD_MARGIN_MS,
    REASON_LIMIT,
    EventKind,
    Participant,
    RoomAuthor,
    RoomEvent,
    RoomPart,
    Task,
    is_closed,
    list_participants,
    list_tasks,
    read_words,
)
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.instants import from_ms
from rempart.storage import evidence_holds, incident_room
from rempart.storage.connect import Transaction
from rempart.storage.evidence_holds import EvidenceHold
from rempart.storage.incident_room import RoomIncident
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.retention.hold_evidence import hold_incident

__all__ = [
    "EvidenceHold",
    "Room",
    "RoomIncident",
    "add_note",
    "add_task",
    "close_room",
    "correct_instant",
    "describe_whole",
    "find_accounts",
    "finish_task",
    "join_room",
    "leave_room",
    "note_awareness",
    "open_room",
    "read_room",
    "read_room_as",
    "record_decision",
    "reopen_room",
]

OWNER_LIMIT: Final = 120
JSON_FORMAT: Final = "rempart incident room 1"
CORRECTED: Final = frozenset(
    {
        EventKind.NOTE,
        EventKind.AWARENESS,
        EventKind.PACKAGE_RECEIVED,
        EventKind.REPORT_SUBMITTED,
        EventKind.COMPLAINT_FILED,
    }
)
"""What happened at an instant that somebody said, and may have said wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room as its page shows it.

    Attributes:
        incident: What happened, when, to which accounts.
        events: The timeline with the guard's steps, in the order things happened.
        tasks: Those left to do first.
        people: Who is there.
        holds: What evidence is kept.
        is_closed: Whether nothing more is added.
        figures: What the last analysis found, by the keys of its event; empty before one.
        now_ms: When it was read.
    """

    incident: RoomIncident
    events: Sequence[RoomEvent]
    tasks: Sequence[Task]
    people: Sequence[Participant]
    holds: Sequence[EvidenceHold]
    is_closed: bool
    figures: dict[str, Any]
    now_ms: int


def open_room(
    tx: Transaction,
    incident_id: int,
    *,
    title: str,
    window: Window,
    account_refs: Collection[int],
    by: RoomAuthor,
    words: str = "",
) -> None:
    """Begin the timeline of an incident just declared, and keep its evidence.

    Args:
        tx: The transaction that declares it: the declaration, its first lines and the hold are all
            there, or none is.
        incident_id: The incident.
        title: What people call it.
        window: When it happened, as far as is known.
        account_refs: The suspects; none while they are not known.
        by: Who declares.
        words: What was seen.
    """
    now_ms = incident_room.read_clock(tx)
    suspected_ms = min(window.starts_ms, now_ms)
    details: dict[str, Any] = {"words": words} if words else {}
    _add(tx, incident_id, by, EventKind.SUSPECTED, happened_ms=suspected_ms, **details)
    accounts = len(set(account_refs))
    _add(
        tx,
        incident_id,
        by,
        EventKind.DECLARED,
        happened_ms=now_ms,
        title=title,
        accounts=accounts,
    )
    hold_incident(
        tx,
        incident_id,
        window=(window.starts_ms, window.ends_ms),
        account_refs=sorted(set(account_refs)),
        by=by,
        now_ms=now_ms,
    )


def read_room(tx: Transaction, incident_id: int) -> Room:
    """Return a room whole.

    Raises:
        NotFound: there is no incident with this number.
    """
    incident = incident_room.load_incident(tx, incident_id)
    if incident is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    written = incident_room.list_events(tx, incident_id)
    steps = incident_room.list_guard_steps(tx, incident_id, margin_ms=HOLD_MARGIN_MS)
    analyses = [event for event in written if event.kind is EventKind.ANALYSED]
    return Room(
        incident=incident,
        events=sorted(
            [*written, *steps], key=lambda event: (event.happened_ms, event.event_ref or 0)
        ),
        tasks=list_tasks(written),
        people=list_participants(written),
        holds=evidence_holds.list_of_incident(tx, incident_id),
        is_closed=is_closed(written),
        figures=dict(analyses[-1].details) if analyses else {},
        now_ms=incident_room.read_clock(tx),
    )


def read_room_as(tx: Transaction, asker: Asker, incident_id: int) -> Room:
    """Return a room whole, for a visitor who may read incidents.

    Raises:
        NotFound: there is no such incident for them.
    """
    check_can(asker.visitor, Permission.READ_INCIDENTS, now=asker.now)
    check_is_host(asker.visitor)
    return read_room(tx, incident_id)


def describe_whole(room: Room) -> dict[str, Any]:
    """Return a room as JSON values: docs/reference/incident-room-json.md says what each is."""
    incident = room.incident
    return {
        "format": JSON_FORMAT,
        "incident": {
            "incident": incident.incident_id,
            "title": incident.title,
            "exercise": incident.exercise,
            "declared_at": incident.declared_at.astimezone(UTC).isoformat(timespec="seconds"),
            "starts_at": _write_instant(incident.starts_ms),
            "ends_at": _write_instant(incident.ends_ms),
            "accounts": [str(ref) for ref in incident.account_refs],
            "closed": room.is_closed,
        },
        "timeline": [_describe_event(event) for event in room.events],
        "tasks": [
            {
                "task": task.task,
                "words": task.words,
                "owner": task.owner,
                "due_at": _write_instant(task.due_ms),
                "done_at": _write_instant(task.done_ms),
                "done_by": task.done_by or None,
            }
            for task in room.tasks
        ],
        "people": [
            {
                "name": one.name,
                "part": one.part,
                "on_call": one.on_call,
                "since": _write_instant(one.since_ms),
            }
            for one in room.people
        ],
        "holds": [
            {
                "hold": hold.hold_ref,
                "kind": hold.kind.value,
                "from": _write_instant(hold.from_ms),
                "to": _write_instant(hold.to_ms),
                "in_force": hold.in_force,
            }
            for hold in room.holds
        ],
    }


def add_note(
    tx: Transaction, incident_id: int, by: RoomAuthor, *, words: str, happened_ms: int | None = None
) -> int:
    """Write what somebody saw or did; return the line's number.

    Args:
        tx: A transaction.
        incident_id: The incident.
        by: Who writes.
        words: What; it names nobody concerned.
        happened_ms: When it happened; None for now.

    Raises:
        InvalidRequest: nothing is written, or it has not happened yet.
        Conflict: the incident is closed.
    """
    read = read_words(words, "words")
    return _add(tx, incident_id, by, EventKind.NOTE, happened_ms=happened_ms, words=read)


def record_decision(
    tx: Transaction,
    incident_id: int,
    by: RoomAuthor,
    *,
    words: str,
    reason: str,
    alternatives: str = "",
) -> int:
    """Write a decision, why it was taken, and what else was considered."""
    return _add(
        tx,
        incident_id,
        by,
        EventKind.DECISION,
        words=read_words(words, "words"),
        reason=read_words(reason, "reason"),
        alternatives=read_words(alternatives, "alternatives") if alternatives.strip() else "",
    )


def note_awareness(
    tx: Transaction, incident_id: int, by: RoomAuthor, *, words: str, happened_ms: int | None = None
) -> int:
    """Write that from an instant on it is held that personal data were breached.

    Source: GDPR article 33(1) and (2); clocks start there.

    Raises:
        Conflict: the incident is closed, or this was written already.
    """
    written = incident_room.list_events(tx, incident_id, [EventKind.AWARENESS])
    if any(event.insurer_id is None for event in written):
        raise Conflict("when the operator became aware is in the timeline already")
    read = read_words(words, "words")
    return _add(tx, incident_id, by, EventKind.AWARENESS, happened_ms=happened_ms, words=read)


def correct_instant(
    tx: Transaction, incident_id: int, by: RoomAuthor, line: int, *, happened_ms: int, reason: str
) -> int:
    """Write a line again at the instant it happened; return the new line's number.

    The line stays in the room. Clocks, notifications and reports read the new one instead.

    Raises:
        NotFound: the incident has no such line.
        InvalidRequest: no reason, it has not happened yet, or its instant is the product's own.
        Conflict: it was corrected already, or the incident is closed.
    """
    words = read_words(reason, "reason", REASON_LIMIT)
    written = incident_room.list_events(tx, incident_id)
    found = next((one for one in written if one.event_ref == line), None)
    if found is None:
        raise NotFound(f"incident {incident_id} has no line {line}")
    # Of a receipt in the insurer's space, the database wrote the hour.
    if found.kind not in CORRECTED or found.details.get("way", "told") != "told":
        raise InvalidRequest(
            "line: its instant is not one that somebody said", (("line", "another line"),)
        )
    if any(one.details.get("corrects") == line for one in written):
        raise Conflict("this line was corrected already: correct the one that took its place")
    details = {**found.details, "corrects": line, "reason": words}
    return _add(
        *(tx, incident_id, by, found.kind),
        happened_ms=happened_ms,
        insurer_id=found.insurer_id,
        **details,
    )


def add_task(
    tx: Transaction,
    incident_id: int,
    by: RoomAuthor,
    *,
    words: str,
    owner: str,
    due_ms: int | None = None,
) -> int:
    """Write what is to be done, by whom, by when; return its number."""
    return _add(
        tx,
        incident_id,
        by,
        EventKind.TASK_ADDED,
        words=read_words(words, "words", REASON_LIMIT),
        owner=read_words(owner, "owner", OWNER_LIMIT),
        due_ms=due_ms,
    )


def finish_task(tx: Transaction, incident_id: int, by: RoomAuthor, task: int) -> None:
    """Write that a task is done.

    Raises:
        NotFound: the incident has no such task.
        Conflict: it was done already, or the incident is closed.
    """
    tasks = {one.task: one for one in list_tasks(incident_room.list_events(tx, incident_id))}
    if task not in tasks:
        raise NotFound(f"incident {incident_id} has no task {task}")
    if tasks[task].done_ms is not None:
        raise Conflict("this task was done already")
    _add(tx, incident_id, by, EventKind.TASK_DONE, task=task)


def join_room(
    tx: Transaction, incident_id: int, by: RoomAuthor, *, part: RoomPart, on_call: bool
) -> None:
    """Come into the room, or change what one does there."""
    _add(tx, incident_id, by, EventKind.JOINED, part=part.value, on_call=on_call)


def leave_room(tx: Transaction, incident_id: int, by: RoomAuthor) -> None:
    """Leave the room.

    Raises:
        Conflict: one is not there.
    """
    people = list_participants(incident_room.list_events(tx, incident_id))
    if by.actor_ref not in {one.actor_ref for one in people}:
        raise Conflict("you are not in this room")
    _add(tx, incident_id, by, EventKind.LEFT)


def close_room(tx: Transaction, incident_id: int, by: RoomAuthor, *, reason: str) -> None:
    """Close an incident: nothing is added to it any more. Its evidence stays held.

    Raises:
        Conflict: it is closed already.
    """
    _add(tx, incident_id, by, EventKind.CLOSED, reason=read_words(reason, "reason", REASON_LIMIT))


def reopen_room(tx: Transaction, incident_id: int, by: RoomAuthor, *, reason: str) -> None:
    """Open a closed incident again.

    Raises:
        Conflict: it is open.
    """
    words = read_words(reason, "reason", REASON_LIMIT)
    _add(tx, incident_id, by, EventKind.REOPENED, reason=words)


def find_accounts(tx: Transaction, text: str) -> tuple[int, ...]:
    """Return the accounts that somebody named: RPPS, FINESS, SIRET or account references.

    Raises:
        InvalidRequest: something leads to no account; the message counts them and repeats none.
    """
    words = text.replace(",", " ").replace(";", " ").split()
    found = incident_room.find_accounts(tx, words)
    unknown = sum(not refs for refs in found.values())
    if unknown:
        raise InvalidRequest(
            f"{unknown} of these {len(found)} numbers lead to no account",
            (("accounts", f"{unknown} of these {len(found)} numbers lead to no account"),),
        )
    return tuple(sorted({ref for refs in found.values() for ref in refs}))


def _add(
    tx: Transaction,
    incident_id: int,
    by: RoomAuthor,
    kind: EventKind,
    *,
    happened_ms: int | None = None,
    insurer_id: int | None = None,
    **details: Any,
) -> int:
    now_ms = incident_room.read_clock(tx)
    if happened_ms is not None and happened_ms > now_ms:
        raise InvalidRequest(
            "what has not happened yet is a task, not a line", (("happened", "not yet"),)
        )
    return incident_room.add_event(
        tx,
        incident_id,
        kind=kind,
        happened_ms=now_ms if happened_ms is None else happened_ms,
        author=by.name,
        author_ref=by.actor_ref,
        insurer_id=insurer_id,
        details=details,
    )


def _describe_event(event: RoomEvent) -> dict[str, Any]:
    # 64-bit references are texts: a reader of JSON may keep 53 bits of a number only.
    details = {
        name: str(value) if name.endswith("_ref") and isinstance(value, int) else value
        for name, value in event.details.items()
    }
    return {
        "event": event.event_ref,
        "kind": event.kind.value,
        "happened_at": _write_instant(event.happened_ms),
        "recorded_at": event.recorded_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "author": event.author or None,
        "insurer": event.insurer_id,
        "details": details,
    }


def _write_instant(t_ms: int | None) -> str | None:
    if t_ms is None:
        return None
    return from_ms(t_ms).isoformat(timespec="milliseconds")
