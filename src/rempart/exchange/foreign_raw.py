"""What every reader of foreign logs gives: columns of text by name, and the lines it did not read.

Refuses to drop a line: rows, blank lines and unread ones add up to the lines of the piece.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

SAMPLE_BYTES: Final = 300

# Why a line is not read: a closed list, shown to people with its number of lines.
TOO_LONG: Final = "over 4 MB"
NOT_THE_FORMAT: Final = "not of the format"
NO_INSTANT: Final = "no instant"
COLUMN_COUNT: Final = "not as many columns as the header"
NOT_AN_OBJECT: Final = "not a JSON object"
TOO_MANY_PEOPLE: Final = "over 100,000 people"


class Unread(NamedTuple):
    """A line that was not read: its number, why, and its beginning."""

    line: int
    reason: str
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """Some lines, cut into values.

    Args:
        lines: How many lines or records there were, whatever became of them.
        blank: How many of them say nothing by their nature: blank ones, headers.
        numbers: The line of each row (numpy, int64); a line with several people has several rows.
        digests: Of each row's line (numpy, int64).
        columns: Values by name, as Arrow arrays of text; a name that is not there has none.
        times: Unix milliseconds as an Arrow array, when the format has them; else None.
        unread: The lines that were not read.
    """

    lines: int
    numbers: Any = field(repr=False)
    digests: Any = field(repr=False)
    blank: int = 0
    columns: Mapping[str, Any] = field(default_factory=dict, repr=False)
    times: Any = field(default=None, repr=False)
    unread: Sequence[Unread] = field(default=(), repr=False)

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.numbers)


def make_numbers(values: Sequence[int]) -> Any:
    """Return whole numbers as numpy keeps them."""
    return np.array(values, np.int64)


def make_texts(values: Sequence[str | bytes | None]) -> Any:
    """Return texts as Arrow keeps them; bytes must be UTF-8."""
    return pa.array(values, pa.string())


def no_rows(lines: int, *, blank: int = 0, unread: Sequence[Unread] = ()) -> RawRows:
    """Return lines of which none gave a row."""
    nothing = make_numbers([])
    return RawRows(lines=lines, blank=blank, numbers=nothing, digests=nothing, unread=unread)


def escape_head(head: bytes) -> str:
    """Return the beginning of a line as a terminal may show it: no control character.

    >>> escape_head(b"a\\x1b[31mb\\n")
    'a\\\\x1b[31mb\\\\n'
    """
    text = head[:SAMPLE_BYTES].decode("utf-8", "backslashreplace")
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
