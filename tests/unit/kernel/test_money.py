import pytest

from rempart.kernel.money import apply_rate_bp, format_euros


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
