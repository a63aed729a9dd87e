"""The plan of a data set: which insurers, how many members each, who moves between them.

Refuses to hold members: they are drawn insurer by insurer, each from its own seed, so that one
feed can be written again without the others.
"""

import functools
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from rempart.kernel.synthetic import make_synthetic_amc_number
from rempart.synth.data_files import load_words, split_by_weight
from rempart.synth.dice import make_dice
from rempart.synth.guarantees import Product, draw_products
from rempart.synth.parameters import Parameters

# With 100 insurers: the first holds 6 %, the first twenty half (S23).
_SIZE_SHIFT: Final = 2.4
_SIZE_EXPONENT: Final = 0.82

_NAME_HEADS: Final = (
    "Mutuelle", "Prévoyance", "Mutuelle santé", "Assurances", "Union mutualiste",
    "Caisse mutuelle", "Institution de prévoyance", "Santé",
)  # fmt: skip
_SPARE_SERIALS: Final = 60
"""NIR beyond an insurer's members, for households cut short and for new ones a month later."""
_AMC_STRIDE: Final = 379_483

MOVERS_SHARE: Final = 0.02
"""Members that one insurer lost to another, over members."""
_MOVER_HOUSEHOLD: Final = 2.0
_MAX_MOVERS: Final = 0.05
"""Moving households in one feed, over its members: small insurers keep mostly their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStyle:
    """How one insurer's computer writes: the importer must guess it."""

    encoding: str
    delimiter: str
    line_end: str
    capitals: bool


PLAIN_STYLE: Final = FileStyle(encoding="utf-8", delimiter=";", line_end="\n", capitals=False)
_STYLES: Final = (
    (0.46, PLAIN_STYLE),
    (0.28, FileStyle(encoding="utf-8", delimiter=";", line_end="\n", capitals=True)),
    (0.08, FileStyle(encoding="utf-8-sig", delimiter=";", line_end="\r\n", capitals=False)),
    (0.10, FileStyle(encoding="latin-1", delimiter=";", line_end="\r\n", capitals=False)),
    (0.04, FileStyle(encoding="utf-8", delimiter=",", line_end="\n", capitals=False)),
    (0.04, FileStyle(encoding="utf-8", delimiter="\t", line_end="\n", capitals=True)),
)
_ALWAYS_PLAIN: Final = 5
"""The largest insurers write plainly, so that the first file somebody opens is readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insurer:
    """One invented insurer.

    Args:
        insurer_id: From 1, the largest first.
        members: People in its feed.
        agreement_start: First day of its agreement with the operator.
        agreement_end: Last day, or None while it lasts.
        first_serial: Where its synthetic NIR begin.
        leaving: Numbers of the households that left it for another insurer of the set.
        joining: Numbers of the households that came from another insurer of the set.
    """

    insurer_id: int
    amc_number: str
    name: str
    members: int
    agreement_start: date
    agreement_end: date | None
    first_serial: int
    style: FileStyle
    products: tuple[Product, ...]
    leaving: tuple[int, ...]
    joining: tuple[int, ...]

    @property
    def sends_deltas(self) -> bool:
        """Tell whether the insurer still sends files."""
        return self.agreement_end is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything decided before the first member is drawn."""

    parameters: Parameters
    insurers: tuple[Insurer, ...]
    mover_serial: int
    """Where the synthetic NIR of moving households begin."""

    def find_insurer(self, amc_number: str) -> Insurer:
        """Return the insurer of an AMC number.

        Raises:
            KeyError: the plan has no such insurer.
        """
        for insurer in self.insurers:
            if insurer.amc_number == amc_number:
                return insurer
        raise KeyError(f"No insurer of this plan has AMC number {amc_number}.")


