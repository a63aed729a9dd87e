"""What waits for somebody at the host operator, so that the first page says it.

Counts, nobody. Refuses to count what the visitor may not open: that is left at nothing.
"""

from dataclasses import dataclass

from rempart.accounts.permissions import Permission, can
from rempart.incidents.clocks import ClockState
from rempart.storage import console
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.guard.watch_guard import count_decisions
from rempart.workflows.incidents.clocks import read_all_clocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waits for the visitor; exercises are not counted.

    Args:
        decisions: Accounts that the guard holds and nobody has reviewed.
        late_decisions: Those of them past the time for a review.
        missed_clocks: Limits of incidents that have passed.
        running_clocks: Limits of incidents that run.
        packages: Packages for insurers that wait for a second person.
        runs: Payment runs that wait for an agreement.
        purges: Runs of retention that wait for an agreement.
    """

    decisions: int = 0
    late_decisions: int = 0
    missed_clocks: int = 0
    running_clocks: int = 0
    packages: int = 0
    runs: int = 0
    purges: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing waits."""
        return not any(
            (self.decisions, self.missed_clocks, self.running_clocks, self.packages)
        ) and not (self.runs or self.purges)


def count_waiting(tx: Transaction, asker: Asker) -> Waiting:
    """Count what waits for somebody like the asker; nothing for agents of a hosted operator.

    Args:
        tx: A transaction with the visitor's ticket.
        asker: An agent of an operator.
    """
    visitor, now = asker.visitor, asker.now
    if not visitor.is_host:
        return Waiting()

    def may(permission: Permission) -> bool:
        return can(visitor, permission, now=now)

    decisions, late = (
        count_decisions(tx, visitor, now=now) if may(Permission.READ_GUARD) else (0, 0)
    )
    clocks = read_all_clocks(tx, asker) if may(Permission.READ_CLOCKS) else []
    states = [row.clock.state for row in clocks if not row.exercise]
    packages, runs, purges = console.count_agreements(tx)
    return Waiting(
        decisions=decisions,
        late_decisions=late,
        missed_clocks=states.count(ClockState.MISSED),
        running_clocks=states.count(ClockState.RUNNING),
        packages=packages if may(Permission.SEND_PACKAGES) else 0,
        runs=runs if may(Permission.READ_RUNS) else 0,
        purges=purges if may(Permission.MANAGE_RETENTION) else 0,
    )
