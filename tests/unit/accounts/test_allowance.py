"""How often a client may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.accounts.allowance import Allowance, Allowed, Refused, decide_allowance

TEN_A_SECOND = Allowance(rate_per_s=10, burst=3)


def replay(allowance: Allowance, instants_ms: list[float]) -> list[bool]:
    """Ask at each instant; tell which requests passed."""
    empty_at_ms = None
    passed = []
    for now_ms in instants_ms:
        decision = decide_allowance(allowance, empty_at_ms=empty_at_ms, now_ms=now_ms)
        if isinstance(decision, Allowed):
            empty_at_ms = decision.empty_at_ms
        passed.append(isinstance(decision, Allowed))
    return passed


@pytest.mark.parametrize(
    ("instants_ms", "passed"),
    [
        pytest.param([], [], id="nobody asks"),
        pytest.param([0, 0, 0, 0], [True, True, True, False], id="the burst, then no more"),
        pytest.param([0, 0, 0, 99, 100, 100], [True] * 3 + [False, True, False], id="one regained"),
        pytest.param([0, 100, 200, 300, 400], [True] * 5, id="the steady rate always passes"),
        pytest.param([0, 0, 0, 300, 300, 300, 300], [True] * 6 + [False], id="a rest refills"),
        pytest.param(
            [0, 0, 0, 10_000, 10_000, 10_000, 10_000],
            [True] * 6 + [False],
            id="a long rest does not save up more than the burst",
        ),
    ],
)
def test_a_burst_then_the_steady_rate(instants_ms, passed):
    assert replay(TEN_A_SECOND, instants_ms) == passed


def test_a_refusal_says_when_the_same_request_passes():
    empty_at_ms = 300.0
    refusal = decide_allowance(TEN_A_SECOND, empty_at_ms=empty_at_ms, now_ms=40)
    assert refusal == Refused(60)
    assert isinstance(decide_allowance(TEN_A_SECOND, empty_at_ms=empty_at_ms, now_ms=100), Allowed)


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=80),
    st.integers(1, 50),
    st.integers(1, 20),
)
def test_no_window_ever_lets_more_than_the_burst_and_the_rate_through(gaps, rate, burst):
    allowance = Allowance(rate_per_s=rate, burst=burst)
    instants = [float(sum(gaps[: i + 1])) for i in range(len(gaps))]
    kept = [t for t, ok in zip(instants, replay(allowance, instants), strict=True) if ok]
    for i, start in enumerate(kept):
        for j in range(i, len(kept)):
            assert j - i + 1 <= burst + (kept[j] - start) * rate / 1000 + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_an_allowance_that_lets_nobody_through_is_refused(rate, burst):
    with pytest.raises(ValueError, match="positive rate"):
        Allowance(rate_per_s=rate, burst=burst)
