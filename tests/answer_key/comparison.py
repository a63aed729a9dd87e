"""The same drawn bills given to the engine and to the answer key, and whatever they do not share.

Bills follow one another for a person, so that limits, deductions and delays of renewal are met; a
few come in another order than care. One seed, the same bills.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from tests.answer_key import settlement as key
from tests.answer_key.contracts import Contract as KeyContract
from tests.answer_key.contracts import read_tables
from tests.answer_key.law import euros

from rempart.claims.adjudication import Contract, adjudicate_line
from rempart.claims.benefit_table import BenefitTable
from rempart.claims.claim import Claim
from rempart.claims.counters import Counters
from rempart.exchange.benefit_file import read_benefit_tables
from rempart.synth.billing import choose, draw_bill, draw_biller, draw_person
from rempart.synth.billing_parameters import MIX
from rempart.synth.dice import make_dice

TABLES = Path(__file__).with_name("tables.toml").read_bytes()
FIRST_DAY, LAST_DAY = date(2019, 3, 1), date(2026, 11, 22)
# Days on which a tariff, a rate, a deduction or a table changes, and the ends of years.
BORDERS = (
    date(2020, 1, 1), date(2021, 1, 1), date(2023, 8, 1), date(2023, 10, 15), date(2023, 11, 1),
    date(2024, 3, 31), date(2024, 5, 15), date(2024, 12, 22), date(2025, 1, 1), date(2026, 1, 1),
)  # fmt: skip
BILLS_OF_A_PERSON = 14
CHOICES = (
    ((), 0.04), (("SOLIDAIRE",), 0.06), (("CLASSIQUE",), 0.25), (("ETENDU",), 0.35),
    (("SURCOMPLEMENTAIRE",), 0.04), (("CLASSIQUE", "SURCOMPLEMENTAIRE"), 0.10),
    (("ETENDU", "SURCOMPLEMENTAIRE"), 0.06), (("SURCOMPLEMENTAIRE", "CLASSIQUE"), 0.03),
    (("HOSPITALISATION", "CLASSIQUE", "ETENDU"), 0.03), (("CLASSIQUE", "ETENDU"), 0.04),
)  # fmt: skip


@dataclass
class Member:
    """One drawn person: bills in the order they come, and the contracts they are shown to."""

    claims: list[Claim]
    contracts: list[tuple[str, date]]


def draw_members(seed: int, bills: int) -> Iterator[Member]:
    """Draw people until there are so many bills."""
    dice = make_dice(seed, "answer key")
    while bills > 0:
        born = date(1935, 1, 1) + timedelta(days=int(dice.random() * 89 * 365))
        text = f"{born:%Y%m%d}" if dice.random() < 0.98 else f"{born.year}{20 + born.month}00"
        person = draw_person(dice, text, LAST_DAY, woman=dice.random() < 0.5)
        billers = [
            (profession, draw_biller(dice, profession, mark))
            for mark, profession in enumerate((*MIX, "general_practitioner"), 1)
        ]
        start = max(FIRST_DAY, born)
        some = min(bills, 1 + int(dice.random() * 2 * BILLS_OF_A_PERSON))
        days = sorted(_draw_day(dice, start) for _ in range(some))
        for _ in range(some // 8):
            place = int(dice.random() * some)
            days.append(days.pop(place))
        claims = []
        for day in days:
            profession, biller = billers[int(dice.random() * len(billers))]
            lines = draw_bill(dice, person, profession, day)
            claims.append(Claim(beneficiary=person.beneficiary, biller=biller, lines=lines))
        first = min(line.care_date for claim in claims for line in claim.lines)
        contracts = [
            (code, first - timedelta(days=int(dice.random() ** 2 * 900)))
            for code in choose(dice, CHOICES)
        ]
        yield Member(claims, contracts)
        bills -= some


def _draw_day(dice, start: date) -> date:
    if dice.random() < 0.25:
        border = BORDERS[int(dice.random() * len(BORDERS))]
        day = border + timedelta(days=int(dice.random() * 7) - 3)
        if start <= day <= LAST_DAY:
            return day
    return start + timedelta(days=int(dice.random() ** 0.6 * ((LAST_DAY - start).days + 1)))


@dataclass
class Difference:
    """One bill that does not come out the same, or counters that do not."""

    bill: int
    where: str
    claim: Claim
    contracts: list
    engine: object
    key: object


def read_engine_tables() -> dict[str, list[BenefitTable]]:
    """Return the tables as the product reads them, by code."""
    read = read_benefit_tables(TABLES)
    assert not read.findings
    by_code: dict[str, list[BenefitTable]] = {}
    for table in read.tables:
        by_code.setdefault(table.code, []).append(table)
    return by_code


class Engine:
    """The engine in front of one person."""

    def __init__(self, tables, contracts) -> None:
        self._contracts = [(tables[code], joined, Counters()) for code, joined in contracts]
        self._levies = Counters()

    def settle(self, claim: Claim) -> list[tuple]:
        """Return the parts of each line in cents, in the order of the bill."""
        results = []
        for line in claim.lines:
            contracts = [
                Contract(next(t for t in tables if t.period.contains(line.care_date)), *rest)
                for tables, *rest in self._contracts
            ]
            one = adjudicate_line(
                line, claim.beneficiary, claim.biller, contracts, self._levies,
                together=claim.lines,
            )  # fmt: skip
            results.append(
                (
                    one.amo.amo_cents, one.amo.local_cents, [part.cents for part in one.parts],
                    one.reste_a_charge_cents, one.amo.levy_cents,
                )
            )  # fmt: skip
        return results

    def counters(self):
        """Return what counters hold: of each contract by limit, then what was withheld by year."""
        held = [_group((use.key.name, use.key.since, use.cents, use.units) for use in counters.uses)
                for _, _, counters in self._contracts]  # fmt: skip
        kinds = ("levy participation_forfaitaire", "levy franchise")
        levies = ((use.key.name.removeprefix("levy "), use.key.since, use.cents, 0)
                  for use in self._levies.uses if use.key.name in kinds)  # fmt: skip
        return [*held, _group(levies)]


class Key:
    """The answer key in front of the same person."""

    def __init__(self, tables, contracts) -> None:
        self._contracts = [KeyContract(tables[code], joined) for code, joined in contracts]
        self._memory = key.Memory()

    def settle(self, claim: Claim) -> list[tuple]:
        """Return the parts of each line in cents, in the order of the bill."""
        of = claim.beneficiary
        person = key.Person(of.born.text, of.regime == "alsace_moselle", of.c2s, of.in_pathway)
        by = claim.biller
        biller = key.Biller(by.mark, by.optam, by.circuits)
        lines = [
            key.Line(
                one.act.code, one.care_date, euros(one.billed_cents), one.quantity,
                euros(one.base_cents), euros(one.amo_cents), _text(one.basket), one.equipment,
                _text(one.correction), _text(one.exoneration), one.early_renewal,
            )
            for one in claim.lines
        ]  # fmt: skip
        settled = key.settle(lines, person, biller, self._contracts, self._memory)
        return [
            (cents(one.amo), cents(one.local), [cents(part) for part in one.amc], cents(one.left),
             cents(one.withheld))
            for one in settled
        ]  # fmt: skip

    def counters(self):
        """Return what payments add up to: of each contract by limit, then what was withheld."""
        held = [
            _group((p.limit, p.start, cents(p.counted), p.units)
                   for p in self._memory.past(number).payments)
            for number in range(len(self._contracts))
        ]  # fmt: skip
        levies = (
            (one.kind, date(one.day.year, 1, 1), cents(one.amount), 0)
            for one in self._memory.withheld
        )
        return [*held, _group(levies)]


def compare(seed: int, bills: int, most: int = 20) -> tuple[Counter, list[Difference]]:
    """Settle so many bills twice.

    Returns:
        What was met, counted; and the differences, at most so many.
    """
    met: Counter = Counter()
    found: list[Difference] = []
    ours_read, theirs_read = read_engine_tables(), read_tables(TABLES.decode())
    number = 0
    for member in draw_members(seed, bills):
        engine, answer = Engine(ours_read, member.contracts), Key(theirs_read, member.contracts)
        for claim in member.claims:
            number += 1
            ours, theirs = engine.settle(claim), answer.settle(claim)
            met.update(bills=1, lines=len(ours))
            for line, one, other in zip(claim.lines, ours, theirs, strict=True):
                met.update(_describe(line, one, claim))
                if one != other:
                    found.append(
                        Difference(
                            number, f"line {line.number}", claim, member.contracts, one, other
                        )
                    )
            if (ours := engine.counters()) != (theirs := answer.counters()):
                found.append(Difference(number, "counters", claim, member.contracts, ours, theirs))
            if found and found[-1].bill == number:
                break  # what follows only repeats it
        if len(found) >= most:
            break
    return met, found


def _describe(line, parts, claim) -> Iterator[str]:
    """Name what a line shows, so that a test can say nothing was missed."""
    _, local, amc, left, withheld = parts
    yield f"act {line.act.code}"
    if line.exoneration:
        yield f"exoneration {line.exoneration}"
    if not claim.beneficiary.in_pathway:
        yield "outside the pathway"
    if local:
        yield "local regime"
    if withheld:
        yield "withheld"
    if line.amo_cents is not None:
        yield "settled by compulsory insurance"
    if sum(1 for part in amc if part) > 1:
        yield "two contracts pay"
    if not left:
        yield "nothing left"


def _group(rows):
    grouped = {}
    for name, since, amount, units in rows:
        before = grouped.get((name, since), (0, 0))
        grouped[name, since] = (before[0] + amount, before[1] + units)
    return grouped


def _text(value):
    return None if value is None else value.value


def cents(amount: Decimal) -> int:
    """Return whole cents; the key never holds a part of one."""
    whole = amount * 100
    assert whole == int(whole)
    return int(whole)
