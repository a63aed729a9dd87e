"""CSV and Parquet: columns that have a name already.

A CSV row is one line. Refuses none by itself: a line with another number of columns than the
header, or with open quotes, is unread.
"""

import csv
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from rempart.exchange import foreign_parquet
from rempart.exchange.arrow_compute import pc
from rempart.exchange.foreign_bytes import Piece, digest_line, make_utf8
from rempart.exchange.foreign_facts import LogsRefused
from rempart.exchange.foreign_parquet import ParquetRefused, ParquetTooLarge
from rempart.exchange.foreign_raw import (
    COLUMN_COUNT,
    NOT_THE_FORMAT,
    RawRows,
    Unread,
    make_numbers,
    make_texts,
)

_BATCH_ROWS: Final = 1 << 16
_SEPARATOR: Final = "\x1f"
DELIMITERS: Final = (";", ",", "\t", "|")


def find_delimiter(header: str) -> str:
    """Return what is between the columns: what comes most often."""
    return max(DELIMITERS, key=header.count)


class CsvReader:
    """Lines of one CSV file, in order.

    Args:
        names: The columns wanted.
        delimiter: Between columns; found in the header when empty.
        columns: The columns' names when the file has no header.
    """

    def __init__(
        self, names: Collection[str], *, delimiter: str = "", columns: Sequence[str] = ()
    ) -> None:
        self._names, self._delimiter = names, delimiter
        self._columns = list(columns)
        self._header: list[str] | None = None

    @property
    def columns(self) -> Sequence[str]:
        """The columns, once a piece was read."""
        return self._columns

    def read(self, piece: Piece) -> RawRows:
        """Cut lines into values."""
        texts = make_utf8(piece.data).decode().split("\n")
        if not texts[-1]:
            texts.pop()
        numbers: list[int] = []
        rows: list[list[str]] = []
        digests: list[int] = []
        unread: list[Unread] = []
        blank = 0
        for number, text in enumerate(texts, piece.first_line):
            line = text.removesuffix("\r")
            if not line.strip():
                blank += 1
                continue
            row = self._cut(line)
            if self._is_header(row):
                blank += 1
            elif row is None:
                unread.append(Unread(number, NOT_THE_FORMAT, line.encode()))
            elif len(row) != len(self._columns):
                unread.append(Unread(number, COLUMN_COUNT, line.encode()))
            else:
                numbers.append(number)
                rows.append(row)
                digests.append(digest_line(line.encode()))
        values = list(zip(*rows, strict=True)) if rows else [()] * len(self._columns)
        return RawRows(
            lines=len(texts),
            blank=blank,
            numbers=make_numbers(numbers),
            digests=make_numbers(digests),
            columns={
                name: _null_empty(make_texts(column))
                for name, column in zip(self._columns, values, strict=True)
                if name in self._names
            },
            unread=unread,
        )

    def _cut(self, line: str) -> list[str] | None:
        self._delimiter = self._delimiter or find_delimiter(line)
        if '"' not in line:
            return line.split(self._delimiter)
        try:
            rows = list(csv.reader([line], delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None
        return rows[0] if rows else None

    def _is_header(self, row: list[str] | None) -> bool:
        """Tell whether a row is the header, here for the first time or again."""
        if row is None:
            return False
        if not self._columns:
            self._columns = [name.strip() for name in row]
            self._header = row
        return row == self._header


def _null_empty(column: Any) -> Any:
    return pc.if_else(pc.is_in(column, value_set=pa.array(["", "-"])), None, column)


def read_parquet(
    path: Path, names: Collection[str], time_name: str | None
) -> Iterator[tuple[RawRows, float]]:
    """Read a Parquet file, some rows at a time, with the share read so far.

    Raises:
        LogsRefused: it is no Parquet, or takes too much memory.
    """
    try:
        with closing(foreign_parquet.open_parquet(path)) as file:
            tops = {name.partition(".")[0].removesuffix("[]") for name in names}
            wanted = [one for one in file.schema.names if one in tops | set(names)]
            total, first = max(1, file.rows), 1
            # Every column, so that the digest is of the whole row.
            for batch in file.batches(_BATCH_ROWS):
                yield _read_batch(batch, names, wanted, time_name, first), first / total
                first += batch.num_rows
    except ParquetTooLarge as failure:
        raise LogsRefused(f"{path.name} {failure}") from failure
    except (ParquetRefused, pa.ArrowException, UnicodeDecodeError) as failure:
        raise LogsRefused(f"{path.name} is not Parquet, or damaged: export it again") from failure


def _read_batch(
    batch: Any, names: Collection[str], wanted: Sequence[str], time_name: str | None, first: int
) -> RawRows:
    columns = {
        name: _as_text(column)
        for name in names
        if (column := _find_column(batch, name, wanted)) is not None
    }
    times = None
    if time_name is not None:
        column = _find_column(batch, time_name, wanted)
        if column is not None and pa.types.is_timestamp(column.type) and column.type.tz:
            times = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    texts = [pc.fill_null(_as_text(column), "") for column in batch.columns]
    whole = pc.binary_join_element_wise(*texts, _SEPARATOR) if texts else pa.array([], pa.string())
    return RawRows(
        lines=batch.num_rows,
        numbers=make_numbers(range(first, first + batch.num_rows)),
        digests=make_numbers([digest_line(str(text).encode()) for text in whole.to_pylist()]),
        columns=columns,
        times=times,
    )


def _find_column(batch: Any, name: str, wanted: Sequence[str]) -> Any:
    """Return a column, or a field of one that has fields."""
    if name in wanted:
        return batch.column(name)
    top, *inner = name.split(".")
    if top not in wanted:
        return None
    column = batch.column(top)
    for key in inner:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(key) < 0:
            return None
        column = pc.struct_field(column, key)
    return column


def _as_text(column: Any) -> Any:
    """Return values as text, whatever their type; bytes that are not UTF-8 as hexadecimal."""
    kind = column.type
    try:
        if pa.types.is_nested(kind):
            return pa.array(
                [None if one is None else str(one) for one in column.to_pylist()], pa.string()
            )
        return _null_empty(column.cast(pa.string()))
    except pa.ArrowException:
        texts = [
            one.hex() if isinstance(one, bytes) else one and str(one) for one in column.to_pylist()
        ]
        return _null_empty(pa.array(texts, pa.string()))
