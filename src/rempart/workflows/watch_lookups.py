"""What the operator watches: the latest look-ups, how many there are, and how far the ledger is.

Pseudonymous throughout: accounts and sessions are references, and nobody asked about is named, not
even by reference.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rempart.storage import console
from rempart.storage.connect import Transaction
from rempart.storage.console import LogState, LookupCount, LookupFilter, LookupRow, SortColumn

__all__ = [
    "LogState",
    "LookupCount",
    "LookupFilter",
    "LookupPage",
    "LookupRow",
    "SortColumn",
    "Volumes",
    "count_volumes",
    "list_insurer_names",
    "read_logs",
    "watch_lookups",
]

# A busy hour of a whole country passes this; the console then says that it shows the newest only.
MOST_EXAMINED: Final = 200_000
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupPage:
    """One page of look-ups; `total` is what the filter lets through, over all pages."""

    rows: tuple[LookupRow, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """Counts since an instant: per minute (every minute is there), per outcome, per mode."""

    per_minute: tuple[tuple[int, int], ...]
    by_outcome: Mapping[int, int]
    by_mode: Mapping[int, int]
    total: int


def watch_lookups(
    tx: Transaction,
    wanted: LookupFilter,
    *,
    sort: SortColumn,
    descending: bool,
    limit: int,
    offset: int = 0,
) -> LookupPage:
    """Return one page of look-ups.

    Args:
        tx: A transaction of role portals.
        wanted: The filter; its first instant bounds what is examined.
        sort: The column to sort by; the newest comes first among equals.
        descending: Whether its greatest value comes first.
        limit: Rows of the page.
        offset: Rows before the page.
    """
    rows, total = console.list_lookups(
        tx,
        wanted,
        sort=sort,
        descending=descending,
        limit=limit,
        offset=offset,
        most=MOST_EXAMINED,
    )
    return LookupPage(rows=tuple(rows), total=total)


def count_volumes(tx: Transaction, *, now_ms: int, minutes: int) -> Volumes:
    """Count the look-ups of the last `minutes`, the running one included.

    Returns:
        Counts whose minutes are whole numbers since 1970, oldest first, empty ones included.
    """
    last = now_ms // MINUTE_MS
    first = last - minutes + 1
    counts = console.count_lookups(tx, since_ms=first * MINUTE_MS, most=MOST_EXAMINED)
    by_minute = _add_up((count.minute, count.count) for count in counts)
    return Volumes(
        per_minute=tuple((minute, by_minute.get(minute, 0)) for minute in range(first, last + 1)),
        by_outcome=_add_up((count.outcome, count.count) for count in counts),
        by_mode=_add_up((count.mode, count.count) for count in counts),
        total=sum(count.count for count in counts),
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