@functools.lru_cache(maxsize=4)
def plan(parameters: Parameters) -> Plan:
    """Decide the insurers of a data set, in a few milliseconds whatever its size."""
    count = min(parameters.insurers, parameters.members)
    weights = [(rank + _SIZE_SHIFT) ** -_SIZE_EXPONENT for rank in range(1, count + 1)]
    spare = parameters.members - count
    sizes = [1 + size for size in split_by_weight(spare, weights)]
    leaving, joining = _draw_moves(make_dice(parameters.seed, "moves"), sizes)
    *first_serials, mover_serial = accumulate(
        (size + _SPARE_SERIALS for size in sizes), initial=parameters.seed
    )
    insurers = tuple(
        _draw_insurer(parameters, rank, members=sizes[rank], first_serial=first_serials[rank],
                      leaving=leaving[rank], joining=joining[rank])
        for rank in range(count)
    )  # fmt: skip
    return Plan(parameters=parameters, insurers=insurers, mover_serial=mover_serial)


def _draw_insurer(
    parameters: Parameters, rank: int, *, members: int, first_serial: int, leaving: list[int],
    joining: list[int],
) -> Insurer:  # fmt: skip
    rng = make_dice(parameters.seed, "insurer", rank)
    start, end = _draw_agreement(rng, rank, parameters.today)
    return Insurer(
        insurer_id=rank + 1,
        amc_number=make_synthetic_amc_number(
            20_000_000 + rank * 150_000 + parameters.seed * _AMC_STRIDE % 150_000
        ).number,
        name=_make_name(rank),
        members=members,
        agreement_start=start,
        agreement_end=end,
        first_serial=first_serial,
        style=_draw_style(rng, rank),
        products=draw_products(rng),
        leaving=tuple(leaving),
        joining=tuple(joining),
    )


def _make_name(rank: int) -> str:
    words = load_words("insurer_names.txt")
    lap, word = divmod(rank, len(words))
    return f"{_NAME_HEADS[(word + lap) % len(_NAME_HEADS)]} {words[word]}"


def _draw_style(rng: Random, rank: int) -> FileStyle:
    draw = rng.random()
    if rank < _ALWAYS_PLAIN:
        return PLAIN_STYLE
    for share, style in _STYLES:
        if draw < share:
            return style
        draw -= share
    return PLAIN_STYLE


def _draw_agreement(rng: Random, rank: int, today: date) -> tuple[date, date | None]:
    """Draw the agreement's dates: one insurer in nine began in 2023, a few have left.

    The ten largest never left, and began before 2023.
    """
    draw, month = rng.random(), 1 + int(rng.random() * 12)
    if rank % 9 == 5 and rank >= 10 and today.year > 2023:
        return date(2023, 1 + month % 10, 1), None
    start = date(min(2006 + int(draw * 17), 2022, today.year - 1), month, 1)
    end = date(today.year - 1 - rank // 33 % 3, 12, 31)
    return start, end if rank % 33 == 31 and end > start else None


def _draw_moves(rng: Random, sizes: list[int]) -> tuple[list[list[int]], list[list[int]]]:
    """Draw households that left an insurer for another; a number names each in both feeds."""
    leaving: list[list[int]] = [[] for _ in sizes]
    joining: list[list[int]] = [[] for _ in sizes]
    if len(sizes) == 1:
        return leaving, joining
    bounds, total = [], 0
    for size in sizes:
        total += size
        bounds.append(total)
    for move in range(int(total * MOVERS_SHARE / _MOVER_HOUSEHOLD)):
        origin, destination = (bisect_right(bounds, int(rng.random() * total)) for _ in range(2))
        crowded = any(
            len(leaving[i]) + len(joining[i]) >= sizes[i] * _MAX_MOVERS
            for i in (origin, destination)
        )
        if origin != destination and not crowded:
            leaving[origin].append(move)
            joining[destination].append(move)
    return leaving, joining


def moving_day(move: int, parameters: Parameters) -> date:
    """Return the last day at the old insurer: within five years, most often a month's end."""
    rng = make_dice(parameters.seed, "moving", move)
    day = parameters.today - timedelta(days=1 + int(rng.random() ** 1.4 * 5 * 365))
    return day if rng.random() < 0.2 else day.replace(day=1) - timedelta(days=1)
