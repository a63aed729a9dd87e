"""What the operator asked to see, read from the address of a page: filters, order, page.

A value that means nothing is ignored rather than refused: an address is typed, shared and cut.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar, get_args

from django.http import QueryDict

from rempart.disclosure.entry import Mode, Outcome
from rempart.kernel.instants import to_ms
from rempart.portals.whole_numbers import BIGGEST_REF, read_whole
from rempart.tariffs.domains import DOMAINS
from rempart.workflows.ledger.watch_lookups import LookupFilter, SortColumn

PAGE_ROWS: Final = 50
EXPORT_ROWS: Final = 50_000
PERIODS_MINUTES: Final = (15, 60, 24 * 60, 7 * 24 * 60)
Column = TypeVar("Column", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One way of looking at the look-ups; `paused` stops the page from refreshing itself."""

    minutes: int
    insurer_id: int | None
    domain: int | None
    mode: int | None
    outcome: int | None
    account_ref: int | None
    session_ref: int | None
    sort: SortColumn
    descending: bool
    page: int
    paused: bool

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * PAGE_ROWS

    @property
    def is_live(self) -> bool:
        """Whether the page refreshes itself: only the first one, and not while it is paused."""
        return self.page == 1 and not self.paused

    def make_filter(self, now: datetime) -> LookupFilter:
        """Return the filter as it stands now."""
        return LookupFilter(
            since_ms=to_ms(now - timedelta(minutes=self.minutes)),
            insurer_id=self.insurer_id,
            domain=self.domain,
            mode=self.mode,
            outcome=self.outcome,
            account_ref=self.account_ref,
            session_ref=self.session_ref,
        )


def parse_watch(query: QueryDict) -> Watch:
    """Read the query string of the live page."""
    minutes = read_number(query, "periode")
    sort, descending = read_order(query, get_args(SortColumn), "time")
    return Watch(
        minutes=minutes if minutes in PERIODS_MINUTES else PERIODS_MINUTES[0],
        insurer_id=read_number(query, "assureur", most=2**31 - 1),
        domain=_among(read_number(query, "domaine"), {d.number for d in DOMAINS.values()}),
        mode=_among(read_number(query, "mode"), set(Mode)),
        outcome=_among(read_number(query, "resultat"), set(Outcome)),
        account_ref=read_number(query, "compte"),
        session_ref=read_number(query, "seance"),
        sort=sort,
        descending=descending,
        page=max(read_number(query, "page", most=10_000) or 1, 1),
        paused="pause" in query,
    )


def read_order(
    query: QueryDict, columns: tuple[Column, ...], usual: Column, *, descending: bool = True
) -> tuple[Column, bool]:
    """Read `tri` and `sens`: the column to sort by, and whether its greatest value comes first."""
    column = next((column for column in columns if column == query.get("tri")), usual)
    return column, {"asc": False, "desc": True}.get(query.get("sens", ""), descending)


def read_number(query: QueryDict, name: str, *, most: int = BIGGEST_REF) -> int | None:
    """Return a whole number of a query string, None when there is none up to `most`."""
    return read_whole(query.get(name, ""), most=most)


def read_words(query: QueryDict, name: str, *, most: int) -> str:
    """Return a line of text of a query string or a form, without what does not print."""
    text = "".join(one if one.isprintable() else " " for one in query.get(name, ""))
    return " ".join(text.split())[:most]


def _among(value: int | None, allowed: set[int]) -> int | None:
    return value if value in allowed else None
