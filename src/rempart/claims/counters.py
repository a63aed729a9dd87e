"""What was used already: sums and counts that limits compare with, over a stretch of time.

A counter belongs to one beneficiary and one contract. Claims outside tiers payant feed the same
ones. Refuses to forget why: each use says by which line it came.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple


class CounterKey(NamedTuple):
    """Which limit, and which of its periods.

    Attributes:
        name: The limit's, or that of a levy of compulsory insurance.
        since: First day of the period.
        mark: What else tells apart: an equipment of a bill, a professional; empty otherwise.
    """

    name: str
    since: date
    mark: str = ""


class Used(NamedTuple):
    """What a counter holds: cents and units, and the last day it moved."""

    cents: int = 0
    units: int = 0
    last: date | None = None


class Use(NamedTuple):
    """What one line adds to one counter."""

    key: CounterKey
    line: int
    cents: int
    units: int
    day: date


NOTHING_USED = Used()


class Counters:
    """Counters of one beneficiary under one contract, while a claim is shared out.

    Args:
        before: What they held before the claim.
    """

    __slots__ = ("_held", "uses")

    def __init__(self, before: Mapping[CounterKey, Used] | None = None) -> None:
        self._held = dict(before or {})
        self.uses: list[Use] = []

    def read(self, key: CounterKey) -> Used:
        """Return what a counter holds."""
        return self._held.get(key, NOTHING_USED)

    def add(self, use: Use) -> None:
        """Add a line's use, and remember it."""
        self._held |= add_uses(self._held, [use])
        self.uses.append(use)

    def list_others(self, key: CounterKey) -> list[CounterKey]:
        """Return the counters of the same name that moved, the latest first, without this one."""
        others = (
            other
            for other, used in self._held.items()
            if other.name == key.name and other != key and used.units
        )
        return sorted(others, key=lambda other: other.since, reverse=True)


def add_uses(held: Mapping[CounterKey, Used], uses: Iterable[Use]) -> dict[CounterKey, Used]:
    """Return what the counters that some uses move hold after them."""
    moved: dict[CounterKey, Used] = {}
    for use in uses:
        before = moved.get(use.key) or held.get(use.key, NOTHING_USED)
        last = use.day if before.last is None else max(before.last, use.day)
        moved[use.key] = Used(before.cents + use.cents, before.units + use.units, last)
    return moved
