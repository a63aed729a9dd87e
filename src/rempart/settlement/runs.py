"""The life of a day's run: planned, approved by two people, sent. A closed table of steps.

Refuses one person twice, a second person who is none, and to send what was not approved. The
command line counts as one person: it cannot say who types.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from rempart.accounts.second_person import Entitled, are_apart, is_settled
from rempart.kernel.errors import Conflict, NotAllowed


class RunState(enum.StrEnum):
    """Where a run is."""

    PLANNING = "planning"
    """Its remittances are being made: taken up again where it was left."""
    PLANNED = "planned"
    """Complete: waits for two people."""
    EMPTY = "empty"
    """Nothing was to be paid: nobody has to agree."""
    APPROVED = "approved"
    SENDING = "sending"
    """Its files are being written: taken up again where it was left."""
    SENT = "sent"
    REFUSED = "refused"
    """Somebody said no: what it held waits for another run."""


RUN_STEPS: Final[Mapping[RunState, frozenset[RunState]]] = MappingProxyType(
    {
        RunState.PLANNING: frozenset({RunState.PLANNED, RunState.EMPTY}),
        RunState.PLANNED: frozenset({RunState.APPROVED, RunState.REFUSED}),
        RunState.APPROVED: frozenset({RunState.SENDING}),
        RunState.SENDING: frozenset({RunState.SENT}),
        RunState.SENT: frozenset(),
        RunState.EMPTY: frozenset(),
        RunState.REFUSED: frozenset(),
    }
)
"""What leads where; all else is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody agreed to a run: an agent, or the command line when `by` is None."""

    by: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSheet:
    """A run as those who decide it know it.

    Args:
        day: What became due until that day.
        remittances: How many transfers.
        cents: Their sum.
        first, second: Who agreed, once they did.
    """

    run_id: int
    day: date
    state: RunState
    remittances: int
    cents: int
    first: Approval | None = None
    second: Approval | None = None


def check_step(state: RunState, to: RunState) -> None:
    """Refuse what does not lead there.

    Raises:
        Conflict: the run is elsewhere by now.
    """
    if to not in RUN_STEPS[state]:
        raise Conflict(f"this run is {state}: it cannot become {to}; read it again")


def approve_run(
    run: RunSheet, people: Iterable[Entitled], *, by: int | None, at: datetime
) -> tuple[RunState, Approval]:
    """Return what a run becomes once somebody agreed, and their approval.

    Args:
        run: The run.
        people: Those who may approve, or lately could.
        by: Who agrees; None for the command line.
        at: Now.

    Raises:
        Conflict: it does not wait for anybody.
        NotAllowed: they agreed already, or they and the first one do not count as two.
    """
    if run.state is not RunState.PLANNED:
        raise Conflict(f"this run is {run.state}: only one that is planned is approved")
    people = list(people)
    approval = Approval(by=by, at=at)
    if run.first is None:
        if by is not None and not is_settled(people, by, asked_at=at, at=at):
            raise NotAllowed("your role is too new to approve payments: a colleague begins")
        return RunState.PLANNED, approval
    if run.first.by == by:
        raise NotAllowed("you agreed already: somebody else approves with you")
    if run.first.by is not None and by is not None:
        if not are_apart(people, run.first.by, by, asked_at=run.first.at, at=at):
            raise NotAllowed("these two people do not count as two: a third approves")
    elif by is not None and not is_settled(people, by, asked_at=at, at=at):
        raise NotAllowed("your role is too new to approve payments: a colleague does")
    return RunState.APPROVED, approval
