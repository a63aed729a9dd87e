import time

import pytest

from rempart.kernel.findings import BadValue
from rempart.kernel.nir import Nir, NirKind, compute_nir_key, is_valid_nir
from rempart.kernel.synthetic import make_synthetic_nir

WOMAN = make_synthetic_nir(sex=2, year=1984, month=5, serial=1234)
CORSICAN = make_synthetic_nir(sex=1, year=1990, month=12, place="2A004")


def test_a_nir_is_read_with_or_without_spaces():
    assert Nir.parse(WOMAN.format()) == WOMAN
    assert Nir.parse(WOMAN.format_compact()) == WOMAN
    assert Nir.parse(WOMAN.format().replace(" ", "\u202f")) == WOMAN
    assert Nir.parse(CORSICAN.format().lower()) == CORSICAN


def test_a_nir_tells_its_parts():
    assert (WOMAN.sex, WOMAN.year_of_century, WOMAN.birth_month) == (2, 84, 5)
    assert WOMAN.kind is NirKind.NIR
    assert WOMAN.place == "00001"
    assert CORSICAN.department == "2A"
    assert make_synthetic_nir(sex=1, year=1990, month=12, place="97411").department == "974"
    assert make_synthetic_nir(sex=1, year=1990, month=12, place="99109").department == "99"


def test_a_waiting_number_is_an_nia_and_still_tells_the_sex():
    nia = make_synthetic_nir(sex=8, year=2001, month=7, serial=5)
    assert nia.kind is NirKind.NIA
    assert nia.sex == 2
    assert make_synthetic_nir(sex=7, year=2001, month=7).sex == 1


@pytest.mark.parametrize("printed", [repr, str, "{}".format, "{:>20}".format, "%s".__mod__])
def test_a_nir_never_prints_its_number(printed):
    text = printed(WOMAN)
    assert "<Nir>" in text
    assert "84" not in text


def test_a_record_that_holds_a_nir_does_not_print_it_either():
    assert WOMAN.number not in repr([WOMAN, {"nir": WOMAN}, (WOMAN,)])


def test_a_key_is_refused_when_two_digits_are_swapped():
    text = WOMAN.format_compact()
    swapped = text[:10] + text[11] + text[10] + text[12:]
    with pytest.raises(BadValue, match="clé") as refusal:
        Nir.parse(swapped)
    assert swapped not in str(refusal.value)
    assert not is_valid_nir(swapped)


def test_the_key_of_something_that_is_not_a_number_is_refused_without_repeating_it():
    with pytest.raises(BadValue) as refusal:
        compute_nir_key("secret-123456")
    assert "secret" not in str(refusal.value)
    with pytest.raises(BadValue, match="15 caractères"):
        compute_nir_key("284")


def test_only_impossible_numbers_are_synthetic():
    assert WOMAN.is_synthetic
    assert CORSICAN.is_synthetic
    # Order 001 of a real commune: built here in pieces, so that no such number is written down.
    assert not Nir("1" + "90" + "12" + "2A004" + "001").is_synthetic


def test_a_million_numbers_are_validated_in_seconds():
    """The bound is four times what one busy core needs: it catches a regression, not a slow day."""
    text, count = WOMAN.format_compact(), 20_000
    start = time.perf_counter()
    for _ in range(count):
        is_valid_nir(text)
    assert (time.perf_counter() - start) / count < 6e-6
