"""A list of what people decide about: a sortable table page by page, and all of it as a file.

Refuses to show a list to whoever may not read it: the page is not there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from psycopg import Connection

from rempart.kernel.listing import Listing
from rempart.portals.administering import perform_or_404
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.workflows.accounts.administer_organisation import Asker

Column = TypeVar("Column", bound=str)
Row = TypeVar("Row")


# Without slots: `ListPage[Column, Row](…)` fails on a frozen class that has them.
@dataclass(frozen=True, kw_only=True)
class ListPage(Generic[Column, Row]):
    """One list, wherever it is shown.

    Args:
        template: Of the page.
        columns: Of the table, by the names of `sortable`, with their words.
        sortable: The columns a reader may sort by; the first one is the usual.
        load: The workflow that returns one page and how many rows there are.
        describe: What the template shows of a row.
        descending: Whether the greatest value comes first in an address that does not say.
    """

    template: str
    columns: Sequence[tuple[Any, ...]]
    sortable: tuple[Column, ...]
    load: Callable[[Connection[tuple[Any, ...]], Asker, Listing[Column]], tuple[list[Row], int]]
    describe: Callable[[Row], Mapping[str, Any]]
    descending: bool = True

    def show(self, request: HttpRequest, **besides: Any) -> HttpResponse:
        """Show the page that the address asks for, with what stands besides the table."""
        listing = self._read(request)
        rows, total = self._load(request, listing)
        context = {
            "rows": [self.describe(row) for row in rows],
            **describe_listing(listing, self.columns, total),
            **besides,
        }
        return render(request, self.template, context)

    def load_all(self, request: HttpRequest) -> list[Row]:
        """Return the whole list in the order of the page, for a file."""
        rows, _total = self._load(request, export_listing(self._read(request)))
        return rows

    def _read(self, request: HttpRequest) -> Listing[Column]:
        return read_listing(
            request.GET, self.sortable, self.sortable[0], descending=self.descending
        )

    def _load(self, request: HttpRequest, listing: Listing[Column]) -> tuple[list[Row], int]:
        return perform_or_404(request, lambda tx, asker: self.load(tx, asker, listing))
