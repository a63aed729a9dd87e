import pytest

from rempart.kernel.crockford import ALPHABET, decode_number, encode_number, normalise_code


def test_the_alphabet_has_no_letter_that_hands_confuse():
    assert len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)


@pytest.mark.parametrize(
    ("number", "code"), [(0, "0000"), (31, "000Z"), (32, "0010"), (2**20 - 1, "ZZZZ")]
)
def test_numbers_are_written_and_read(number, code):
    assert encode_number(number, 4) == code
    assert decode_number(code) == number


def test_a_letter_outside_the_alphabet_is_no_number():
    assert decode_number("00U0") is None


def test_separators_and_confusions_are_removed():
    assert normalise_code("o0-iL l\u00a0u") == "00111U"
