"""Plants people whom nobody lawful has a reason to look up, and lets them live.

Refuses a canary that is told from a member by anything but guard.canary: rows, dates, guarantees
and numbers are of the population around it. Refuses a number that somebody holds, above all else.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest
from random import Random
from typing import Final

from rempart.kernel.errors import Conflict, InvalidRequest, NotFound, SetupError
from rempart.kernel.nir import Nir
from rempart.rights.sheet import Line, Sheet, last_day
from rempart.storage import canaries, feed_copy, feeds, identity, sheets
from rempart.storage.canaries import StoredCanary
from rempart.storage.connect import Transaction
from rempart.storage.feed_copy import Packer
from rempart.storage.feeds import FeedInsurer
from rempart.storage.sealing import Seal, encode_record, load_insurer_key, open_sealed
from rempart.storage.sheets import prepare_connection
from rempart.workflows.feeds.import_feed import FeedSecrets
from rempart.workflows.feeds.keys import FeedKeys
from rempart.workflows.feeds.people import write_new
from rempart.workflows.feeds.person import PersonKeys, compute_keys
from rempart.workflows.feeds.prepared_feed import NewPerson, pack_new
from rempart.workflows.feeds.sweep_former_members import sweep_former_members
from rempart.workflows.guard.canary_lives import (
    Donors,
    Invented,
    Member,
    Workshop,
    invent_household,
    invent_newborn,
)
from rempart.workflows.guard.canary_numbers import ImpossibleNumbers, NumberSource

SAMPLE_EACH: Final = 8
SAMPLE_LEAST: Final = 200
TRIES: Final = 20
LEAVE_A_YEAR: Final = 0.08
"""Share of canary households that leave their insurer in a year; the next two, that change their
guarantee and that have a child."""
CHANGE_A_YEAR: Final = 0.10
BIRTH_A_YEAR: Final = 0.03
OUTDATED_SHARE: Final = 0.8
"""A contract is outdated when so many members have one that ends later."""
SOON_DAYS: Final = 31
PARENT_YEARS: Final = range(20, 43)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantRequest:
    """Whom to plant, or whose lives to look at.

    Args:
        insurer_id: Whose members they pass for.
        today: Paris civil date.
        chance: Where chance comes from: nobody can guess it outside of tests.
        count: How many people, when planting.
        registers: Where numbers come from among real people; None is enough among invented ones.
    """

    insurer_id: int
    today: date
    chance: Random
    count: int = 0
    registers: NumberSource | None = None


@dataclass(frozen=True, slots=True)
class Planted:
    """What was planted: people, households, look-up keys."""

    people: int
    households: int
    keys: int


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What happened to the canaries of one insurer.

    Args:
        living: Canaries that are members.
        renewed: Canaries whose contract was renewed as those around it.
        changed: Canaries whose guarantee changed.
        born: Children born to canaries.
        left: Canaries that are members no more; they stay canaries.
    """

    living: int
    renewed: int
    changed: int
    born: int
    left: int


def plant_canaries(
    tx: Transaction,
    secrets: FeedSecrets,
    request: PlantRequest,
    *,
    report: Callable[[int], None] = lambda _: None,
) -> Planted:
    """Plant canaries among an insurer's members, household by household.

    Args:
        tx: An open transaction of the role `feeds`; imports wait for its end.
        secrets: Keys.
        request: How many, and whose.
        report: Told how many people are planted, after each household.

    Returns:
        What was planted: `count` people, or a few more when only families are left to resemble.

    Raises:
        NotFound: the insurer is not registered.
        Conflict: it has no members to resemble.
        SetupError: its members are real people, and no registers were given.
        InvalidRequest: fewer than one person is asked for.
    """
    if request.count < 1:
        raise InvalidRequest("plant at least one person", (("count", "write 1 or more"),))
    nursery = _Nursery(tx, secrets, request)
    households = nursery.load_households()
    people = planted = keys = 0
    while people < request.count:
        for models in spread(households, request.count - people, request.chance):
            grown = nursery.plant(models)
            people, planted, keys = people + len(models), planted + 1, keys + grown
            report(people)
    return Planted(people, planted, keys)


def refresh_canaries(tx: Transaction, secrets: FeedSecrets, request: PlantRequest) -> Refreshed:
    """Let the canaries of an insurer live: to be run after each feed, and at least once a month.

    Lives move with the feeds, as everybody's do: what was opened in the version readers see now
    waits for the next one.

    Raises:
        NotFound: the insurer is not registered.
        Conflict: it has no members to resemble.
        SetupError: its members are real people, and no registers were given.
    """
    return _Nursery(tx, secrets, request).let_live()


def retire_canaries(tx: Transaction, insurer_id: int, *, count: int | None, chance: Random) -> int:
    """Have some canaries, or all, leave their insurer at the next refresh; return how many.

    They stay canaries for ever: a list made while they were members still holds who uses it.
    """
    living = [one for one in canaries.list_canaries(tx, insurer_id) if one.retired_at is None]
    leaving = living if count is None else chance.sample(living, min(count, len(living)))
    canaries.note_retired(tx, (one.person_ref for one in leaving))
    return len(leaving)


