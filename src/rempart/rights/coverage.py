"""What an insurer grants one beneficiary, and whether it is open one day for one domain.

Refuses to know who the beneficiary is: a coverage carries references and terms, no identity.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.errors import InconsistentRecord
from rempart.kernel.periods import Period
from rempart.tariffs.domains import Domain

MAX_RATE_BP: Final = 100_000
MAX_FORFAIT_CENTS: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of the base de remboursement, compulsory insurance included.

    Args:
        rate_bp: Basis points: 10000 is 100 %. Cards go up to several hundred per cent.
        circuit: Code of the network the professional must be in, as the card prints it, or None.
        conditions: Codes of what must be met, in the insurer's order.
    """

    kind: ClassVar[Literal["rate"]] = "rate"
    rate_bp: int
    circuit: str | None = None
    conditions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.rate_bp <= MAX_RATE_BP:
            raise ValueError(f"A rate of {self.rate_bp} basis points: expected 1 to {MAX_RATE_BP}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forfait:
    """A fixed amount.

    Args:
        amount_cents: The amount in cents.
        circuit: As for `Rate`.
        conditions: As for `Rate`.
    """

    kind: ClassVar[Literal["forfait"]] = "forfait"
    amount_cents: int
    circuit: str | None = None
    conditions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.amount_cents <= MAX_FORFAIT_CENTS:
            raise ValueError(
                f"A forfait of {self.amount_cents} cents: expected 1 to {MAX_FORFAIT_CENTS}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketModerateur:
    """What compulsory insurance leaves on its own tariff, and no more.

    Args:
        circuit: As for `Rate`.
        conditions: As for `Rate`.
    """

    kind: ClassVar[Literal["ticket_moderateur"]] = "ticket_moderateur"
    circuit: str | None = None
    conditions: tuple[str, ...] = ()


DomainTerms: TypeAlias = Rate | Forfait | TicketModerateur
"""What the contract pays in one domain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A guarantee as the card prints it, shared by everybody who has it.

    Args:
        convention_type: Routing code of the agreement between insurer and professionals.
        csr: Critère secondaire de routage; may be empty, as on cards.
        responsible: Whether the contract is a "contrat responsable".
        domains: Terms per code of domain; a domain that is absent is not covered.
    """

    convention_type: str
    csr: str
    responsible: bool
    domains: Mapping[str, DomainTerms]


class Coverage(NamedTuple):
    """What one contract grants one beneficiary over one period.

    Args:
        contract_ref: Keyed reference of the contract, never its number.
        period: Days of coverage, both ends included.
        terms: The guarantee.
        suspended: Days on which the contract grants nothing, both ends included, or None.
    """

    contract_ref: int
    period: Period
    terms: Terms
    suspended: Period | None = None


class ClosedReason(enum.Enum):
    """Why tiers payant is not open, in the order of the tests."""

    OUT_OF_PERIOD = "out_of_period"
    SUSPENDED = "suspended"
    DOMAIN_NOT_COVERED = "domain_not_covered"


class RightsOpen(NamedTuple):
    """Tiers payant is open: the coverage that grants it and its terms for the domain."""

    coverage: Coverage
    terms_of_domain: DomainTerms


class RightsClosed(NamedTuple):
    """Tiers payant is not open, for the first reason met."""

    reason: ClosedReason


RightsDecision: TypeAlias = RightsOpen | RightsClosed


def decide_rights(
    coverages: Sequence[Coverage], *, domain: Domain, care_date: date
) -> RightsDecision:
    """Say whether tiers payant is open for `domain` on `care_date`.

    Args:
        coverages: All coverages of one beneficiary with one insurer, any order.
        domain: The family of care the professional wants to bill.
        care_date: The day care is given (not the day of the call), Paris civil date.

    Returns:
        RightsOpen with the coverage that grants the right, or RightsClosed with the first reason
        met, in the order of ClosedReason.

    Raises:
        InconsistentRecord: two coverages claim the same day.
    """
    of_the_day = [c for c in coverages if c.period.contains(care_date)]
    if not of_the_day:
        return RightsClosed(ClosedReason.OUT_OF_PERIOD)
    if len(of_the_day) > 1:
        raise InconsistentRecord(
            f"{len(of_the_day)} coverages of one beneficiary claim {care_date}: "
            "ask the insurer for a full feed."
        )
    [coverage] = of_the_day
    if coverage.suspended is not None and coverage.suspended.contains(care_date):
        return RightsClosed(ClosedReason.SUSPENDED)
    terms_of_domain = coverage.terms.domains.get(domain.code)
    if terms_of_domain is None:
        return RightsClosed(ClosedReason.DOMAIN_NOT_COVERED)
    return RightsOpen(coverage, terms_of_domain)
