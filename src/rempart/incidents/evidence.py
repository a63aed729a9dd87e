"""What the ledger says: look-ups, the sessions they were made in, and an account's own past.

Everything the judgement of a session may use is here, as recorded facts. Refuses to hold an
identity, and anything the gateway did not write down itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from rempart.disclosure.entry import Mode, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of time an incident is about, in Unix milliseconds; `ends_ms` is excluded."""

    starts_ms: int
    ends_ms: int

    def __post_init__(self) -> None:
        if self.ends_ms <= self.starts_ms:
            raise ValueError("an incident ends after it starts: check the two instants")

    def contains(self, t_ms: int) -> bool:
        """Say whether an instant belongs to the window."""
        return self.starts_ms <= t_ms < self.ends_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """One answer given, as its ledger entry tells it.

    `person_ref` 0 means that nobody was found; `fields` is the bitmap of what the answer showed;
    `lookup_key` is what was asked, keyed: it names nobody by itself.
    """

    account_ref: int
    session_ref: int
    t_ms: int
    mode: Mode
    outcome: Outcome
    insurer_id: int
    person_ref: int
    lookup_key: UUID
    fields: int

    @property
    def with_presence(self) -> bool:
        """Whether what only the present person holds (a card, a Vitale card) found somebody."""
        return self.mode is not Mode.TYPED and self.person_ref != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """From where and with what an account came in."""

    session_ref: int
    account_ref: int
    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTally:
    """What one session did inside the window, or before it: sums that a database can make.

    `presences` counts the look-ups answered on a card or Vitale reading that found somebody;
    `nobody`, those that found nobody; `known_faces`, those about a person the same account had
    looked up before the window; `gap_squares` is the sum of the squared gaps between look-ups, in
    ms².
    """

    session: Session
    lookups: int
    typed: int
    presences: int
    nobody: int
    known_faces: int
    first_ms: int
    last_ms: int
    gap_squares: int

    def __post_init__(self) -> None:
        if self.lookups < 1:
            raise ValueError("a session without a look-up has nothing to be judged on")

    @property
    def gaps(self) -> int:
        """How many gaps there are between look-ups."""
        return self.lookups - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """An account's own past, before the window: what its owner usually looks like.

    `gaps` and `gap_ms` count and add up the pauses between look-ups of one session.
    """

    account_ref: int
    addresses: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    lookups: int = 0
    typed: int = 0
    nobody: int = 0
    gaps: int = 0
    gap_ms: int = 0


def summarise_session(
    session: Session, lookups: Iterable[LookUp], *, faces_before: frozenset[int]
) -> SessionTally:
    """Add up one session's look-ups.

    Args:
        session: The session.
        lookups: Its look-ups inside the window, any order; at least one.
        faces_before: The persons its account looked up before the window.

    Raises:
        ValueError: there is no look-up.
    """
    ordered = sorted(lookups, key=_by_time)
    if not ordered:
        raise ValueError("a session without a look-up has nothing to be judged on")
    return SessionTally(
        session=session,
        lookups=len(ordered),
        typed=sum(lookup.mode is Mode.TYPED for lookup in ordered),
        presences=sum(lookup.with_presence for lookup in ordered),
        nobody=sum(lookup.person_ref == 0 for lookup in ordered),
        known_faces=sum(lookup.person_ref in faces_before for lookup in ordered),
        first_ms=ordered[0].t_ms,
        last_ms=ordered[-1].t_ms,
        gap_squares=sum((b.t_ms - a.t_ms) ** 2 for a, b in pairwise(ordered)),
    )


def summarise_habit(account_ref: int, past: Iterable[SessionTally]) -> Habit:
    """Add up an account's past.

    Args:
        account_ref: The account.
        past: What its sessions did before the window, without what an earlier incident found to be
            a thief's: a thief's ways must not become the account's habits.

    Raises:
        ValueError: a session is another account's.
    """
    tallies = list(past)
    if any(tally.session.account_ref != account_ref for tally in tallies):
        raise ValueError("the habit of an account is made of its own sessions only")
    return Habit(
        account_ref=account_ref,
        addresses=frozenset(tally.session.address for tally in tallies),
        agents=frozenset(tally.session.agent for tally in tallies),
        lookups=sum(tally.lookups for tally in tallies),
        typed=sum(tally.typed for tally in tallies),
        nobody=sum(tally.nobody for tally in tallies),
        gaps=sum(tally.gaps for tally in tallies),
        gap_ms=sum(tally.last_ms - tally.first_ms for tally in tallies),
    )


def _by_time(lookup: LookUp) -> int:
    return lookup.t_ms
