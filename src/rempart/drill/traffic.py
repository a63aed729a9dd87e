"""A lawful day at work: what professionals ask before and during the attack.

Honest people are made hard to tell from thieves: some ask from shared mobile addresses, some change
line in the middle of the attack, some type identifiers, some type them wrong, some ask about
persons insured elsewhere. Refuses to know about robots.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from rempart.drill.cast import (
    AGENTS,
    MOBILE_ADDRESSES,
    PHONE_AGENTS,
    Ask,
    Identifiers,
    Person,
    Place,
    Professional,
    make_line,
    type_identifiers,
)
from rempart.drill.practice import (
    SHARE_MOBILE,
    SHARE_NEW_LINE,
    SHARE_TYPING_ERROR,
    Practice,
    find_practice,
)
from rempart.kernel.synthetic import SYNTHETIC_NIRS_PER_MONTH, make_synthetic_nir

DAY_HOURS: Final = 8
# In a few seconds of drill nobody sees three thousand regulars: panels shrink with the time
# replayed.
PANEL_MAX: Final = 60
CARD_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The stretch of practice replayed: real seconds, and the working hours they stand for."""

    seconds: float
    hours: float
    attack_from_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One professional at work: habits, regulars, and the places questions come from."""

    caller: int
    practice: Practice
    regulars: tuple[Person, ...]
    line: Place
    phone: Place
    new_line: Place | None
    change_line_s: float


def set_desk(
    caller: int,
    professional: Professional,
    people: Sequence[Person],
    *,
    shift: Shift,
    random: Random,
) -> Desk:
    """Give one professional a panel of regulars, a line and a telephone."""
    practice = find_practice(professional.profession)
    line = Place(make_line(caller), random.choice(AGENTS))
    moves = random.random() < SHARE_NEW_LINE
    return Desk(
        caller=caller,
        practice=practice,
        regulars=tuple(random.choices(people, k=min(practice.panel, PANEL_MAX))),
        line=line,
        phone=Place(random.choice(MOBILE_ADDRESSES), random.choice(PHONE_AGENTS)),
        new_line=replace(line, address=make_line(caller + (1 << 16))) if moves else None,
        change_line_s=random.uniform(shift.attack_from_s, shift.seconds),
    )


def plan_desk(desk: Desk, people: Sequence[Person], *, shift: Shift, random: Random) -> list[Ask]:
    """Plan what one professional asks during the shift, in order of time.

    Arrivals are a Poisson process at the practice's own pace, drawn around its profession's.
    """
    pace = desk.practice.lookups_per_day * math.exp(random.gauss(0, desk.practice.spread))
    per_second = pace * (shift.hours / DAY_HOURS) / shift.seconds
    asks: list[Ask] = []
    at_s = random.expovariate(per_second)
    while at_s < shift.seconds:
        place = _choose_place(desk, at_s, random)
        for identifiers in _serve_visitor(desk, people, random):
            asks.append(
                Ask(
                    at_s=at_s,
                    caller=desk.caller,
                    place=place,
                    identifiers=identifiers,
                    domain=desk.practice.domain,
                )
            )
            at_s += random.expovariate(per_second)
    return [ask for ask in asks if ask.at_s < shift.seconds]


def make_stranger(random: Random, amc_number: str) -> Identifiers:
    """Invent the identifiers of somebody insured elsewhere: well formed, on nobody's file."""
    year, month, day = random.randint(1930, 2015), random.randint(1, 12), random.randint(1, 28)
    nir = make_synthetic_nir(
        sex=random.randint(1, 2),
        year=year,
        month=month,
        serial=random.randrange(SYNTHETIC_NIRS_PER_MONTH // 2, SYNTHETIC_NIRS_PER_MONTH),
    )
    return Identifiers(
        amc_number=amc_number,
        insured_nir=nir.format_compact(),
        birth_date=f"{year}{month:02d}{day:02d}",
        birth_rank=1,
    )


def mistype(identifiers: Identifiers, random: Random) -> Identifiers:
    """Return the identifiers with the wrong birth day, as when 17 is read for 11.

    The NIR is left alone: another order number could be somebody's.
    """
    birth_date = identifiers.birth_date
    day = (int(birth_date[6:]) + random.randint(1, 27)) % 28 + 1
    wrong = f"{birth_date[:6]}{day:02d}"
    return replace(identifiers, birth_date=wrong if wrong != birth_date else f"{birth_date[:6]}29")


def _choose_place(desk: Desk, at_s: float, random: Random) -> Place:
    if random.random() < SHARE_MOBILE:
        return desk.phone
    if desk.new_line is not None and at_s >= desk.change_line_s:
        return desk.new_line
    return desk.line


def _serve_visitor(desk: Desk, people: Sequence[Person], random: Random) -> Iterator[Identifiers]:
    practice = desk.practice
    person = random.choice(desk.regulars if random.random() < practice.regulars else people)
    if random.random() < practice.nobody:
        yield _ask_in_vain(person, random)
    elif random.random() < practice.without_card or not person.card_code:
        typed = type_identifiers(person)
        if random.random() < SHARE_TYPING_ERROR / practice.without_card:
            yield mistype(typed, random)
        yield typed
    else:
        yield Identifiers(card_code=person.card_code)


def _ask_in_vain(person: Person, random: Random) -> Identifiers:
    """Half of those not found show a card that is not ours, the others' papers are typed."""
    if random.random() < 0.5:
        return Identifiers(card_code="".join(random.choices(CARD_ALPHABET, k=20)))
    return make_stranger(random, person.amc_number)
