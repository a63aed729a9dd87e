"""What a day's run pays: for each establishment, one transfer for everything that is due to it.

What it owes back is taken off, oldest first; when that is more than is due, nothing is paid and the
rest is carried forward. Refuses to pay a line twice: a line is in one remittance, or in none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Due(NamedTuple):
    """One amount that waits to be paid, or, below nought, to be taken back.

    Attributes:
        line: The adjudicated line; below nought in cents, the line that was undone.
        establishment: To whom.
        insurer: On whose behalf.
        cents: How much.
        since: The day it became due.
    """

    line: int
    establishment: int
    insurer: int
    cents: int
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The rules of a day's run.

    Args:
        day: The day.
        least_cents: What is not worth a transfer yet; it waits for the next run.
        held: Establishments that are not paid for now, and why: a returned transfer, an account
            that is being changed.
        unfunded: Insurers on whose behalf nothing is paid for now: their funds are late.
    """

    day: date
    least_cents: int = 1
    held: Mapping[int, str] | None = None
    unfunded: frozenset[int] = frozenset()


class Remittance(NamedTuple):
    """One transfer, and what it pays.

    Attributes:
        establishment: To whom.
        cents: How much; above nought.
        lines: What it pays and takes back, oldest first.
        by_insurer: The sum on behalf of each insurer; one may be below nought.
    """

    establishment: int
    cents: int
    lines: tuple[Due, ...]
    by_insurer: tuple[tuple[int, int], ...]


class Carried(NamedTuple):
    """What is not paid this time, and why.

    `owes`, `too_little`, `insurer_late`, or the reason the establishment is held.
    """

    establishment: int
    cents: int
    reason: str


class Closed(NamedTuple):
    """What a run pays and what it leaves."""

    remittances: tuple[Remittance, ...]
    carried: tuple[Carried, ...]


def close_run(dues: Iterable[Due], run: Run) -> Closed:
    """Close a day's remittances.

    Args:
        dues: Everything that waits, any order; what is due after the run's day is left alone.
        run: The rules.

    Returns:
        Remittances and what is carried forward, by establishment.

    Raises:
        ValueError: a line waits twice with the same sign.
    """
    by_establishment: dict[int, list[Due]] = {}
    unfunded: dict[int, int] = {}
    seen: set[tuple[int, bool]] = set()
    for due in dues:
        if due.since > run.day or due.cents == 0:
            continue
        mark = (due.line, due.cents < 0)
        if mark in seen:
            raise ValueError(f"line {due.line} waits twice")
        seen.add(mark)
        if due.insurer in run.unfunded:
            unfunded[due.establishment] = unfunded.get(due.establishment, 0) + due.cents
        else:
            by_establishment.setdefault(due.establishment, []).append(due)
    remittances = []
    carried = [Carried(place, cents, "insurer_late") for place, cents in sorted(unfunded.items())]
    for establishment in sorted(by_establishment):
        lines = sorted(by_establishment[establishment], key=_by_age)
        cents = sum(due.cents for due in lines)
        reason = _find_reason(establishment, cents, run)
        if reason is not None:
            carried.append(Carried(establishment, cents, reason))
        else:
            remittances.append(Remittance(establishment, cents, tuple(lines), _sum_up(lines)))
    return Closed(tuple(remittances), tuple(carried))


def _find_reason(establishment: int, cents: int, run: Run) -> str | None:
    if run.held and establishment in run.held:
        return run.held[establishment]
    if cents <= 0:
        return "owes"
    return "too_little" if cents < run.least_cents else None


def _sum_up(lines: Iterable[Due]) -> tuple[tuple[int, int], ...]:
    sums: dict[int, int] = {}
    for due in lines:
        sums[due.insurer] = sums.get(due.insurer, 0) + due.cents
    return tuple(sorted(sums.items()))


def _by_age(due: Due) -> tuple[date, int, int]:
    return (due.since, due.line, due.cents)
