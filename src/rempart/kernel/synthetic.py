"""Identifiers for invented people and places, which nobody real can hold.

Refuses chance: the caller gives the numbers, the same numbers give the same identifier.
"""

from typing import Final

from stdnum import luhn

from rempart.kernel.amc import AmcNumber
from rempart.kernel.finess import Finess
from rempart.kernel.iban import SYNTHETIC_BANK, Iban
from rempart.kernel.nir import Nir
from rempart.kernel.rpps import Rpps
from rempart.kernel.siret import Siret

SYNTHETIC_NIRS_PER_MONTH: Final = 1_000_000
"""How many serials `make_synthetic_nir` has for one sex, year and month."""


def make_synthetic_nir(
    *, sex: int, year: int, month: int, place: str | None = None, serial: int = 0
) -> Nir:
    """Return a NIR that nobody can hold.

    Without a place, the department is 00: there is none. With a place, the order number is 000:
    orders are issued from 001. One is for crowds, the other for Corsica, overseas and abroad.

    Args:
        sex: 1 or 2; 7 or 8 for a waiting number (NIA).
        year: Birth year; only its last two digits go in the number.
        month: 1 to 12, or 20 to 42 and 50 to 99 for an uncertain month.
        place: Five characters of a real birth place; the serial must then be 0.
        serial: 0 to 999 999: tells apart people of one sex, year and month when there is no place.

    Raises:
        ValueError: the arguments do not make a possible number.
    """
    if place is None:
        tail = "00" + _digits(serial, 6)
    elif serial == 0:
        tail = place + "000"
    else:
        raise ValueError("With a real place only serial 0 is nobody's: leave the place out.")
    return Nir(f"{sex}{year % 100:02d}{month:02d}{tail}")


def make_synthetic_rpps(serial: int) -> Rpps:
    """Return an RPPS from 99, a range from which none was ever issued (they start with 1 or 8).

    Args:
        serial: 0 to 99 999 999.
    """
    return Rpps(_with_luhn("99" + _digits(serial, 8)))


def make_synthetic_finess(serial: int) -> Finess:
    """Return a FINESS of department 00, which does not exist.

    Args:
        serial: 0 to 999 998 (nine zeros, which files use for "unknown", are left out).
    """
    return Finess(_with_luhn("00" + _digits(serial, 6, first=1)))


def make_synthetic_siret(serial: int) -> Siret:
    """Return a SIRET whose SIREN starts with 0000: the published register (Insee, Sirene) has none.

    Nearby serials get different SIREN, so that each establishment looks like its own company. The
    SIREN 000 000 000, which files use for "unknown", is left out.

    Args:
        serial: 0 to 99 989 999.
    """
    internal, company = divmod(serial, 9_999)
    siren = _with_luhn("0000" + _digits(company, 4, first=1))
    return Siret(_with_luhn(siren + _digits(internal, 4)))


def make_synthetic_iban(serial: int) -> Iban:
    """Return a French IBAN with both keys right, at bank 99999, a code that no bank holds.

    Args:
        serial: 0 to 99 999 999 999, the account number.
    """
    branch = "00000"
    account = _digits(serial, 11)
    weighted = 89 * int(SYNTHETIC_BANK) + 15 * int(branch) + 3 * int(account)
    bban = f"{SYNTHETIC_BANK}{branch}{account}{97 - weighted % 97:02d}"
    key = 98 - int(f"{bban}152700") % 97  # 1527 is FR: the country counts in the international key
    return Iban(f"FR{key:02d}{bban}")


def make_synthetic_amc_number(serial: int) -> AmcNumber:
    """Return an AMC number from 99: published ones are 8 or 9 digits padded with zeros.

    Args:
        serial: 0 to 99 999 999.
    """
    return AmcNumber("99" + _digits(serial, 8))


def _digits(serial: int, width: int, *, first: int = 0) -> str:
    if not 0 <= serial < 10**width - first:
        raise ValueError(f"Serial {serial} does not fit in {width} digits: use a smaller one.")
    return f"{serial + first:0{width}d}"


def _with_luhn(digits: str) -> str:
    return digits + str(luhn.calc_check_digit(digits))
