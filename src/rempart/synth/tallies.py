"""Counts what a feed holds, so that a test, a drill or a reader knows the truth of a data set.

Refuses estimates: every folder is counted as it is written.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Final

from rempart.synth.folders import Folder, Line
from rempart.synth.households import CHILD, INSURED, Person

_TWO_YEARS: Final = timedelta(days=730)

MEANINGS: Final = {
    "people": "people in the feed (person and insurer)",
    "lines": "lines of the feed",
    "current": "covered today, suspended or not",
    "former": "no longer covered, and not to be again",
    "former_recent": "former for less than two years",
    "future": "not covered yet",
    "suspended": "covered but suspended today",
    "left": "people whose household went to another insurer of the set",
    "joined": "people whose household came from another insurer of the set",
    "two_contracts": "people with lines in two contracts of this insurer",
    "double_attached": "children who are on both parents' contracts, counted once in each",
    "without_card": "people none of whose lines has a card code",
    "own_nir": "people on somebody else's NIR whose own NIR is known",
    "twins": "people with a birth rank of 2 or more",
    "lunar": "people whose birth date is in no calendar",
    "uncertain_month": "insured NIR holders with a month from 20 to 42",
    "waiting_number": "people on a waiting number (NIA)",
    "changed_number": "people on a NIR that replaced a waiting number",
    "corsica": "insured people born in Corsica",
    "overseas": "insured people born overseas",
    "abroad": "insured people born abroad, former departments aside",
}
"""Every count and what it counts."""


class Tally:
    """Running counts of one feed."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._counts: Counter[str] = Counter(dict.fromkeys(MEANINGS, 0))

    def add(self, folder: Folder) -> None:
        """Count one folder."""
        counts = self._counts
        counts["lines"] += len(folder.lines)
        groups: dict[int, list[Line]] = {}
        for line in folder.lines:
            groups.setdefault(id(line.person), []).append(line)
        counts["people"] += len(groups)
        if folder.move >= 0:
            counts["left" if folder.leaving else "joined"] += len(groups)
        for lines in groups.values():
            person = lines[0].person
            self._add_coverage(lines)
            self._add_identity(person)
            on_insured = person.insured_nir == folder.household.people[0].insured_nir
            if folder.household.double_attached and person.quality == CHILD and on_insured:
                counts["double_attached"] += 1
            if len(lines) > 1 and len({line.stretch.contract_number for line in lines}) > 1:
                counts["two_contracts"] += 1
            if not any(line.card_code for line in lines):
                counts["without_card"] += 1

    def to_record(self) -> dict[str, int]:
        """Return the counts as JSON values."""
        return dict(self._counts)

    def _add_coverage(self, lines: list[Line]) -> None:
        today, counts = self._today, self._counts
        for line in lines:
            if line.starts <= today and (line.ends is None or line.ends >= today):
                counts["current"] += 1
                since, until = line.stretch.suspended_from, line.stretch.suspended_to
                if since is not None and since <= today and (until is None or until >= today):
                    counts["suspended"] += 1
                return
        if any(line.starts > today for line in lines):
            counts["future"] += 1
            return
        counts["former"] += 1
        if max(line.ends for line in lines if line.ends) > today - _TWO_YEARS:
            counts["former_recent"] += 1

    def _add_identity(self, person: Person) -> None:
        counts = self._counts
        if person.birth_rank > 1:
            counts["twins"] += 1
        nir = person.insured_nir
        if nir[0] > "2":
            counts["waiting_number"] += 1
        if person.previous_nir:
            counts["changed_number"] += 1
        if person.own_nir and person.own_nir != nir:
            counts["own_nir"] += 1
        if not _is_calendar(person.birth_date):
            counts["lunar"] += 1
        if person.quality == INSURED:
            self._add_birth_place(nir)

    def _add_birth_place(self, nir: str) -> None:
        counts, place = self._counts, nir[5:7]
        if nir[3:5] > "12":
            counts["uncertain_month"] += 1
        if place in ("2A", "2B"):
            counts["corsica"] += 1
        elif place == "97":
            counts["overseas"] += 1
        elif place == "99":
            counts["abroad"] += 1


def _is_calendar(birth_date: str) -> bool:
    """Tell whether a calendar has the day; only February is ever wrong within a possible month."""
    return birth_date[4:6] <= "12" and birth_date[4:] != "0231"
