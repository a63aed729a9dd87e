"""Prices and allowances: what a day holds, from the account's own and its profession's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.guard.allowance import (
    HIGHEST_PRICE,
    compute_deviation,
    compute_expected,
    compute_needed_width,
    compute_price,
    compute_typed_allowance,
)
from rempart.guard.habits import Mean

amounts = st.floats(0.1, 500)


@given(amounts, st.floats(0.5, 100), st.floats(0, 3000), st.floats(0, 8))
def test_the_needed_width_is_the_inverse_of_the_allowance(expected, deviation, week, width):
    allowed = compute_typed_allowance(expected, deviation, week, width)
    if allowed > 0.5:
        assert compute_needed_width(allowed, expected, deviation, week) == pytest.approx(
            width, abs=1e-6, rel=1e-6
        )


@given(amounts, st.floats(0.5, 100), st.floats(0, 3000), st.floats(0, 8))
def test_a_busier_week_never_allows_more(expected, deviation, week, width):
    assert compute_typed_allowance(expected, deviation, week + 1, width) <= (
        compute_typed_allowance(expected, deviation, week, width)
    )


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_what_speaks_more_against_never_costs_less(one, other):
    low, high = sorted((one, other))
    assert 0.25 <= compute_price(low, 0.25) <= compute_price(high, 0.25) <= HIGHEST_PRICE


def test_an_account_leans_on_its_profession_until_it_has_days_of_its_own():
    own = Mean()
    assert compute_expected(own, 3.0) == 3.0
    for _ in range(60):
        own.add(10.0)
    assert compute_expected(own, 3.0) == pytest.approx(8.6, abs=0.3)
    assert compute_deviation(10.0, own, 0.6) < compute_deviation(10.0, Mean(), 0.6)


def test_days_that_differ_widen_the_allowance():
    even, uneven = Mean(), Mean()
    for n in range(40):
        even.add(10.0)
        uneven.add(20.0 * (n % 2))
    assert even.variance == pytest.approx(0.0, abs=1e-6)
    assert uneven.variance > 80
    assert compute_deviation(10.0, uneven, 0.6) > compute_deviation(10.0, even, 0.6)
