"""What an operator on call reads of the guard: the moment, what waits, one account's story, rules.

For the host's agents only, and pseudonymous but for whom to call. Refuses to show one account's
look-ups before the reading itself is in the ledger, and where a canary is at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.urgency import OpenDecision, Urgency, compute_urgency
from rempart.accounts.visitor import Visitor
from rempart.disclosure.acts import About, Author, LedgerRead
from rempart.guard.lookups import DAY_MS, HOUR_MS, find_day
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import guard_watch
from rempart.storage.connect import Transaction
from rempart.storage.guard_watch import (
    AccountEvent,
    Budget,
    CanaryHit,
    Containments,
    HeldAccount,
    HitColumn,
    Hold,
    Hour,
    Moment,
    NearAccount,
    OpenCase,
    RulesVersion,
    WatchedAccount,
    WatchedDay,
    Workplace,
)
from rempart.workflows.ledger.read_on_record import Readings

__all__ = [
    "AccountEvent",
    "Budget",
    "CanaryHit",
    "Containments",
    "HeldAccount",
    "HitColumn",
    "Hold",
    "Hour",
    "Moment",
    "NearAccount",
    "OpenCase",
    "RulesVersion",
    "WatchedAccount",
    "WatchedDay",
    "Workplace",
]

DecisionColumn: TypeAlias = Literal["urgency", "since", "account", "evidence", "persons"]

# Why the host operator looks at one account: it answers for the people it may be showing.
PURPOSE: Final = "surveillance du service"
STORY_DAYS: Final = 28
BUDGET_DAYS: Final = 28
RULES_DAYS: Final = 90
MOST_OPEN: Final = 2_000
MOST_SHOWN: Final = 10
MOST_EVENTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardMap:
    """The moment: counts by step of time, who is held, who is near it.

    Attributes:
        first: The first step of time, counted since 1970; the last one is running.
        last: The last one.
        step_ms: How long a step is.
        moments: What was asked.
        containments: Accounts contained.
        contained: Those held now, the longest first; `contained_count` counts them all.
        nearest: Free accounts nearest to their threshold.
        waiting: How many decisions wait, canaries among them in `canaries`.
        late: How many of them are past the time for a review.
    """

    first: int
    last: int
    step_ms: int
    moments: Sequence[Moment]
    containments: Sequence[Containments]
    contained: Sequence[HeldAccount]
    contained_count: int
    nearest: Sequence[NearAccount]
    waiting: int
    canaries: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One account to decide about, and how urgent it is."""

    case: OpenCase
    waited: timedelta
    is_late: bool
    urgency: Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One account: what it is, its days, today by hour, what happened to it.

    Attributes:
        account: As it stands.
        workplace: Whom to call; None when it is no professional's.
        today: The guard's day.
        days: Those that are over.
        hours: What it was answered today.
        refused: How many look-ups were refused today, by hour.
        events: What happened to it, newest first.
        holds: Steps that somebody decided about it and that hold now.
        case: The decision it waits for; None when it waits for none.
    """

    account: WatchedAccount
    workplace: Workplace | None
    today: int
    days: Sequence[WatchedDay]
    hours: Sequence[Hour]
    refused: dict[int, int]
    events: Sequence[AccountEvent]
    holds: Sequence[Hold]
    case: Decision | None


def read_map(
    tx: Transaction, visitor: Visitor, *, now: datetime, steps: int, step: timedelta
) -> GuardMap:
    """Read the moment.

    Args:
        tx: A transaction with the visitor's ticket.
        visitor: An agent of the host.
        now: The instant.
        steps: How many steps of time, the running one included.
        step: How long each is.

    Raises:
        NotAllowed: their role does not read the guard.
        NotFound: they are not of the host.
    """
    _check_can_read(visitor, now)
    now_ms, step_ms = _to_ms(now), step // timedelta(milliseconds=1)
    last = now_ms // step_ms
    since_ms = (last - steps + 1) * step_ms
    today = find_day(now_ms)
    decisions = _list_decisions(tx, now)
    contained, contained_count = guard_watch.list_contained(tx, most=MOST_SHOWN)
    return GuardMap(
        first=last - steps + 1,
        last=last,
        step_ms=step_ms,
        moments=guard_watch.count_moments(tx, since_ms=since_ms, step_ms=step_ms),
        containments=guard_watch.count_containments(tx, since_ms=since_ms, step_ms=step_ms),
        contained=contained,
        contained_count=contained_count,
        nearest=guard_watch.list_nearest(tx, today=today, most=MOST_SHOWN),
        waiting=len(decisions),
        canaries=sum(one.case.is_canary for one in decisions),
        late=sum(one.is_late for one in decisions),
    )


def count_decisions(tx: Transaction, visitor: Visitor, *, now: datetime) -> tuple[int, int]:
    """Return how many accounts wait for a review, and how many of them are late.

    Raises:
        NotAllowed, NotFound: see `read_map`.
    """
    _check_can_read(visitor, now)
    decisions = _list_decisions(tx, now)
    return len(decisions), sum(one.is_late for one in decisions)


def list_decisions(
    tx: Transaction, visitor: Visitor, listing: Listing[DecisionColumn], *, now: datetime
) -> tuple[list[Decision], int]:
    """Return one page of the accounts that wait for a review, and how many there are.

    Raises:
        NotAllowed, NotFound: see `read_map`.
    """
    _check_can_read(visitor, now)
    decisions = sorted(_list_decisions(tx, now), key=_SORT_KEYS["urgency"], reverse=True)
    decisions.sort(key=_SORT_KEYS[listing.sort], reverse=listing.descending)
    return decisions[listing.offset : listing.offset + listing.limit], len(decisions)


def list_hits(
    tx: Transaction, visitor: Visitor, listing: Listing[HitColumn], *, now: datetime
) -> tuple[list[CanaryHit], int]:
    """Return one page of the times an account asked for a canary, and how many there are.

    Raises:
        NotAllowed, NotFound: see `read_map`.
    """
    _check_can_read(visitor, now)
    return guard_watch.list_hits(tx, listing)


def list_rules(tx: Transaction, visitor: Visitor, *, now: datetime) -> list[RulesVersion]:
    """Return the versions of the rules of the last days, oldest first.

    Raises:
        NotAllowed, NotFound: see `read_map`.
    """
    _check_can_read(visitor, now)
    first_day = find_day(_to_ms(now)) - RULES_DAYS + 1
    return guard_watch.list_rules(tx, first_day=first_day)


def measure_budget(tx: Transaction, visitor: Visitor, *, now: datetime) -> Budget:
    """Count the guard's mistakes of the last days; slower than the map, and slower to change.

    Raises:
        NotAllowed, NotFound: see `read_map`.
    """
    _check_can_read(visitor, now)
    today = find_day(_to_ms(now))
    return guard_watch.measure_budget(tx, first_day=today - BUDGET_DAYS + 1, last_day=today)


def list_holds(tx: Transaction, visitor: Visitor, *, now: datetime) -> list[Hold]:
    """Return the steps that hold now on more than one account, the oldest first.

    Raises:
        NotAllowed, NotFound: see `read_map`.
    """
    _check_can_read(visitor, now)
    return guard_watch.list_holds(tx, now=now, most=MOST_EVENTS)


def tell_story(
    tx: Transaction,
    visitor: Visitor,
    readings: Readings,
    account_ref: int,
    *,
    by: Author,
    now: datetime,
) -> Story:
    """Read one account's story, of a reading that may go on.

    Args:
        tx: A transaction with the visitor's ticket.
        visitor: An agent of the host.
        readings: Where the reading is recorded, unless it is already.
        account_ref: The account.
        by: Who looks.
        now: The instant.

    Raises:
        NotAllowed: their role does not read the guard.
        NotFound: they are not of the host, or the guard does not know the account.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    _check_can_read(visitor, now)
    account = guard_watch.load_watched(tx, account_ref)
    if account is None:
        raise NotFound("the guard knows no such account")
    now_ms = _to_ms(now)
    today = find_day(now_ms)
    first_day = today - STORY_DAYS + 1
    # The guard's day begins at 23:00 UTC: the hours shown are those of the same day.
    midnight_ms, since_ms = today * DAY_MS - HOUR_MS, first_day * DAY_MS - HOUR_MS
    read = LedgerRead(
        question="guard-account",
        purpose=PURPOSE,
        from_ms=since_ms,
        to_ms=now_ms,
        about=About(kind="accounts", refs=(account_ref,), count=1),
    )
    readings.go_on(read, by=by, now_ms=now_ms)
    waiting = (one for one in _list_decisions(tx, now) if one.case.account_ref == account_ref)
    return Story(
        account=account,
        workplace=guard_watch.load_workplace(tx, account_ref),
        today=today,
        days=guard_watch.list_days(tx, account_ref, first_day=first_day),
        hours=guard_watch.list_hours(tx, account_ref, since_ms=midnight_ms),
        refused=guard_watch.count_refused_hours(tx, account_ref, since_ms=midnight_ms),
        events=guard_watch.list_events(tx, account_ref, since_ms=since_ms, most=MOST_EVENTS),
        holds=guard_watch.list_holds(tx, now=now, most=MOST_EVENTS, account_ref=account_ref),
        case=next(waiting, None),
    )


