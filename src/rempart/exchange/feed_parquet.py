"""Feeds in Parquet: the columns of the format, all text.

Refuses other types: a number has already lost its leading zeros, a date its lunar days.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from rempart.exchange.feed_columns import COLUMNS, Layout, read_header
from rempart.exchange.feed_pieces import FIRST_ROW, ArrowPiece, Dialect, Piece
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import Finding, Language

PARQUET_MARK: Final = b"PAR1"
_BATCH_ROWS: Final = 25_000


class ParquetFeed:
    """A feed in a Parquet file. Rows are numbered from 2, as under a header.

    Raises:
        FeedRefused: the file is damaged, lacks a column or has one that is not text.
    """

    def __init__(self, path: Path, *, language: Language) -> None:
        # Heavy, and most feeds are CSV: loaded when one is met.
        import pyarrow as pa

        from rempart.exchange import foreign_parquet

        self._pa: Any = pa
        self._refused = foreign_parquet.ParquetRefused
        self._name = path.name
        try:
            self._file = foreign_parquet.open_parquet(path)
        except self._refused as failure:
            raise self._refuse(failure) from failure
        self._rows = max(1, self._file.rows)
        self._read = 0
        schema = self._file.schema
        try:
            layout, self.header_findings = read_header(schema.names, language)
            self._check_types(schema)
        except FeedRefused:
            self._file.close()
            raise
        self._columns = [schema.names[place] for place in layout.places if place is not None]
        self.dialect = Dialect(layout=_narrow(layout), language=language)

    header_findings: list[Finding]

    def pieces(self, *, skip: int = 0) -> Iterator[Piece]:
        """Return the rows in order, without the first `skip`.

        Raises:
            FeedRefused: the file is damaged further on.
        """
        line = FIRST_ROW
        try:
            for batch in self._file.batches(_BATCH_ROWS, self._columns):
                left = batch.select(self._columns).slice(max(0, skip + FIRST_ROW - line))
                # Text that is not UTF-8 is found here, not when its rows are read.
                left.validate(full=True)
                if left.num_rows:
                    first = line + batch.num_rows - left.num_rows
                    yield ArrowPiece(first, left.num_rows, self._pack(left))
                line += batch.num_rows
                self._read += batch.num_rows
        except self._refused as failure:
            raise self._refuse(failure) from failure
        except self._pa.ArrowException as failure:
            raise self._refuse(self._refused("is damaged Parquet")) from failure

    def done_share(self) -> float:
        """Return how much of the file was read, from 0 to 1."""
        return min(1.0, self._read / self._rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _pack(self, batch: Any) -> bytes:
        sink = self._pa.BufferOutputStream()
        with self._pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        return bytes(sink.getvalue())

    def _check_types(self, schema: Any) -> None:
        types = self._pa.types
        texts = (types.is_string, types.is_large_string, types.is_null)
        wrong = [
            field.name
            for field in schema
            if field.name.strip().lower() in COLUMNS
            and not any(is_text(field.type) for is_text in texts)
        ]
        if wrong:
            raise FeedRefused(
                f"{self._name}: columns {', '.join(wrong)} are not text. Nothing was changed: "
                "write every column as text, as in the CSV"
            )

    def _refuse(self, failure: Exception) -> FeedRefused:
        return FeedRefused(f"{self._name} {failure}. Nothing was changed: ask for the file again")


def _narrow(layout: Layout) -> Layout:
    """Return the layout of a batch, which holds the known columns only, in the format's order."""
    numbers = iter(range(len(layout.places)))
    places = tuple(None if place is None else next(numbers) for place in layout.places)
    return Layout(sum(place is not None for place in places), places)
