"""Histories: over which periods a household is covered, by which product, and when suspended.

Refuses overlaps: within one contract and from one contract to the next, periods follow each other.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from rempart.synth.guarantees import Product, choose_product
from rempart.synth.plan import Insurer

FORMER_SHARE: Final = 0.063
"""Households whose contract ended without their going to another insurer of the set."""
RECENT_SHARE: Final = 0.55
"""Among them: less than two years ago."""
FUTURE_SHARE: Final = 0.007
SUSPENDED_SHARE: Final = 0.010
PAST_SUSPENSION_SHARE: Final = 0.006
CHANGED_PRODUCT_SHARE: Final = 0.06
CHANGED_CONTRACT_SHARE: Final = 0.015
INTERRUPTED_SHARE: Final = 0.008
DATED_END_SHARE: Final = 0.08
"""Current contracts that already say when they end: the last day of next year."""

_DAY: Final = timedelta(days=1)
_ADULT_AGE: Final = 16


@dataclass(slots=True)
class Stretch:
    """One period of one contract, both days included; `ends` is None while nothing ends it."""

    contract_number: str
    product: Product
    starts: date
    ends: date | None
    suspended_from: date | None = None
    suspended_to: date | None = None


class HistoryMaker:
    """Draws the histories of one insurer's households, oldest stretch first."""

    def __init__(self, rng: Random, insurer: Insurer, today: date) -> None:
        self._rng = rng
        self._products = insurer.products
        self._today = today
        self._contracts = 0
        self._prefix = "ABCDEFGHJKLMNPRSTUVW"[insurer.insurer_id % 20]
        self._digits_only = insurer.insurer_id % 3 == 0

    def make(self, *, insured_year: int) -> list[Stretch]:
        """Draw the history of a household that has only known this insurer."""
        draw = self._rng.random()
        if draw < FUTURE_SHARE:
            starts = self._today + timedelta(days=1 + int(self._rng.random() * 60))
            return [self._open(starts)]
        ends = self._draw_past_end() if draw < FUTURE_SHARE + FORMER_SHARE else None
        return self._split(self._draw_start(insured_year, before=ends or self._today), ends)

    def make_lasting(self, *, insured_year: int) -> list[Stretch]:
        """Draw the history of a household still covered."""
        return [self._open(self._draw_start(insured_year, before=self._today))]

    def make_leaving(self, *, insured_year: int, last_day: date) -> list[Stretch]:
        """Draw the history of a household that left for another insurer after `last_day`."""
        return self._split(self._draw_start(insured_year, before=last_day), last_day)

    def make_joining(self, *, first_day: date) -> list[Stretch]:
        """Draw the history of a household that came from another insurer on `first_day`."""
        return [self._open(first_day)]

    def make_new(self, *, starts: date) -> list[Stretch]:
        """Draw the history of a household that joins on `starts`."""
        return [self._open(starts)]

    def number_contract(self) -> str:
        """Return a contract number never given before by this insurer."""
        self._contracts += 1
        # A fixed walk over all nine-digit numbers: neighbours do not look alike, none comes back.
        number = self._contracts * 387_420_489 % 1_000_000_007
        return f"{number:010d}" if self._digits_only else f"{self._prefix}{number:010d}"

    def _open(self, starts: date, ends: date | None = None) -> Stretch:
        product = choose_product(self._rng, self._products)
        return Stretch(self.number_contract(), product, starts, ends)

    def _split(self, starts: date, ends: date | None) -> list[Stretch]:
        """Cut a life with the insurer in stretches: other product, other contract, interruption."""
        last = self._open(starts, ends)
        stretches = self._cut(last, until=ends or self._today)
        if ends is None:
            self._suspend(last)
            if self._rng.random() < DATED_END_SHARE:
                last.ends = date(self._today.year + 1, 12, 31)
        return stretches

    def _cut(self, last: Stretch, *, until: date) -> list[Stretch]:
        draw, starts = self._rng.random(), last.starts
        years = until.year - starts.year
        if years < 2 or draw >= CHANGED_PRODUCT_SHARE + CHANGED_CONTRACT_SHARE + INTERRUPTED_SHARE:
            return [last]
        # At least a whole year after `starts`, so that an interruption fits between.
        change = date(starts.year + 2 + int(self._rng.random() * (years - 1)), 1, 1)
        first = Stretch(last.contract_number, last.product, starts, change - _DAY)
        last.starts = change
        if draw < CHANGED_PRODUCT_SHARE:
            first.product = choose_product(self._rng, self._products, other_than=last.product)
        elif draw < CHANGED_PRODUCT_SHARE + CHANGED_CONTRACT_SHARE:
            first.contract_number = self.number_contract()
        else:
            first.ends = change - timedelta(days=31 + int(self._rng.random() * 150))
        return [first, last]

    def _suspend(self, stretch: Stretch) -> None:
        """Suspend some for now, some in the past; never before the stretch starts."""
        draw = self._rng.random()
        if draw < SUSPENDED_SHARE:
            since = self._today - timedelta(days=1 + int(self._rng.random() * 120))
            stretch.suspended_from = max(since, stretch.starts)
            if self._rng.random() < 0.3:
                weeks = 1 + int(self._rng.random() * 8)
                stretch.suspended_to = self._today + timedelta(weeks=weeks)
        elif draw < SUSPENDED_SHARE + PAST_SUSPENSION_SHARE:
            over = self._today - timedelta(days=30 + int(self._rng.random() * 600))
            since = over - timedelta(days=10 + int(self._rng.random() * 90))
            if since >= stretch.starts:
                stretch.suspended_from, stretch.suspended_to = since, over

    def _draw_start(self, insured_year: int, *, before: date) -> date:
        """Draw a first day: eight years ago on average, most often a month's first day."""
        days = min(int(self._rng.expovariate(1 / 2900)) + 1, 15_000)
        day = before - timedelta(days=days)
        if self._rng.random() < 0.8:
            day = day.replace(day=1)
        first = max(day, date(insured_year + _ADULT_AGE, 1, 1))
        return min(first, before)

    def _draw_past_end(self) -> date:
        """Draw the last day of a contract that ended: up to two years ago, or two to six."""
        recent = self._rng.random() < RECENT_SHARE
        days = int(self._rng.random() * 729) if recent else 731 + int(self._rng.random() * 1460)
        return self._today - timedelta(days=1 + days)
