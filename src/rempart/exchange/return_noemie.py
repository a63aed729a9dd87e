"""A transfer in lines of 128 characters, for software that reads returns of payment that way.

Modelled on a public description of what concentrators hand to pharmacies (type 2, notice of
payment); neither NOEMIE nor conformant to it: the norm is restricted. The first and the last line
are this project's own. Where the description has the NIR there are noughts: no identity is sent.
Amounts are cents; the label holds the invoice number when nine digits do not.

Source:
    S89.
"""

from collections.abc import Iterator
from typing import Final

from rempart.exchange.sepa_files import clean_text
from rempart.settlement.returns import Return, ReturnRow, sum_kinds

LINE: Final = 128
_MOST: Final = 99_999_999
_PAID: Final = "12"
_TAKEN_BACK: Final = "32"
_DIGITS: Final = 9


def write_noemie_like(told: Return) -> bytes:
    """Return a transfer in lines of 128 characters, in ASCII."""
    return b"".join(line.encode("ascii") + b"\r\n" for line in _list_lines(told))


def _list_lines(told: Return) -> Iterator[str]:
    day = "000000" if told.execution_on is None else f"{told.execution_on:%y%m%d}"
    name = clean_text(told.payee.name, 40)
    yield _pad(f"1{told.reference:<25}{day}{told.payee.siret:0>14}{told.payee.finess:0>9}{name}")
    for row in told.rows:
        yield _write_line(row, day)
    sums = sum_kinds(told.rows)
    total = f"{len(told.rows):0>8}{_amount(sums['payment'], 12)}{_amount(sums['taken_back'], 12)}"
    yield _pad(f"9{told.reference:<25}{total}{_amount(told.cents, 12)}")


def _write_line(row: ReturnRow, day: str) -> str:
    short = _is_number(row.invoice, _DIGITS)
    label = "" if short else clean_text(row.invoice, 37)
    lot = row.lot if _is_number(row.lot, 3) else "000"
    return _pad(
        "2"
        f"{row.amc_number:0>12}"
        f"{_PAID if row.kind == 'payment' else _TAKEN_BACK}"
        f"{row.invoice if short else '':0>{_DIGITS}}"
        f"{day}"
        f"{'':0>15}"
        f"{_amount(row.amo_cents, 8)}{_amount(row.amc_cents, 8)}"
        f"{_amount(0, 8)}{_amount(abs(row.paid_cents), 8)}"
        f"{'':0>3}{label:<37}{lot:0>3}{day}"
    )


def _is_number(text: str, digits: int) -> bool:
    # Other scripts have digits too, and ASCII does not.
    return text.isascii() and text.isdigit() and len(text) <= digits


def _amount(cents: int, letters: int) -> str:
    text = f"{abs(cents):0>{letters}}"
    if len(text) > letters or abs(cents) > _MOST * 10_000:
        raise ValueError("an amount does not fit its columns")
    return text


def _pad(line: str) -> str:
    if len(line) > LINE:
        raise ValueError("a line does not fit its columns")
    return line.ljust(LINE)
