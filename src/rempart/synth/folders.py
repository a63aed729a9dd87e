"""Folders: a household with its contract lines, and the row each line becomes in a feed.

Refuses to decide: it only dates each person's part of the household's history and writes it.
"""

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final, NamedTuple

from rempart.synth.histories import Stretch
from rempart.synth.households import CHILD, Household, Person
from rempart.synth.names import capitalise
from rempart.synth.plan import Insurer


class Row(NamedTuple):
    """One line of a feed: its columns, in order, all text."""

    amc_number: str
    contract_number: str
    member_number: str
    insured_nir: str
    own_nir: str
    previous_nir: str
    family_name: str
    birth_name: str
    first_names: str
    birth_date: str
    birth_rank: str
    quality: str
    convention_type: str
    csr: str
    responsible: str
    period_start: str
    period_end: str
    suspended_from: str
    suspended_to: str
    terms: str
    card_code: str
    email: str
    phone: str
    address: str
    postcode: str
    city: str
    agreement_start: str
    agreement_end: str
    action: str


COLUMNS: Final = Row._fields

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(first + second for first in _LETTERS for second in _LETTERS)
NO_CARD_SHARE: Final = 0.03


@dataclass(slots=True)
class Line:
    """One person over one stretch; `starts` is later than the stretch's for a child born since."""

    person: Person
    stretch: Stretch
    starts: date
    ends: date | None
    card_code: str


@dataclass(slots=True)
class Folder:
    """One household at one insurer. `move` is -1 unless it is known by another insurer too."""

    household: Household
    member_number: str
    lines: list[Line]
    move: int = -1
    leaving: bool = False


def draw_card_code(rng: Random) -> str:
    """Draw twenty letters of Crockford's base 32, in groups of four: 100 random bits."""
    bits, pair = rng.getrandbits(100), _PAIRS
    return (
        f"{pair[bits >> 90]}{pair[bits >> 80 & 1023]}-{pair[bits >> 70 & 1023]}"
        f"{pair[bits >> 60 & 1023]}-{pair[bits >> 50 & 1023]}{pair[bits >> 40 & 1023]}-"
        f"{pair[bits >> 30 & 1023]}{pair[bits >> 20 & 1023]}-{pair[bits >> 10 & 1023]}"
        f"{pair[bits & 1023]}"
    )


def make_lines(rng: Random, household: Household, history: list[Stretch]) -> list[Line]:
    """Give each person the stretches after their birth; a card for each person and contract.

    A person born after the last stretch gets none and is taken out of the household.
    """
    lines: list[Line] = []
    kept: list[Person] = []
    last_day = history[-1].ends
    for person in household.people:
        cards: dict[str, str] = {}
        first_day = person.born_on if person.quality == CHILD else date.min
        if last_day is not None and last_day < first_day:
            continue
        kept.append(person)
        for stretch in history:
            if stretch.ends is not None and stretch.ends < first_day:
                continue
            number = stretch.contract_number
            if number not in cards:
                cards[number] = "" if rng.random() < NO_CARD_SHARE else draw_card_code(rng)
            starts = max(stretch.starts, first_day)
            lines.append(Line(person, stretch, starts, stretch.ends, cards[number]))
    household.people = kept
    return lines


class RowWriter:
    """Turns the lines of one insurer into rows."""

    def __init__(self, insurer: Insurer) -> None:
        self._amc_number = insurer.amc_number
        self._capitals = insurer.style.capitals
        self._agreement_start = insurer.agreement_start.isoformat()
        self._agreement_end = _write_day(insurer.agreement_end)

    def write(self, folder: Folder, line: Line, action: str = "") -> Row:
        """Return the row of one line; contact data only on the insured's and the spouse's."""
        household, person, stretch = folder.household, line.person, line.stretch
        product, residence = stretch.product, household.residence
        names = (person.family_name, person.birth_name, person.first_names)
        if self._capitals:
            names = (capitalise(names[0]), capitalise(names[1]), capitalise(names[2]))
        reachable = person.quality != CHILD
        suspended = _clip_suspension(line)
        return Row(
            self._amc_number,
            stretch.contract_number,
            folder.member_number,
            person.insured_nir,
            person.own_nir,
            person.previous_nir,
            *names,
            person.birth_date,
            str(person.birth_rank),
            str(person.quality),
            product.convention_type,
            product.csr,
            "1" if product.responsible else "0",
            line.starts.isoformat(),
            _write_day(line.ends),
            *suspended,
            product.terms,
            line.card_code,
            household.email if reachable else "",
            household.phone if reachable else "",
            residence.address,
            residence.postcode,
            residence.city,
            self._agreement_start,
            self._agreement_end,
            action,
        )


def _clip_suspension(line: Line) -> tuple[str, str]:
    """Return the suspension's days within the line, if any: it may be over before a birth."""
    since, until = line.stretch.suspended_from, line.stretch.suspended_to
    if since is None:
        return "", ""
    last_day = min(until or date.max, line.ends or date.max)
    if last_day < line.starts or since > last_day:
        return "", ""
    return max(since, line.starts).isoformat(), _write_day(None if until is None else last_day)


def _write_day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
