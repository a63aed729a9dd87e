"""Households: who lives together, with plausible ages, names, birth places and contact data.

Refuses to know contracts: what a household is covered for, and when, is `histories`.
"""

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from rempart.synth.data_files import build_pool
from rempart.synth.names import Names
from rempart.synth.nirs import NirSource, to_waiting_number
from rempart.synth.places import Places, Residence

INSURED, SPOUSE, CHILD, OTHER = 1, 2, 3, 4
"""Qualities of a beneficiary, as IR_BEQ_V numbers them."""

MAX_CHILD_AGE: Final = 27
_ADULT_AGE: Final = 18

# (youngest, oldest, share of insured people)
_AGES: Final = (
    (18, 24, 5), (25, 34, 16), (35, 44, 18), (45, 54, 18),
    (55, 64, 17), (65, 74, 15), (75, 84, 8), (85, 100, 3),
)  # fmt: skip
_AGE_POOL: Final = build_pool(
    [
        (age, share / (old - young + 1))
        for young, old, share in _AGES
        for age in range(young, old + 1)
    ],
    1 << 10,
)
# Up to this age: shares of singles, couples alone, couples with children; the rest: lone parents.
_SHAPES: Final = (
    (24, 0.90, 0.07, 0.02),
    (34, 0.48, 0.15, 0.28),
    (54, 0.24, 0.10, 0.52),
    (64, 0.36, 0.46, 0.15),
    (74, 0.45, 0.545, 0.004),
    (100, 0.62, 0.38, 0.0),
)
_CHILDREN: Final = (1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4)

ABROAD_SHARE: Final = 0.04
"""Fewer than in life: a country has one synthetic NIR for each sex and month of birth."""
UNCERTAIN_MONTH_SHARE: Final = 0.1
"""Among people born abroad: month 20 to 42 in the NIR."""
LUNAR_SHARE: Final = 0.17
"""Among people whose month is uncertain: a birth date that no calendar has."""
TWIN_SHARE: Final = 0.016
WAITING_SHARE: Final = 0.06
"""Among insured people born abroad: they have a NIA. As many had one before their NIR."""
OTHER_SHARE: Final = 0.004
OWN_RIGHTS_SHARE: Final = 0.25
"""Spouses and grown children insured on their own NIR within the same contract."""

_MAIL_DOMAINS: Final = ("courriel.invalid", "messagerie.invalid", "boite.invalid", "poste.invalid")
_LAST_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(slots=True)
class Person:
    """One beneficiary; `birth_date` is AAAAMMJJ and no calendar may have it."""

    sex: int
    year: int
    birth_date: str
    birth_rank: int
    quality: int
    family_name: str
    birth_name: str
    first_names: str
    insured_nir: str
    own_nir: str = ""
    previous_nir: str = ""

    @property
    def born_on(self) -> date:
        """The day of birth of a child; children never have a lunar date."""
        text = self.birth_date
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))


@dataclass(slots=True)
class Household:
    """People of one contract, the insured first, and how to reach them."""

    people: list[Person]
    residence: Residence
    email: str
    phone: str
    double_attached: bool = False


