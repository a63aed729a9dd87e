"""What stands out among who bills: figures against the others', and silence when too few."""

import pytest

from rempart.claims.signals import ActPrice, BillerCount, SignalKind, find_signals

QUIET = [BillerCount(place, claims=80, unchecked=8, recent=9) for place in range(2, 6)]
PRICES = [ActPrice(place, "G", lines=20, units=20, billed_cents=60_000) for place in range(2, 6)]


def find(biller: BillerCount) -> list:
    return [(one.kind, one.value, one.usual) for one in find_signals([biller, *QUIET], [])]


def test_nothing_stands_out_among_equals():
    assert find_signals(QUIET, PRICES) == []


@pytest.mark.parametrize(
    ("biller", "found"),
    [
        (BillerCount(1, 80, 60, 9), [(SignalKind.UNCHECKED, 7500, 1000)]),
        (BillerCount(1, 80, 39, 9), []),  # below a half
        (BillerCount(1, 9, 9, 1), []),  # too few
        (BillerCount(1, 80, 8, 30), [(SignalKind.VOLUME, 30, 6)]),
        (BillerCount(1, 80, 8, 19), []),  # too few in a week
        (BillerCount(1, 100, 8, 20), []),  # twice a week's mean: not three times
    ],
)
def test_a_biller_stands_out_by_what_is_counted(biller, found):
    assert find(biller) == found


@pytest.mark.parametrize(
    ("cents", "lines", "stands_out"), [(90_000, 20, True), (89_999, 20, False), (90_000, 9, False)]
)
def test_a_price_stands_out_from_half_as_much_again(cents, lines, stands_out):
    mine = ActPrice(1, "G", lines=lines, units=20, billed_cents=cents)
    found = find_signals([], [mine, *PRICES])
    assert [one.establishment_ref for one in found] == ([1] if stands_out else [])


def test_two_peers_are_too_few_to_say_what_is_usual():
    mine = ActPrice(1, "G", lines=20, units=20, billed_cents=99_000)
    assert find_signals([], [mine, *PRICES[:2]]) == []


def test_the_usual_share_is_the_others_without_the_one():
    [signal] = find_signals([BillerCount(1, 1000, 1000, 1), *QUIET], [])
    assert signal.usual == 1000
