"""What limits somebody's own account now, and whether they may let it go.

Refuses to tell why the guard holds it, and what operators wrote for colleagues.
"""

from dataclasses import dataclass

from rempart.accounts.containment import OwnContainment, OwnRelease, decide_own_release
from rempart.storage import containment
from rempart.storage.connect import Transaction
from rempart.storage.containment import MyMeasure
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["MyMeasure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MyLimits:
    """What limits somebody's account now.

    Args:
        measures: What operators decided, the oldest first.
        step: How the guard holds it by itself (`rempart.guard.Step`); 0: it does not.
        since_ms: Since when; None when it is not known.
        own_release: What becomes of their wish to release it.
    """

    measures: tuple[MyMeasure, ...] = ()
    step: int = 0
    since_ms: int | None = None
    own_release: OwnRelease = OwnRelease.NOTHING_HELD

    @property
    def is_limited(self) -> bool:
        """Whether anything does."""
        return bool(self.step or self.measures)


def read_my_limits(tx: Transaction, asker: Asker) -> MyLimits:
    """Say what limits the asker's own account now, and whether they may release it."""
    held = containment.load_my_containment(tx)
    measures = tuple(containment.list_my_measures(tx))
    if held is None:
        return MyLimits(measures=measures)
    return MyLimits(
        measures=measures,
        step=held.step,
        since_ms=held.since_ms,
        own_release=decide_own_release(
            OwnContainment(
                is_contained=True,
                needs_operator=held.needs_operator,
                last_own_release=held.last_own_release,
            ),
            asker.visitor,
            now=asker.now,
        ),
    )