class HouseholdMaker:
    """Draws households; the same random numbers give the same household."""

    def __init__(self, names: Names, places: Places, today: date) -> None:
        self._names = names
        self._places = places
        self._today = today

    def make(self, rng: Random, nirs: NirSource, *, room: int = 9) -> Household:
        """Draw one household of at most `room` people."""
        age = _AGE_POOL[int(rng.random() * len(_AGE_POOL))]
        couple, children = _draw_shape(rng, age)
        year = self._today.year - age
        residence = self._places.draw_residence(rng)
        sex = _draw_sex(rng)
        surname = self._names.surname(rng)
        insured = self._make_adult(
            rng, nirs, sex=sex, year=year, surname=surname, residence=residence
        )
        insured.previous_nir = _change_number(rng, insured)
        people = [insured]
        if couple and room > 1:
            people.append(self._make_spouse(rng, nirs, insured=insured, residence=residence))
        if children:
            name = surname if sex == 1 or len(people) == 1 else people[1].family_name
            people += self._make_children(rng, nirs, insured, surname=name, residence=residence)
        elif age >= 40 and not couple and rng.random() < OTHER_SHARE * 8:
            people.append(self._make_other(rng, nirs, insured, residence=residence))
        for person in people[1:]:
            person.previous_nir = (
                insured.previous_nir if person.insured_nir == insured.insured_nir else ""
            )
        email, phone = _draw_contact(rng, insured)
        return Household(people[:room], residence, email, phone)

    def make_newborn(self, rng: Random, household: Household, born_on: date) -> Person:
        """Draw a child born on `born_on` to a household."""
        insured, sex = household.people[0], _draw_sex(rng)
        return Person(
            sex, born_on.year, f"{born_on:%Y%m%d}", 1, CHILD,
            insured.family_name, insured.family_name,
            self._names.first_names(rng, sex=sex, year=born_on.year),
            insured.insured_nir, "", insured.previous_nir,
        )  # fmt: skip

    def _make_adult(
        self, rng: Random, nirs: NirSource, *, sex: int, year: int, surname: str,
        residence: Residence,
    ) -> Person:  # fmt: skip
        """Draw somebody insured on their own NIR; callers change what differs."""
        abroad = rng.random() < ABROAD_SHARE
        place: str | None
        if abroad:
            place = self._places.draw_birth_country(rng, year=year)
        else:
            place = self._places.draw_birth_place(rng, near=residence.department)
        uncertain = abroad and rng.random() < UNCERTAIN_MONTH_SHARE
        month, birth_date = _draw_uncertain(rng, year) if uncertain else _draw_date(rng, year)
        nir = nirs.issue(sex=sex, year=year, month=month, place=place)
        return Person(
            sex, year, birth_date, 1, INSURED, surname, surname,
            self._names.first_names(rng, sex=sex, year=year), nir,
            nir if rng.random() < 0.7 else "",
        )  # fmt: skip

    def _make_spouse(
        self, rng: Random, nirs: NirSource, *, insured: Person, residence: Residence
    ) -> Person:
        sex = 3 - insured.sex if rng.random() < 0.97 else insured.sex
        gap = int(rng.gauss(-2 if sex == 1 else 2, 3.5))
        year = min(insured.year + gap, self._today.year - _ADULT_AGE)
        spouse = self._make_adult(
            rng, nirs, sex=sex, year=max(year, self._today.year - 104),
            surname=self._names.surname(rng), residence=residence,
        )  # fmt: skip
        while spouse.birth_date == insured.birth_date:
            spouse.birth_date = _draw_date(rng, spouse.year)[1]
        spouse.quality = SPOUSE
        spouse.own_nir = spouse.insured_nir
        if rng.random() >= OWN_RIGHTS_SHARE:
            spouse.insured_nir = insured.insured_nir
        if rng.random() < 0.6:
            married = insured if insured.sex == 1 else spouse
            insured.family_name = spouse.family_name = married.birth_name
        return spouse

    def _make_children(
        self, rng: Random, nirs: NirSource, insured: Person, *, surname: str, residence: Residence
    ) -> list[Person]:
        """Draw children of different years, so that only twins share a birth date."""
        children: list[Person] = []
        year = insured.year + 21 + int(rng.random() * 15)
        oldest = self._today.year - MAX_CHILD_AGE
        if year < oldest:
            year = oldest + int(rng.random() * min(8, insured.year + 50 - oldest + 1))
        holders = 0
        for _ in range(_CHILDREN[int(rng.random() * len(_CHILDREN))]):
            if year > self._today.year:
                break
            birth_date = self._draw_past_date(rng, year)
            births = 1 if rng.random() >= TWIN_SHARE else 2 if rng.random() < 0.97 else 3
            for rank in range(1, births + 1):
                child = self._make_child(rng, insured, birth_date, rank=rank, surname=surname)
                if holders < 2 and self._wants_own_nir(rng, child):
                    holders += 1
                    self._give_own_nir(rng, nirs, child, residence)
                    if births == 1:  # twins stay together, so that their ranks make sense
                        self._give_own_rights(rng, child)
                children.append(child)
            year += 1 + int(rng.random() * 4)
        return children

    def _make_child(
        self, rng: Random, insured: Person, birth_date: str, *, rank: int, surname: str
    ) -> Person:
        sex, year = _draw_sex(rng), int(birth_date[:4])
        return Person(
            sex, year, birth_date, rank, CHILD, surname, surname,
            self._names.first_names(rng, sex=sex, year=year), insured.insured_nir,
        )  # fmt: skip

    def _wants_own_nir(self, rng: Random, child: Person) -> bool:
        age = self._today.year - child.year
        return rng.random() < (0.9 if age >= _ADULT_AGE else 0.5 if age >= 16 else 0.15)

    def _give_own_nir(
        self, rng: Random, nirs: NirSource, child: Person, residence: Residence
    ) -> None:
        place = self._places.draw_birth_place(rng, near=residence.department)
        month = int(child.birth_date[4:6])
        child.own_nir = nirs.issue(sex=child.sex, year=child.year, month=month, place=place)

    def _give_own_rights(self, rng: Random, child: Person) -> None:
        grown = self._today.year - child.year > _ADULT_AGE
        if grown and rng.random() < OWN_RIGHTS_SHARE:
            child.insured_nir = child.own_nir

    def _make_other(
        self, rng: Random, nirs: NirSource, insured: Person, *, residence: Residence
    ) -> Person:
        """Draw an ascendant who lives on the insured's rights."""
        other = self._make_adult(
            rng, nirs, sex=_draw_sex(rng), year=max(insured.year - 30, self._today.year - 104),
            surname=insured.birth_name, residence=residence,
        )  # fmt: skip
        other.quality = OTHER
        other.own_nir, other.insured_nir = other.insured_nir, insured.insured_nir
        return other

    def _draw_past_date(self, rng: Random, year: int) -> str:
        if year < self._today.year:
            return _draw_date(rng, year)[1]
        first = date(year, 1, 1).toordinal()
        born = first + int(rng.random() * (self._today.toordinal() - first + 1))
        return f"{date.fromordinal(born):%Y%m%d}"


