import pytest

from rempart.kernel.money import apply_rate_bp, format_euros, split_cents


@pytest.mark.parametrize(
    ("amount_cents", "rate_bp", "expected"),
    [
        pytest.param(2650, 7000, 1855, id="seventy per cent of a visit at 26.50"),
        pytest.param(0, 7000, 0, id="a rate of nothing is nothing"),
        pytest.param(1, 5000, 1, id="half a cent goes up"),
        pytest.param(1, 4999, 0, id="less than half a cent is dropped"),
        pytest.param(-1, 5000, -1, id="a cancellation mirrors the bill"),
        pytest.param(2500, 40000, 10000, id="a card may grant four hundred per cent"),
    ],
)
def test_a_rate_is_applied_and_rounded_once(amount_cents, rate_bp, expected):
    assert apply_rate_bp(amount_cents, rate_bp) == expected


def test_a_negative_rate_is_refused():
    with pytest.raises(ValueError, match="never negative"):
        apply_rate_bp(100, -1)


@pytest.mark.parametrize(
    ("total", "weights", "leftover_to", "expected"),
    [
        pytest.param(100, (1, 1, 1), 0, (34, 33, 33), id="the first party takes the cent left"),
        pytest.param(100, (1, 1, 1), 2, (33, 33, 34), id="or the party named"),
        pytest.param(-100, (1, 1, 1), 0, (-34, -33, -33), id="a refund mirrors the payment"),
        pytest.param(
            5, (0, 1), 0, (0, 5), id="a party without weight gets nothing when it is even"
        ),
        pytest.param(0, (3, 2), 0, (0, 0), id="nothing is shared as nothing"),
        pytest.param(7, (4,), 0, (7,), id="a single party gets all"),
    ],
)
def test_shares_add_up(total, weights, leftover_to, expected):
    assert split_cents(total, weights, leftover_to=leftover_to) == expected


@pytest.mark.parametrize(
    ("weights", "leftover_to"),
    [
        pytest.param((), 0, id="nobody"),
        pytest.param((0, 0), 0, id="nobody has a weight"),
        pytest.param((2, -1), 0, id="a negative weight"),
        pytest.param((1, 1), 2, id="the leftover goes to nobody"),
    ],
)
def test_an_impossible_sharing_is_refused(weights, leftover_to):
    with pytest.raises(ValueError):
        split_cents(100, weights, leftover_to=leftover_to)


@pytest.mark.parametrize(
    ("cents", "french", "english"),
    [
        (123456, "1\u202f234,56\u00a0€", "€1,234.56"),
        (-5, "-0,05\u00a0€", "-€0.05"),
        (100_000_000, "1\u202f000\u202f000,00\u00a0€", "€1,000,000.00"),
    ],
)
def test_amounts_are_written_the_way_people_read_them(cents, french, english):
    assert format_euros(cents) == french
    assert format_euros(cents, "en") == english
