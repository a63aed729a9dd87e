"""Parquet files that strangers wrote, read by a process that may take so much memory and no more.

A file of a few kilobytes may say that a page has gigabytes, or name the same long text in a million
rows. Whoever reads it in their own process finds out too late. Refuses what takes more, and what is
damaged: the process that reads ends, and the one that asked goes on.

Run as `python -m rempart.exchange.foreign_parquet FILE`, it is that process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

# Arrow's other allocators reserve more than they use, which a limit counts.
_CHILD: Final = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
MOST_MEMORY_BYTES: Final = 1 << 30
"""What reading may take, beside the libraries."""
MOST_BATCH_BYTES: Final = 128 << 20
"""What some rows may have once they are values: of more, fewer rows come at a time."""
_BUFFER_BYTES: Final = 1 << 20
_ROWS: Final = b"rows"
_DAMAGED, _TOO_LARGE = 3, 4
# What Arrow raises of a damaged file, and Python of names and texts that are not UTF-8.
_FAULTS: Final = (pa.ArrowException, OSError, UnicodeDecodeError)


class ParquetRefused(ValueError):
    """The file is no Parquet, is damaged, or takes more memory to read than it may."""


class ParquetTooLarge(ParquetRefused):
    """It takes more memory than it may."""

    def __init__(self) -> None:
        super().__init__(
            f"takes more than {MOST_MEMORY_BYTES >> 20} MB of memory to read: write it again with "
            "smaller row groups and pages"
        )


class ParquetReader(Protocol):
    """An open file; close it."""

    schema: pa.Schema
    rows: int

    def batches(
        self, most_rows: int, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Return some rows at a time, at most `most_rows`; once. Nothing is a dictionary in them.

        Args:
            most_rows: How many.
            columns: Their columns; None for all.

        Raises:
            ParquetRefused: the file is damaged further on, or a row is too large.
        """

    def close(self) -> None:
        """Close it, read or not."""


class ReadHere:
    """A file read by this process, without a limit.

    Raises:
        ParquetRefused: it is no Parquet, or damaged.
    """

    def __init__(self, path: Path) -> None:
        with _refusing():
            # Buffered and not read ahead: a row group may hold the whole file.
            self._file: Any = pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            self.schema = _make_all_plain(self._file.schema_arrow)
            self._names = self.schema.names  # not UTF-8: found here
            self.rows: int = self._file.metadata.num_rows

    def batches(
        self, most_rows: int, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Return some rows at a time."""
        with _refusing():
            for batch in self._file.iter_batches(most_rows, columns=columns, use_threads=False):
                schema = _make_all_plain(batch.schema)
                yield from _cut(batch if schema == batch.schema else batch.cast(schema))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ReadApart:
    """A file read by a process of its own.

    Raises:
        ParquetRefused: it is no Parquet, is damaged, or takes too much.
    """

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            # -P: whoever reads evidence stands among files of strangers, which are no modules.
            [sys.executable, "-P", "-m", __name__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What Arrow says of a file may repeat what is in it.
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_CHILD},
        )
        self._asked: Any = self._process.stdin
        self._told: Any = self._process.stdout
        with self._reading() as stream:
            self.schema = stream.schema
            stream.read_all()
        self.rows = int((self.schema.metadata or {})[_ROWS])

    def batches(
        self, most_rows: int, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Return some rows at a time."""
        wanted = json.dumps({"most_rows": most_rows, "columns": columns})
        try:
            self._asked.write(wanted.encode() + b"\n")
            self._asked.flush()
        except OSError as failure:
            raise self._explain() from failure
        with self._reading() as stream:
            yield from stream
        # A stream that is cut between two batches looks whole.
        if self._process.wait():
            raise self._explain()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(OSError):  # what was not sent will not be
            self._asked.close()
        self._told.close()
        self._process.wait()

    def __del__(self) -> None:
        """End the process of a file that nobody closed."""
        if hasattr(self, "_told"):
            self.close()

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        try:
            with pa.ipc.open_stream(self._told) as stream:
                yield stream
        except (pa.ArrowException, OSError) as failure:
            raise self._explain() from failure
        except BaseException:
            self.close()
            raise

    def _explain(self) -> ParquetRefused:
        """Say why the process ended before the file did."""
        code = self._process.wait()
        self.close()
        return ParquetRefused("is damaged Parquet") if code == _DAMAGED else ParquetTooLarge()


open_parquet: Callable[[Path], ParquetReader] = ReadApart
"""How files of strangers are opened."""


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except MemoryError as failure:
        raise ParquetTooLarge from failure
    except _FAULTS as failure:
        raise ParquetRefused("is damaged Parquet") from failure


def _make_all_plain(schema: pa.Schema) -> pa.Schema:
    return pa.schema([one.with_type(_make_plain(one.type)) for one in schema])


def _make_plain(kind: Any) -> Any:
    """Return the type of the same values, each written out."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_struct(kind):
        return pa.struct([one.with_type(_make_plain(one.type)) for one in kind])
    if pa.types.is_map(kind):
        return pa.map_(_make_plain(kind.key_type), _make_plain(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_make_plain(kind.value_type)))
    return kind


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a batch, a bounded weight at a time."""
    if sum(map(_weigh, batch.columns)) <= MOST_BATCH_BYTES:
        yield batch
        return
    if batch.num_rows <= 1:
        raise ParquetTooLarge
    half = batch.num_rows // 2
    yield from _cut(batch.slice(0, half))
    yield from _cut(batch.slice(half))


def _weigh(column: Any) -> int:
    """Return about how many bytes the values of a column take, eight for each at least."""
    kind, parts = column.type, []
    if pa.types.is_struct(kind):
        parts = column.flatten()
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        parts = [column.flatten()]
    return 8 * len(column) + (sum(map(_weigh, parts)) if parts else int(column.nbytes))


def _limit_memory() -> None:
    """Let this process take no more than it has now and what reading may take."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MOST_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(path: Path) -> int:
    """Read a file for the process that holds our standard input and output."""
    # Elsewhere a process does not know what it has; what a batch may have holds there too.
    if sys.platform == "linux":
        _limit_memory()
    told: Any = sys.stdout.buffer
    try:
        file = ReadHere(path)
        said = file.schema.with_metadata({_ROWS: str(file.rows)})
        with pa.ipc.new_stream(told, said):
            pass
        told.flush()
        wanted = sys.stdin.buffer.readline()
        if wanted:
            _answer(file, told, **json.loads(wanted))
    except ParquetTooLarge:
        return _TOO_LARGE
    except (ParquetRefused, pa.ArrowException, UnicodeDecodeError):
        return _DAMAGED
    return 0


def _answer(file: ReadHere, told: Any, most_rows: int, columns: Sequence[str] | None) -> None:
    stream = None
    for batch in file.batches(most_rows, columns):
        stream = stream or pa.ipc.new_stream(told, batch.schema)
        stream.write_batch(batch)
    # A file without rows has a stream all the same.
    stream = stream or pa.ipc.new_stream(told, file.schema)
    stream.close()
    told.flush()


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    # Without a word, and without what a closed pipe would have Python say.
    os._exit(code)
