"""What the ledger says: look-ups, the sessions they were made in, and an account's own past.

Everything the judgement of a session may use is here, as recorded facts, ours or another portal's.
A fact that nobody recorded is None, and speaks for nobody. Refuses to hold an identity.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final
from uuid import UUID

from rempart.disclosure.entry import Mode, Outcome
from rempart.kernel.instants import PARIS, from_ms

HOURS: Final = 24


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
    `lookup_key` is what was asked, keyed: it names nobody by itself. `typed_fields` is what the
    caller had to know in order to ask; `claim_followed` says whether the account's establishment
    claimed for the same person within the days allowed, None when nobody knows, or not yet.
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
    typed_fields: int = 0
    claim_followed: bool | None = None

    @property
    def with_presence(self) -> bool:
        """Whether what only the present person holds (a card, a Vitale card) found somebody."""
        return self.mode not in (Mode.TYPED, Mode.CLAIM) and self.person_ref != 0

    @property
    def is_reading(self) -> bool:
        """Whether what became of a claim was read: it shows somebody, and looks nobody up."""
        return self.mode is Mode.CLAIM


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """From where and with what an account came in.

    `key` names the key or the registered software it came in with; empty when nobody noted it.
    """

    session_ref: int
    account_ref: int
    address: str
    agent: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTally:
    """What one session did inside the window, or before it: sums that a database can make.

    `lookups` leaves `readings` out: what was read of claims sent before, which tells nothing of who
    asks. The sums are of look-ups; a session that only read claims has none.

    `presences` counts the look-ups answered on a card or Vitale reading that found somebody;
    `nobody`, those that found nobody; `known_faces`, those about a person the same account had
    looked up before the window; `gap_squares` is the sum of the squared gaps between look-ups, in
    ms².

    The others are None where nobody recorded them:

    Args:
        hours: Look-ups by hour of the Paris day, 24 of them.
        claims_known: Look-ups for which claims say whether one followed.
        claims_followed: Those of them that a claim followed within the days allowed.
        confirmed_theft: Whether the operator established that the session was stolen.
        known_device: Whether the device is one its owner enrolled.
        ordered: The longest run of identifiers of which each follows the one before.
        placed: Look-ups about a person whose place is known.
        local: Those of them about a person of the account's own town or department.
        travel_kmh: The speed at which the account would have had to travel to come in from here,
            where both places are known.
        readings: Claims of which it was told what became of them.
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
    hours: tuple[int, ...] | None = None
    claims_known: int | None = None
    claims_followed: int | None = None
    confirmed_theft: bool | None = None
    known_device: bool | None = None
    ordered: int | None = None
    placed: int | None = None
    local: int | None = None
    travel_kmh: float | None = None
    readings: int = 0

    def __post_init__(self) -> None:
        if self.lookups < 0 or self.lookups + self.readings < 1:
            raise ValueError("a session that asked nothing has nothing to be judged on")
        if self.hours is not None and len(self.hours) != HOURS:
            raise ValueError("hours are 24 counts, one for each hour of the day")
        if (self.claims_followed or 0) > (self.claims_known or 0):
            raise ValueError("claims follow look-ups of which claims are known")
        if (self.local or 0) > (self.placed or 0):
            raise ValueError("a local person is one whose place is known")

    @property
    def gaps(self) -> int:
        """How many gaps there are between look-ups."""
        return max(self.lookups - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """An account's own past, before the window: what its owner usually looks like.

    `gaps` and `gap_ms` count and add up the pauses between look-ups of one session; `keys`, the
    keys and software it came in with; the others as in `SessionTally`, 0 when nobody knows.
    """

    account_ref: int
    addresses: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    lookups: int = 0
    typed: int = 0
    nobody: int = 0
    gaps: int = 0
    gap_ms: int = 0
    keys: frozenset[str] = frozenset()
    hours: tuple[int, ...] = (0,) * HOURS
    claims_known: int = 0
    claims_followed: int = 0


def summarise_session(
    session: Session, lookups: Iterable[LookUp], *, faces_before: frozenset[int]
) -> SessionTally:
    """Add up one session's look-ups.

    Args:
        session: The session.
        lookups: Its look-ups and readings of claims inside the window, any order; at least one.
        faces_before: The persons its account looked up before the window.

    Raises:
        ValueError: there is no look-up.
    """
    everything = sorted(lookups, key=_by_time)
    if not everything:
        raise ValueError("a session that asked nothing has nothing to be judged on")
    ordered = [one for one in everything if not one.is_reading]
    timed = ordered or everything
    claims_known, claims_followed = _count_claims(ordered)
    return SessionTally(
        session=session,
        lookups=len(ordered),
        typed=sum(lookup.mode is Mode.TYPED for lookup in ordered),
        presences=sum(lookup.with_presence for lookup in ordered),
        nobody=sum(lookup.person_ref == 0 for lookup in ordered),
        known_faces=sum(lookup.person_ref in faces_before for lookup in ordered),
        first_ms=timed[0].t_ms,
        last_ms=timed[-1].t_ms,
        gap_squares=sum((b.t_ms - a.t_ms) ** 2 for a, b in pairwise(ordered)),
        hours=spread_hours(Counter(find_hour(lookup.t_ms) for lookup in ordered)),
        claims_known=claims_known,
        claims_followed=claims_followed,
        readings=len(everything) - len(ordered),
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
        keys=frozenset(tally.session.key for tally in tallies if tally.session.key),
        hours=_add_hours(tally.hours for tally in tallies),
        claims_known=sum(tally.claims_known or 0 for tally in tallies),
        claims_followed=sum(tally.claims_followed or 0 for tally in tallies),
    )


def find_hour(t_ms: int) -> int:
    """Return the hour of the Paris day an instant falls in, 0 to 23."""
    return from_ms(t_ms).astimezone(PARIS).hour


def spread_hours(counts: Mapping[int, int]) -> tuple[int, ...]:
    """Lay counts by hour out over the day; an hour without any counts nought."""
    return tuple(counts.get(hour, 0) for hour in range(HOURS))


def note_claims(tally: SessionTally, lookups: Iterable[LookUp]) -> SessionTally:
    """Return a tally with what its look-ups say of claims; unchanged where nobody knows."""
    known, followed = _count_claims(lookups)
    return replace(tally, claims_known=known, claims_followed=followed) if known else tally


def _count_claims(lookups: Iterable[LookUp]) -> tuple[int | None, int | None]:
    """Return of how many look-ups claims are known, and how many a claim followed."""
    known = [look.claim_followed for look in lookups if look.claim_followed is not None]
    return (len(known), sum(known)) if known else (None, None)


def _add_hours(days: Iterable[tuple[int, ...] | None]) -> tuple[int, ...]:
    known = [day for day in days if day is not None]
    return tuple(map(sum, zip(*known, strict=True))) if known else (0,) * HOURS


def _by_time(lookup: LookUp) -> int:
    return lookup.t_ms
