"""Tables as files a French spreadsheet opens: semicolons, a byte order mark, no formula.

Refuses to let a name become a formula: a cell that starts like one is quoted as text.
"""

import csv
import io
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

from rempart.exchange.table_cells import protect_cell


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
    writer.writerows([protect_cell(cell) for cell in row] for row in rows)
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
