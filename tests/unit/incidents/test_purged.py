"""Since when nothing of a person was there: what evidence of erasure allows to say."""

from datetime import date

import pytest

from rempart.incidents.purged import Removal, decide_purged_on

TENTH, TWELFTH = date(2024, 1, 10), date(2024, 1, 12)


def left(field: str, on: date, *, certified: bool = True) -> Removal:
    return Removal(field=field, left_on=on, certified=certified)


@pytest.mark.parametrize(
    ("removals", "still_there", "since"),
    [
        ([], (), None),
        ([left("nir", TENTH)], (), date(2024, 1, 11)),
        ([left("nir", TENTH), left("civil", TWELFTH)], (), date(2024, 1, 13)),
        # It left the archive later, which answered nobody.
        ([left("nir", TWELFTH), left("nir", TENTH)], (), date(2024, 1, 11)),
        ([left("nir", TENTH)], ("coverage",), None),
        ([left("nir", TENTH), left("civil", TENTH, certified=False)], (), None),
    ],
    ids=["nothing left", "one field", "the last field counts", "out of the archive later",
         "something is there", "no certificate"],
)  # fmt: skip
def test_nothing_is_left_from_the_day_after_the_last_field_left(removals, still_there, since):
    assert decide_purged_on(removals, still_there) == since
