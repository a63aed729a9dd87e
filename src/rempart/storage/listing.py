"""One page of a list, by a named query that sorts, cuts and counts.

Refuses to count apart: the query's last column is how many rows the list has.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction

Row = TypeVar("Row")


def load_page(
    tx: Transaction,
    query: str,
    listing: Listing[Any],
    make: Callable[..., Row],
    values: Mapping[str, object],
) -> tuple[list[Row], int]:
    """Return one page of a list, and how many rows there are; 0 beyond its end.

    Args:
        tx: An open transaction.
        query: Takes `sort`, `direction`, `limit` and `offset`; its last column counts.
        listing: Which page.
        make: Makes a row of its columns, without the count.
        values: What else the query takes.
    """
    page = {
        "sort": listing.sort,
        "direction": listing.direction,
        "limit": listing.limit,
        "offset": listing.offset,
    }
    rows = tx.execute(query, {**values, **page}).fetchall()
    return [make(*row[:-1]) for row in rows], int(rows[0][-1]) if rows else 0
