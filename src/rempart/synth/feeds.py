"""One insurer's feed, folder by folder, from its own seed.

Refuses to hold the feed: memory does not grow with the number of members.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Final, NamedTuple

from rempart.synth.dice import make_dice
from rempart.synth.folders import Folder, make_lines
from rempart.synth.histories import HistoryMaker, Stretch
from rempart.synth.households import CHILD, INSURED, SPOUSE, Household, HouseholdMaker
from rempart.synth.names import Names
from rempart.synth.nirs import MoverNirs, NirBook
from rempart.synth.places import Places
from rempart.synth.plan import Insurer, Plan, moving_day

DOUBLE_ATTACHED_SHARE: Final = 0.03
"""Couples with children where both parents are insured here and each has the children."""
LET_GO_SHARE: Final = 0.12
"""Grown children taken off a contract that goes on."""
_LET_GO_AGE: Final = 24
_HOUSEHOLD_SIZE: Final = 2.7
"""A little over the real average, so that every moving household finds its turn."""


class Tables(NamedTuple):
    """What every feed draws from."""

    names: Names
    places: Places


@cache
def load_tables() -> Tables:
    """Read names and places once per process."""
    return Tables(Names(), Places())


class Feed:
    """Draws the folders of one insurer; twice the same feed, twice the same folders."""

    def __init__(self, plan: Plan, insurer: Insurer) -> None:
        self.insurer = insurer
        self.today = plan.parameters.today
        self._parameters = plan.parameters
        tables = load_tables()
        self._rng = make_dice(plan.parameters.seed, "feed", insurer.insurer_id)
        self._book = NirBook(insurer.first_serial)
        self._mover_serial = plan.mover_serial
        self.households = HouseholdMaker(tables.names, tables.places, self.today)
        self.histories = HistoryMaker(self._rng, insurer, self.today)
        self._folders = 0
        self._leaving = frozenset(insurer.leaving)

    def draw_folders(self) -> Iterator[Folder]:
        """Draw every folder of the full feed, exactly as many people as the plan says."""
        moves = sorted((*self.insurer.leaving, *self.insurer.joining))
        for move in moves:
            for nir in self._draw_mover(move)[1]:
                self._book.reserve(nir)
        every = max(1, int(self.insurer.members / _HOUSEHOLD_SIZE / (len(moves) + 1)))
        pending = iter(moves)
        room, turn = self.insurer.members, 0
        while room > 0:
            turn += 1
            mover = next(pending, None) if turn % every == 0 else None
            drawn = self._draw_stayers(room) if mover is None else [self._draw_move(mover, room)]
            for folder in drawn:
                room -= len(folder.household.people)
                yield folder

    def draw_new_folder(self, starts: date) -> Folder:
        """Draw a household that joins on `starts`, after the folders of the full feed."""
        household = self.households.make(self._rng, self._book)
        return self._open(household, self.histories.make_new(starts=starts))

    def _draw_stayers(self, room: int) -> list[Folder]:
        """Draw a household that only this insurer knows: one folder, or one for each parent."""
        household = self.households.make(self._rng, self._book, room=room)
        history = self.histories.make(insured_year=household.people[0].year)
        draw = self._rng.random()
        other = None
        if history[-1].ends is None and draw < DOUBLE_ATTACHED_SHARE:
            other = _attach_twice(household, room)
        folders = [self._open(household, history)]
        if other is not None:
            year = other.people[0].year
            folders.append(self._open(other, self.histories.make_lasting(insured_year=year)))
        return folders

    def _draw_move(self, move: int, room: int) -> Folder:
        """Draw a household that left this insurer, or came to it, on its moving day."""
        household, _ = self._draw_mover(move)
        household.people = household.people[:room]
        last_day = moving_day(move, self._parameters)
        leaving = move in self._leaving
        if leaving:
            year = household.people[0].year
            history = self.histories.make_leaving(insured_year=year, last_day=last_day)
        else:
            history = self.histories.make_joining(first_day=last_day + timedelta(days=1))
        folder = self._open(household, history)
        folder.move, folder.leaving = move, leaving
        return folder

    def _draw_mover(self, move: int) -> tuple[Household, list[str]]:
        """Draw a moving household, the same in both feeds, and the NIR it holds."""
        seed = self._parameters.seed
        nirs = MoverNirs(self._mover_serial, move)
        household = self.households.make(make_dice(seed, "mover", move), nirs)
        return household, nirs.issued

    def _open(self, household: Household, history: list[Stretch]) -> Folder:
        """Open the folder of a household, and let some grown children go."""
        lines = make_lines(self._rng, household, history)
        if history[-1].ends is None:
            for line in lines:
                person = line.person
                grown = person.quality == CHILD and self.today.year - person.year >= _LET_GO_AGE
                if grown and line.ends is None and self._rng.random() < LET_GO_SHARE:
                    days = 1 + int(self._rng.random() * 500)
                    line.ends = max(self.today - timedelta(days=days), line.starts)
        self._folders += 1
        number = self._folders * 48_271 % 99_999_989
        return Folder(household, f"{number:08d}", lines)


def _attach_twice(household: Household, room: int) -> Household | None:
    """Make both parents insured, the children on both contracts, and return the other's home.

    Nothing is done when there is no couple with children, or no room for the children twice. The
    children's own NIR is left out, since it would name two beneficiaries of one insurer.
    """
    if len(household.people) < 3 or household.people[1].quality != SPOUSE:
        return None
    insured, spouse, *children = household.people
    shared = [child for child in children if child.insured_nir == insured.insured_nir]
    if not shared or len(household.people) + len(shared) > room:
        return None
    for child in shared:
        child.own_nir = ""
    parent = replace(spouse, quality=INSURED, insured_nir=spouse.own_nir, previous_nir="")
    copies = [replace(child, insured_nir=spouse.own_nir, previous_nir="") for child in shared]
    household.people = [insured, *children]
    household.double_attached = True
    return replace(household, people=[parent, *copies], email="")
