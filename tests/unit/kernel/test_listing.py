"""Pages of lists: which rows they hold."""

import pytest

from rempart.kernel.listing import Listing


@pytest.mark.parametrize(
    ("limit", "offset", "page"), [(1, 0, 1), (50, 0, 1), (50, 50, 2), (50, 499, 10)]
)
def test_a_page_is_counted_from_one(limit, offset, page):
    assert Listing(sort="asked", limit=limit, offset=offset).page == page


def test_the_greatest_value_comes_first_unless_asked_otherwise():
    assert Listing(sort="asked").direction == -1
    assert Listing(sort="asked", descending=False).direction == 1


@pytest.mark.parametrize("where", [{"limit": 0}, {"limit": -1}, {"offset": -1}])
def test_a_page_that_no_list_has_is_refused(where):
    with pytest.raises(ValueError, match="one row at least"):
        Listing(sort="asked", **where)
