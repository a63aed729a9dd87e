"""What the operator watches: the latest look-ups, how many there are, and how far the ledger is.

Pseudonymous throughout: accounts and sessions are references, and nobody asked about is named, not
even by reference. Refuses to show a look-up before the reading itself is in the ledger; counts of
everything tell of nobody, and are read without.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rempart.disclosure.acts import NOBODY, About, Author, LedgerRead, Subject
from rempart.storage import console
from rempart.storage.connect import Transaction
from rempart.storage.console import LogState, LookupCount, LookupFilter, LookupRow, SortColumn
from rempart.workflows.ledger.read_on_record import Readings

__all__ = [
    "LogState",
    "LookupCount",
    "LookupFilter",
    "LookupPage",
    "LookupRow",
    "SortColumn",
    "Volumes",
    "count_volumes",
    "export_lookups",
    "list_insurer_names",
    "read_logs",
    "watch_lookups",
]

# Entries examined per log, the newest: what a page may cost. Beyond, it says what it leaves out.
# The list is asked for every two seconds (about 0.2 s of work), the counts once (about 0.4 s).
MOST_LISTED: Final = 50_000
MOST_COUNTED: Final = 200_000
MINUTE_MS: Final = 60_000
# Why the host operator looks at look-ups: it answers for the service it runs.
PURPOSE: Final = "surveillance du service"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupPage:
    """One page of look-ups; `total` is what the filter lets through, over all pages.

    `unexamined` entries of the period are older than those looked at: there were too many.
    """

    rows: tuple[LookupRow, ...]
    total: int
    unexamined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """Counts since an instant: per minute (every minute is there), per outcome, per mode.

    `unexamined` is as for `LookupPage`.
    """

    per_minute: tuple[tuple[int, int], ...]
    by_outcome: Mapping[int, int]
    by_mode: Mapping[int, int]
    total: int
    unexamined: int


def watch_lookups(
    tx: Transaction,
    readings: Readings,
    wanted: LookupFilter,
    *,
    by: Author,
    now_ms: int,
    sort: SortColumn,
    descending: bool,
    limit: int,
    offset: int = 0,
    purpose: str = PURPOSE,
) -> LookupPage:
    """Return one page of look-ups, of a reading that may go on.

    Args:
        tx: A transaction of role portals.
        readings: Where the reading is recorded, unless it is already.
        wanted: The filter; its first instant bounds what is examined.
        by: Who looks.
        now_ms: The present instant.
        sort: The column to sort by; the newest comes first among equals.
        descending: Whether its greatest value comes first.
        limit: Rows of the page.
        offset: Rows before the page.
        purpose: Why they look.

    Raises:
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    read, subject = _describe("lookups", wanted, now_ms=now_ms, purpose=purpose)
    readings.go_on(read, by=by, subject=subject, now_ms=now_ms)
    return _load(tx, wanted, sort=sort, descending=descending, limit=limit, offset=offset)


def export_lookups(
    tx: Transaction,
    readings: Readings,
    wanted: LookupFilter,
    *,
    by: Author,
    now_ms: int,
    sort: SortColumn,
    descending: bool,
    limit: int,
    purpose: str = PURPOSE,
) -> LookupPage:
    """Return the look-ups of a file that leaves: a reading of its own, each time.

    Raises:
        LedgerUnavailable: the reading cannot be recorded: nothing leaves.
    """
    read, subject = _describe("lookups-export", wanted, now_ms=now_ms, purpose=purpose)
    readings.record(read, by=by, subject=subject)
    return _load(tx, wanted, sort=sort, descending=descending, limit=limit, offset=0)


def _describe(
    question: str, wanted: LookupFilter, *, now_ms: int, purpose: str
) -> tuple[LedgerRead, Subject]:
    """Say what a filter looks at; its finer conditions (domain, mode, answer) narrow it further."""
    about, subject = About(kind="everything", count=0), NOBODY
    if wanted.session_ref is not None:
        about = About(kind="sessions", refs=(wanted.session_ref,), count=1)
    elif wanted.account_ref is not None:
        about = About(kind="accounts", refs=(wanted.account_ref,), count=1)
    elif wanted.insurer_id is not None:
        about = About(kind="insurers", refs=(wanted.insurer_id,), count=1)
        subject = Subject(0, wanted.insurer_id)
    read = LedgerRead(
        question=question, purpose=purpose, from_ms=wanted.since_ms, to_ms=now_ms, about=about
    )
    return read, subject


def _load(
    tx: Transaction,
    wanted: LookupFilter,
    *,
    sort: SortColumn,
    descending: bool,
    limit: int,
    offset: int,
) -> LookupPage:
    rows, total = console.list_lookups(
        tx,
        wanted,
        sort=sort,
        descending=descending,
        limit=limit,
        offset=offset,
        most=MOST_LISTED,
    )
    unexamined = console.count_unexamined(tx, since_ms=wanted.since_ms, most=MOST_LISTED)
    return LookupPage(rows=tuple(rows), total=total, unexamined=unexamined)


def count_volumes(tx: Transaction, *, now_ms: int, minutes: int) -> Volumes:
    """Count the look-ups of the last `minutes`, the running one included.

    Returns:
        Counts whose minutes are whole numbers since 1970, oldest first, empty ones included.
    """
    last = now_ms // MINUTE_MS
    first = last - minutes + 1
    since_ms = first * MINUTE_MS
    counts = console.count_lookups(tx, since_ms=since_ms, most=MOST_COUNTED)
    by_minute = _add_up((count.minute, count.count) for count in counts)
    return Volumes(
        per_minute=tuple((minute, by_minute.get(minute, 0)) for minute in range(first, last + 1)),
        by_outcome=_add_up((count.outcome, count.count) for count in counts),
        by_mode=_add_up((count.mode, count.count) for count in counts),
        total=sum(count.count for count in counts),
        unexamined=console.count_unexamined(tx, since_ms=since_ms, most=MOST_COUNTED),
    )


def read_logs(tx: Transaction) -> list[LogState]:
    """Return every log of the ledger with its last signed checkpoint."""
    return console.list_logs(tx)


def list_insurer_names(tx: Transaction) -> dict[int, str]:
    """Return the insurers' names by number, in the order of their names."""
    return dict(console.list_insurers(tx))


def _add_up(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    sums: Counter[int] = Counter()
    for key, count in pairs:
        sums[key] += count
    return dict(sums)
