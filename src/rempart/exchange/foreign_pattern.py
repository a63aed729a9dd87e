"""Lines of any other form: the mapping's pattern says which part is what.

Refuses a line that the pattern does not match whole.
"""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from rempart.exchange.arrow_compute import pc
from rempart.exchange.foreign_bytes import Piece, digest_line, make_utf8
from rempart.exchange.foreign_raw import NOT_THE_FORMAT, RawRows, Unread, make_numbers, make_texts


def read_pattern(piece: Piece, names: Collection[str], pattern: str) -> RawRows:
    """Cut lines into the named groups of a pattern."""
    data = make_utf8(piece.data).replace(b"\r\n", b"\n")
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    groups = pc.extract_regex(make_texts(lines), pattern=f"^(?:{pattern})$")
    found = pc.is_valid(groups)
    good = found.to_numpy(zero_copy_only=False)
    blank = np.array([not line.strip() for line in lines], bool)
    numbers = piece.first_line + np.arange(len(lines))
    unread = [
        Unread(number, NOT_THE_FORMAT, lines[number - piece.first_line])
        for number in numbers[~good & ~blank].tolist()
    ]
    kept = groups.filter(pa.array(good & ~blank))
    columns = {}
    for one in groups.type:
        if one.name in names:
            column = pc.struct_field(kept, one.name)
            columns[one.name] = pc.if_else(
                pc.is_in(column, value_set=pa.array(["", "-"])), None, column
            )
    return RawRows(
        lines=len(lines),
        blank=int(blank.sum()),
        numbers=numbers[good & ~blank],
        digests=make_numbers(
            [digest_line(line) for line, use in zip(lines, good & ~blank, strict=True) if use]
        ),
        columns=columns,
        unread=unread,
    )
