"""Who pays what of a claim: compulsory insurance, each complementary contract in turn, the member.

For each line, parts add up to the bill, to the cent. Each contract sees what the ones before it
left, and never pays more than that, nor less than nothing. Every amount comes with the steps that
led to it. Refuses floats, clocks and chance: the same claim, tables and counters give the same
cents.

Source: rules of docs/rules/benefits.md, each with its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from rempart.claims.amo import AmoPart, compute_amo
from rempart.claims.benefit_table import Benefit, BenefitTable, Pays
from rempart.claims.claim import Beneficiary, Biller, Claim, ClaimLine
from rempart.claims.counters import Counters
from rempart.claims.limits import Granted, Ground, apply_limit, count_use
from rempart.claims.steps import Step, StepKind
from rempart.kernel.money import apply_rate_bp
from rempart.kernel.periods import add_months


@dataclass(frozen=True, slots=True)
class Contract:
    """One complementary contract of the beneficiary.

    Args:
        table: What it pays.
        joined_on: First day of membership: waiting periods and membership years count from it.
        counters: What was used of its limits; changed by the adjudication.
    """

    table: BenefitTable
    joined_on: date
    counters: Counters


class AmcPart(NamedTuple):
    """What one contract pays of one line.

    Attributes:
        cents: What it pays.
        benefit: The row that decided; None when none fits.
        steps: How the amount came about.
    """

    cents: int
    benefit: Benefit | None
    steps: tuple[Step, ...]


class AdjudicatedLine(NamedTuple):
    """One line, shared out.

    Attributes:
        line: As billed.
        amo: The part of compulsory insurance.
        parts: What each contract pays, in order.
        reste_a_charge_cents: What is left to the member at the counter.
    """

    line: ClaimLine
    amo: AmoPart
    parts: tuple[AmcPart, ...]
    reste_a_charge_cents: int

    @property
    def amc_cents(self) -> int:
        """What the contracts pay together."""
        return sum(part.cents for part in self.parts)


class AdjudicatedClaim(NamedTuple):
    """A claim, shared out line by line."""

    lines: tuple[AdjudicatedLine, ...]

    @property
    def billed_cents(self) -> int:
        """What was asked for."""
        return sum(one.line.billed_cents for one in self.lines)

    @property
    def amo_cents(self) -> int:
        """What compulsory insurance pays, local regime included."""
        return sum(one.amo.paid_cents for one in self.lines)

    @property
    def amc_cents(self) -> int:
        """What the contracts pay."""
        return sum(one.amc_cents for one in self.lines)

    @property
    def reste_a_charge_cents(self) -> int:
        """What is left to the member at the counter."""
        return sum(one.reste_a_charge_cents for one in self.lines)


def adjudicate_claim(
    claim: Claim, contracts: Sequence[Contract], amo_counters: Counters
) -> AdjudicatedClaim:
    """Share a claim out.

    Args:
        claim: The claim.
        contracts: The complementary contracts, in the order they pay; their counters change.
        amo_counters: What compulsory insurance has withheld already; changed too.

    Raises:
        BadValue: a base is neither billed nor known.
    """
    return AdjudicatedClaim(
        tuple(
            adjudicate_line(
                line,
                claim.beneficiary,
                claim.biller,
                contracts,
                amo_counters,
                together=claim.lines,
            )
            for line in claim.lines
        )
    )


def adjudicate_line(
    line: ClaimLine,
    beneficiary: Beneficiary,
    biller: Biller,
    contracts: Sequence[Contract],
    amo_counters: Counters,
    *,
    together: Sequence[ClaimLine] = (),
) -> AdjudicatedLine:
    """Share one line out; as `adjudicate_claim`.

    Args:
        line: The line.
        beneficiary: Who was cared for.
        biller: Who bills.
        contracts: In the order they pay; their counters change.
        amo_counters: What compulsory insurance has withheld already; changed too.
        together: All the lines of its claim; empty when it is alone.
    """
    together = together or (line,)
    amo = compute_amo(line, beneficiary, biller, amo_counters, together=together)
    whole = left = line.billed_cents - amo.paid_cents
    parts = []
    for contract in contracts:
        ground = Ground(line, beneficiary, amo, whole - left, left, together)
        part = _pay(contract, biller, ground)
        left -= part.cents
        parts.append(part)
    return AdjudicatedLine(line, amo, tuple(parts), left)


def _pay(contract: Contract, biller: Biller, ground: Ground) -> AmcPart:
    """Let one contract pay its part of a line."""
    steps: list[Step] = []
    benefit = _choose(contract, biller, ground, steps)
    if benefit is None:
        steps.append(Step(StepKind.NOT_IN_TABLE))
        return AmcPart(0, None, tuple(steps))
    cents = _compute(contract.table, benefit, ground, steps)
    limits = [contract.table.limits[name] for name in benefit.limits]
    units = ground.line.quantity
    for limit in limits:
        cents, units = apply_limit(contract, limit, ground, Granted(cents, units), steps)
    # A responsible contract leaves what leaving the pathway cost, whatever it promises.
    penalty = ground.amo.penalty_cents if contract.table.responsible else 0
    if cents > (most := max(0, ground.left - penalty)):
        cents = most
        steps.append(Step(StepKind.CAPPED_BY_PRICE, cents))
    if cents:
        for limit in limits:
            count_use(contract, limit, ground, Granted(cents, units))
    steps.append(Step(StepKind.AMC, cents))
    return AmcPart(cents, benefit, tuple(steps))


def _choose(
    contract: Contract, biller: Biller, ground: Ground, steps: list[Step]
) -> Benefit | None:
    """Return the first row that fits, saying which ones a waiting period kept back."""
    line, table = ground.line, contract.table
    if not table.period.contains(line.care_date):
        return None
    age = ground.beneficiary.age_on(line.care_date)
    for benefit in table.by_act.get(line.act.code, ()):
        if not _fits(benefit, line, biller, age):
            continue
        if not benefit.waiting_months:
            return benefit
        ends = add_months(contract.joined_on, benefit.waiting_months)
        if line.care_date >= ends:
            return benefit
        steps.append(Step(StepKind.WAITING, day=ends, label=benefit.label))
    return None


def _fits(benefit: Benefit, line: ClaimLine, biller: Biller, age: int) -> bool:
    return (
        (benefit.basket is None or benefit.basket is line.basket)
        and (benefit.correction is None or benefit.correction is line.correction)
        and (benefit.optam is None or benefit.optam is biller.optam)
        and (benefit.circuit is None or benefit.circuit in biller.circuits)
        and benefit.from_age <= age
        and (benefit.to_age is None or age <= benefit.to_age)
    )


def _compute(table: BenefitTable, benefit: Benefit, ground: Ground, steps: list[Step]) -> int:
    """Return what a row promises, before limits."""
    amo, units = ground.amo, ground.line.quantity
    # What is paid already, by contracts before this one too; and, for a responsible contract, what
    # leaving the pathway cost, which it never makes good.
    paid = amo.paid_cents + ground.before + (amo.penalty_cents if table.responsible else 0)
    to_base = max(0, amo.base_cents - paid)
    match benefit.pays:
        case Pays.TICKET_MODERATEUR:
            cents = to_base
        case Pays.RATE_WITH_AMO:
            cents = max(0, apply_rate_bp(amo.base_cents, benefit.rate_bp or 0) - paid)
        case Pays.RATE_BESIDE_AMO:
            cents = apply_rate_bp(amo.base_cents, benefit.rate_bp or 0)
        case Pays.FORFAIT:
            cents = (benefit.forfait_cents or 0) * units
            cents += to_base if benefit.with_ticket_moderateur else 0
        case Pays.REAL_COST:
            cents = ground.left
        case Pays.NOTHING:
            cents = 0
    steps.append(Step(StepKind.ROW, cents, label=benefit.label, pays=benefit))
    if benefit.cap_cents is not None and cents > benefit.cap_cents * units:
        cents = benefit.cap_cents * units
        steps.append(Step(StepKind.CAPPED_BY_ROW, cents))
    return cents
