"""Properties of money, periods and identifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.fr import nir as stdnum_nir

from rempart.kernel.findings import BadValue
from rempart.kernel.money import apply_rate_bp
from rempart.kernel.nir import Nir, compute_nir_key, is_valid_nir, read_nir_column
from rempart.kernel.periods import Period, add_months
from rempart.kernel.synthetic import (
    make_synthetic_finess,
    make_synthetic_iban,
    make_synthetic_nir,
    make_synthetic_rpps,
    make_synthetic_siret,
)

cents = st.integers(-(10**12), 10**12)
rates = st.integers(0, 100_000)
months = st.one_of(st.integers(1, 12), st.integers(20, 42), st.integers(50, 99))
places = st.one_of(
    st.none(),
    st.sampled_from(["01001", "20004", "2A004", "2B033", "75056", "97411", "98735", "99109"]),
)


@st.composite
def nirs(draw):
    place = draw(places)
    return make_synthetic_nir(
        sex=draw(st.sampled_from([1, 2, 7, 8])),
        year=draw(st.integers(1900, 2030)),
        month=draw(months),
        place=place,
        serial=0 if place else draw(st.integers(0, 999_999)),
    )


@given(amount=cents, rate=rates)
def test_rounding_is_never_off_by_more_than_half_a_cent(amount, rate):
    assert abs(apply_rate_bp(amount, rate) * 10_000 - amount * rate) <= 5_000


@given(amount=cents, rate=rates)
def test_a_cancellation_is_the_mirror_of_the_bill(amount, rate):
    assert apply_rate_bp(-amount, rate) == -apply_rate_bp(amount, rate)


@given(first=st.dates(), second=st.dates(), third=st.dates(), fourth=st.dates(), day=st.dates())
def test_a_day_is_in_common_when_it_is_in_both(first, second, third, fourth, day):
    left, right = Period(*sorted((first, second))), Period(*sorted((third, fourth)))
    common = left.intersection(right)
    in_common = common is not None and common.contains(day)
    assert in_common is (left.contains(day) and right.contains(day))


@given(day=st.dates().filter(lambda d: 1000 < d.year < 9000), count=st.integers(-500, 500))
def test_adding_months_moves_by_exactly_those_months(day, count):
    moved = add_months(day, count)
    assert (moved.year - day.year) * 12 + moved.month - day.month == count
    assert moved.day <= day.day


@given(nir=nirs())
def test_a_built_nir_is_synthetic_valid_and_read_back(nir):
    text = nir.format_compact()
    assert nir.is_synthetic
    assert is_valid_nir(text)
    assert Nir.parse(text) == nir == Nir.parse(nir.format())


@given(nir=nirs())
def test_our_key_is_the_key_of_the_public_library(nir):
    assert f"{compute_nir_key(nir.number):02d}" == stdnum_nir.calc_check_digits(nir.number)
    assert stdnum_nir.is_valid(nir.format_compact())


almost_nirs = st.one_of(
    st.text(alphabet="0123456789AB \u00a0", min_size=13, max_size=17),
    st.from_regex(r"[0-9]\d{4}(\d\d|2[ABC])\d{6}\d\d", fullmatch=True),
    st.builds(lambda nir, key: f"{nir.number}{key:02d}", nirs(), st.integers(0, 99)),
    st.text(max_size=20),
)


@given(text=almost_nirs)
def test_the_fast_check_agrees_with_the_careful_one(text):
    try:
        Nir.parse(text)
        accepted = True
    except BadValue:
        accepted = False
    assert is_valid_nir(text) is accepted
    assert not accepted or stdnum_nir.is_valid(text.replace("\u00a0", " ").replace("\u202f", " "))


@given(
    texts=st.lists(st.one_of(nirs().map(Nir.format_compact), st.just("")), min_size=1, max_size=5)
)
def test_a_column_of_numbers_is_read_as_each_would_be(texts):
    assert read_nir_column(texts) == [text and Nir.parse(text).number for text in texts]


@given(nir=nirs(), position=st.integers(0, 14), digit=st.sampled_from("0123456789AB \n"))
def test_one_wrong_character_stops_the_reading_of_its_column(nir, position, digit):
    text = nir.format_compact()
    wrong = text[:position] + digit + text[position + 1 :]
    if wrong != text and not is_valid_nir(wrong):
        assert read_nir_column([text, wrong]) is None


@given(nir=nirs(), position=st.integers(0, 14), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_noticed(nir, position, digit):
    text = nir.format_compact()
    if text[position] not in "AB" and text[position] != digit:
        assert not is_valid_nir(text[:position] + digit + text[position + 1 :])


@given(serial=st.integers(0, 999_998))
def test_every_synthetic_number_has_its_keys(serial):
    assert luhn.is_valid(make_synthetic_rpps(serial).number)
    assert luhn.is_valid(make_synthetic_finess(serial).number)
    assert luhn.is_valid(make_synthetic_siret(serial).siren)
    assert luhn.is_valid(make_synthetic_siret(serial).number)
    assert make_synthetic_iban(serial).is_synthetic


@pytest.mark.parametrize("make", [make_synthetic_rpps, make_synthetic_finess, make_synthetic_siret])
@given(left=st.integers(0, 999_998), right=st.integers(0, 999_998))
def test_two_serials_are_two_numbers(make, left, right):
    assert (make(left) == make(right)) is (left == right)
