"""Lists of numbers and texts on their way to the server, joined in one go.

The driver looks at each element of an array with a pattern and escapes it with another, in Python;
for what batches write that took longer than deciding it. Refuses nothing: what it does not know is
written by the driver.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap
from psycopg.types.array import ListDumper

_NULL: Final = "NULL"
_NUMBERS: Final = frozenset({int, type(None)})
_TEXTS: Final = frozenset({str, type(None)})


class ColumnDumper(ListDumper):
    """Writes a flat list of numbers, days or texts; any other as the driver does."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        """Return the list as an array literal."""
        kinds = set(map(type, obj))
        if kinds <= _NUMBERS:
            return _join(_NULL if value is None else str(value) for value in obj)
        if kinds == {date}:
            return _join(map(date.isoformat, obj))
        if kinds <= _TEXTS:
            # The server's texts hold no such character: the driver says so.
            if any(value and "\0" in value for value in obj):
                return super().dump(obj)
            return _join(_NULL if value is None else _quote(value) for value in obj)
        return super().dump(obj)


def _join(written: Iterable[str]) -> bytes:
    return f"{{{','.join(written)}}}".encode()


def _quote(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


ADAPTERS: Final = AdaptersMap(psycopg.adapters)
"""What our connections write values with: give it as their context."""
ADAPTERS.register_dumper(list, ColumnDumper)
