"""Figures of an insurer, and what waits for it: counts and sums, nobody."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import NotAllowed
from rempart.kernel.instants import PARIS, to_paris_day
from rempart.kernel.listing import Listing
from rempart.storage import insurer_figures, insurer_limits, own_feeds
from rempart.storage.connect import Transaction
from rempart.storage.insurer_figures import ClaimWeek, LookupHour, Waiting
from rempart.storage.insurer_limits import ListedLimit
from rempart.storage.own_feeds import OwnFeed
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["ClaimWeek", "LookupHour", "OwnFeed", "Waiting"]

WEEKS: Final = 26
HOURS: Final = 24
HOUR_MS: Final = 3_600_000
MOST_DAYS: Final = 15
MOST_FEEDS: Final = 12
MOST_COUNTED: Final = 200_000
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """What an insurer's agents see first.

    Args:
        waiting: What waits for somebody.
        lookups: Per hour of the last day, oldest first: those of members, those about nobody.
        week: Claims of this week so far.
        feed: The last feed; None before the first.
        limit: The limits in force; None: the operator's alone.
    """

    waiting: Waiting
    lookups: Sequence[tuple[int, int, int]]
    week: ClaimWeek
    feed: OwnFeed | None
    limit: ListedLimit | None

    @property
    def lookup_count(self) -> int:
        """How many look-ups the last day had."""
        return sum(found + unknown for _hour, found, unknown in self.lookups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures over half a year, and over a day for look-ups.

    Args:
        weeks: Claims by week, oldest first, empty ones included.
        delays: How many claims were paid in how many days; the last day counts those beyond.
        modes: Look-ups of the last day by mode.
        outcomes: The same by answer.
        lookups: As in `Dashboard`.
        feeds: The last feeds, oldest first.
    """

    weeks: Sequence[ClaimWeek]
    delays: Mapping[int, int]
    modes: Mapping[int, int]
    outcomes: Mapping[int, int]
    lookups: Sequence[tuple[int, int, int]]
    feeds: Sequence[OwnFeed]


def read_dashboard(tx: Transaction, asker: Asker, *, unknown: int) -> Dashboard:
    """Return what an insurer's agents see first.

    Args:
        tx: A transaction with the asker's ticket.
        asker: An agent of the insurer.
        unknown: The answer about nobody, among those of entries.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    insurer_id = _check_agent(asker)
    hours = _count_hours(tx, asker, insurer_id)
    monday = _find_monday(asker.now)
    [week] = _fill_weeks(_count_weeks(tx, insurer_id, monday), monday, 1)
    newest: Listing[own_feeds.FeedColumn] = Listing(sort="started", descending=True, limit=1)
    feeds, _total = own_feeds.list_feeds(tx, newest)
    return Dashboard(
        waiting=insurer_figures.count_waiting(tx, insurer_id),
        lookups=_fill_hours(hours, asker.now, unknown),
        week=week,
        feed=feeds[0] if feeds else None,
        limit=_find_limit(tx, insurer_id),
    )


def read_figures(tx: Transaction, asker: Asker, *, unknown: int) -> Figures:
    """Return the figures of the asker's insurer.

    Args:
        tx: A transaction with the asker's ticket.
        asker: An agent of the insurer.
        unknown: The answer about nobody, among those of entries.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    insurer_id = _check_agent(asker)
    monday = _find_monday(asker.now) - (WEEKS - 1) * _WEEK
    hours = _count_hours(tx, asker, insurer_id)
    modes: Counter[int] = Counter()
    outcomes: Counter[int] = Counter()
    for one in hours:
        modes[one.mode] += one.lookups
        outcomes[one.outcome] += one.lookups
    latest: Listing[own_feeds.FeedColumn] = Listing(
        sort="started", descending=True, limit=MOST_FEEDS
    )
    feeds, _total = own_feeds.list_feeds(tx, latest)
    since = datetime.combine(monday, datetime.min.time(), PARIS)
    return Figures(
        weeks=_fill_weeks(_count_weeks(tx, insurer_id, monday), monday, WEEKS),
        delays=insurer_figures.count_delays(tx, insurer_id, since=since, most=MOST_DAYS),
        modes=modes,
        outcomes=outcomes,
        lookups=_fill_hours(hours, asker.now, unknown),
        feeds=feeds[::-1],
    )


def _check_agent(asker: Asker) -> int:
    check_can(asker.visitor, Permission.READ_FIGURES, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotAllowed("these figures are an insurer's")
    return asker.visitor.insurer_id


def _find_limit(tx: Transaction, insurer_id: int) -> ListedLimit | None:
    newest: Listing[insurer_limits.LimitColumn] = Listing(sort="set", descending=True, limit=50)
    limits, _total = insurer_limits.list_limits(tx, insurer_id, newest)
    return next((one for one in limits if one.holds), None)


def _find_monday(now: datetime) -> date:
    today = to_paris_day(now)
    return today - timedelta(days=today.weekday())


def _count_weeks(tx: Transaction, insurer_id: int, monday: date) -> list[ClaimWeek]:
    since = datetime.combine(monday, datetime.min.time(), PARIS)
    return insurer_figures.count_claim_weeks(tx, insurer_id, since=since)


def _fill_weeks(counted: Sequence[ClaimWeek], monday: date, weeks: int) -> list[ClaimWeek]:
    known = {one.monday: one for one in counted}
    days = [monday + place * _WEEK for place in range(weeks)]
    return [known.get(day, ClaimWeek(day, 0, 0, 0, 0)) for day in days]


def _count_hours(tx: Transaction, asker: Asker, insurer_id: int) -> list[LookupHour]:
    now_ms = int(asker.now.timestamp() * 1000)
    since_ms = (now_ms // HOUR_MS - HOURS + 1) * HOUR_MS
    return insurer_figures.count_lookup_hours(tx, insurer_id, since_ms=since_ms, most=MOST_COUNTED)


def _fill_hours(
    counted: Sequence[LookupHour], now: datetime, unknown: int
) -> list[tuple[int, int, int]]:
    last = int(now.timestamp() * 1000) // HOUR_MS
    found: Counter[int] = Counter()
    missed: Counter[int] = Counter()
    for one in counted:
        (missed if one.outcome == unknown else found)[one.hour] += one.lookups
    return [(hour, found[hour], missed[hour]) for hour in range(last - HOURS + 1, last + 1)]
