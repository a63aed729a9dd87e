from datetime import date

import pytest

from rempart.kernel.periods import OPEN_END, Period, add_months

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(date(2025, 12, 31), False, id="the day before is out"),
        pytest.param(date(2026, 1, 1), True, id="the first day counts"),
        pytest.param(date(2026, 12, 31), True, id="the last day counts"),
        pytest.param(date(2027, 1, 1), False, id="the day after is out"),
    ],
)
def test_both_ends_are_included(day, expected):
    assert YEAR.contains(day) is expected


def test_one_day_is_a_period_and_an_empty_one_is_refused():
    assert Period(date(2026, 1, 1), date(2026, 1, 1)).contains(date(2026, 1, 1))
    with pytest.raises(ValueError, match="before it starts"):
        Period(date(2026, 1, 2), date(2026, 1, 1))


def test_a_period_without_a_known_end_is_open():
    period = Period(date(2026, 1, 1))
    assert period.is_open
    assert period.contains(OPEN_END)
    assert not YEAR.is_open


@pytest.mark.parametrize(
    ("other", "common"),
    [
        pytest.param(
            Period(date(2026, 12, 31), date(2027, 5, 1)),
            Period(date(2026, 12, 31), date(2026, 12, 31)),
            id="one day in common",
        ),
        pytest.param(Period(date(2027, 1, 1)), None, id="adjacent periods have none"),
        pytest.param(
            Period(date(2026, 3, 1), date(2026, 3, 31)),
            Period(date(2026, 3, 1), date(2026, 3, 31)),
            id="one inside the other",
        ),
        pytest.param(Period(date(2020, 1, 1)), YEAR, id="an open one around"),
    ],
)
def test_the_days_in_common(other, common):
    assert YEAR.intersection(other) == common
    assert other.intersection(YEAR) == common
    assert YEAR.overlaps(other) is (common is not None)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 22), -27, date(2024, 8, 22)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 5, 31), 0, date(2026, 5, 31)),
    ],
)
def test_months_are_added_without_leaving_the_month(day, months, expected):
    assert add_months(day, months) == expected
