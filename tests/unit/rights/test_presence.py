"""Six digits that last a minute: what opens, and what a million guesses are worth."""

from random import Random

import pytest

from rempart.kernel.findings import BadValue
from rempart.rights import presence
from rempart.rights.presence import (
    STEP_S,
    TRIES_A_DAY,
    TRIES_A_MONTH,
    PresenceDigits,
    PresencePolicy,
    chance_per_try,
    chance_per_year,
    compute_digits,
    compute_seconds_left,
    find_matching_step,
    find_step,
)

SECRET = bytes(range(32))
NOW_S = 1_795_000_030.0
HERE = find_step(NOW_S)


def digits_at(step):
    return PresenceDigits(compute_digits(SECRET, step))


@pytest.mark.parametrize(
    ("away", "opens"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_opens_in_its_minute_and_one_on_each_side(away, opens):
    found = find_matching_step(SECRET, digits_at(HERE + away), now_s=NOW_S)
    assert found == (HERE + away if opens else None)


def test_a_telephone_a_day_wrong_opens_nothing():
    for away in (-86_400 // STEP_S, 86_400 // STEP_S):
        assert find_matching_step(SECRET, digits_at(HERE + away), now_s=NOW_S) is None


def test_mutation_a_tolerance_of_a_day_would_let_it_in(monkeypatch):
    monkeypatch.setattr(presence, "TOLERANCE", 86_400 // STEP_S)
    assert find_matching_step(SECRET, digits_at(HERE + 1440), now_s=NOW_S) is not None


def test_another_secret_gives_other_digits():
    assert compute_digits(SECRET, HERE) != compute_digits(bytes(32), HERE)


@pytest.mark.parametrize("text", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"])
def test_six_digits_are_six_digits(text):
    with pytest.raises(BadValue):
        PresenceDigits.parse(text)


def test_digits_are_read_with_their_spaces_and_print_as_nothing():
    assert PresenceDigits.parse("402 917").text == "402917"
    assert "402917" not in repr(PresenceDigits("402917"))


def test_the_digits_shown_change_when_they_say_so():
    left = compute_seconds_left(NOW_S)
    assert find_step(NOW_S + left - 0.01) == HERE
    assert find_step(NOW_S + left) == HERE + 1


def test_a_policy_that_bounds_nothing_says_so():
    assert PresencePolicy().is_open
    assert not PresencePolicy(typed_persons_per_day=0).is_open
    assert not PresencePolicy(required=True).is_open


class Counter:
    """The bound of `rights.take_code_try`, in memory."""

    def __init__(self):
        self.days = {}

    def take(self, day):
        today = self.days[day] = self.days.get(day, 0) + 1
        if today > TRIES_A_DAY:
            return False
        before = sum(min(n, TRIES_A_DAY) for d, n in self.days.items() if day - 30 < d < day)
        return before + today <= TRIES_A_MONTH


def count_looked_at(guesses, days):
    """Spread guesses evenly over days; return how many are looked at."""
    counter = Counter()
    return sum(counter.take(n * days // guesses) for n in range(guesses))


@pytest.mark.parametrize("days", [1, 30, 365])
def test_of_a_million_guesses_against_one_member_hardly_any_is_looked_at(days):
    looked_at = count_looked_at(1_000_000, days)
    assert looked_at <= TRIES_A_MONTH * (days // 30 + 1)
    assert looked_at * chance_per_try() <= chance_per_year() < 0.001


def test_a_million_guesses_hit_by_chance_no_more_often_than_promised():
    random = Random(20261122)
    looked_at = count_looked_at(1_000_000, 365)
    years = 2_000
    hits = sum(any(random.randrange(1_000_000) < 3 for _ in range(looked_at)) for _ in range(years))
    assert hits / years <= 3 * chance_per_year()


def test_mutation_without_the_bound_a_million_guesses_nearly_always_hit():
    assert 1 - (1 - chance_per_try()) ** 1_000_000 > 0.94
