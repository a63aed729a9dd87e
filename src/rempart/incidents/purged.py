"""Since when nothing of a person was left to be shown: what evidence of erasure allows to say.

Refuses to count a day on which something was still there, a field whose departure no certificate
covers, and a person of whom anything is in the base today.

Source: S4 (whoever had left for years should not have been in the base); GDPR article 5(2) (S17):
who erased shows it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One field of a person that left the base that pages and software are answered from.

    Args:
        field: Which.
        left_on: The day it left, civil day of Paris.
        certified: Whether a signed certificate covers it.
    """

    field: str
    left_on: date
    certified: bool


def decide_purged_on(removals: Iterable[Removal], still_there: Collection[str]) -> date | None:
    """Say from which day on nothing of a person could be shown any more.

    Args:
        removals: What left, any order; a field that left the archive later is there twice.
        still_there: Fields that the base holds today, the archive left out: it answers nobody.

    Returns:
        The day after the last field left: on that day it may have been shown in the morning. None
        when something is there, nothing left, or a departure is not certified.
    """
    left: dict[str, date] = {}
    for one in removals:
        if not one.certified:
            return None
        left[one.field] = min(one.left_on, left.get(one.field, one.left_on))
    if still_there or not left:
        return None
    return max(left.values()) + timedelta(days=1)
