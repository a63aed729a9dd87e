"""What one insurer is told about one incident: its own persons, what changed since, how surely.

Refuses to say that nobody is concerned when the logs have a hole, to tell one insurer what another
one's feed said, and to say the same thing twice.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from rempart.incidents.coverage import Coverage
from rempart.incidents.exposure import Tier
from rempart.incidents.room import check_can_reach
from rempart.kernel.errors import Conflict

FORMAT_VERSION: Final = 1
# Without a receipt, the host is told, and the insurer's addresses again.
REMINDER_AFTER: Final = timedelta(hours=12)
MAJORITY_YEARS: Final = 18
REASON_LIMIT: Final = 500


class Conclusion(enum.StrEnum):
    """What a package says, in one word."""

    PERSONS = "persons"
    NONE = "none"
    UNKNOWN = "unknown"


class Change(enum.StrEnum):
    """What became of a person since the package before."""

    ADDED = "added"
    RAISED = "raised"
    LOWERED = "lowered"
    CHANGED = "changed"
    REMOVED = "removed"


class PackageState(enum.StrEnum):
    """What may become of a package; one that was sent stays as it was sent."""

    WAITING = "waiting"
    MADE = "made"
    ASKED = "asked"
    SENT = "sent"
    WITHDRAWN = "withdrawn"


class IdentityState(enum.StrEnum):
    """Whether the names of a person can be given."""

    KNOWN = "known"
    GONE = "gone"  # deleted since
    ELSEWHERE = "elsewhere"  # another insurer states this person now: its record is not told


class Level(enum.StrEnum):
    """Who received a package, in a chain of processors."""

    INSURER = "insurer"
    SUB_PROCESSOR = "sub_processor"  # whoever works inside the insurer's space for it
    OPERATOR = "operator"  # the hosted operator that runs its tiers payant


@dataclass(frozen=True, slots=True)
class Told:
    """What an insurer was told of a person: how surely, which fields, what of them was new."""

    tier: Tier
    fields: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRoot:
    """The latest signed state of one log: size, root in hexadecimal, instant, the note itself."""

    origin: str
    size: int
    root: str
    t_ms: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """What an answer to one insurer rests on.

    Args:
        logs: The latest signed state of each log.
        coverage: What the record covers of the window.
        statement: The same, as the analysis wrote it.
        insurer_id: Whose persons a hole could hide.
    """

    logs: tuple[LogRoot, ...]
    coverage: Coverage
    statement: Mapping[str, Any]
    insurer_id: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing about persons of this insurer can be missing."""
        return self.coverage.covers(self.insurer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many persons: at least, most likely, at most; None when the logs cannot tell."""

    lowest: int
    best: int
    highest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The persons of one insurer by tier."""

    persons_a: int
    persons_b: int
    persons_c: int

    @property
    def persons(self) -> int:
        """How many there are."""
        return self.persons_a + self.persons_b + self.persons_c


def decide_conclusion(persons: int, assurance: Assurance) -> Conclusion:
    """Say what a package says: "none" is a proof, so it needs logs without a hole."""
    if persons:
        return Conclusion.PERSONS
    return Conclusion.NONE if assurance.is_whole else Conclusion.UNKNOWN


def compute_bounds(counts: Counts, assurance: Assurance) -> Bounds:
    """Compute how many persons of an insurer are concerned.

    Returns:
        A at least; A and B most likely; A, B, C and what holes may hide at most, None when nobody
        can say how many those are.
    """
    hidden = assurance.coverage.count_hidden(assurance.insurer_id)
    return Bounds(
        lowest=counts.persons_a,
        best=counts.persons_a + counts.persons_b,
        highest=None if hidden is None else counts.persons + hidden,
    )


def decide_change(before: Told | None, after: Told | None) -> Change | None:
    """Say what changed of one person between two packages; None: nothing.

    Tested in this order: added, removed, raised, lowered, then other fields.
    """
    if before == after:
        return None
    if before is None:
        return Change.ADDED
    if after is None:
        return Change.REMOVED
    if after.tier != before.tier:
        return Change.RAISED if after.tier < before.tier else Change.LOWERED
    return Change.CHANGED


def decide_identity(insurer_id: int, stated_by: int | None) -> IdentityState:
    """Say whether a person's names may be given to an insurer.

    Args:
        insurer_id: The insurer that the ledger named, at that time.
        stated_by: The insurer whose feed states the person now; None when nobody does.
    """
    if stated_by is None:
        return IdentityState.GONE
    return IdentityState.KNOWN if stated_by == insurer_id else IdentityState.ELSEWHERE


def decide_is_minor(birth_date: str, *, on: date) -> bool | None:
    """Say whether somebody was a minor on a day; None when their birth date cannot tell.

    Args:
        birth_date: AAAAMMJJ; month and day may be ones no calendar has.
        on: The day.
    """
    if len(birth_date) != 8 or not birth_date.isdigit():
        return None
    year, month_day = int(birth_date[:4]), birth_date[4:]
    limit = on.year - MAJORITY_YEARS
    if year != limit:
        return year > limit
    if "0101" <= month_day <= "1231" and month_day[2:] != "00":
        return month_day > f"{on:%m%d}"
    return None


def check_can_ask(state: PackageState) -> None:
    """Refuse to have a package sent that is not ready.

    Raises:
        Conflict: it waits for a certificate, or it was asked for or sent already.
    """
    if state is PackageState.WAITING:
        raise Conflict(
            "this package waits for the insurer's certificate: register one, then make it again"
        )
    if state is not PackageState.MADE:
        raise Conflict("this package was asked for, or sent, already")


def check_can_withdraw(state: PackageState, number: int, latest: int) -> None:
    """Refuse to withdraw what was not sent, or what later packages rest on.

    Raises:
        Conflict: says which.
    """
    if state is not PackageState.SENT:
        raise Conflict("only a package that was sent is withdrawn")
    if number != latest:
        raise Conflict("later packages rest on this one: withdraw the latest")


def check_can_drop(*, exercise: bool) -> None:
    """Refuse to let an exercise out of the insurers' spaces.

    Raises:
        NotAllowed: it is an exercise.
    """
    # Nothing in a folder says who reads it: whoever does is real.
    check_can_reach(exercise=exercise, recipient_is_exercise=False)


def describe_assurance(assurance: Assurance) -> dict[str, Any]:
    """Return what an answer rests on as plain data; of the holes, those that matter to this one.

    Not whose other persons a hole may hide: one insurer is not told who the others are.
    """
    return {
        **assurance.statement,
        "is_whole": assurance.is_whole,
        "holes": [
            {
                "kind": str(hole.kind),
                "source": hole.source,
                "from_ms": hole.from_ms,
                "to_ms": hole.to_ms,
                "hidden": hole.hidden,
            }
            for hole in assurance.coverage.holes
            if hole.may_hide(assurance.insurer_id)
        ],
        "signed_states": [
            {
                "origin": log.origin,
                "size": log.size,
                "root": log.root,
                "signed_at_ms": log.t_ms,
                "checkpoint": log.note,
            }
            for log in assurance.logs
        ],
    }
