"""How many, at least and at most: what the authorities call an approximate or an estimated number.

Refuses to give an upper bound where nobody can say how much a hole hides.

Source: GDPR article 33(3)(a) (S17); field 3.12 of the DORA report, "actual or estimate".
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rempart.incidents.coverage import Coverage
from rempart.incidents.exposure import LISTED, Tier, TierCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Persons: confirmed (A), held to be concerned (A and B), and at most; None: nobody can say.

    The most is everybody listed and everybody a hole of the record may hide.
    """

    lower: int
    best: int
    upper: int | None

    def __post_init__(self) -> None:
        if not self.lower <= self.best or (self.upper is not None and self.upper < self.best):
            raise ValueError("bounds go up: confirmed, held to be concerned, at most")

    def format(self) -> dict[str, int | None]:
        """Write the bounds as plain data."""
        return {"lower": self.lower, "best": self.best, "upper": self.upper}


def compute_bounds(counts: TierCounts, coverage: Coverage) -> Bounds:
    """Compute the bounds of a whole list."""
    hidden = [hole.hidden for hole in coverage.holes]
    everybody: Counter[Tier] = Counter()
    for (_, tier), persons in counts.items():
        everybody[tier] += persons
    return _bound(everybody, None if None in hidden else sum(count or 0 for count in hidden))


def compute_insurer_bounds(
    counts: TierCounts, coverage: Coverage, insurer_ids: Iterable[int]
) -> dict[int, Bounds]:
    """Compute the bounds of each insurer, of those without anybody on the list too."""
    insurers = {*insurer_ids, *(insurer_id for insurer_id, _ in counts)}
    return {
        insurer_id: _bound(
            {tier: counts.get((insurer_id, tier), 0) for tier in LISTED},
            coverage.count_hidden(insurer_id),
        )
        for insurer_id in sorted(insurers)
    }


def _bound(persons: Mapping[Tier, int], hidden: int | None) -> Bounds:
    confirmed, probable, others = (persons.get(tier, 0) for tier in LISTED)
    best = confirmed + probable
    return Bounds(
        lower=confirmed, best=best, upper=None if hidden is None else best + others + hidden
    )