def spread(
    households: Sequence[Sequence[Member]], count: int, chance: Random
) -> list[Sequence[Member]]:
    """Choose households with about `count` people, from as many places and ages as possible.

    Returns:
        At least one household; never more people than `count` unless each has more.
    """
    by_place: dict[str, list[Sequence[Member]]] = defaultdict(list)
    for household in chance.sample(households, len(households)):
        by_place[household[0].place].append(household)
    ages: dict[str, list[list[Sequence[Member]]]] = defaultdict(list)
    for place in chance.sample(list(by_place), len(by_place)):
        ages[place.partition("/")[0]].append(by_place[place])
    # One age of every department, then another: few canaries are in as many places already.
    turns = [turn for one in zip_longest(*ages.values(), fillvalue=[]) for turn in one]
    chosen: list[Sequence[Member]] = []
    left = count
    while any(turns) and left > 0:
        for waiting in turns:
            if waiting and len(household := waiting.pop()) <= left:
                chosen.append(household)
                left -= len(household)
    return chosen or [min(households, key=len)]


def choose_numbers(members: Iterable[Member], registers: NumberSource | None) -> NumberSource:
    """Say where the numbers of canaries come from, by the people around them.

    Raises:
        SetupError: some are real people, and no registers were given: an impossible number would
            be told from theirs at a glance, and any other one may be somebody's.
    """
    if all(Nir(member.record.insured_nir).is_synthetic for member in members):
        return ImpossibleNumbers()
    if registers is None:
        raise SetupError(
            "the members of this insurer are real people: give --registers FILE, how many births "
            "communes register in a month, so that no canary has a number that somebody holds"
        )
    return registers


