"""A list of stolen accounts, as an operator gets it: a file of numbers, with the errors of a night.

Every line that cannot be read is told at once, with what to do; none is repeated, since a number
names a professional. Refuses to guess the number somebody meant.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from rempart.kernel.findings import BadValue, Finding
from rempart.kernel.rpps import Rpps

_COLUMNS: Final = ("rpps", "finess", "siret", "account", "compte", "account_ref", "numero")
_FIELD: Final = "account"
_RPPS_DIGITS: Final = 11
_REFERENCE: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII).fullmatch
_PLACE: Final = re.compile(r"[0-9]{14}|[0-9][0-9AB][0-9]{7}", re.ASCII).fullmatch
_ROUNDED: Final = re.compile(r"[0-9]+e[+]?[0-9]+", re.ASCII | re.IGNORECASE).fullmatch
# Commas and tabs become the semicolon of French spreadsheets; a NUL is nothing.
_SEPARATORS: Final = str.maketrans({",": ";", "\t": ";", "\x00": None})
_LOOKALIKES: Final = frozenset("OoIlSB")


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """One number of the list, and its line."""

    line: int
    number: str

    def __repr__(self) -> str:
        return f"<ListedAccount line {self.line}>"


def read_account_list(lines: Iterable[str]) -> tuple[list[ListedAccount], list[Finding]]:
    """Read a list of accounts.

    Args:
        lines: Of a CSV file, with commas, semicolons or tabs. The column is the one named `rpps`,
            `finess`, `siret` or `account`; without such a header, the first one.

    Returns:
        The numbers that can be, in order, each once; and a finding for each line that cannot.
    """
    found: dict[str, ListedAccount] = {}
    findings: list[Finding] = []
    for line, number in _read_cells(lines):
        refused = _check(number, line)
        if refused is None:
            found.setdefault(number, ListedAccount(line, number))
        else:
            findings.append(refused)
    return list(found.values()), findings


def tell_unknown(listed: ListedAccount) -> Finding:
    """Say of a number that it leads to no account."""
    return Finding(
        listed.line,
        _FIELD,
        "account_unknown",
        "This number leads to no account here.",
        "Compare it with the source; if it is right, the account is another operator's.",
    )


def _read_cells(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    column = 0
    rows = csv.reader((line.translate(_SEPARATORS) for line in lines), delimiter=";")
    for number, row in enumerate(rows, 1):
        cells = [cell.strip().strip("\ufeff") for cell in row]
        if number == 1:
            names = [cell.casefold() for cell in cells]
            column = next((names.index(name) for name in _COLUMNS if name in names), -1)
            if column >= 0:
                continue
            column = 0
        if any(cells):
            given = cells[column] if column < len(cells) else ""
            # A decimal comma cuts a rounded number in two.
            cell = next((one for one in cells if _ROUNDED(one.replace(".", ""))), given)
            yield rows.line_num, re.sub(r"[\s.\-]", "", cell)


def _check(number: str, line: int) -> Finding | None:
    if not number:
        return _tell(line, "account_missing", "The line has no number.", "Write one, or remove it.")
    if _ROUNDED(number):
        return _tell(
            line,
            "account_rounded",
            "A spreadsheet rounded this number: its last digits are lost.",
            "Export the column as text from the source, and give that file.",
        )
    if _LOOKALIKES & set(number) and not _PLACE(number):
        return _tell(
            line,
            "account_letters",
            "There are letters where digits stand, as O for 0 or l for 1.",
            "Copy the number again from the source.",
        )
    if len(number) == _RPPS_DIGITS and number.isdigit():
        try:
            Rpps(number)
        except BadValue as refusal:
            reason = refusal.refusal
            return Finding(line, _FIELD, reason.rule, reason.en, reason.advice_en)
    if _PLACE(number) or _REFERENCE(number):
        return None
    return _tell(
        line,
        "account_format",
        "This is no RPPS, FINESS or SIRET number, nor the reference of an account.",
        "Write 11 digits (RPPS), 9 characters (FINESS), 14 digits (SIRET) or a reference.",
    )


def _tell(line: int, rule: str, message: str, advice: str) -> Finding:
    return Finding(line, _FIELD, rule, message, advice)
