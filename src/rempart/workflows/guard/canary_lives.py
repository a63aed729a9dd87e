"""The life of a canary: a household made of pieces of others, which nobody leads.

Refuses to copy anybody: names, birth, numbers and address of one canary come from different people,
and what could reach somebody (a telephone, a mailbox) is left out or cannot exist. Contracts,
guarantees and dates are a real household's: rows that tell a canary from a member do not exist.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from msgspec import structs

from rempart.kernel.crockford import ALPHABET
from rempart.kernel.periods import Period
from rempart.rights.lookup import CARD_LETTERS
from rempart.rights.sheet import Line, Sheet
from rempart.storage.sealing import ContractRecord, PersonRecord
from rempart.workflows.guard.canary_numbers import NumberSource

INSURED: Final = 1
CHILD: Final = 3
YEARS_MOVED: Final = 3
ALIKE_YEARS: Final = 12
FICTION_PHONES: Final = ("019900", "026191", "035301", "046571", "053649", "063998")
"""Beginnings that the regulator keeps for fiction: nobody has such a number (S46)."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of an insurer as they are now: whom a canary resembles, or a canary.

    Args:
        person_ref: Their reference.
        opened_in: Version of their sheet.
        sheet: Their lines.
        record: Who they are.
    """

    person_ref: int
    opened_in: int
    sheet: Sheet
    record: PersonRecord

    def __repr__(self) -> str:
        return "<Member>"

    @property
    def contract_ref(self) -> int:
        """The contract of their last line."""
        return self.sheet[-1].contract_ref

    @property
    def birth_year(self) -> int:
        """The year of birth."""
        return int(self.record.birth_date[:4])

    @property
    def place(self) -> str:
        """Where they live and how old they are, roughly: what canaries are spread over."""
        return f"{self.record.postcode[:2]}/{self.birth_year // 10}"


@dataclass(frozen=True, slots=True)
class Invented:
    """A canary to be planted.

    Args:
        record: Who it claims to be.
        sheet: Its lines.
        opened_in: Version its sheet is opened in: the model's.
    """

    record: PersonRecord
    sheet: Sheet
    opened_in: int

    def __repr__(self) -> str:
        return "<Invented>"


class Donors:
    """Members of whom pieces are taken: a first name here, a street there.

    Args:
        members: A sample of an insurer's people.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        self._numbers = {
            contract.member_number for one in members for contract in one.record.contracts
        }
        self._by_kind: dict[tuple[int, str], list[Member]] = defaultdict(list)
        for member in members:
            self._by_kind[member.record.quality, _read_sex(member.record)].append(member)

    def has_number(self, member_number: str) -> bool:
        """Tell whether one of them has this member number."""
        return member_number in self._numbers

    def family_name(self, chance: Random) -> str:
        """Return somebody's family name."""
        return chance.choice(self._members).record.family_name

    def first_names(self, chance: Random, *, quality: int, sex: str, year: int) -> str:
        """Return the first names of somebody of one sex, born about then; of anybody if need be."""
        same = self._by_kind.get((quality, sex), [])
        near = [one for one in same if abs(one.birth_year - year) <= ALIKE_YEARS]
        return chance.choice(near or same or self._members).record.first_names

    def street(self, chance: Random) -> str:
        """Return somebody's street, with another number in it."""
        number, _, rest = chance.choice(self._members).record.address.partition(" ")
        return f"{chance.randrange(1, 120)} {rest}" if number.isdigit() and rest else number


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What inventing works with.

    Args:
        donors: Of pieces.
        numbers: Of NIR.
        chance: Where chance comes from.
        refer: Gives the reference of a contract number.
        taken: References that contracts have already; grows.
        today: Paris civil date.
    """

    donors: Donors
    numbers: NumberSource
    chance: Random
    refer: Callable[[str], int]
    taken: set[int]
    today: date

    def is_taken(self, contract_number: str) -> bool:
        """Tell whether a contract has this number, or had."""
        return self.refer(contract_number) in self.taken


def invent_household(models: Sequence[Member], workshop: Workshop) -> list[Invented]:
    """Return a household like another one: same shape, same guarantees, nobody's identity.

    Args:
        models: The people of one contract, at least one.
        workshop: Where pieces come from.
    """
    household = _Household(models, workshop)
    return [
        Invented(household.invent_record(model), household.invent_sheet(model), model.opened_in)
        for model in models
    ]


def invent_newborn(parent: Member, workshop: Workshop, opened_in: int) -> Invented:
    """Return a child born lately to a canary, covered by its contract from birth.

    Args:
        parent: A canary.
        workshop: Where pieces come from.
        opened_in: Version its sheet is opened in.
    """
    chance, record = workshop.chance, parent.record
    born = workshop.today - timedelta(days=chance.randrange(5, 60))
    running = [line for line in parent.sheet if line.period.ends_on >= workshop.today]
    sheet = tuple(
        Line(
            line.contract_ref,
            Period(max(born, line.period.starts_on), line.period.ends_on),
            line.suspended,
            line.terms_id,
        )
        for line in running
    )
    first_names = workshop.donors.first_names(chance, quality=CHILD, sex="", year=born.year)
    child = structs.replace(
        record,
        birth_date=f"{born:%Y%m%d}",
        birth_rank="1",
        first_names=first_names,
        quality=CHILD,
        stated_on=f"{born}",
        own_nir="",
        birth_name="",
        email="",
        phone="",
        contracts=tuple(
            structs.replace(one, card_code=_draw_card(chance) if one.card_code else "")
            for one in record.contracts
        ),
    )
    return Invented(child, sheet, opened_in)


class _Household:
    """What the people of one invented household share."""

    def __init__(self, models: Sequence[Member], workshop: Workshop) -> None:
        self._workshop = workshop
        self._chance = chance = workshop.chance
        self._street = workshop.donors.street(chance)
        self._years = self._draw_years(models)
        self._names: dict[str, str] = {}
        self._births: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._contracts: dict[str, ContractRecord] = {}

    def invent_record(self, model: Member) -> PersonRecord:
        """Return who somebody like `model` would be in this household."""
        known, donors, chance = model.record, self._workshop.donors, self._chance
        birth_date = self._rebirth(known.birth_date)
        first_names = donors.first_names(
            chance, quality=known.quality, sex=_read_sex(known), year=int(birth_date[:4])
        )
        family_name = self._rename(known.family_name)
        covered = {line.contract_ref for line in model.sheet}
        contracts = [
            structs.replace(
                self._recontract(one),
                card_code=_draw_card(chance) if one.card_code else "",
                stated_on=one.stated_on,
            )
            for one in known.contracts
            if self._workshop.refer(one.contract_number) in covered
        ]
        return PersonRecord(
            insured_nir=self._renumber(known.insured_nir),
            birth_date=birth_date,
            birth_rank=known.birth_rank,
            family_name=family_name,
            first_names=first_names,
            quality=known.quality,
            stated_on=known.stated_on,
            contracts=tuple(sorted(contracts, key=lambda one: one.contract_number)),
            own_nir=self._renumber(known.own_nir),
            birth_name=self._rename(known.birth_name),
            email=_redirect(known.email, chance),
            phone=_redial(known.phone, chance),
            address=self._street if known.address else "",
            postcode=known.postcode,
            city=known.city,
        )

    def invent_sheet(self, model: Member) -> Sheet:
        """Return the lines of `model`, of this household's contracts."""
        refer = self._workshop.refer
        ours = {
            refer(one.contract_number): refer(self._recontract(one).contract_number)
            for one in model.record.contracts
        }
        return tuple(
            Line(ours[line.contract_ref], line.period, line.suspended, line.terms_id)
            for line in model.sheet
        )

    def _draw_years(self, models: Sequence[Member]) -> int:
        """Draw by how many years everybody is older or younger; nobody is born tomorrow."""
        years = self._chance.randrange(1, YEARS_MOVED + 1)
        youngest = max(model.birth_year for model in models)
        older = youngest + years >= self._workshop.today.year
        return -years if older or self._chance.random() < 1 / 2 else years

    def _rename(self, name: str) -> str:
        if name and name not in self._names:
            self._names[name] = self._workshop.donors.family_name(self._chance)
        return self._names.get(name, "")

    def _rebirth(self, text: str) -> str:
        """Move a birth date; twins stay twins, days that no calendar has stay so, and no others."""
        if text not in self._births:
            day = text[6:]
            if "01" <= day <= "28" or text[4:] == "0229":
                day = f"{self._chance.randrange(1, 29):02d}"
            self._births[text] = f"{int(text[:4]) + self._years}{text[4:6]}{day}"
        return self._births[text]

    def _renumber(self, number: str) -> str:
        if number and number not in self._numbers:
            year = (int(number[1:3]) + self._years) % 100
            head = f"{number[0]}{year:02d}{number[3:5]}"
            drawn = self._workshop.numbers.draw(self._chance, head=head, place=number[5:10])
            self._numbers[number] = drawn.number
        return self._numbers.get(number, "")

    def _recontract(self, known: ContractRecord) -> ContractRecord:
        """Return a contract whose number nobody has, near the one it resembles."""
        if known.contract_number not in self._contracts:
            workshop = self._workshop
            number = draw_free(
                known.contract_number,
                workshop.chance,
                lambda one: workshop.refer(one) in workshop.taken,
            )
            workshop.taken.add(workshop.refer(number))
            member = draw_free(known.member_number, workshop.chance, workshop.donors.has_number)
            self._contracts[known.contract_number] = ContractRecord(
                number, member, "", known.stated_on
            )
        return self._contracts[known.contract_number]


