"""Bank days, working days, and whether the promise was kept."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from rempart.settlement.promise import (
    Promise,
    compute_execution_day,
    count_working_days,
    is_bank_day,
)
from rempart.tariffs.working_days import Calendar

PARIS = Calendar(zone=ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 23), True),
        (date(2026, 11, 22), False),  # Sunday
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 4, 6), False),  # Easter Monday
        (date(2026, 7, 14), True),  # a French holiday on which banks settle
        (date(2026, 12, 25), False),
    ],
)
def test_banks_work_on_their_own_days(day, works):
    assert is_bank_day(day) is works


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 23, 12, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 13, 0, tzinfo=UTC), date(2026, 11, 24)),  # 14:00 in Paris
        (datetime(2026, 11, 27, 13, 0, tzinfo=UTC), date(2026, 11, 30)),  # over the weekend
        (datetime(2026, 12, 24, 23, 30, tzinfo=UTC), date(2026, 12, 28)),  # it is 25 December
    ],
)
def test_a_file_after_the_cut_off_leaves_the_next_bank_day(at, day):
    assert compute_execution_day(at, PARIS) == day


@pytest.mark.parametrize(
    ("after", "to", "days"),
    [
        (date(2026, 11, 23), date(2026, 11, 23), 0),
        (date(2026, 11, 20), date(2026, 11, 23), 1),
        (date(2026, 4, 30), date(2026, 5, 11), 5),  # 1 and 8 May are holidays
        (date(2026, 11, 23), date(2026, 11, 20), 0),
    ],
)
def test_working_days_are_counted_after_the_first_day(after, to, days):
    assert count_working_days(after, to, PARIS) == days


def test_the_promise_is_told_by_quantiles():
    promise = Promise(days=7, remittances={2: 5, 4: 4, 9: 1})
    assert (promise.total, promise.late) == (10, 1)
    assert [promise.find_quantile(bp) for bp in (5000, 5001, 9000, 10_000)] == [2, 4, 4, 9]
    assert Promise(days=7, remittances={}).find_quantile(5000) == 0
