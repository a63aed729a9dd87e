"""What limits let through: sums and counts over a stretch of time, delays before an equipment.

A limit sees what the ones before it let through, and counts what was paid in the end. Refuses to
know rows and prices: `adjudication` does.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple, Protocol

from rempart.claims.amo import AmoPart
from rempart.claims.benefit_table import Limit, Per
from rempart.claims.claim import Beneficiary, ClaimLine
from rempart.claims.counters import CounterKey, Counters, Use
from rempart.claims.steps import Step, StepKind
from rempart.kernel.periods import add_months
from rempart.tariffs.care import RENEWALS

_OPTICAL: Final = "optical"


class Account(Protocol):
    """A contract, as far as limits look at it."""

    @property
    def joined_on(self) -> date:
        """First day of membership."""

    @property
    def counters(self) -> Counters:
        """What was used; changed by `count_use`."""


class Equipment(NamedTuple):
    """One pair of glasses, or one ear.

    Attributes:
        mark: Its mark on the bill; empty for what has none: one equipment of its day.
        since: First day of care of its lines.
        early: Whether a prescription justifies it before the delay, on one of its lines.
    """

    mark: str
    since: date
    early: bool


def find_equipment(line: ClaimLine, lines: Sequence[ClaimLine]) -> Equipment:
    """Return what a line belongs to: the lines of its mark or, unmarked, those of its day."""
    together = [
        other
        for other in lines
        if other.equipment == line.equipment
        and (line.equipment or other.care_date == line.care_date)
    ]
    return Equipment(
        line.equipment or "",
        min(other.care_date for other in together),
        any(other.early_renewal for other in together),
    )


class Ground(NamedTuple):
    """What a contract starts from on one line.

    Attributes:
        before: What contracts before it pay.
        left: What is left of the price.
        together: All the lines of the claim.
    """

    line: ClaimLine
    beneficiary: Beneficiary
    amo: AmoPart
    before: int
    left: int
    together: Sequence[ClaimLine]


class Granted(NamedTuple):
    """What limits have let through so far: cents, and the units they are for."""

    cents: int
    units: int


def apply_limit(
    account: Account, limit: Limit, ground: Ground, granted: Granted, steps: list[Step]
) -> Granted:
    """Return what a limit lets through."""
    if limit.per is Per.RENEWAL:
        return _limit_renewal(account, limit, ground, granted, steps)
    cents, units = granted
    used = account.counters.read(_find_key(account, limit, ground))
    if limit.units is not None:
        allowed = min(units, max(0, limit.units - used.units))
        if allowed < units:
            cents = _take_share(cents, allowed, units)
            steps.append(Step(StepKind.LIMITED_UNITS, cents, label=limit.label, units=allowed))
        return Granted(cents, allowed)
    before = used.cents + (ground.amo.paid_cents if limit.includes_amo else 0)
    most = max(0, (limit.cents or 0) - before)
    if cents > most:
        cents = most
        steps.append(Step(StepKind.LIMITED_CENTS, cents, label=limit.label))
    return Granted(cents, units)


def _limit_renewal(
    account: Account, limit: Limit, ground: Ground, granted: Granted, steps: list[Step]
) -> Granted:
    """Let one equipment through in its delay of renewal; lines of the same one go together.

    Claims do not always come in the order of care: an equipment had later counts too.
    """
    key, renewal = _find_key(account, limit, ground), limit.renewal or ""
    may_be_early = find_equipment(ground.line, ground.together).early and renewal == _OPTICAL
    if may_be_early or account.counters.read(key).units:
        return granted
    for other in account.counters.list_others(key):
        again = _find_renewal(renewal, ground.beneficiary, other, key)
        if again is not None:
            steps.append(Step(StepKind.TOO_EARLY, 0, label=limit.label, day=again))
            return Granted(0, 0)
    return granted


def _find_renewal(
    renewal: str, beneficiary: Beneficiary, other: CounterKey, this: CounterKey
) -> date | None:
    """Return from which day on there may be an equipment after another; None: it is not close."""
    first, second = sorted((other.since, this.since))
    rows = RENEWALS[renewal].on(second)
    # Ears are told apart by their marks; without one it may be either.
    is_apart = rows and rows.each and other.mark and this.mark and other.mark != this.mark
    if rows is None or is_apart:
        return None
    months = rows.of_age(beneficiary.age_on(second))
    return add_months(other.since, months) if second < add_months(first, months) else None


def count_use(account: Account, limit: Limit, ground: Ground, granted: Granted) -> None:
    """Note what a line used of a limit: what was paid, and the units it was paid for."""
    line = ground.line
    spent = granted.cents + (ground.amo.paid_cents if limit.includes_amo else 0)
    key = _find_key(account, limit, ground)
    account.counters.add(Use(key, line.number, spent, granted.units, line.care_date))


def _find_key(account: Account, limit: Limit, ground: Ground) -> CounterKey:
    day = ground.line.care_date
    match limit.per:
        case Per.DAY:
            return CounterKey(limit.name, day)
        case Per.YEAR:
            return CounterKey(limit.name, day.replace(month=1, day=1))
        case Per.MEMBERSHIP_YEAR:
            return CounterKey(limit.name, _start_membership_year(account.joined_on, day))
        case Per.EQUIPMENT | Per.RENEWAL:
            equipment = find_equipment(ground.line, ground.together)
            return CounterKey(limit.name, equipment.since, equipment.mark)
        case Per.EVER:
            return CounterKey(limit.name, date.min)


def _start_membership_year(joined_on: date, day: date) -> date:
    years = day.year - joined_on.year
    start = add_months(joined_on, 12 * years)
    return start if start <= day else add_months(joined_on, 12 * (years - 1))


def _take_share(cents: int, units: int, of: int) -> int:
    """Return the part of an amount that so many units of it make, half a cent rounded up."""
    return (2 * cents * units + of) // (2 * of)
