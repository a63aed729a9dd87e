"""Which decision an operator takes first, when several accounts wait to be reviewed.

Refuses to decide anything itself: it only says where to look.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

# Somebody reviews a containment within this time: care waits for cards meanwhile.
REVIEW_WITHIN: Final = timedelta(hours=4)
MOST_POINTS: Final = 100
_EVIDENCE_POINTS: Final = 40
_PERSONS_POINTS: Final = 30
_WAITING_POINTS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDecision:
    """One account that waits for a review.

    Args:
        is_canary: Whether it asked for somebody who does not exist: an owner has no reason to.
        evidence: Against it, when it was contained.
        threshold: What contains; 0 when nothing was weighed.
        persons: How many people it may have exposed.
        waited: Since when it is contained.
    """

    is_canary: bool
    evidence: float
    threshold: float
    persons: int
    waited: timedelta

    @property
    def is_late(self) -> bool:
        """Whether the review is due."""
        return self.waited >= REVIEW_WITHIN


@dataclass(frozen=True, slots=True, order=True)
class Urgency:
    """How urgent a decision is: greater comes first. Canaries come before everything.

    Attributes:
        is_canary: Whether it is a canary's.
        points: 0 to MOST_POINTS.
    """

    is_canary: bool
    points: float


def compute_urgency(decision: OpenDecision) -> Urgency:
    """Weigh one decision: how strong the evidence is, how many people, how long it waits.

    Evidence counts up to twice its threshold, people by their magnitude up to a thousand, waiting
    up to twice the time for a review: none of the three hides the other two.
    """
    ratio = decision.evidence / decision.threshold if decision.threshold > 0 else 0.0
    persons = math.log10(1 + max(decision.persons, 0)) / 3
    waiting = max(decision.waited, timedelta(0)) / (2 * REVIEW_WITHIN)
    points = (
        _EVIDENCE_POINTS * min(max(ratio, 0.0) / 2, 1.0)
        + _PERSONS_POINTS * min(persons, 1.0)
        + _WAITING_POINTS * min(waiting, 1.0)
    )
    return Urgency(decision.is_canary, points)
