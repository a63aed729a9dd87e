"""Tables as files a French spreadsheet opens: semicolons, a byte order mark, no formula.

Refuses to let a name become a formula: a cell that starts like one is quoted as text.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_AMOUNT = re.compile(r"-\d+,\d{2}")


def export_csv(
    name: str, header: Sequence[object], rows: Iterable[Sequence[object]]
) -> HttpResponse:
    """Return a download.

    Args:
        name: The file's name, ASCII.
        header: The names of the columns.
        rows: The cells; whole numbers stay numbers.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([str(cell) for cell in header])
    writer.writerows([_protect(cell) for cell in row] for row in rows)
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _protect(cell: object) -> object:
    if isinstance(cell, int):
        return cell
    text = str(cell)
    is_harmless = _AMOUNT.fullmatch(text) or not text.startswith(_FORMULA_STARTS)
    return text if is_harmless else f"'{text}"
