"""Who counts as a second person beside whoever asks: somebody who did not arrive with them.

Refuses a puppet: with one invited a minute ago, one person alone would be two. The database holds
the pages to the same rule (storage/schema/0008_second_person.sql).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rempart.tariffs.parameters import value_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """Somebody was given a code: who asked for it or approved it, and when."""

    by_ref: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """Somebody who may take a step in an organisation, or lately could.

    Args:
        since: When they were given the role, or it was changed or given back.
        until: When they lost it, or will; None when no end is known.
        invited: The codes they were given there.
    """

    actor_ref: int
    since: datetime
    until: datetime | None = None
    invited: tuple[Invited, ...] = ()

    def has_role(self, at: datetime) -> bool:
        """Tell whether they have the role at an instant after they were given it."""
        return self.until is None or at < self.until


def is_settled(
    people: Iterable[Entitled], actor_ref: int, *, asked_at: datetime, at: datetime
) -> bool:
    """Tell whether somebody has a role now that they had for long when something was asked."""
    before = _find_limit(asked_at)
    return any(p.actor_ref == actor_ref and p.has_role(at) and p.since <= before for p in people)


def are_apart(
    people: Iterable[Entitled], one: int, other: int, *, asked_at: datetime, at: datetime
) -> bool:
    """Tell whether two people count as two: both were there for long, neither let the other in.

    Both, and neither: a puppet may ask as well as approve.

    Args:
        people: Those who may, or lately could; the same person in two roles may stand there twice.
        one: Whoever asks.
        other: Whoever would approve.
        asked_at: When it was asked.
        at: Now.
    """
    known = [person for person in people if person.actor_ref in {one, other}]
    before = _find_limit(asked_at)
    let_in = any(
        code.by_ref in {one, other} - {person.actor_ref} and code.at > before
        for person in known
        for code in person.invited
    )
    settled = all(is_settled(known, ref, asked_at=asked_at, at=at) for ref in (one, other))
    return one != other and settled and not let_in


def _find_limit(asked_at: datetime) -> datetime:
    return asked_at - timedelta(days=value_on("second_person_days", asked_at.date()))
