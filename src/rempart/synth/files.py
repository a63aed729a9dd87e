"""Feed files: written row by row under a temporary name, read back row by row.

Refuses to leave a half-written file under its final name.
"""

import csv
import gzip
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

from rempart.synth.folders import COLUMNS, Row
from rempart.synth.parameters import FeedFormat
from rempart.synth.plan import FileStyle

_BATCH: Final = 2_000
_PARQUET_BATCH: Final = 20_000
_GZIP_LEVEL: Final = 6


class FeedFile(Protocol):
    """Where rows go."""

    def write(self, row: Row) -> None:
        """Write one row."""


def open_feed(
    path: Path, feed_format: FeedFormat, style: FileStyle
) -> "AbstractContextManager[FeedFile]":
    """Open a feed file to write; it gets its name when the block ends without an exception."""
    if feed_format is FeedFormat.PARQUET:
        return _ParquetFeed(path)
    return _TextFeed(path, style, compressed=feed_format is FeedFormat.GZIP)


class _Feed(ABC):
    """A file that is there whole or not at all; rows wait until there are enough to write.

    Args:
        path: Where it will be.
        most: Rows that wait.
    """

    def __init__(self, path: Path, *, most: int) -> None:
        self._path = path
        self._part = _part_of(path)
        self._most = most
        self._batch: list[tuple[str, ...]] = []

    def write(self, row: Row) -> None:
        self._batch.append(row)
        if len(self._batch) >= self._most:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        whole = False
        try:
            try:
                if kind is None:
                    self._flush()
            finally:
                self._close()
            whole = kind is None
        finally:
            _finish(self._part, self._path, kept=whole)

    @abstractmethod
    def _flush(self) -> None:
        """Write the rows that wait."""

    @abstractmethod
    def _close(self) -> None:
        """Let the file go."""


class _TextFeed(_Feed):
    """CSV in one insurer's style. No value ever holds a delimiter, a quote or a line end."""

    def __init__(self, path: Path, style: FileStyle, *, compressed: bool) -> None:
        super().__init__(path, most=_BATCH)
        self._delimiter = style.delimiter
        self._line_end = style.line_end
        self._raw = self._part.open("wb")
        packed: IO[bytes] = self._raw
        if compressed:  # no name and no date inside: the same rows are the same bytes
            packed = gzip.GzipFile("", "wb", _GZIP_LEVEL, self._raw, mtime=0)  # type: ignore[assignment]
        self._file = io.TextIOWrapper(packed, encoding=style.encoding, newline="")
        self._batch.append(COLUMNS)

    def _close(self) -> None:
        try:
            self._file.close()
        finally:
            self._raw.close()

    def _flush(self) -> None:
        join, end = self._delimiter.join, self._line_end
        self._file.write("".join([join(row) + end for row in self._batch]))
        self._batch.clear()


class _ParquetFeed(_Feed):
    """Parquet with the same columns, all text."""

    def __init__(self, path: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        super().__init__(path, most=_PARQUET_BATCH)
        self._pyarrow: Any = pyarrow
        self._schema = pyarrow.schema([(name, pyarrow.string()) for name in COLUMNS])
        self._writer = parquet.ParquetWriter(self._part, self._schema, compression="zstd")

    def _close(self) -> None:
        self._writer.close()

    def _flush(self) -> None:
        columns = zip(*self._batch, strict=True) if self._batch else ((),) * len(COLUMNS)
        arrays = [self._pyarrow.array(column, self._pyarrow.string()) for column in columns]
        self._writer.write_batch(self._pyarrow.record_batch(arrays, schema=self._schema))
        self._batch.clear()


def read_rows(path: Path, style: FileStyle) -> Iterator[dict[str, str]]:
    """Read back a feed written by `open_feed`, one dictionary a line, memory bounded."""
    if path.name.endswith(".parquet"):
        yield from _read_parquet(path)
        return
    opener: Any = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding=style.encoding, newline="") as lines:
        yield from csv.DictReader(lines, delimiter=style.delimiter)


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Write a small CSV file, `;` separated, UTF-8."""
    lines = [";".join(row) for row in (columns, *rows)]
    write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a whole file under a temporary name, then give it its name."""
    part = _part_of(path)
    part.write_text(text, encoding="utf-8", newline="\n")
    _finish(part, path, kept=True)


def _read_parquet(path: Path) -> Iterator[dict[str, str]]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH):
            yield from batch.to_pylist()


def _part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _finish(part: Path, path: Path, *, kept: bool) -> None:
    # A crash before this line leaves the .part file: the next run writes it again.
    if kept:
        part.replace(path)
    else:
        part.unlink(missing_ok=True)
