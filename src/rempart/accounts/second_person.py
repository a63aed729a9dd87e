"""Who counts as a second person beside whoever asks: somebody who did not arrive with them.

Refuses a puppet: with one invited a minute ago, one person alone would be two. The database holds
the pages to the same rule (storage/schema/0008_second_person.sql).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rempart.kernel.errors import NotAllowed
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Somebody agreed: an agent, or the command line when `by` is None."""

    by: int | None
    at: datetime


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


def is_agreed(
    first: Agreement | None, people: Iterable[Entitled], *, what: str, by: int | None, at: datetime
) -> bool:
    """Take somebody's agreement to what two people agree to; tell whether they are the second.

    The command line counts as one person: it cannot say who types.

    Args:
        first: Who agreed already, if anybody did.
        people: Those who may agree, or lately could.
        what: What is agreed to, for whoever is refused.
        by: Who agrees; None for the command line.
        at: Now.

    Raises:
        NotAllowed: they agreed already, their role is too new, or they and the first one do not
            count as two.
    """
    people = list(people)
    if first is not None and first.by == by:
        raise NotAllowed("you agreed already: somebody else approves with you")
    if first is not None and first.by is not None and by is not None:
        if not are_apart(people, first.by, by, asked_at=first.at, at=at):
            raise NotAllowed("these two people do not count as two: a third approves")
    elif by is not None and not is_settled(people, by, asked_at=at, at=at):
        turn = "begins" if first is None else "does"
        raise NotAllowed(f"your role is too new to approve {what}: a colleague {turn}")
    return first is not None


def _find_limit(asked_at: datetime) -> datetime:
    return asked_at - timedelta(days=value_on("second_person_days", asked_at.date()))
