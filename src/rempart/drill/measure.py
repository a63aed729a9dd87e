"""The list against the known truth: precision and recall.

Refuses to be used by the judgement itself: it needs the truth, which only a drill has.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rempart.incidents.exposure import LISTED, ExposedPerson, Tier
from rempart.workflows.measure_exercise import FoundPerson

BEST = frozenset({Tier.A, Tier.B})


@dataclass(frozen=True, slots=True, kw_only=True)
class TierAccuracy:
    """One tier: how many persons it names, how many of them rightly, its share of the truth."""

    persons: int
    right: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The best estimate (tiers A and B) against the truth, and every tier by itself."""

    precision: float
    recall: float
    by_tier: Mapping[Tier, TierAccuracy]


def compare_with_truth(
    persons: Collection[ExposedPerson], truth: Collection[FoundPerson]
) -> Accuracy:
    """Compare a list with the persons really shown to the thieves.

    Returns:
        Precision is 1 when nobody is named; recall is 1 when nobody was shown.
    """
    shown = {(person.insurer_id, person.person_ref) for person in truth}
    tiers = {tier: _compare_tier(persons, shown, frozenset({tier})) for tier in LISTED}
    best = _compare_tier(persons, shown, BEST)
    return Accuracy(precision=best.precision, recall=best.recall, by_tier=tiers)


def _compare_tier(
    persons: Collection[ExposedPerson], shown: set[tuple[int, int]], tiers: frozenset[Tier]
) -> TierAccuracy:
    named = {(p.insurer_id, p.person_ref) for p in persons if p.tier in tiers}
    right = len(named & shown)
    return TierAccuracy(
        persons=len(named),
        right=right,
        precision=right / len(named) if named else 1.0,
        recall=right / len(shown) if shown else 1.0,
    )
