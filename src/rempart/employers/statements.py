"""What an employer is called for, month by month, and what late movements change of months past.

Every month begun is due. Portability costs nothing: it is shared by those who pay (L911-8).
Refuses to change what was called: a difference is a line of the next statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from rempart.employers.movements import Structure
from rempart.kernel.periods import OPEN_END, Period, add_months

REGULARISED_MONTHS: Final = 24
"""Source: code de la mutualité, article L221-11 (S104): two years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a structure costs a month from a day on."""

    structure: Structure
    starts_on: date
    monthly_cents: int

    def __post_init__(self) -> None:
        if self.starts_on.day != 1:
            raise ValueError("A price begins on the first day of a month.")
        if self.monthly_cents < 0:
            raise ValueError("A price is no less than nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Somebody's cover: days at work, then days of portability."""

    structure: Structure
    joined_on: date
    left_on: date | None = None
    cover_ends_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One line: about a month, for a structure; of a past month, only what changed.

    Args:
        about: First day of the month.
        structure: Whose price.
        active: People due; a difference for a past month.
        ported: People covered for nothing; likewise.
        unit_cents: The price of that month.
        amount_cents: What is called, or given back when negative.
    """

    about: date
    structure: Structure
    active: int
    ported: int
    unit_cents: int
    amount_cents: int


Called = Mapping[tuple[date, Structure], tuple[int, int, int]]
"""By month and structure: active, ported and cents, over every line of every statement so far."""


def compute_month(
    covered: Iterable[Covered], prices: Sequence[Price], month: date
) -> list[StatementLine]:
    """Return what is due for a month as it is known now, structure by structure.

    Args:
        covered: Everybody who is or was covered.
        prices: Every price; the last one begun on the first day of the month counts.
        month: Its first day.
    """
    days = Period(month, _last_day(month))
    everybody = list(covered)
    lines = []
    for structure in Structure:
        ours = [one for one in everybody if one.structure is structure]
        active = sum(Period(one.joined_on, one.left_on or OPEN_END).overlaps(days) for one in ours)
        ported = sum(_is_ported(one, days) for one in ours)
        unit_cents = _find_price(prices, structure, month)
        if active or ported:
            lines.append(
                StatementLine(
                    about=month,
                    structure=structure,
                    active=active,
                    ported=ported,
                    unit_cents=unit_cents,
                    amount_cents=active * unit_cents,
                )
            )
    return lines


def compute_statement(
    covered: Iterable[Covered],
    prices: Sequence[Price],
    month: date,
    called: Called,
    *,
    issued: Iterable[date] = (),
) -> list[StatementLine]:
    """Return the lines of a month's statement: its own, then what changed of months called.

    Args:
        covered: Everybody who is or was covered.
        prices: Every price.
        month: Its first day.
        called: What earlier statements said, regularisations included.
        issued: Months that have a statement, those in which nobody was covered among them.
    """
    everybody = list(covered)
    first = add_months(month, -REGULARISED_MONTHS)
    lines = compute_month(everybody, prices, month)
    known = {about for about, _ in called}.union(issued)
    for past in sorted(about for about in known if first <= about < month):
        due = {line.structure: line for line in compute_month(everybody, prices, past)}
        for structure in Structure:
            before = called.get((past, structure), (0, 0, 0))
            now = due.get(structure)
            after = (now.active, now.ported, now.amount_cents) if now else (0, 0, 0)
            if before != after:
                lines.append(
                    StatementLine(
                        about=past,
                        structure=structure,
                        active=after[0] - before[0],
                        ported=after[1] - before[1],
                        unit_cents=_find_price(prices, structure, past),
                        amount_cents=after[2] - before[2],
                    )
                )
    return lines


def list_months(first_day: date, *, issued: date | None, today: date) -> list[date]:
    """Return the months whose statement is due: ended, not issued, the oldest first.

    Args:
        first_day: Of the contract, or of its first price.
        issued: The last month that has a statement, or None.
        today: Paris civil date.
    """
    month = first_day.replace(day=1) if issued is None else add_months(issued, 1)
    months = []
    while add_months(month, 1) <= today:
        months.append(month)
        month = add_months(month, 1)
    return months


def _is_ported(one: Covered, days: Period) -> bool:
    """Say whether portability covers somebody in a month that they did not work in at all."""
    if one.left_on is None or one.cover_ends_on is None or one.left_on >= days.starts_on:
        return False
    return one.cover_ends_on >= days.starts_on


def _find_price(prices: Sequence[Price], structure: Structure, month: date) -> int:
    begun = [one for one in prices if one.structure is structure and one.starts_on <= month]
    return max(begun, key=lambda one: one.starts_on).monthly_cents if begun else 0


def _last_day(month: date) -> date:
    return add_months(month, 1) - timedelta(days=1)