def _check_can_read(visitor: Visitor, now: datetime) -> None:
    check_can(visitor, Permission.READ_GUARD, now=now)
    if not visitor.is_host:
        raise NotFound("no such page")


def _list_decisions(tx: Transaction, now: datetime) -> list[Decision]:
    now_ms = _to_ms(now)
    return [_weigh(case, now_ms) for case in guard_watch.list_open(tx, now=now, most=MOST_OPEN)]


def _weigh(case: OpenCase, now_ms: int) -> Decision:
    waited = timedelta(milliseconds=max(now_ms - case.since_ms, 0))
    decision = OpenDecision(
        is_canary=case.is_canary,
        evidence=case.evidence,
        threshold=case.threshold,
        persons=case.persons,
        waited=waited,
    )
    return Decision(
        case=case, waited=waited, is_late=decision.is_late, urgency=compute_urgency(decision)
    )


def _measure_evidence(one: Decision) -> float:
    return one.case.evidence / one.case.threshold if one.case.threshold else 0.0


def _to_ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


_SORT_KEYS: Final[dict[DecisionColumn, Callable[[Decision], tuple[float, ...]]]] = {
    "urgency": lambda one: (one.urgency.is_canary, one.urgency.points, -one.case.account_ref),
    "since": lambda one: (one.case.since_ms,),
    "account": lambda one: (one.case.account_ref,),
    "evidence": lambda one: (_measure_evidence(one),),
    "persons": lambda one: (one.case.persons,),
}
