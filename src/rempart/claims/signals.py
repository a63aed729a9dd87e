"""What stands out in the claims of an insurer's members, establishment by establishment: figures.

A signal says what was counted and what is usual among the others. Refuses to say why: a new
practice, an epidemic and a theft look the same here. Refuses to compare when there is too little.
"""

import enum
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median_low
from typing import Final, NamedTuple

DAYS: Final = 63
"""How far back is counted: eight weeks, and the last one."""
RECENT_DAYS: Final = 7
_WEEKS_BEFORE: Final = (DAYS - RECENT_DAYS) // 7
LEAST_CLAIMS: Final = 10
"""Fewer claims, or lines of an act, are not compared."""
LEAST_RECENT: Final = 20
LEAST_PEERS: Final = 3
_BP: Final = 10_000
UNCHECKED_BP: Final = 5_000
PRICE_BP: Final = 15_000
VOLUME_TIMES: Final = 3


class SignalKind(enum.StrEnum):
    """What stands out."""

    UNCHECKED = "unchecked"
    """Claims that quote no answer about rights; value and usual in basis points."""
    PRICE = "price"
    """The mean price of a unit of an act; value and usual in cents."""
    VOLUME = "volume"
    """Claims of the last week; usual is the mean of a week before."""


class BillerCount(NamedTuple):
    """Claims of one establishment over `DAYS`.

    Attributes:
        establishment_ref: Which.
        claims: How many.
        unchecked: How many of them quote neither an answer nor a promise.
        recent: How many of them came in the last `RECENT_DAYS`.
    """

    establishment_ref: int
    claims: int
    unchecked: int
    recent: int


class ActPrice(NamedTuple):
    """What one establishment billed of one act over `DAYS`."""

    establishment_ref: int
    act: str
    lines: int
    units: int
    billed_cents: int

    @property
    def unit_cents(self) -> int:
        """The mean price of a unit, rounded down."""
        return self.billed_cents // self.units


class Signal(NamedTuple):
    """One figure that stands out.

    Attributes:
        kind: What was counted.
        establishment_ref: Whose claims.
        act: Code of the act, of a price; empty otherwise.
        value: The figure.
        usual: The same figure among the others, or before.
        counted: How many claims, or lines, it rests on.
    """

    kind: SignalKind
    establishment_ref: int
    act: str
    value: int
    usual: int
    counted: int


def find_signals(billers: Sequence[BillerCount], prices: Sequence[ActPrice]) -> list[Signal]:
    """Return what stands out, what rests on most first within each kind.

    Args:
        billers: Every establishment that billed for the insurer's members.
        prices: Every act of each.
    """
    found = [*_find_unchecked(billers), *_find_prices(prices), *_find_volumes(billers)]
    kinds = list(SignalKind)
    return sorted(found, key=lambda one: (kinds.index(one.kind), -one.counted, one))


def _find_unchecked(billers: Sequence[BillerCount]) -> Iterator[Signal]:
    claims = sum(one.claims for one in billers)
    unchecked = sum(one.unchecked for one in billers)
    for one in billers:
        others = claims - one.claims
        if one.claims < LEAST_CLAIMS or others < LEAST_CLAIMS:
            continue
        share = one.unchecked * _BP // one.claims
        usual = (unchecked - one.unchecked) * _BP // others
        if share >= UNCHECKED_BP and share >= 2 * usual:
            yield Signal(SignalKind.UNCHECKED, one.establishment_ref, "", share, usual, one.claims)


def _find_prices(prices: Sequence[ActPrice]) -> Iterator[Signal]:
    by_act: dict[str, list[ActPrice]] = defaultdict(list)
    for one in prices:
        if one.lines >= LEAST_CLAIMS and one.units > 0:
            by_act[one.act].append(one)
    for act, group in by_act.items():
        if len(group) <= LEAST_PEERS:
            continue
        for one in group:
            usual = median_low(peer.unit_cents for peer in group if peer is not one)
            if one.unit_cents * _BP >= usual * PRICE_BP and usual > 0:
                yield Signal(
                    SignalKind.PRICE, one.establishment_ref, act, one.unit_cents, usual, one.lines
                )


def _find_volumes(billers: Sequence[BillerCount]) -> Iterator[Signal]:
    for one in billers:
        before = one.claims - one.recent
        if one.recent >= LEAST_RECENT and one.recent * _WEEKS_BEFORE >= VOLUME_TIMES * before:
            usual = before // _WEEKS_BEFORE
            yield Signal(
                SignalKind.VOLUME, one.establishment_ref, "", one.recent, usual, one.recent
            )
