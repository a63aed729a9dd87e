"""What a person asks of their data, and by when they are answered.

Refuses to extend late, to answer without words, and to erase what a text keeps: it says which.

Source: GDPR articles 12(3), 15 to 18 and 17(3) (S112).
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from rempart.kernel.errors import Conflict, InvalidRequest
from rempart.retention.fields import Fact, Field, Phase
from rempart.retention.lives import Facts, Keeping, decide_keeping
from rempart.retention.plan import Hold, Item, Step, Subject
from rempart.retention.schedule import Schedule
from rempart.retention.terms import Event, add_months

ANSWER_MONTHS: Final = 1
EXTENSION_MONTHS: Final = 2
WORDS_LIMIT: Final = 2_000
REQUESTED: Final = "requested"
"""What stands for a rule in a run that a person asked for."""


class RequestKind(enum.StrEnum):
    """What is asked."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"


class RequestState(enum.StrEnum):
    """Where a request is."""

    OPEN = "open"
    EXTENDED = "extended"
    """The person was told, within the month, that it takes up to two more, and why."""
    ANSWERED = "answered"
    REFUSED = "refused"
    """The person was told why, and where to complain."""


REQUEST_STEPS: Final[Mapping[RequestState, frozenset[RequestState]]] = MappingProxyType(
    {
        RequestState.OPEN: frozenset(
            {RequestState.EXTENDED, RequestState.ANSWERED, RequestState.REFUSED}
        ),
        RequestState.EXTENDED: frozenset({RequestState.ANSWERED, RequestState.REFUSED}),
        RequestState.ANSWERED: frozenset(),
        RequestState.REFUSED: frozenset(),
    }
)
"""What leads where; all else is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasable:
    """What may be erased of a field when the person asks, and what keeps it otherwise.

    Args:
        field: The field.
        can_go: Whether nothing keeps it.
        keeping: The rules that keep it.
        held_by: Name of the hold that keeps it; empty for none.
        is_free: Whether no text keeps it: what may go once nothing holds it.
    """

    field: Field
    can_go: bool
    keeping: Keeping
    held_by: str = ""
    is_free: bool = False


def compute_due_day(received_on: date, *, extended: bool = False) -> date:
    """Return the last day to answer: a month, three when the person was told so in time."""
    return add_months(received_on, ANSWER_MONTHS + (EXTENSION_MONTHS if extended else 0))


def check_can_step(
    state: RequestState, to: RequestState, *, received_on: date, on: date, words: str
) -> None:
    """Let a request become something, or refuse.

    Raises:
        Conflict: it was answered already, or it is too late to extend it.
        InvalidRequest: the person would be told nothing.
    """
    if to not in REQUEST_STEPS[state]:
        raise Conflict(f"this request is {state}: it cannot become {to}")
    if to is RequestState.EXTENDED and on > compute_due_day(received_on):
        raise Conflict("a request is extended within its month: answer it now")
    if not 1 <= len(words.strip()) <= WORDS_LIMIT:
        raise InvalidRequest(
            "say what the person is told", (("words", f"1 to {WORDS_LIMIT} letters"),)
        )


def decide_erasable(
    schedule: Schedule,
    fields: Iterable[Field],
    facts: Facts,
    *,
    on: date,
    events: Sequence[Event] = (),
    holds: Sequence[Hold] = (),
) -> list[Erasable]:
    """Say, field by field, what goes when a person asks for erasure, and what a text keeps.

    Contact data go as soon as no contract runs: no text keeps them once they are not wanted. All
    else is kept by the rules of the schedule, which article 17(3)(b) and (e) allow.

    Returns:
        One line for each field that is not gone, in the order given.
    """
    answers = []
    for field in fields:
        keeping = decide_keeping(schedule, field, facts, on=on, events=events)
        hold = next((one.name for one in holds if one.keeps(field)), "")
        kept = keeping.phase is not Phase.GONE
        if field is Field.CONTACT:
            end = facts.get(Fact.CONTRACT_END, date.min)
            kept = end is None or end >= on
        answers.append(
            Erasable(
                field=field,
                can_go=not kept and not hold,
                keeping=keeping,
                held_by=hold,
                is_free=not kept,
            )
        )
    return answers


def plan_erasure(schedule: Schedule, subject: Subject, *, on: date) -> list[Item]:
    """Return what is erased of a person who asked, in the order of `Field`; what is held included.

    Args:
        schedule: The rules in force.
        subject: The person.
        on: The day.
    """
    there = [field for field in Field if field in subject.active | subject.archived]
    answers = decide_erasable(
        schedule, there, subject.facts, on=on, events=subject.events, holds=subject.holds
    )
    return [
        Item(
            subject=subject.subject,
            person_ref=subject.person_ref,
            insurer_id=subject.insurer_id,
            field=one.field,
            step=Step.DELETE,
            rule=REQUESTED,
            last_day=None,
            held_by=one.held_by,
        )
        for one in answers
        if one.is_free
    ]
