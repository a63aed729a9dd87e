"""A biller's own list of invoices, pasted or as a file: a number and an amount on each line.

Refuses a line it cannot read, by its place, and reads the others. Keeps nothing.
"""

import csv
import re
from typing import Final, NamedTuple

from rempart.claims.claim import MOST_CENTS

MOST_INVOICES: Final = 5_000
_DELIMITERS: Final = ";\t|"
_AMOUNT: Final = re.compile(r"(-?)(\d{1,7})(?:[.,](\d{1,2}))?")
_SPACES: Final = str.maketrans("", "", " \u00a0\u202f€")


class InvoiceList(NamedTuple):
    """What was read.

    Attributes:
        expected: What is expected of each invoice, in cents; the same number twice adds up.
        wrong: The lines that could not be read, from 1; a first line of titles is none.
    """

    expected: dict[str, int]
    wrong: list[int]


def read_invoice_list(content: bytes) -> InvoiceList:
    """Read a list.

    >>> read_invoice_list("facture;montant\\nF-1;12,50\\nF-2;7\\nF-1;0,50".encode()).expected
    {'F-1': 1300, 'F-2': 700}
    """
    expected: dict[str, int] = {}
    wrong: list[int] = []
    for number, line in enumerate(_decode(content).splitlines(), 1):
        if not line.strip():
            continue
        cells = _split(line)
        cents = _read_cents(cells[-1]) if len(cells) > 1 else None
        if cents is None or not 0 < len(cells[0]) <= 64 or not cells[0].isprintable():
            if number > 1 or _has_digits(line):
                wrong.append(number)
            continue
        if cells[0] in expected or len(expected) < MOST_INVOICES:
            expected[cells[0]] = expected.get(cells[0], 0) + cents
        else:
            wrong.append(number)
    return InvoiceList(expected, wrong)


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _split(line: str) -> list[str]:
    """Return the cells of a line; between commas there are two, or an amount was cut."""
    delimiter = next((one for one in _DELIMITERS if one in line), ",")
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:  # a cell of more than 131072 letters
        return []
    while cells and not cells[-1]:
        cells.pop()
    return cells if delimiter != "," or len(cells) == 2 else []


def _read_cents(text: str) -> int | None:
    found = _AMOUNT.fullmatch(text.translate(_SPACES))
    if found is None:
        return None
    cents = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    return None if cents > MOST_CENTS else -cents if found[1] else cents


def _has_digits(text: str) -> bool:
    return any(letter.isdigit() for letter in text)
