"""Cells of tables that people open: no spreadsheet takes what somebody wrote for a formula.

Refuses none: a cell that begins like a formula is quoted as text.
"""

import re
from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_SPACES: Final = " \u00a0"
_AMOUNT: Final = re.compile(r"-\d+,\d{2}")


def protect_cell(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula; whole numbers stay numbers.

    >>> protect_cell("=1+1"), protect_cell("-12,50"), protect_cell(-3)
    ("'=1+1", '-12,50', -3)
    """
    if cell is None:
        return ""
    if isinstance(cell, int):
        return int(cell)
    text = str(cell)
    is_harmless = _AMOUNT.fullmatch(text) or not text.lstrip(_SPACES).startswith(_FORMULA_STARTS)
    return text if is_harmless else f"'{text}"
