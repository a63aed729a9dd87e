"""One page of a list that people read: which rows, and what the foot of the table says of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from django.http import QueryDict

from rempart.kernel.listing import Listing
from rempart.portals.watching import EXPORT_ROWS, PAGE_ROWS, read_number, read_order

Column = TypeVar("Column", bound=str)
Row = TypeVar("Row")

_LAST_PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Paging:
    """The page asked for, counted from 1, and how many rows a page has."""

    page: int
    limit: int = PAGE_ROWS

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.limit

    def describe(self, total: int) -> dict[str, int | bool]:
        """Return what `parts/pages` shows of a list of `total` rows."""
        end = self.offset + self.limit
        return {
            "total": total,
            "first": self.offset + 1,
            "last": min(end, total),
            "page": self.page,
            "has_next": end < total,
        }


def read_paging(query: QueryDict, *, limit: int = PAGE_ROWS) -> Paging:
    """Return the page an address asks for; the first one when it asks for nothing that exists."""
    return Paging(max(read_number(query, "page", most=_LAST_PAGE) or 1, 1), limit)


def read_listing(
    query: QueryDict,
    columns: tuple[Column, ...],
    usual: Column,
    *,
    descending: bool = True,
    limit: int = PAGE_ROWS,
) -> Listing[Column]:
    """Return the page and the order an address asks for (`page`, `tri`, `sens`).

    Args:
        query: Of the address.
        columns: The columns a reader may sort by.
        usual: The column of an address that names none of them.
        descending: Whether the greatest value comes first in an address that does not say.
        limit: Rows of a page.
    """
    sort, falls = read_order(query, columns, usual, descending=descending)
    paging = read_paging(query, limit=limit)
    return Listing(sort=sort, descending=falls, limit=limit, offset=paging.offset)


def export_listing(listing: Listing[Column], *, limit: int = EXPORT_ROWS) -> Listing[Column]:
    """Return the whole list in the order of a page, for a file."""
    return replace(listing, limit=limit, offset=0)


def sort_here(
    rows: Iterable[Row], listing: Listing[Any], find_value: Callable[[Row], Any]
) -> list[Row]:
    """Return rows in the order of a list that no query sorted; those without a value are least."""

    def key(row: Row) -> tuple[bool, Any]:
        value = find_value(row)
        return (False, 0) if value is None else (True, value)

    return sorted(rows, key=key, reverse=listing.descending)


def cut_page(rows: Sequence[Row], listing: Listing[Any]) -> Sequence[Row]:
    """Return the rows of a page of a list that was sorted here."""
    return rows[listing.offset :][: listing.limit]


def describe_listing(
    listing: Listing[Any], columns: Sequence[tuple[Any, ...]], total: int
) -> dict[str, Any]:
    """Return what the head of a sortable table and `parts/pages` show.

    Args:
        listing: The page shown.
        columns: Of the table: the name of each, its words, then what its template wants.
        total: How many rows the list has.
    """
    return {
        "columns": columns,
        "sort": listing.sort,
        "descending": listing.descending,
        **Paging(listing.page, listing.limit).describe(total),
    }
