"""Bills: which acts one professional gives one person on a day, and for how much.

Refuses to know contracts: what is due of a bill is somebody else's question. Bills are plausible
and sometimes odd, as real ones are: nothing to pay, less than the base, a tariff of last year.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Final, TypeVar

from rempart.claims.claim import (
    Basket,
    Beneficiary,
    Biller,
    ClaimLine,
    Correction,
    Exoneration,
    Regime,
)
from rempart.kernel.birth import BirthDate
from rempart.kernel.money import apply_rate_bp
from rempart.synth.billing_parameters import (
    ALD_CARE,
    DAYS,
    FREE_PRICES,
    LINES,
    MIX,
    PEOPLE,
    WORK_ACCIDENT,
    Priced,
)
from rempart.tariffs.care import ACTS, find_base_cents, find_ceiling_cents, find_rate_bp

ALSACE_MOSELLE: Final = ("57", "67", "68")
"""Departments whose people belong to the local regime."""
_CIRCUITS: Final = ("IS", "IT", "SP", "AC")
_YOUNGEST_MOTHER: Final = 18
_OLDEST_MOTHER: Final = 44
_SETTLED_SHARE: Final = 0.3
_STAY_SHARE: Final = 0.15
_GLASSES_SHARE: Final = 0.75
_HEARING_SHARE: Final = 0.12
_SECOND_PAIR_SHARE: Final = 0.06
_UNMARKED_SHARE: Final = 0.05
_LATER_LENSES_SHARE: Final = 0.05
_ODD_SHARE: Final = 0.04

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaredFor:
    """What of a person shows in bills.

    Args:
        beneficiary: Age, regime, solidarity and habits.
        ald: Whether a long illness is on the list.
        expecting: Whether care is that of a pregnancy at 100 %.
    """

    beneficiary: Beneficiary
    ald: bool = False
    expecting: bool = False


def choose(dice: Random, weighted: Sequence[tuple[T, float]]) -> T:
    """Draw one value by its weight."""
    draw = dice.random() * sum(weight for _, weight in weighted)
    for value, weight in weighted:
        draw -= weight
        if draw < 0:
            return value
    return weighted[-1][0]


def draw_person(
    dice: Random, born: str, day: date, *, woman: bool, department: str | None = None
) -> CaredFor:
    """Draw what a person's bills depend on.

    Args:
        dice: Chance.
        born: Birth date, eight characters.
        day: The day whose age counts.
        woman: Sex in the civil status.
        department: Where the person lives; None to draw whether it is in Alsace-Moselle.
    """
    local = dice.random() < PEOPLE["alsace_moselle"]
    if department is not None:
        local = department in ALSACE_MOSELLE
    beneficiary = Beneficiary(
        born=BirthDate(born),
        regime=Regime.ALSACE_MOSELLE if local else Regime.GENERAL,
        c2s=dice.random() < PEOPLE["c2s"],
        in_pathway=dice.random() >= PEOPLE["outside_pathway"],
    )
    age = beneficiary.age_on(day)
    band = "ald_under_40" if age < 40 else "ald_40_to_64" if age < 65 else "ald_65_on"
    ald = dice.random() < PEOPLE[band]
    may_expect = woman and _YOUNGEST_MOTHER <= age <= _OLDEST_MOTHER
    expecting = dice.random() < PEOPLE["maternity"] * 2 and may_expect
    return CaredFor(beneficiary=beneficiary, ald=ald, expecting=expecting)


def draw_biller(dice: Random, profession: str, mark: int) -> Biller:
    """Draw what a professional's bills depend on: the tariff agreement and networks."""
    optam: bool | None = None
    if profession in ("general_practitioner", "hospital", "imaging"):
        optam = choose(dice, ((True, 0.55), (False, 0.25), (None, 0.2)))
    circuits = frozenset(one for one in _CIRCUITS if dice.random() < 0.3)
    return Biller(mark=mark, optam=optam, circuits=circuits)


