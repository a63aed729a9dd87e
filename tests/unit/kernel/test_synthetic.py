import json
from importlib.resources import files

import pytest

from rempart.kernel.iban import SYNTHETIC_BANK
from rempart.kernel.synthetic import (
    make_synthetic_amc_number,
    make_synthetic_finess,
    make_synthetic_iban,
    make_synthetic_nir,
    make_synthetic_rpps,
    make_synthetic_siret,
)

MAKERS = [
    (make_synthetic_rpps, 10**8 - 1),
    (make_synthetic_finess, 10**6 - 2),
    (make_synthetic_siret, 9_999 * 10_000 - 1),
    (make_synthetic_iban, 10**11 - 1),
    (make_synthetic_amc_number, 10**8 - 1),
]


@pytest.mark.parametrize(("make", "last"), MAKERS)
def test_every_serial_gives_a_number_that_nobody_can_hold(make, last):
    made = [make(serial) for serial in (0, 1, 2, last // 2, last)]
    assert all(one.is_synthetic for one in made)
    assert len({one.number for one in made}) == len(made)
    assert not any(set(one.number) == {"0"} for one in made)


@pytest.mark.parametrize(("make", "last"), MAKERS)
@pytest.mark.parametrize("beyond", [-1, 1])
def test_a_serial_out_of_range_is_refused(make, last, beyond):
    with pytest.raises(ValueError, match="does not fit"):
        make(last + 1 if beyond == 1 else -1)


def test_a_crowd_of_one_month_has_a_million_numbers():
    first, last = (make_synthetic_nir(sex=1, year=1980, month=1, serial=n) for n in (0, 999_999))
    assert first.is_synthetic
    assert last.is_synthetic
    with pytest.raises(ValueError, match="does not fit"):
        make_synthetic_nir(sex=1, year=1980, month=1, serial=1_000_000)


@pytest.mark.parametrize("place", ["75056", "2A004", "2B033", "97411", "98735", "99109", "20001"])
def test_a_real_place_is_possible_with_the_order_that_is_never_issued(place):
    nir = make_synthetic_nir(sex=2, year=1970, month=20, place=place)
    assert nir.is_synthetic
    assert nir.place == place
    with pytest.raises(ValueError, match="only serial 0"):
        make_synthetic_nir(sex=2, year=1970, month=20, place=place, serial=1)


def test_no_bank_of_the_published_register_has_the_synthetic_code():
    folder = files("schwifty").joinpath("bank_registry")
    banks = [
        bank
        for file in folder.iterdir()
        if file.name.endswith("_fr.json")
        for bank in json.loads(file.read_text("utf-8"))
    ]
    assert banks
    assert SYNTHETIC_BANK not in {bank["bank_code"] for bank in banks}
