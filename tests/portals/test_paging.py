"""What an address asks of a list, and what its table says of it."""

import pytest
from django.http import QueryDict

from rempart.kernel.listing import Listing
from rempart.portals import paging
from rempart.portals.paging import (
    cut_page,
    describe_listing,
    export_listing,
    read_listing,
    sort_here,
)
from rempart.portals.watching import EXPORT_ROWS

# What stands after the question mark of an address is read as the settings say.
pytestmark = pytest.mark.usefixtures("bench_desk")

NAMES = ("asked", "state")
COLUMNS = (("asked", "Demandé"), ("state", "État"))


def read(query: str, **options) -> Listing[str]:
    return read_listing(QueryDict(query), NAMES, "asked", **options)


def test_an_address_that_asks_nothing_shows_the_usual_order_and_the_first_page():
    assert read("") == Listing(sort="asked", descending=True, limit=50, offset=0)
    assert read("", descending=False) == Listing(sort="asked", descending=False, limit=50)


def test_an_address_names_the_column_the_way_and_the_page():
    assert read("tri=state&sens=asc&page=3", limit=10) == Listing(
        sort="state", descending=False, limit=10, offset=20
    )
    assert read("sens=desc", descending=False).descending


@pytest.mark.parametrize(
    "query", ["tri=password", "sens=sideways", "page=0", "page=-2", "page=99999999", "page=x"]
)
def test_what_means_nothing_in_an_address_is_ignored(query):
    assert read(query) == read("")
    assert read(query, descending=False) == read("", descending=False)


def test_a_file_holds_the_whole_list_in_the_order_of_the_page():
    listing = export_listing(read("tri=state&sens=asc&page=3"))
    assert listing == Listing(sort="state", descending=False, limit=EXPORT_ROWS, offset=0)


def test_the_table_says_which_rows_it_shows():
    said = describe_listing(Listing(sort="state", limit=10, offset=20), COLUMNS, 25)
    assert said == {
        "columns": COLUMNS,
        "sort": "state",
        "descending": True,
        "total": 25,
        "first": 21,
        "last": 25,
        "page": 3,
        "has_next": False,
    }
    assert describe_listing(Listing(sort="state", limit=10), COLUMNS, 25)["has_next"]


def test_a_list_sorted_here_is_cut_like_one_that_a_query_sorted():
    rows = ["c", "", "a", "b"]
    up = Listing(sort="asked", descending=False, limit=2, offset=1)
    assert sort_here(rows, up, lambda row: row or None) == ["", "a", "b", "c"]
    assert cut_page(sort_here(rows, up, lambda row: row or None), up) == ["a", "b"]
    down = Listing(sort="asked", limit=2)
    assert cut_page(sort_here(rows, down, lambda row: row or None), down) == ["c", "b"]


def test_mutation_a_file_that_kept_its_page_would_lack_rows(monkeypatch):
    monkeypatch.setattr(paging, "replace", lambda listing, **_changes: listing)
    with pytest.raises(AssertionError):
        test_a_file_holds_the_whole_list_in_the_order_of_the_page()
