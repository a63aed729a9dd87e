"""The room of an incident: what its timeline may hold, and what follows from it.

The timeline is the only source: tasks, people and whether the incident is closed are read from it,
never stored beside it, so they cannot drift from what was written. Refuses to add to a closed
incident, and to let an exercise out.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rempart.kernel.errors import InvalidRequest, NotAllowed

TITLE_LIMIT: Final = 120
WORDS_LIMIT: Final = 2000
NAME_LIMIT: Final = 200
REASON_LIMIT: Final = 500
# Logs of a night are often asked about from the evening on; a suspicion is dated by memory.
HOLD_MARGIN_MS: Final = 7 * 24 * 3600 * 1000


class EventKind(enum.StrEnum):
    """What a line of a timeline says. `details` has the keys listed beside each.

    An event with an insurer is about that insurer alone.
    """

    SUSPECTED = "suspected"  # words
    DECLARED = "declared"  # title, accounts
    AWARENESS = "awareness"  # words: from then on it is held to be a breach
    NOTE = "note"  # words
    DECISION = "decision"  # words, reason, alternatives
    SUSPECTS_ADDED = "suspects_added"  # reason, how, accounts, doubts
    TASK_ADDED = "task_added"  # words, owner, due_ms
    TASK_DONE = "task_done"  # task: event_ref of the task
    JOINED = "joined"  # part, on_call
    LEFT = "left"
    CONTAINMENT = "containment"  # step, target
    CONTAINMENT_ENDED = "containment_ended"  # step, target
    HOLD_PLACED = "hold_placed"  # hold, from_ms, to_ms
    HOLD_RELEASED = "hold_released"  # hold, reason
    ANALYSED = "analysed"
    OVERRULED = "overruled"
    PACKAGE_MADE = "package_made"
    PACKAGE_SENT = "package_sent"
    PACKAGE_RECEIVED = "package_received"
    CLASSIFIED = "classified"
    SEVERITY_SCORED = "severity_scored"
    REPORT_MADE = "report_made"
    REPORT_SUBMITTED = "report_submitted"
    COMPLAINT_FILED = "complaint_filed"
    CLOCK_MET = "clock_met"
    CLOCK_MISSED = "clock_missed"
    CLOSED = "closed"  # reason
    REOPENED = "reopened"  # reason


class RoomPart(enum.StrEnum):
    """What somebody does in the room."""

    LEAD = "lead"
    SECURITY = "security"
    PRIVACY = "privacy"
    OPERATIONS = "operations"
    WORDS = "words"
    LAW = "law"


class HoldKind(enum.StrEnum):
    """Who needs evidence to be kept."""

    INCIDENT = "incident"
    JUDICIAL = "judicial"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAuthor:
    """Who writes in a room, or holds evidence.

    Args:
        name: As colleagues know them.
        actor_ref: Their account; None at the command line.
    """

    name: str
    actor_ref: int | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > NAME_LIMIT or not self.name.isprintable():
            raise ValueError("whoever writes has a name of 200 letters at most")


# Who declares when nobody is named.
COMMAND_LINE: Final = RoomAuthor(name="command line")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomEvent:
    """One line of the timeline.

    Args:
        event_ref: Its number; orders what happened at the same instant. None for a line read from
            where it stands, as a step of the guard.
        kind: What it says.
        happened_ms: When it happened, Unix milliseconds.
        recorded_at: When it was written.
        author_ref: Whose account wrote it; None for the command line and for the product itself.
        author: Their name, as it was.
        insurer_id: The one insurer it is about, or None.
        insurer: Its name, or nothing.
        details: What it says, by the keys of its kind.
    """

    event_ref: int | None
    kind: EventKind
    happened_ms: int
    recorded_at: datetime
    author: str
    author_ref: int | None = None
    insurer_id: int | None = None
    insurer: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to be done: by whom, by when, and when and by whom it was done."""

    task: int
    words: str
    owner: str
    added_ms: int
    due_ms: int | None = None
    done_ms: int | None = None
    done_by: str = ""

    def is_late(self, *, now_ms: int) -> bool:
        """Say whether it should have been done."""
        return self.done_ms is None and self.due_ms is not None and self.due_ms < now_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody in the room."""

    actor_ref: int
    name: str
    part: str
    on_call: bool
    since_ms: int


def is_closed(events: Iterable[RoomEvent]) -> bool:
    """Say whether the incident is closed: what was written last of the two says it."""
    last = None
    for event in events:
        if event.kind in {EventKind.CLOSED, EventKind.REOPENED}:
            last = event.kind
    return last is EventKind.CLOSED


def list_tasks(events: Iterable[RoomEvent]) -> list[Task]:
    """Return the tasks of a timeline: those left to do first, by when they are due."""
    events = tuple(events)
    done = {
        event.details.get("task"): event
        for event in reversed(events)
        if event.kind is EventKind.TASK_DONE
    }
    tasks = [_make_task(event, done.get(event.event_ref)) for event in events if _is_task(event)]
    return sorted(
        tasks, key=lambda t: (t.done_ms is not None, t.due_ms is None, t.due_ms or 0, t.task)
    )


def list_participants(events: Iterable[RoomEvent]) -> list[Participant]:
    """Return who is in the room, in the order they came."""
    there: dict[int, Participant] = {}
    for event in events:
        if event.author_ref is None:
            continue
        if event.kind is EventKind.JOINED:
            before = there.get(event.author_ref)
            there[event.author_ref] = Participant(
                actor_ref=event.author_ref,
                name=event.author,
                part=str(event.details.get("part", "")),
                on_call=event.details.get("on_call") is True,
                since_ms=before.since_ms if before else event.happened_ms,
            )
        elif event.kind is EventKind.LEFT:
            there.pop(event.author_ref, None)
    return list(there.values())


def check_can_reach(*, exercise: bool, recipient_is_exercise: bool) -> None:
    """Let something of an incident go to a recipient, or refuse: the two worlds never meet.

    Args:
        exercise: Whether the incident is an exercise.
        recipient_is_exercise: Whether the recipient was registered for exercises: an address, a
            key or an authority that nobody real reads.

    Raises:
        NotAllowed: an exercise would reach somebody real, or a real incident nobody.
    """
    if exercise and not recipient_is_exercise:
        raise NotAllowed(
            "this incident is an exercise: it goes to recipients of exercises only, never to an "
            "insurer, an authority or anybody real"
        )
    if recipient_is_exercise and not exercise:
        raise NotAllowed(
            "this recipient is for exercises: a real incident sent there would reach nobody"
        )


def name_file(stem: str, suffix: str, *, exercise: bool) -> str:
    """Return the name of a file about an incident: one of an exercise says so first."""
    return f"{'EXERCICE-' if exercise else ''}{stem}.{suffix}"


def widen(from_ms: int, to_ms: int, *, margin_ms: int = HOLD_MARGIN_MS) -> tuple[int, int]:
    """Return the window whose evidence is kept: the suspected one and a margin on both sides."""
    return max(from_ms - margin_ms, 0), to_ms + margin_ms


def read_words(text: str, name: str, limit: int = WORDS_LIMIT) -> str:
    """Return words that somebody wrote, without the spaces around them.

    Raises:
        InvalidRequest: there are none, or too many; `name` says which field.
    """
    words = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()
    if not words or len(words) > limit or "\x00" in words:
        raise InvalidRequest(
            f"{name}: write it, in {limit} letters at most",
            ((name, f"write it, in {limit} letters at most"),),
        )
    return words


def _is_task(event: RoomEvent) -> bool:
    return event.kind is EventKind.TASK_ADDED and event.event_ref is not None


def _make_task(event: RoomEvent, done: RoomEvent | None) -> Task:
    due_ms = event.details.get("due_ms")
    return Task(
        task=event.event_ref or 0,
        words=str(event.details.get("words", "")),
        owner=str(event.details.get("owner", "")),
        added_ms=event.happened_ms,
        due_ms=due_ms if isinstance(due_ms, int) else None,
        done_ms=done.happened_ms if done else None,
        done_by=done.author if done else "",
    )
