"""What acts that are not billed yet will be paid: a quote, or what a prise en charge promises.

Shared out like a claim, under the rights of one day; nothing is counted until a claim comes, but a
promise keeps its part of the limits. Refuses to promise what the controls of a claim would reject.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from rempart.claims.adjudication import AdjudicatedLine, Contract, adjudicate_line
from rempart.claims.benefit_table import BenefitTable
from rempart.claims.claim import Beneficiary, Biller, Claim, ClaimLine
from rempart.claims.controls import (
    ClaimFinding,
    Known,
    Right,
    control_claim,
    list_rejected,
)
from rempart.claims.counters import CounterKey, Counters, Use, Used
from rempart.claims.states import PecState
from rempart.kernel.birth import BirthDate


class Place(NamedTuple):
    """The entry of the ledger that a promise is named by: a log, and an index in it."""

    log_id: int
    idx: int


class StandingPec(NamedTuple):
    """A promise as it stands, without its amounts.

    Attributes:
        place: The entry that names it.
        establishment_ref: Who asked for it.
        person_ref: For whom.
        domain: Code of the domain of care.
        care_on: The day of care it was computed for.
        state: Where it is; one whose last day has passed may still say `agreed`.
        asked_at: When it was asked for.
        expires_on: Last day, included, on which its care may be given.
    """

    place: Place
    establishment_ref: int
    person_ref: int
    domain: str
    care_on: date
    state: PecState
    asked_at: datetime
    expires_on: date

    def find_state(self, today: date) -> PecState:
        """Return where it is on a day."""
        is_over = self.state is PecState.AGREED and self.expires_on < today
        return PecState.EXPIRED if is_over else self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class CareAsked:
    """Acts whose amounts are asked.

    Args:
        lines: The acts, of one domain and one day.
        born: Birth date of the beneficiary: limits depend on age.
        in_pathway: Whether care follows the coordinated pathway.
        promises: Whether a prise en charge is asked, not only a quote.
        replaces: The promise it takes the place of, if any.
    """

    lines: tuple[ClaimLine, ...]
    born: BirthDate
    in_pathway: bool = True
    promises: bool = False
    replaces: Place | None = None

    @property
    def billed_cents(self) -> int:
        """What is asked for the acts, together."""
        return sum(line.billed_cents for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteGround:
    """What a quote is computed on.

    Args:
        table: What the contract pays.
        joined_on: First day of membership.
        biller: Who will bill.
        used: What was used of the contract's limits, promises included.
        amo_used: What compulsory insurance has withheld.
    """

    table: BenefitTable
    joined_on: date
    biller: Biller
    used: Mapping[CounterKey, Used]
    amo_used: Mapping[CounterKey, Used]


class Quote(NamedTuple):
    """Amounts of acts that are not billed yet.

    Attributes:
        lines: Those that would be paid, shared out.
        findings: What a claim of them would be told, in the order of lines.
        uses: What they would use of the contract's limits.
    """

    lines: tuple[AdjudicatedLine, ...]
    findings: tuple[ClaimFinding, ...]
    uses: tuple[Use, ...]

    @property
    def amo_cents(self) -> int:
        """What compulsory insurance pays."""
        return sum(one.amo.paid_cents for one in self.lines)

    @property
    def amc_cents(self) -> int:
        """What the contract pays."""
        return sum(one.amc_cents for one in self.lines)


def make_quote(care: CareAsked, ground: QuoteGround) -> Quote:
    """Share acts out as their claim will be, if it comes with rights as they are.

    Raises:
        BadValue: a base is neither given nor known.
    """
    day = care.lines[0].care_date
    claim = Claim(
        beneficiary=Beneficiary(born=care.born, in_pathway=care.in_pathway),
        biller=ground.biller,
        lines=care.lines,
    )
    # On the day of care: that it is still to come is no fault of a quote.
    known = Known(today=day, rights={line.number: Right.OPEN for line in care.lines})
    findings = tuple(control_claim(claim, known))
    rejected = list_rejected(claim, findings)
    contract = Contract(ground.table, ground.joined_on, Counters(ground.used))
    amo_counters = Counters(ground.amo_used)
    kept = tuple(line for line in claim.lines if line.number not in rejected)
    lines = tuple(
        adjudicate_line(
            line, claim.beneficiary, claim.biller, [contract], amo_counters, together=kept
        )
        for line in kept
    )
    return Quote(lines, findings, tuple(contract.counters.uses))