def draw_free(like: str, chance: Random, is_taken: Callable[[str], bool]) -> str:
    """Return a number of the same form as another one, which is not taken.

    Its last digits change first, so that it lies among those given already rather than among those
    that somebody will get; more of them when none is free there.

    Raises:
        ValueError: there is no digit to change, or every such number is taken.
    """
    places = [place for place, letter in enumerate(like) if letter.isdigit()]
    for changed in range(1, len(places) + 1):
        for _ in range(10 * changed):
            letters = list(like)
            for place in places[-changed:]:
                letters[place] = str(chance.randrange(10))
            drawn = "".join(letters)
            if drawn != like and not is_taken(drawn):
                return drawn
    raise ValueError("No number of this form is free.")


def _draw_card(chance: Random) -> str:
    return "".join(chance.choices(ALPHABET, k=CARD_LETTERS))


def _read_sex(record: PersonRecord) -> str:
    """Return 1 or 2 when a number of the person's own says so, and nothing otherwise."""
    own = record.own_nir or (record.insured_nir if record.quality == INSURED else "")
    return "" if not own else "1" if own[0] in "17" else "2"


def _redirect(email: str, chance: Random) -> str:
    """Return an address where no mailbox can be, like one where none can be; else none."""
    name, _, domain = email.partition("@")
    if not domain.endswith(".invalid"):
        return ""
    return f"{name.rstrip('0123456789')}{chance.randrange(1, 10_000)}@{domain}"


def _redial(phone: str, chance: Random) -> str:
    """Return a telephone number that is nobody's, like one that is nobody's; else none."""
    if not phone.startswith(FICTION_PHONES):
        return ""
    return phone[:6] + f"{chance.randrange(10**4):04d}"[: max(0, len(phone) - 6)]
