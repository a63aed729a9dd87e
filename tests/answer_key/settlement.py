"""One bill from its price down to what is left to pay, contract after contract."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tests.answer_key import law
from tests.answer_key.compulsory import share, withhold
from tests.answer_key.contracts import Past, Payment, amount, percent, row_for, table_on
from tests.answer_key.law import ZERO, to_cent


@dataclass
class Line:
    """One act, in euros."""

    code: str
    day: date
    billed: Decimal
    quantity: int
    base: Decimal | None
    amo: Decimal | None
    basket: str | None
    equipment: str | None
    correction: str | None
    exoneration: str | None
    early_renewal: bool


@dataclass
class Person:
    """Who was cared for."""

    born: str
    alsace_moselle: bool
    c2s: bool
    in_pathway: bool


@dataclass
class Biller:
    """Who bills."""

    mark: int
    optam: bool | None
    circuits: frozenset


@dataclass
class Settled:
    """One line, in euros."""

    amo: Decimal
    local: Decimal
    amc: list
    left: Decimal
    withheld: Decimal


@dataclass
class Memory:
    """What was settled before, of one person: deductions, and the past of each contract."""

    withheld: list = field(default_factory=list)
    contracts: dict = field(default_factory=dict)

    def past(self, number):
        """Return the past of one contract."""
        return self.contracts.setdefault(number, Past())


def settle(lines, person, biller, contracts, memory):
    """Settle a bill; `memory` is that of the bills settled before it, and grows."""
    results = []
    for line in lines:
        part = share(line, person, lines)
        left = line.billed - part.compulsory
        paid = []
        for number, contract in enumerate(contracts):
            how = _Paying(lines, line, person, biller, part, sum(paid, ZERO), left)
            paid.append(how.pay(contract, memory.past(number)))
            left -= paid[-1]
        withheld = withhold(line, person, biller.mark, part.amo, memory.withheld)
        results.append(Settled(part.amo, part.local, paid, left, withheld))
    return results


@dataclass
class _Paying:
    """One line in front of one contract."""

    lines: list
    line: Line
    person: Person
    biller: Biller
    part: object
    paid_before: Decimal
    left: Decimal

    def pay(self, contract, past):
        """Return what the contract pays, and remember it."""
        table = table_on(contract, self.line.day)
        if table is None:
            return ZERO
        row = row_for(table, self.line, self.person, self.biller, contract.joined)
        if row is None:
            return ZERO
        penalty = self.part.penalty if table["responsible"] else ZERO
        promise = max(ZERO, self.promise(row, penalty))
        if "cap" in row:
            promise = min(promise, amount(row["cap"]) * self.line.quantity)
        limits = {limit["name"]: limit for limit in table.get("limit", [])}
        named = [limits[name] for name in row.get("limits", [])]
        units = self.line.quantity
        for limit in named:
            promise, units = self.limit(limit, promise, units, contract.joined, past)
        paid = max(ZERO, min(promise, self.left - penalty))
        if paid:
            past.payments += [self.payment(one, paid, units, contract.joined) for one in named]
        return paid

    def promise(self, row, penalty):
        """Return what a row says, before caps and limits."""
        base, line = self.part.base, self.line
        settled = self.part.compulsory + penalty + self.paid_before
        ticket = max(ZERO, base - settled)
        match row["pays"]:
            case "ticket_moderateur":
                return ticket
            case "rate_with_amo":
                return to_cent(base * percent(row["rate"])) - settled
            case "rate_beside_amo":
                return to_cent(base * percent(row["rate"]))
            case "forfait":
                forfait = amount(row["forfait"]) * line.quantity
                return forfait + ticket if row.get("with_ticket_moderateur") else forfait
            case "real_cost":
                return self.left
            case "nothing":
                return ZERO

    def limit(self, limit, promise, units, joined, past):
        """Return what a limit lets pass of an amount, and for how many units."""
        if limit["per"] == "renewal":
            too_soon = self.is_too_soon(limit, past)
            return (ZERO, 0) if too_soon else (promise, units)
        start = self.start(limit, joined)
        used = [one for one in past.payments if one.limit == limit["name"] and one.start == start]
        if limit["per"] == "equipment":
            used = [one for one in used if one.equipment == self.equipment()]
        if "units" in limit:
            rest = max(0, limit["units"] - sum(one.units for one in used))
            if rest >= units:
                return promise, units
            return to_cent(promise * rest / units), rest
        rest = amount(limit["amount"]) - sum((one.counted for one in used), ZERO)
        if limit.get("includes_amo"):
            rest -= self.part.compulsory
        return max(ZERO, min(promise, rest)), units

    def start(self, limit, joined):
        """Return the first day of the period a limit counts in."""
        day = self.line.day
        match limit["per"]:
            case "day":
                return day
            case "year":
                return date(day.year, 1, 1)
            case "membership_year":
                years = 0
                while law.months_later(joined, 12 * (years + 1)) <= day:
                    years += 1
                return law.months_later(joined, 12 * years)
            case "equipment" | "renewal":
                return self.equipment()[1]
            case "ever":
                return date.min

    def equipment(self):
        """Return what tells one pair of glasses or one ear: its mark, and its first day."""
        return self.line.equipment or "", min(one.day for one in self.together())

    def together(self):
        """Return the lines of the same equipment: of its mark or, unmarked, of its day."""
        mark, day = self.line.equipment, self.line.day
        same = [one for one in self.lines if one.equipment == mark]
        return same if mark else [one for one in same if one.day == day]

    def is_too_soon(self, limit, past):
        """Tell whether another equipment of the kind was paid within the delay, before or after."""
        this = self.equipment()
        justified = any(one.early_renewal for one in self.together())
        if justified and limit["renewal"] == "optical":
            return False
        if any(one.limit == limit["name"] and one.equipment == this for one in past.payments):
            return False
        for one in past.payments:
            if one.limit != limit["name"] or one.equipment == this:
                continue
            first, second = sorted((one.equipment[1], this[1]))
            kind = law.row_on(second, law.RENEWALS, name=limit["renewal"])
            if kind is None:
                continue
            # Ears are told apart by their marks: without one, it may be either.
            marks = {one.equipment[0], this[0]}
            if kind.get("each") and len(marks) > 1 and "" not in marks:
                continue
            if second < law.months_later(first, self.delay(kind, second)):
                return True
        return False

    def delay(self, kind, day):
        """Return the months to wait of somebody of that age."""
        age = law.age_on(self.person.born, day)
        if age < 6:
            return kind["months_under_6"]
        return kind["months_under_16"] if age < 16 else kind["months"]

    def payment(self, limit, paid, units, joined):
        """Return what a payment takes from a limit."""
        counted = paid + (self.part.compulsory if limit.get("includes_amo") else ZERO)
        return Payment(
            limit["name"], self.line.day, self.equipment(), counted, units,
            self.start(limit, joined),
        )  # fmt: skip
