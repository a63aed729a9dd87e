"""One page of a list that people read: which rows, and what the foot of the table says of them."""

from dataclasses import dataclass
from typing import Final

from django.http import QueryDict

from rempart.portals.watching import PAGE_ROWS, read_number

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
