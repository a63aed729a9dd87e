"""Which rows of a list somebody reads: sorted by what, from which one, how many.

Refuses a page that no list has.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

Column = TypeVar("Column", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Column]):
    """One page of a sorted list.

    Args:
        sort: The column to sort by.
        descending: Whether its greatest value comes first.
        limit: Rows of the page, at most.
        offset: Rows before it.
    """

    sort: Column
    descending: bool = True
    limit: int = 1
    offset: int = 0

    def __post_init__(self) -> None:
        if self.limit < 1 or self.offset < 0:
            raise ValueError("a page has one row at least and starts in its list")

    @property
    def direction(self) -> int:
        """1 or -1: what a sort key is multiplied by."""
        return -1 if self.descending else 1

    @property
    def page(self) -> int:
        """The page's number, counted from 1."""
        return self.offset // self.limit + 1
