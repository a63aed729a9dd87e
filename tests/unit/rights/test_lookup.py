import hashlib
import hmac
from dataclasses import replace

import pytest

from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.findings import BadValue
from rempart.kernel.synthetic import make_synthetic_amc_number, make_synthetic_nir
from rempart.rights.lookup import (
    CardCode,
    TypedIdentifiers,
    canonical_card,
    canonical_typed,
    compute_lookup_key,
    compute_raw_lookup_key,
)

KEY = bytes(range(32))
NIR = make_synthetic_nir(sex=2, year=1984, month=5, serial=1234)
TYPED = TypedIdentifiers(
    amc_number=make_synthetic_amc_number(7),
    insured_nir=NIR,
    birth_date=BirthDate("19840501"),
    birth_rank=BirthRank(1),
)
CARD = CardCode.parse("7K3M-0000-ABCD-WXYZ-9999")


def test_the_key_is_the_head_of_an_hmac_of_the_canonical_identifiers():
    text = f"typed|9900000007|{NIR.number}|19840501|1".encode()
    expected = hmac.new(KEY, text, hashlib.sha256).digest()[:16]
    assert compute_lookup_key(KEY, TYPED) == expected
    card = hmac.new(KEY, b"card|7K3M0000ABCDWXYZ9999", hashlib.sha256).digest()[:16]
    assert compute_lookup_key(KEY, CARD) == card


def test_the_bulk_way_gives_the_same_keys():
    typed = canonical_typed("9900000007", NIR.number, "19840501", "1")
    assert compute_raw_lookup_key(KEY, typed) == compute_lookup_key(KEY, TYPED)
    card = canonical_card(CARD.code)
    assert compute_raw_lookup_key(KEY, card) == compute_lookup_key(KEY, CARD)


@pytest.mark.parametrize(
    "change",
    [
        {"amc_number": make_synthetic_amc_number(8)},
        {"insured_nir": make_synthetic_nir(sex=2, year=1984, month=5, serial=1235)},
        {"birth_date": BirthDate("19840502")},
        {"birth_rank": BirthRank(2)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_identifier_counts(change):
    assert compute_lookup_key(KEY, replace(TYPED, **change)) != compute_lookup_key(KEY, TYPED)


def test_another_installation_has_other_keys():
    assert compute_lookup_key(bytes(32), TYPED) != compute_lookup_key(KEY, TYPED)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_short_secret_is_refused(length):
    with pytest.raises(ValueError, match="32 bytes"):
        compute_lookup_key(bytes(length), TYPED)


@pytest.mark.parametrize(
    "text",
    [
        "7K3M-0000-ABCD-WXYZ-9999",
        "7k3m 0000 abcd wxyz 9999",
        "7K3MOOOOABCDWXYZ9999",
        " 7K3M-0o0O-ABCD-WXYZ-9999 ",
    ],
)
def test_a_card_code_forgives_what_hands_do(text):
    assert CardCode.parse(text) == CARD


def test_i_and_l_are_read_as_one():
    assert CardCode.parse("iIlL" + "0" * 16).format() == "1111-0000-0000-0000-0000"


@pytest.mark.parametrize("text", ["", "7K3M", "7K3M-0000-ABCD-WXYZ-999", "U" * 20, "é" * 20])
def test_any_other_card_code_is_refused_without_repeating_it(text):
    with pytest.raises(BadValue, match="20 lettres") as refusal:
        CardCode.parse(text)
    assert len(text) < 20 or text not in str(refusal.value)


def test_card_codes_are_built_from_numbers_of_one_hundred_bits():
    assert CardCode.from_number(0).code == "0" * 20
    assert CardCode.from_number(2**100 - 1).code == "Z" * 20
    with pytest.raises(ValueError, match="does not fit"):
        CardCode.from_number(2**100)


def test_identifiers_do_not_print():
    assert repr(CARD) == "<CardCode>"
    assert NIR.number not in repr(TYPED)
    assert "1984" not in repr(TYPED)