def draw_bill(dice: Random, person: CaredFor, profession: str, day: date) -> tuple[ClaimLine, ...]:
    """Draw the lines of a bill, numbered from 1; the last day of care is `day`."""
    if profession == "optician":
        drafts = list(_draw_optics(dice, person, day))
    elif profession == "hospital" and dice.random() < _STAY_SHARE:
        drafts = list(_draw_stay(dice, day))
    else:
        drafts = list(_draw_acts(dice, person, profession, day))
    accident = dice.random() < WORK_ACCIDENT
    settled = dice.random() < _SETTLED_SHARE
    lines = []
    for number, draft in enumerate(drafts, 1):
        exoneration = _draw_exoneration(dice, person, accident=accident)
        line = replace(draft, number=number, exoneration=exoneration)
        if dice.random() < _ODD_SHARE:
            line = _make_odd(dice, line)
        lines.append(_settle(dice, line) if settled else line)
    return tuple(lines)


def _draw_acts(dice: Random, person: CaredFor, profession: str, day: date) -> Iterator[ClaimLine]:
    most, days = LINES.get(profession, 2), DAYS.get(profession, 1)
    is_child = person.beneficiary.age_on(day) < 16
    mix = [(one, one.weight) for one in MIX[profession] if is_child or one.code != "TO"]
    for _ in range(1 + int(dice.random() ** 2 * most)):
        priced = choose(dice, mix)
        care_date = day - timedelta(days=int(dice.random() * days))
        yield _draw_line(dice, priced, care_date)


def _draw_line(dice: Random, priced: Priced, day: date) -> ClaimLine:
    quantity = 1 + int(dice.random() ** 3 * priced.units)
    if priced.code in FREE_PRICES:
        price = _draw_between(dice, *FREE_PRICES[priced.code])
        return _make_line(priced.code, day, price * quantity, None, quantity=quantity)
    tariff = find_base_cents(priced.code, day)
    base = (tariff or _draw_between(dice, priced.least, priced.most)) * quantity
    billed = base
    if dice.random() < priced.overrun:
        billed += int(base * priced.ceiling * dice.random() ** 1.5)
    stated = None if tariff is not None and dice.random() < 0.5 else base
    basket = _draw_basket(dice, billed, base) if priced.code == "PDT" else None
    return _make_line(priced.code, day, billed, stated, quantity=quantity, basket=basket)


def _draw_basket(dice: Random, billed: int, base: int) -> Basket | None:
    if billed > 4.5 * base:
        return Basket.FREE
    return choose(
        dice, ((Basket.FULL, 0.45), (Basket.MODERATE, 0.25), (Basket.FREE, 0.25), (None, 0.05))
    )


def _draw_stay(dice: Random, day: date) -> Iterator[ClaimLine]:
    nights = 1 + int(dice.random() ** 3 * 15)
    base = _draw_between(dice, 40_000, 150_000) * nights
    yield _make_line("PJ", day, base, base, quantity=nights)
    yield _make_line("FJ", day, 2_000 * nights, None, quantity=nights)
    if dice.random() < 0.5:
        price = _draw_between(dice, *FREE_PRICES["CHP"])
        yield _make_line("CHP", day, price * nights, None, quantity=nights)
    if dice.random() < 0.4:
        act = next(one for one in MIX["hospital"] if one.code == "ADC")
        yield _draw_line(dice, act, day)


def _draw_optics(dice: Random, person: CaredFor, day: date) -> Iterator[ClaimLine]:
    draw = dice.random()
    if draw < _GLASSES_SHARE:
        early, marked = dice.random() < 0.08, dice.random() >= _UNMARKED_SHARE
        yield from _draw_pair(dice, day, "1" if marked else None, early=early)
        if dice.random() < _SECOND_PAIR_SHARE and marked:
            yield from _draw_pair(dice, day, "2", early=early)
    elif draw < _GLASSES_SHARE + _HEARING_SHARE and person.beneficiary.age_on(day) >= 6:
        marked = dice.random() >= _UNMARKED_SHARE
        for ear in choose(dice, (("D", 0.2), ("G", 0.2), ("DG", 0.6))):
            yield _draw_hearing_aid(dice, day, ear if marked else None)
    else:
        [lenses] = MIX["optician"]
        yield _draw_line(dice, lenses, day)


