from datetime import date

import pytest

from rempart.kernel.periods import Period
from rempart.tariffs import parameters
from rempart.tariffs.parameters import PARAMETERS, Parameter, compute_care_dates, value_on


def row(value, valid_from):
    return Parameter(name="delay_days", value=value, valid_from=valid_from, source="a test")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(date(2019, 12, 31), 10, id="before the first row, the first value"),
        pytest.param(date(2025, 12, 31), 10, id="the day before a change"),
        pytest.param(date(2026, 1, 1), 20, id="the day of the change"),
        pytest.param(date(2030, 1, 1), 20, id="after it"),
    ],
)
def test_a_value_is_the_one_in_force_that_day(monkeypatch, day, expected):
    rows = (row(20, date(2026, 1, 1)), row(10, date(2020, 1, 1)))
    monkeypatch.setattr(parameters, "PARAMETERS", rows)
    assert value_on("delay_days", day) == expected


def test_a_parameter_nobody_wrote_is_an_error():
    with pytest.raises(KeyError, match="no_such_days"):
        value_on("no_such_days", date(2026, 1, 1))


def test_every_parameter_says_where_it_comes_from():
    assert all(parameter.source for parameter in PARAMETERS)


def test_care_may_be_asked_about_from_27_months_ago_to_90_days_ahead():
    assert compute_care_dates(date(2026, 11, 22)) == Period(date(2024, 8, 22), date(2027, 2, 20))
