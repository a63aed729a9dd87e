"""The life of a run: planned, approved by two people, carried out, certified. A closed table.

Refuses one person twice, a second person who is none, and to erase what was not approved.
"""

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from rempart.accounts.second_person import Agreement, Entitled, is_agreed
from rempart.kernel.errors import Conflict


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
    is_second = is_agreed(first, people, what="an erasure", by=by, at=at)
    return RunState.APPROVED if is_second else RunState.PLANNED