def _draw_pair(dice: Random, day: date, mark: str | None, *, early: bool) -> Iterator[ClaimLine]:
    correction = choose(
        dice,
        ((Correction.SIMPLE, 0.5), (Correction.COMPLEX, 0.4), (Correction.VERY_COMPLEX, 0.1)),
    )
    frame_is_full, lenses_are_full = dice.random() < 0.3, dice.random() < 0.3  # "panachage"
    ceiling = find_ceiling_cents("frame_class_a", day) or 3_000
    price = ceiling if frame_is_full else _draw_between(dice, 4_000, 35_000)
    frame = _make_line(
        "MON", day, price, 900 if frame_is_full else 5, equipment=mark, early_renewal=early,
        basket=Basket.FULL if frame_is_full else Basket.FREE,
    )  # fmt: skip
    price = _draw_between(dice, 3_250, 12_000 if lenses_are_full else 60_000)
    lenses = _make_line(
        "VER", day, price * 2, 1_800 if lenses_are_full else 10, quantity=2, equipment=mark,
        correction=correction, early_renewal=early,
        basket=Basket.FULL if lenses_are_full else Basket.FREE,
    )  # fmt: skip
    if mark is not None and dice.random() < _LATER_LENSES_SHARE:
        frame = replace(frame, care_date=day - timedelta(days=9))
    draw = dice.random()
    if draw < 0.95:
        yield frame if dice.random() < 0.7 else replace(frame, correction=correction)
    if draw > 0.05:
        yield lenses


def _draw_hearing_aid(dice: Random, day: date, ear: str | None) -> ClaimLine:
    if dice.random() < 0.5:
        ceiling = find_ceiling_cents("hearing_class_1", day) or 95_000
        price = ceiling if dice.random() < 0.8 else _draw_between(dice, 60_000, ceiling)
        return _make_line("PAU", day, price, 40_000, equipment=ear, basket=Basket.FULL)
    price = _draw_between(dice, 95_000, 240_000)
    return _make_line("PAU", day, price, 40_000, equipment=ear, basket=Basket.FREE)


def _draw_exoneration(dice: Random, person: CaredFor, *, accident: bool) -> Exoneration | None:
    if accident:
        return Exoneration.WORK_ACCIDENT
    if person.expecting:
        return Exoneration.MATERNITY
    return Exoneration.ALD if person.ald and dice.random() < ALD_CARE else None


def _make_odd(dice: Random, line: ClaimLine) -> ClaimLine:
    """Make a line odd, and still possible."""
    match int(dice.random() * 6):
        case 0:
            return replace(line, billed_cents=0)
        case 1 | 2:
            return replace(line, billed_cents=int(line.billed_cents * dice.random()))
        case 3:
            return replace(line, base_cents=int((line.base_cents or 2_500) * 1.1))
        case 4:
            return replace(line, early_renewal=True)
        case _:
            return replace(line, quantity=line.quantity + 1)


def guess_amo(line: ClaimLine) -> int:
    """Return what simple software takes the AMO part for: the rate of the act, or all of the base.

    Neither the pathway nor the local regime, nor what is costly: real software errs too.
    """
    if line.act.rate == "none":
        return 0
    is_whole = line.exoneration is not None
    rate = 10_000 if is_whole else find_rate_bp(line.act.rate, line.care_date)
    return apply_rate_bp(find_stated_base(line), rate)


def find_stated_base(line: ClaimLine) -> int:
    """Return the base that a bill shows: the tariff, or what is stated, no more than the price."""
    tariff = find_base_cents(line.act.code, line.care_date)
    base = line.base_cents or 0 if tariff is None else tariff * line.quantity
    return min(base, line.billed_cents)


def _settle(dice: Random, line: ClaimLine) -> ClaimLine:
    """Put the AMO part on a line, as a bill that compulsory insurance settled before says it."""
    amo = guess_amo(line)
    if dice.random() < 0.05:
        amo = int(line.billed_cents * dice.random())
    return replace(line, amo_cents=amo)


def _make_line(
    code: str, day: date, billed: int, base: int | None, *, quantity: int = 1,
    basket: Basket | None = None, equipment: str | None = None,
    correction: Correction | None = None, early_renewal: bool = False,
) -> ClaimLine:  # fmt: skip
    return ClaimLine(
        number=1, act=ACTS[code], care_date=day, billed_cents=billed, base_cents=base,
        quantity=quantity, basket=basket, equipment=equipment, correction=correction,
        early_renewal=early_renewal,
    )  # fmt: skip


def _draw_between(dice: Random, least: int, most: int) -> int:
    return least + int((most - least) * dice.random() ** 2)
