"""The identifiers that are a number and a key: what is read, what is refused, what prints."""

import pytest

from rempart.kernel.amc import AmcNumber
from rempart.kernel.findings import BadValue
from rempart.kernel.finess import Finess
from rempart.kernel.iban import Iban
from rempart.kernel.rpps import Rpps
from rempart.kernel.siret import Siret
from rempart.kernel.synthetic import (
    make_synthetic_amc_number,
    make_synthetic_finess,
    make_synthetic_iban,
    make_synthetic_rpps,
    make_synthetic_siret,
)

IBAN = make_synthetic_iban(12345)
SIRET = make_synthetic_siret(12345)

ONE_OF_EACH = [
    make_synthetic_rpps(12345),
    make_synthetic_finess(12345),
    SIRET,
    IBAN,
    make_synthetic_amc_number(12345),
]


@pytest.mark.parametrize("identifier", ONE_OF_EACH, ids=lambda one: type(one).__name__)
def test_what_is_written_can_be_read_back(identifier):
    assert type(identifier).parse(identifier.format()) == identifier
    assert type(identifier).parse(identifier.number) == identifier


@pytest.mark.parametrize("kind", [Rpps, Finess, Siret, Iban, AmcNumber])
@pytest.mark.parametrize("text", ["", " ", "abc", "12", "9" * 40, "١٢٣٤٥٦٧٨٩"])
def test_what_has_not_the_shape_is_refused_without_repeating_it(kind, text):
    with pytest.raises(BadValue) as refusal:
        kind.parse(text)
    assert not text.strip() or text not in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "number", "rule"),
    [
        pytest.param(Rpps, "99000000003", "rpps_key", id="a professional's key"),
        pytest.param(Rpps, "9900000000", "rpps_format", id="ten digits for a professional"),
        pytest.param(Finess, "000000019", "finess_key", id="an establishment's key"),
        pytest.param(Finess, "3A0000019", "finess_format", id="a letter outside Corsica"),
        pytest.param(Siret, "0" * 8 + "100010", "siret_siren_key", id="the key of the company"),
        pytest.param(Siret, SIRET.siren + "00099", "siret_key", id="the key of the site"),
        pytest.param(Iban, IBAN.number[:-1] + "0", "iban", id="the international key"),
        pytest.param(AmcNumber, "0" * 10, "amc_number", id="an insurer without number"),
        pytest.param(AmcNumber, "99000", "amc_number", id="half an insurer's number"),
    ],
)
def test_a_wrong_key_or_shape_is_named(kind, number, rule):
    with pytest.raises(BadValue) as refusal:
        kind.parse(number)
    assert refusal.value.refusal.rule == rule


def test_a_french_account_needs_its_national_key_too():
    """The international key of this one is right: only the bank's own key gives it away."""
    bban = IBAN.number[4:-2] + f"{(int(IBAN.number[-2:]) + 1) % 97 or 97:02d}"
    key = 98 - int(f"{bban}152700") % 97
    with pytest.raises(BadValue):
        Iban(f"FR{key:02d}{bban}")


def test_a_corsican_establishment_is_read():
    assert Finess.parse("2a0000019").number == "2A0000019"
    assert Finess.parse("2B0000019").format() == "2B 000 001 9"


def test_a_short_insurer_number_is_padded():
    assert AmcNumber.parse("99000001").number == "0099000001"


def test_what_identifies_a_person_does_not_print():
    assert [str(one) for one in (ONE_OF_EACH[0], SIRET, IBAN)] == ["<Rpps>", "<Siret>", "<Iban>"]
