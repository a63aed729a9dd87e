"""The list against the known truth: precision and recall, per person and per field.

Refuses to be used by the judgement itself: it needs the truth, which only a drill has.
"""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from rempart.disclosure.fields import Field, fields_in
from rempart.incidents.exposure import LISTED, ExposedPerson, Tier
from rempart.workflows.incidents.measure_exercise import FoundPerson

BEST: Final = frozenset({Tier.A, Tier.B})
EVERYBODY: Final = frozenset(LISTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierAccuracy:
    """One tier: how many persons it names, how many of them rightly, its share of the truth."""

    persons: int
    right: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldAccuracy:
    """One field: pairs of person and field, for the best estimate and for everybody listed."""

    best: TierAccuracy
    everybody: TierAccuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The best estimate (tiers A and B) against the truth, everybody listed, every tier by itself.

    `by_field` compares, for each field that somebody was shown, whom it is said of.
    """

    precision: float
    recall: float
    everybody: TierAccuracy
    by_tier: Mapping[Tier, TierAccuracy]
    by_field: Mapping[Field, FieldAccuracy]


def compare_with_truth(
    persons: Collection[ExposedPerson], truth: Mapping[FoundPerson, int]
) -> Accuracy:
    """Compare a list with the persons really shown to the thieves.

    Args:
        persons: The list.
        truth: Who was shown, and the union of the fields of the answers about them.

    Returns:
        Precision is 1 when nobody is named; recall is 1 when nobody was shown.
    """
    shown = {(person.insurer_id, person.person_ref): mask for person, mask in truth.items()}
    best = _compare_tier(persons, shown.keys(), BEST)
    union = 0
    for mask in (*shown.values(), *(person.fields for person in persons)):
        union |= mask
    return Accuracy(
        precision=best.precision,
        recall=best.recall,
        everybody=_compare_tier(persons, shown.keys(), EVERYBODY),
        by_tier={tier: _compare_tier(persons, shown.keys(), frozenset({tier})) for tier in LISTED},
        by_field={field: _compare_field(persons, shown, field) for field in fields_in(union)},
    )


def _compare_field(
    persons: Collection[ExposedPerson], shown: Mapping[tuple[int, int], int], field: Field
) -> FieldAccuracy:
    said = [person for person in persons if person.fields & field]
    true = {key for key, mask in shown.items() if mask & field}
    return FieldAccuracy(
        best=_compare_tier(said, true, BEST), everybody=_compare_tier(said, true, EVERYBODY)
    )


def _compare_tier(
    persons: Collection[ExposedPerson], shown: AbstractSet[tuple[int, int]], tiers: frozenset[Tier]
) -> TierAccuracy:
    named = {(p.insurer_id, p.person_ref) for p in persons if p.tier in tiers}
    right = len(named & shown)
    return TierAccuracy(
        persons=len(named),
        right=right,
        precision=right / len(named) if named else 1.0,
        recall=right / len(shown) if shown else 1.0,
    )
