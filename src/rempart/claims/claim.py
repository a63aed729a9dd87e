"""A claim as it is billed: whose care, by whom, which acts. No identity in it, and no result.

Amounts are whole cents, quantities whole numbers above nought. Refuses a negative amount: what was
paid wrongly is undone by cancelling its claim, never by billing less than nothing.
"""

import enum
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.kernel.birth import BirthDate
from rempart.tariffs.care import ActKind

MOST_CENTS: Final = 100_000_000
"""A million euros: more on one line is a typing error."""
MOST_UNITS: Final = 9_999
ADULT_YEARS: Final = 18


class Basket(enum.StrEnum):
    """The three offers of 100 % Santé in optics, hearing and dental prostheses."""

    FULL = "full"
    """Class A, class I, first dental basket: a responsible contract leaves nothing to pay."""
    MODERATE = "moderate"
    """Dental prostheses whose price is capped."""
    FREE = "free"
    """Class B, class II: the price is free."""


class Correction(enum.StrEnum):
    """How strong a pair of glasses is: what the caps of a responsible contract depend on."""

    SIMPLE = "simple"
    COMPLEX = "complex"
    VERY_COMPLEX = "very_complex"


class Exoneration(enum.StrEnum):
    """Why compulsory insurance pays 100 % of the base."""

    ALD = "ald"
    """Care of a long illness on the list."""
    MATERNITY = "maternity"
    """From the sixth month of pregnancy to twelve days after birth."""
    WORK_ACCIDENT = "work_accident"
    """Accident at work or occupational disease."""


class Regime(enum.StrEnum):
    """The regime of compulsory insurance, where it changes what is due."""

    GENERAL = "general"
    ALSACE_MOSELLE = "alsace_moselle"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One act billed.

    Args:
        number: Its place on the claim, from 1; what findings and answers refer to.
        act: The act.
        care_date: The day of care, Paris civil date.
        billed_cents: What is asked for it, all units together.
        quantity: How many units (acts, boxes, days).
        base_cents: Base de remboursement of all units together; a national tariff comes before it.
        amo_cents: What compulsory insurance pays, when it has settled already; None to compute it.
        basket: The offer it belongs to, in optics, hearing and dental prostheses.
        equipment: What lines of one pair of glasses or one ear have in common: a mark of the bill;
            lines of one day without a mark are one equipment.
        correction: How strong the glasses are.
        exoneration: Why compulsory insurance pays all of the base, if it does.
        early_renewal: Whether a prescription justifies glasses before the delay (sight changed);
            one line says it for all of a pair.
    """

    number: int
    act: ActKind
    care_date: date
    billed_cents: int
    quantity: int = 1
    base_cents: int | None = None
    amo_cents: int | None = None
    basket: Basket | None = None
    equipment: str | None = None
    correction: Correction | None = None
    exoneration: Exoneration | None = None
    early_renewal: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.quantity <= MOST_UNITS:
            raise ValueError(f"a quantity of {self.quantity}: expected 1 to {MOST_UNITS}")
        for name in ("billed_cents", "base_cents", "amo_cents"):
            cents = getattr(self, name)
            if cents is not None and not 0 <= cents <= MOST_CENTS:
                raise ValueError(f"{name} is not between 0 and {MOST_CENTS}")
        if self.amo_cents is not None and self.amo_cents > self.billed_cents:
            raise ValueError("compulsory insurance cannot have paid more than was billed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneficiary:
    """What matters of the person cared for: no identity beyond a birth date.

    Args:
        born: Birth date; its month and day may be ones no calendar has.
        regime: The regime of compulsory insurance.
        c2s: Whether the complémentaire santé solidaire covers the person.
        in_pathway: Whether care follows the coordinated pathway (treating doctor).
    """

    born: BirthDate
    regime: Regime = Regime.GENERAL
    c2s: bool = False
    in_pathway: bool = True

    def age_on(self, day: date) -> int:
        """Return the age in whole years; a birthday that no calendar has counts from its month."""
        text = self.born.text
        had_birthday = (day.month, day.day) >= (int(text[4:6]), int(text[6:]))
        return day.year - int(text[:4]) - (not had_birthday)


@dataclass(frozen=True, slots=True, kw_only=True)
class Biller:
    """Who bills, as far as amounts depend on it.

    Args:
        mark: What tells one professional from another in daily caps: a keyed reference.
        optam: Whether the professional signed the tariff agreement; None when it does not apply.
        circuits: Networks the professional belongs to, by the codes cards print.
    """

    mark: int = 0
    optam: bool | None = None
    circuits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Acts billed together, in the order of the bill."""

    beneficiary: Beneficiary
    biller: Biller
    lines: tuple[ClaimLine, ...]

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError("a claim has at least one line")
        if len({line.number for line in self.lines}) < len(self.lines):
            raise ValueError("two lines of a claim have the same number")
