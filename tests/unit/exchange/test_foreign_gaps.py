"""What a log does not tell is found: missing days, silences, ends, cuts; a quiet night is not."""

from datetime import UTC, datetime

import pytest

from rempart.exchange.foreign_facts import HOUR_MS, Gap, Source
from rempart.exchange.foreign_gaps import find_gaps

MONDAY = 474_192  # hours since 1970 of the 5th of February 2024, midnight UTC
DAY = 24


def log(hours, *, broken="", unparsed=()):
    first, last = min(hours), max(hours)
    return Source(
        index=0,
        path="a",
        stream="a",
        size_bytes=1,
        mtime_ns=1,
        broken=broken,
        first_ms=first * HOUR_MS,
        last_ms=(last + 1) * HOUR_MS - 1,
        hours=dict(hours),
        unparsed_hours=dict.fromkeys(unparsed, 1),
    )


def weeks(count, *, lines=200, without=()):
    """Lines from 8 to 18 h on weekdays, none at night and on Sundays, few on Saturdays."""
    hours = {}
    for day in range(7 * count):
        weekday = day % 7
        for hour in range(8, 18):
            if weekday < 5 or (weekday == 5 and hour < 12):
                hours[MONDAY + day * DAY + hour] = lines
    return {hour: n for hour, n in hours.items() if hour not in without}


def test_the_monday_is_one():
    moment = datetime.fromtimestamp(MONDAY * 3600, UTC)
    assert (moment.weekday(), moment.hour) == (0, 0)


def test_nights_and_sundays_of_several_weeks_are_no_gap():
    assert find_gaps([log(weeks(3))], period=None) == []


@pytest.mark.parametrize("hour", [9, 12, 16])
def test_an_hour_taken_out_of_a_working_day_is_a_gap(hour):
    missing = MONDAY + 8 * DAY + hour
    [gap] = find_gaps([log(weeks(3, without={missing}))], period=None)
    assert gap == Gap(from_ms=missing * HOUR_MS, to_ms=(missing + 1) * HOUR_MS, reason="silent")


def test_a_missing_day_is_a_gap_with_the_nights_around_it():
    day = MONDAY + 8 * DAY
    [gap] = find_gaps([log(weeks(3, without=set(range(day, day + DAY))))], period=None)
    assert gap.from_ms <= (day + 8) * HOUR_MS
    assert gap.to_ms >= (day + 18) * HOUR_MS


def test_a_log_with_few_lines_an_hour_says_nothing_by_an_empty_one():
    """The mutation beside it: an hour of three lines is silent by chance one time in twenty."""
    missing = MONDAY + 8 * DAY + 9
    assert find_gaps([log(weeks(3, lines=3, without={missing}))], period=None) == []


def test_a_single_day_has_nothing_to_compare_a_silence_with_and_tells_it():
    hours = {MONDAY + hour: 300 for hour in range(8, 18) if hour != 12}
    [gap] = find_gaps([log(hours)], period=None)
    assert gap.reason == "silent"


def test_a_declared_period_is_asked_of_the_whole_stream():
    one = log(weeks(1))
    period = ((MONDAY - DAY) * HOUR_MS, (MONDAY + 8 * DAY) * HOUR_MS)
    reasons = [gap.reason for gap in find_gaps([one], period=period)]
    assert reasons == ["before_first_line", "after_last_line"]
    assert find_gaps([], period=period) == [
        Gap(from_ms=period[0], to_ms=period[1], reason="no_file")
    ]


def test_a_period_that_begins_at_midnight_asks_nothing_of_nights_that_are_always_silent():
    period = (MONDAY * HOUR_MS, (MONDAY + 20 * DAY) * HOUR_MS)
    assert find_gaps([log(weeks(3))], period=period) == []


def test_a_first_day_that_is_missing_is_a_gap():
    """The mutation beside it: what is usual is asked of the ends too."""
    period = (MONDAY * HOUR_MS, (MONDAY + 20 * DAY) * HOUR_MS)
    hours = weeks(3, without=set(range(MONDAY, MONDAY + DAY)))
    [gap] = find_gaps([log(hours)], period=period)
    assert (gap.from_ms, gap.reason) == (period[0], "before_first_line")


def test_a_file_of_which_nothing_is_understood_makes_everything_doubtful():
    good = log({MONDAY + 8: 100, MONDAY + 9: 100})
    bad = Source(index=1, path="b", stream="a", size_bytes=1, mtime_ns=1, lines=5, unparsed=5)
    [gap] = find_gaps([good, bad], period=None)
    assert (gap.from_ms, gap.to_ms, gap.reason) == (good.first_ms, good.last_ms + 1, "unparsed")


def test_what_follows_a_cut_file_is_a_gap_until_the_next_begins():
    one = log({MONDAY + 8: 100, MONDAY + 9: 100}, broken="cut short")
    two = log({MONDAY + 11: 100, MONDAY + 12: 100})
    gaps = find_gaps([one, two], period=None)
    cut = next(gap for gap in gaps if gap.reason == "broken_file")
    assert (cut.from_ms, cut.to_ms) == (one.last_ms, two.first_ms)


def test_lines_not_understood_make_their_hours_doubtful():
    hours = {MONDAY + hour: 100 for hour in range(8, 18)}
    gaps = find_gaps([log(hours, unparsed=(MONDAY + 9, MONDAY + 10))], period=None)
    assert gaps == [
        Gap(from_ms=(MONDAY + 9) * HOUR_MS, to_ms=(MONDAY + 11) * HOUR_MS, reason="unparsed")
    ]
