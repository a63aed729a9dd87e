"""The life of a run: planned, approved by two people, carried out, certified. A closed table.

Refuses one person twice, a second person who is none, and to erase what was not approved. The
command line counts as one person: it cannot say who types.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from rempart.accounts.second_person import Entitled, are_apart, is_settled
from rempart.kernel.errors import Conflict, NotAllowed

REASON_LIMIT: Final = 500


class RunState(enum.StrEnum):
    """Where a run is."""

    PLANNING = "planning"
    """Its lines are being written: taken up again where it was left."""
    PLANNED = "planned"
    """Complete: waits for two people."""
    APPROVED = "approved"
    RUNNING = "running"
    """Fields are leaving: taken up again where it was left."""
    DONE = "done"
    REFUSED = "refused"
    """Somebody said no: what was due waits for another run."""


RUN_STEPS: Final[Mapping[RunState, frozenset[RunState]]] = MappingProxyType(
    {
        RunState.PLANNING: frozenset({RunState.PLANNED, RunState.APPROVED}),
        RunState.PLANNED: frozenset({RunState.APPROVED, RunState.REFUSED}),
        RunState.APPROVED: frozenset({RunState.RUNNING}),
        RunState.RUNNING: frozenset({RunState.DONE}),
        RunState.DONE: frozenset(),
        RunState.REFUSED: frozenset(),
    }
)
"""What leads where; all else is refused. From planning straight to approved: few people, under a
schedule that two people approved and that says so, or moves to the archive after a restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Somebody agreed to a run: an agent, or the command line when `by` is None."""

    by: int | None
    at: datetime


def check_step(state: RunState, to: RunState) -> None:
    """Refuse what does not lead there.

    Raises:
        Conflict: the run is elsewhere by now.
    """
    if to not in RUN_STEPS[state]:
        raise Conflict(f"this run is {state}: it cannot become {to}; read it again")


def decide_approval(
    state: RunState,
    first: Agreement | None,
    people: Iterable[Entitled],
    *,
    by: int | None,
    at: datetime,
) -> RunState:
    """Return what a run becomes once somebody agreed.

    Args:
        state: What it is.
        first: Who agreed already, if anybody did.
        people: Those who may approve, or lately could.
        by: Who agrees; None for the command line.
        at: Now.

    Raises:
        Conflict: it does not wait for anybody.
        NotAllowed: they agreed already, or they and the first one do not count as two.
    """
    if state is not RunState.PLANNED:
        raise Conflict(f"this run is {state}: only one that is planned is approved")
    people = list(people)
    if first is None:
        if by is not None and not is_settled(people, by, asked_at=at, at=at):
            raise NotAllowed("your role is too new to approve an erasure: a colleague begins")
        return RunState.PLANNED
    if first.by == by:
        raise NotAllowed("you agreed already: somebody else approves with you")
    if first.by is not None and by is not None:
        if not are_apart(people, first.by, by, asked_at=first.at, at=at):
            raise NotAllowed("these two people do not count as two: a third approves")
    elif by is not None and not is_settled(people, by, asked_at=at, at=at):
        raise NotAllowed("your role is too new to approve an erasure: a colleague does")
    return RunState.APPROVED