def _draw_shape(rng: Random, age: int) -> tuple[bool, bool]:
    """Say whether the insured has a spouse and children on the contract."""
    draw = rng.random()
    single, couple, family = next(shares for oldest, *shares in _SHAPES if age <= oldest)
    if draw < single:
        return False, False
    if draw < single + couple:
        return True, False
    return draw < single + couple + family, True


def _draw_sex(rng: Random) -> int:
    return 1 if rng.random() < 0.49 else 2


def _draw_date(rng: Random, year: int) -> tuple[int, str]:
    month = int(rng.random() * 12)
    day = 1 + int(rng.random() * _LAST_DAYS[month])
    return month + 1, f"{year}{month + 1:02d}{day:02d}"


def _draw_uncertain(rng: Random, year: int) -> tuple[int, str]:
    """Draw a NIR month from 20 to 42, and a date known otherwise, conventional, or lunar."""
    month = 20 + int(rng.random() * 23)
    if rng.random() < LUNAR_SHARE:
        if rng.random() < 0.3:
            return month, f"{year}0231"
        return month, f"{year}{13 + int(rng.random() * 7)}{1 + int(rng.random() * 28):02d}"
    return month, f"{year}0101" if rng.random() < 0.5 else _draw_date(rng, year)[1]


def _change_number(rng: Random, insured: Person) -> str:
    """Make the insured hold a NIA, or have held one; return the number held before, if any.

    Only for people born abroad: the others have their NIR from birth.
    """
    if insured.insured_nir[5:7] != "99" or rng.random() >= 2 * WAITING_SHARE:
        return ""
    waiting = to_waiting_number(insured.insured_nir)
    if rng.random() < 0.5:
        return waiting
    insured.insured_nir = waiting
    insured.own_nir = ""
    return ""


_ASCII: Final = str.maketrans("àâäçéèêëîïôöùûüÿ -'", "aaaceeeeiioouuuy___")


def _draw_contact(rng: Random, insured: Person) -> tuple[str, str]:
    """Draw an address at a domain that cannot exist and a number kept for works of fiction."""
    email = phone = ""
    if rng.random() < 0.72:
        first = insured.first_names.split(" ", 1)[0].lower().translate(_ASCII)
        last = insured.family_name.lower().translate(_ASCII).replace("_", "")
        domain = _MAIL_DOMAINS[int(rng.random() * len(_MAIL_DOMAINS))]
        email = f"{first.replace('_', '-')}.{last}{int(rng.random() * 1000)}@{domain}"
    if rng.random() < 0.85:
        head = "063998" if rng.random() < 0.75 else "019900"
        phone = f"{head}{int(rng.random() * 10_000):04d}"
    return email, phone
