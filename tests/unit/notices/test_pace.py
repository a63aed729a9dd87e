"""How fast messages may leave: never more in an hour than a hot line answers for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.notices import pace
from rempart.notices.pace import (
    CATCH_UP_WINDOWS,
    Speed,
    compute_allowed,
    compute_allowed_letters,
    compute_forecast,
    compute_per_hour,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@given(st.integers(1, 100_000), st.integers(0, 180))
def test_whenever_it_begins_no_hour_has_more_than_the_hot_line_takes(per_hour, pause_at):
    left: list[int] = []  # how many left in each minute
    for minute in range(240):
        allowed = compute_allowed(
            per_hour,
            last_hour=sum(left[-60:]),
            last_minutes=sum(left[-CATCH_UP_WINDOWS:]),
        )
        assert allowed is not None
        left.append(0 if pause_at <= minute < pause_at + 30 else allowed)
        assert sum(left[-60:]) <= per_hour
    assert sum(left) >= per_hour  # and it goes on


def test_mutation_without_the_hour_a_pause_would_be_made_up_for(monkeypatch):
    monkeypatch.setattr(pace, "min", lambda _hour, share: share, raising=False)
    left = 0
    for _ in range(60):
        left += compute_allowed(100, last_hour=left, last_minutes=0) or 0
    assert left > 100


@pytest.mark.parametrize(
    ("agents", "minutes", "calls", "per_hour"),
    [(1, 60, 1000, 1), (20, 6, 50, 4000), (1, 600, 1000, 1), (3, 7, 200, 128)],
)
def test_what_a_hot_line_takes(agents, minutes, calls, per_hour):
    found = compute_per_hour(agents=agents, minutes_per_call=minutes, calls_per_thousand=calls)
    assert found == per_hour


@pytest.mark.parametrize(("agents", "minutes", "calls"), [(0, 6, 50), (1, 0, 50), (1, 6, 1001)])
def test_a_hot_line_of_nobody_is_refused(agents, minutes, calls):
    with pytest.raises(ValueError, match="at least 1"):
        compute_per_hour(agents=agents, minutes_per_call=minutes, calls_per_thousand=calls)


def test_letters_are_bounded_by_the_day():
    assert compute_allowed_letters(None, last_day=10**6) is None
    assert compute_allowed_letters(100, last_day=0) == 800
    assert compute_allowed_letters(100, last_day=900) == 0


@pytest.mark.parametrize(
    ("emails", "letters", "per_hour", "speed", "hours"),
    [
        (0, 0, None, (0, 0), 0),
        (3600, 0, None, (1, 0), 1),
        (3600, 0, 360, (100, 0), 10),
        (0, 800, 100, (0, 50), 24),
        (3600, 7200, None, (1, 1), 2),
    ],
)
def test_when_a_campaign_ends(emails, letters, per_hour, speed, hours):
    found = compute_forecast(
        emails=emails,
        letters=letters,
        per_hour=per_hour,
        speed=Speed(emails_per_s=speed[0], letters_per_s=speed[1]),
        now=NOW,
    )
    assert found.ends_by == NOW + timedelta(hours=hours)


def test_nobody_says_when_what_does_not_move_will_end():
    still = Speed(emails_per_s=0, letters_per_s=0)
    found = compute_forecast(emails=1, letters=0, per_hour=None, speed=still, now=NOW)
    assert found.emails_by is None
    assert found.ends_by is None
    assert found.letters_by == NOW
