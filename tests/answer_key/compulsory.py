"""The part of compulsory insurance, that of the local regime, and what is withheld afterwards."""

from dataclasses import dataclass
from decimal import Decimal

from tests.answer_key import law
from tests.answer_key.law import ZERO, to_cent

NO_LEVY = ("maternity", "work_accident")


@dataclass
class Part:
    """Euros: the base, who pays what of it, and what not following the pathway cost."""

    base: Decimal
    amo: Decimal
    local: Decimal
    penalty: Decimal

    @property
    def compulsory(self):
        """All that compulsory insurance pays, its local regime included."""
        return self.amo + self.local


def share(line, person, bill):
    """Return the compulsory part of one line."""
    day, family = line.day, law.ACTS[line.code]["rate"]
    age = law.age_on(person.born, day)
    if family == "none":
        # There is no base; what compulsory insurance says it paid all the same is paid.
        return Part(ZERO, line.amo or ZERO, ZERO, ZERO)
    base = min(full_base(line), line.billed)

    # A long illness leaves the 15 % of medicines of little use.
    is_whole = line.exoneration is not None and not (
        line.exoneration == "ald" and family == "medicine_15"
    )
    astray = family == "doctor" and not person.in_pathway and age >= 16 and not is_whole
    usual = to_cent(base * law.rate_of(day, law.RATES, family))
    reduced = to_cent(base * law.rate_of(day, law.RATES, "doctor_outside_pathway"))
    penalty = usual - reduced if astray else ZERO

    local = ZERO
    if person.alsace_moselle:
        local = to_cent(base * law.rate_of(day, law.LOCAL, family))
    if is_whole:
        amo, local = base, ZERO
    elif astray:
        amo = reduced
    elif (flat := flat_of(line, bill)) is not None:
        amo = max(base - flat, ZERO)
        local = base - amo if person.alsace_moselle else ZERO
    else:
        amo = usual
    if line.amo is not None:
        # Settled already: what leaving the pathway cost is what it shows, forty points at most.
        amo, local = line.amo, ZERO
        penalty = max(ZERO, min(penalty, usual - amo))
    return Part(base, amo, max(ZERO, min(local, base - amo)), penalty)


def flat_of(line, bill):
    """Return what a line bears of the one participation of the costly acts of its day, or None."""
    row = law.row_on(line.day, law.FLATS)
    if row is None or not is_technical(line):
        return None
    acts = [one for one in bill if one.day == line.day and is_technical(one)]
    if sum(full_base(one) for one in acts) < law.euros(row["from_cents"]):
        return None
    highest = max(min(full_base(one), one.billed) for one in acts)
    first = next(one for one in acts if min(full_base(one), one.billed) == highest)
    return law.euros(row["cents"]) if first is line else ZERO


def is_technical(line):
    """Tell whether an act is one that may be costly, to somebody who pays a share."""
    technical = law.ACTS[line.code].get("technical", False)
    return technical and line.exoneration is None and line.amo is None


def full_base(line):
    """Return the tariff, whatever was billed, all units together."""
    tariff = law.tariff_of(line.day, line.code)
    return line.base if tariff is None else tariff * line.quantity


@dataclass
class Withheld:
    """One deduction that was made."""

    levied: str
    kind: str
    day: object
    mark: int
    amount: Decimal


def withhold(line, person, mark, amo, past):
    """Return what is withheld on a line, after what was withheld already."""
    levied = law.ACTS[line.code].get("levied")
    if levied is None or law.age_on(person.born, line.day) < 18:
        return ZERO
    if person.c2s or line.exoneration in NO_LEVY:
        return ZERO
    row = law.row_on(line.day, law.LEVIES, levied=levied)
    if row is None:
        return ZERO
    amount = law.euros(row["cents"]) * line.quantity
    if "day_cents" in row:
        today = sum(
            one.amount
            for one in past
            if one.levied == levied
            and one.day == line.day
            and (levied != "doctor" or one.mark == mark)
        )
        amount = min(amount, law.euros(row["day_cents"]) - today)
    this_year = sum(
        one.amount for one in past if one.kind == row["kind"] and one.day.year == line.day.year
    )
    amount = max(ZERO, min(amount, law.euros(row["year_cents"]) - this_year, amo))
    if amount:
        past.append(Withheld(levied, row["kind"], line.day, mark, amount))
    return amount