class _Nursery:
    """One insurer's members and canaries, while canaries are planted or looked at."""

    def __init__(self, tx: Transaction, secrets: FeedSecrets, request: PlantRequest) -> None:
        prepare_connection(tx)
        feeds.lock_insurer(tx, request.insurer_id)
        self._tx = tx
        self._request = request
        self._insurer = _load_insurer(tx, request.insurer_id)
        key = load_insurer_key(tx, secrets.kms, request.insurer_id)
        self._seal = Seal(request.insurer_id, key)
        self._keys = FeedKeys(self._insurer.amc_number, secrets.lookup_key, secrets.contract_key)
        first = request.chance.randrange(1 << 63)
        most = max(SAMPLE_LEAST, SAMPLE_EACH * request.count)
        refs = canaries.sample_members(tx, request.insurer_id, first=first, most=most)
        self._members = [one for one in self._load(refs) if self._is_running(one)]
        if not self._members:
            raise Conflict(
                f"insurer {request.insurer_id} has no member whom a canary could resemble: "
                "import a feed first"
            )
        self._workshop = Workshop(
            donors=Donors(self._members),
            numbers=choose_numbers(self._members, request.registers),
            chance=request.chance,
            refer=self._keys.contract,
            taken=canaries.list_contracts(tx, request.insurer_id),
            today=request.today,
        )

    def load_households(self) -> list[Sequence[Member]]:
        """Return the households of the sample, whole."""
        contracts = {member.contract_ref for member in self._members}
        refs = canaries.list_households(self._tx, self._request.insurer_id, contracts)
        return [
            household
            for household in self._gather(self._load(refs))
            if household[0].contract_ref in contracts and all(map(self._is_running, household))
        ]

    def plant(self, models: Sequence[Member]) -> int:
        """Plant a household that resembles one; return how many keys lead to it."""
        for _ in range(TRIES):
            invented = invent_household(models, self._workshop)
            keys = [self._compute_keys(one) for one in invented]
            wanted = [key for each in keys for key in (*each.current, *each.other)]
            if len(set(wanted)) == len(wanted) and not identity.find_persons(self._tx, wanted):
                for one, own in zip(invented, keys, strict=True):
                    self._write(one, own)
                return len(wanted)
        raise Conflict(
            f"no free number was found for a canary of insurer {self._request.insurer_id}: "
            "name more communes in the registers"
        )

    def let_live(self) -> Refreshed:
        """See what became of each household of canaries since the last time."""
        stored = {
            one.person_ref: one
            for one in canaries.list_canaries(self._tx, self._request.insurer_id)
        }
        living = [member for member in self._load(list(stored)) if self._may_move(member)]
        leaving = {one.person_ref for one in living if stored[one.person_ref].retired_at}
        renewed: list[Member] = []
        changed: list[Member] = []
        born = 0
        for household in self._gather([one for one in living if one.person_ref not in leaving]):
            share = self._measure_time(stored[household[0].person_ref])
            if self._falls(LEAVE_A_YEAR, share):
                leaving |= {one.person_ref for one in household}
            elif self._is_outdated(household):
                renewed += household
            elif self._falls(CHANGE_A_YEAR, share):
                changed += household
            elif self._falls(BIRTH_A_YEAR, share):
                born += self._bear(household)
        self._restate(renewed + changed)
        self._leave(leaving)
        canaries.note_refreshed(self._tx, stored)
        staying = [one for one in stored.values() if not one.retired_at]
        return Refreshed(
            living=sum(one.person_ref not in leaving for one in staying) + born,
            renewed=len(renewed),
            changed=len(changed),
            born=born,
            left=len(leaving),
        )

    def _load(self, refs: Sequence[int]) -> list[Member]:
        """Return people as readers see them; those whose sheet is not one to copy are left out."""
        shown = {
            one.person_ref: one
            for one in sheets.load_sheets(self._tx, 0, refs)
            if one.closed_in == feed_copy.STILL_OPEN
            and one.opened_in <= self._insurer.published_version
        }
        members = []
        for ref, stored in identity.load_persons(self._tx, 0, list(shown)).items():
            record = open_sealed(self._seal, ref, stored.sealed)
            sheet = feed_copy.decode_sheet(shown[ref].body)
            known = {self._keys.contract(one.contract_number) for one in record.contracts}
            if {line.contract_ref for line in sheet} <= known:
                members.append(Member(ref, shown[ref].opened_in, sheet, record))
        return members

    def _gather(self, members: Iterable[Member]) -> list[Sequence[Member]]:
        by_contract: dict[int, list[Member]] = defaultdict(list)
        for member in members:
            by_contract[member.contract_ref].append(member)
        return [
            sorted(people, key=lambda one: (one.record.quality, one.record.birth_date))
            for people in by_contract.values()
        ]

    def _is_running(self, member: Member) -> bool:
        return last_day(member.sheet) >= self._request.today

    def _may_move(self, member: Member) -> bool:
        return member.opened_in < self._insurer.published_version

    def _compute_keys(self, invented: Invented) -> PersonKeys:
        return compute_keys(
            invented.record, invented.sheet, keys=self._keys, today=self._request.today
        )

    def _write(self, invented: Invented, keys: PersonKeys) -> None:
        plain = encode_record(invented.record)
        body = feed_copy.encode_sheet(invented.sheet)
        person = NewPerson(keys, plain, self._seal.digest(plain), body, ended=False)
        packer = Packer(insurer_id=self._insurer.insurer_id, version=invented.opened_in)
        [ref], rows = pack_new(packer, self._seal, [person])
        write_new(self._tx, rows)
        canaries.add_canary(self._tx, self._insurer.insurer_id, ref, [*keys.current, *keys.other])

    def _measure_time(self, stored: StoredCanary) -> float:
        """Return the part of a year since a canary's life was last looked at."""
        return max(0, (self._request.today - stored.refreshed_at.date()).days) / 365

    def _falls(self, a_year: float, share: float) -> bool:
        return self._request.chance.random() < 1 - math.exp(-a_year * share)

    def _is_outdated(self, household: Sequence[Member]) -> bool:
        """Tell whether a contract ends soon, and most people around have one that ends later."""
        ends_on = max(last_day(one.sheet) for one in household)
        if ends_on >= self._request.today + timedelta(days=SOON_DAYS):
            return False
        later = sum(last_day(member.sheet) > ends_on for member in self._members)
        return later >= OUTDATED_SHARE * len(self._members)

    def _restate(self, members: Sequence[Member]) -> None:
        """Give households the lines of others: what a feed would now say of them."""
        version = self._insurer.published_version
        packer = Packer(insurer_id=self._insurer.insurer_id, version=version)
        rows = []
        for household in self._gather(members):
            model = self._request.chance.choice(self._members)
            for one in household:
                body = feed_copy.encode_sheet(_take_over(one, model))
                rows.append(packer.sheet(one.person_ref.to_bytes(8, "big"), body))
        sheets.close_sheets(self._tx, version, [one.person_ref for one in members])
        sheets.copy_sheets(self._tx, sorted(rows))

    def _bear(self, household: Sequence[Member]) -> int:
        """Give a child to a household where somebody is of an age to have one; return how many."""
        this_year = self._request.today.year
        parent = household[0]
        if this_year - parent.birth_year not in PARENT_YEARS:
            return 0
        child = invent_newborn(parent, self._workshop, self._insurer.published_version)
        keys = self._compute_keys(child)
        if identity.find_persons(self._tx, [*keys.current, *keys.other]):
            return 0  # the parent had one the same day: another time
        self._write(child, keys)
        return 1

    def _leave(self, refs: Collection[int]) -> None:
        """Close contracts as a feed that states them no more, and take keys out of reach."""
        if not refs:
            return
        sheets.close_sheets(self._tx, self._insurer.published_version, sorted(refs))
        canaries.note_retired(self._tx, refs)
        sweep_former_members(self._tx, self._request.today, insurer_ids=[self._insurer.insurer_id])


def _load_insurer(tx: Transaction, insurer_id: int) -> FeedInsurer:
    insurer = feeds.load_insurer(tx, insurer_id)
    if insurer is None:
        raise NotFound(f"insurer {insurer_id} is not registered: import a feed first")
    return insurer


def _take_over(canary: Member, model: Member) -> Sheet:
    """Return the lines of somebody's running contract under a canary's own."""
    return tuple(
        Line(canary.contract_ref, line.period, line.suspended, line.terms_id)
        for line in model.sheet
        if line.contract_ref == model.contract_ref
    )
