"""Movements of a staff list: which are possible, and what becomes of somebody's stay.

Refuses to guess: a file with one impossible line is given back whole, each mistake with its line.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final, TypeAlias

from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.portability import compute_portability_end

MOST_DAYS_BACK: Final = 365
"""Beyond, the insurer is asked: contributions and claims of a year are taken up again."""
MOST_DAYS_AHEAD: Final = 180


class Structure(enum.StrEnum):
    """Whom a member of staff is covered with."""

    SINGLE = "single"
    COUPLE = "couple"
    FAMILY = "family"


class Rule(enum.StrEnum):
    """What is wrong with a line; the pages say it in words, and what to do."""

    # Of the file
    UNREADABLE = "unreadable"
    HEADER = "header"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    # Of a cell
    STAFF_NUMBER = "staff_number"
    LOOKS_LIKE_NIR = "looks_like_nir"
    MOVEMENT = "movement"
    DATE = "date"
    STRUCTURE = "structure"
    NIR = "nir"
    BIRTH_DATE = "birth_date"
    BIRTH_RANK = "birth_rank"
    NAME = "name"
    MEMBER_CONTRACT = "member_contract"
    YES_OR_NO = "yes_or_no"
    # Of what it tells
    UNKNOWN_PERSON = "unknown_person"
    ALREADY_PRESENT = "already_present"
    ALREADY_GONE = "already_gone"
    LEFT_BEFORE_JOINED = "left_before_joined"
    JOINED_BEFORE_WORK = "joined_before_work"
    REPEATED = "repeated"
    WAITING = "waiting"
    OUT_OF_CONTRACT = "out_of_contract"
    TOO_OLD = "too_old"
    TOO_FAR = "too_far"
    NO_TARIFF = "no_tariff"


@dataclass(frozen=True, slots=True, order=True)
class MovementFinding:
    """What is wrong with a line: its number, the column, the rule; never the value."""

    line: int
    field: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Somebody on a list.

    Args:
        staff_number: The employer's own.
        work_from: First day of the work contract.
        joined_on: First day of cover.
        left_on: Last day of the work contract, or None.
        cover_ends_on: Last day of cover: later under portability; None like `left_on`.
    """

    staff_number: str
    work_from: date
    joined_on: date
    left_on: date | None = None
    cover_ends_on: date | None = None

    @property
    def period(self) -> Period:
        """The days of cover."""
        return Period(self.joined_on, self.cover_ends_on or OPEN_END)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Somebody joins.

    Args:
        line: Of the file; 0 from a form.
        staff_number: The employer's own.
        joined_on: First day of cover.
        work_from: First day of the work contract.
        structure: Whom they are covered with.
        designated: Tells two people apart inside one file, and nothing else.
    """

    line: int
    staff_number: str
    joined_on: date
    work_from: date
    structure: Structure
    designated: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Somebody's work contract ends; `ported`: in a way that keeps them covered (L911-8)."""

    line: int
    staff_number: str
    left_on: date
    ported: bool


Movement: TypeAlias = Join | Leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What movements of a collective contract are checked against.

    Args:
        period: Of the contract.
        stays: Everybody on the list or once on it, by staff number.
        waiting: Staff numbers of whom a movement is not applied yet.
        priced: The first day of each structure that has a price.
    """

    period: Period
    stays: Mapping[str, Sequence[Stay]]
    waiting: frozenset[str]
    priced: Mapping[Structure, date]


def check_movements(
    movements: Iterable[Movement], group: Group, *, today: date
) -> list[MovementFinding]:
    """Return everything that is wrong with movements told together, by line.

    Args:
        movements: In the order of the file.
        group: What is known already.
        today: Paris civil date.
    """
    findings: list[MovementFinding] = []
    numbers: set[str] = set()
    people: set[bytes] = set()
    for one in movements:
        findings += [MovementFinding(one.line, *found) for found in _check_day(one, group, today)]
        if one.staff_number in numbers:
            findings.append(MovementFinding(one.line, "staff_number", Rule.REPEATED))
            continue
        numbers.add(one.staff_number)
        if one.staff_number in group.waiting:
            findings.append(MovementFinding(one.line, "staff_number", Rule.WAITING))
        elif isinstance(one, Leave):
            found = find_leaver(one, group.stays.get(one.staff_number, ()))
            if isinstance(found, Rule):
                place = "date" if found is Rule.LEFT_BEFORE_JOINED else "staff_number"
                findings.append(MovementFinding(one.line, place, found))
        else:
            findings += [MovementFinding(one.line, *found) for found in _check_join(one, group)]
        if isinstance(one, Join) and one.designated:
            if one.designated in people:
                findings.append(MovementFinding(one.line, "nir", Rule.REPEATED))
            people.add(one.designated)
    return sorted(findings)


def find_leaver(leave: Leave, stays: Sequence[Stay]) -> Stay | Rule:
    """Return the stay that a leave ends, or why there is none."""
    running = [stay for stay in stays if stay.left_on is None]
    if not running:
        return Rule.ALREADY_GONE if stays else Rule.UNKNOWN_PERSON
    [stay] = running
    return Rule.LEFT_BEFORE_JOINED if leave.left_on < stay.joined_on else stay


def end_stay(stay: Stay, leave: Leave, contract: Period) -> Stay:
    """Return a stay once its person left.

    Cover ends with the work contract, or with portability: never beyond twelve months, nor beyond
    the collective contract.

    Source: code de la sécurité sociale, article L911-8 (S106).
    """
    last = leave.left_on
    if leave.ported:
        last = min(compute_portability_end(stay.work_from, leave.left_on), contract.ends_on)
    return replace(stay, left_on=leave.left_on, cover_ends_on=max(last, leave.left_on))


def begin_stay(join: Join) -> Stay:
    """Return the stay that a join begins."""
    return Stay(staff_number=join.staff_number, work_from=join.work_from, joined_on=join.joined_on)


def _check_day(one: Movement, group: Group, today: date) -> list[tuple[str, Rule]]:
    day = one.joined_on if isinstance(one, Join) else one.left_on
    if not group.period.contains(day):
        return [("date", Rule.OUT_OF_CONTRACT)]
    if day < today - timedelta(days=MOST_DAYS_BACK):
        return [("date", Rule.TOO_OLD)]
    if day > today + timedelta(days=MOST_DAYS_AHEAD):
        return [("date", Rule.TOO_FAR)]
    return []


def _check_join(join: Join, group: Group) -> list[tuple[str, Rule]]:
    found: list[tuple[str, Rule]] = []
    if join.joined_on < join.work_from:
        found.append(("work_from", Rule.JOINED_BEFORE_WORK))
    begun = begin_stay(join).period
    if any(stay.period.overlaps(begun) for stay in group.stays.get(join.staff_number, ())):
        found.append(("staff_number", Rule.ALREADY_PRESENT))
    priced_from = group.priced.get(join.structure)
    if priced_from is None or priced_from > join.joined_on:
        found.append(("structure", Rule.NO_TARIFF))
    return found
