"""The life of a day's run: planned, approved by two people, sent. A closed table of steps.

Refuses one person twice, a second person who is none, and to send what was not approved.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from rempart.accounts.second_person import Agreement, Entitled, is_agreed
from rempart.kernel.errors import Conflict


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
    first: Agreement | None = None
    second: Agreement | None = None


def check_step(state: RunState, to: RunState) -> None:
    """Refuse what does not lead there.

    Raises:
        Conflict: the run is elsewhere by now.
    """
    if to not in RUN_STEPS[state]:
        raise Conflict(f"this run is {state}: it cannot become {to}; read it again")


def decide_approval(
    run: RunSheet, people: Iterable[Entitled], *, by: int | None, at: datetime
) -> RunState:
    """Return what a run becomes once somebody agreed.

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
    is_second = is_agreed(run.first, people, what="payments", by=by, at=at)
    return RunState.APPROVED if is_second else RunState.PLANNED
