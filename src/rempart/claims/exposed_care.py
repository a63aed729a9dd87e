"""What does not look like somebody's other care, in a claim of a person whom an incident exposed.

Whoever holds a stolen identity bills care that was not given. Each reason says what was seen and
what is usual for this person, and has points; a claim is flagged from `FLAGGED` on. Refuses to
accuse: a move and an operation look like this too, and somebody decides. Refuses to compare with a
past too short to tell.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

# Care of this long before is the person's usual care.
PAST: Final = timedelta(days=730)
# Fewer claims tell nothing of what is usual.
LEAST_PAST: Final = 3
FLAGGED: Final = 4
AMOUNT_TIMES: Final = 3
LEAST_AMOUNT_CENTS: Final = 5_000
BURST: Final = timedelta(days=14)
BURST_BILLERS: Final = 3


class UnusualKind(enum.StrEnum):
    """A reason. The names are stored: add, never rename."""

    ATTACKER = "attacker"
    """An account that the incident is about sent it."""
    UNCHECKED = "unchecked"
    """It quotes no answer about rights, and no card was shown."""
    FAR = "far"
    """Given in a department where the person had no care before."""
    AMOUNT = "amount"
    """Much more than the person's most expensive care; cents."""
    BURST = "burst"
    """One of several new establishments within two weeks."""
    NEW_BILLER = "new_biller"
    """An establishment that never billed care of theirs."""


POINTS: Final = MappingProxyType(
    {
        UnusualKind.ATTACKER: 5,
        UnusualKind.UNCHECKED: 2,
        UnusualKind.FAR: 2,
        UnusualKind.AMOUNT: 2,
        UnusualKind.BURST: 2,
        UnusualKind.NEW_BILLER: 1,
    }
)


class Reason(NamedTuple):
    """One reason.

    Attributes:
        kind: What is unusual.
        points: What it weighs.
        observed: What was seen: cents of an amount, establishments of a burst, 1 of the others.
        usual: The same figure for this person, 0 where there is none.
    """

    kind: UnusualKind
    points: int
    observed: int
    usual: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """A claim, as far as it is compared.

    Args:
        establishment_ref: Who billed.
        department: Where they are; empty when it is not known.
        care_on: Its first day of care.
        billed_cents: Its amount.
    """

    establishment_ref: int
    department: str
    care_on: date
    billed_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedClaim:
    """A claim to be looked at.

    Args:
        care: What is compared.
        is_checked: Whether it quotes an answer or a promise, or the card was shown.
        by_suspect: Whether an account that the incident is about sent it.
    """

    care: Care
    is_checked: bool
    by_suspect: bool


def find_reasons(claim: WatchedClaim, past: Sequence[Care]) -> tuple[Reason, ...]:
    """Return what is unusual in a claim, the heaviest first.

    Args:
        claim: The claim.
        past: The person's other claims, any order; those of later days of care count for a burst
            only, and those older than `PAST` not at all.
    """
    care = claim.care
    usual = [one for one in past if care.care_on - PAST <= one.care_on <= care.care_on]
    places = {one.establishment_ref for one in usual}
    found: list[tuple[UnusualKind, int, int]] = []
    if claim.by_suspect:
        found.append((UnusualKind.ATTACKER, 1, 0))
    if not claim.is_checked:
        found.append((UnusualKind.UNCHECKED, 1, 0))
    if len(usual) >= LEAST_PAST:
        if care.establishment_ref not in places:
            found.append((UnusualKind.NEW_BILLER, 1, 0))
        if care.department and care.department not in {one.department for one in usual}:
            found.append((UnusualKind.FAR, 1, 0))
        most = max(one.billed_cents for one in usual)
        if care.billed_cents >= max(AMOUNT_TIMES * most, LEAST_AMOUNT_CENTS):
            found.append((UnusualKind.AMOUNT, care.billed_cents, most))
    burst = _count_new_places(care, past)
    if burst >= BURST_BILLERS:
        found.append((UnusualKind.BURST, burst, 0))
    reasons = [Reason(kind, POINTS[kind], observed, most) for kind, observed, most in found]
    return tuple(sorted(reasons, key=lambda one: (-one.points, one.kind)))


def decide_flag(reasons: Sequence[Reason]) -> int:
    """Return the points of a claim that is flagged, 0 for one that is not."""
    points = sum(one.points for one in reasons)
    return points if points >= FLAGGED else 0


def _count_new_places(care: Care, past: Sequence[Care]) -> int:
    """Count the establishments of two weeks around a claim that never billed the person before."""
    before = {one.establishment_ref for one in past if one.care_on < care.care_on - BURST}
    if care.establishment_ref in before:
        return 0
    near = {one.establishment_ref for one in past if abs(one.care_on - care.care_on) <= BURST}
    return len((near | {care.establishment_ref}) - before)
