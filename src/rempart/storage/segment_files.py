"""The files of sealed segments: Parquet in a folder or a bucket, written whole or not at all.

Nothing here judges a row: see `disclosure.segment`. Refuses to hold a segment in memory: rows are
written and read in groups, and DuckDB sorts on disk when they do not fit.
"""

import contextlib
import hashlib
import re
import struct
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rempart.disclosure.segment import ENTRY_COLUMNS, PERSON_COLUMNS
from rempart.kernel.errors import Unavailable
from rempart.storage.file_store import CHUNK, FileStore

# Rows of one row group: what is held in memory when writing.
ROW_GROUP: Final = 1 << 16
# Differences between the two files that are told one by one.
MOST_TOLD: Final = 100
SORTING_MEMORY: Final = "512MB"
_KEY: Final = pa.binary(16)
_TYPES: Final[Mapping[str, pa.DataType]] = {
    **dict.fromkeys(
        ("log_id", "kind", "purpose", "mode", "domain", "outcome", "schema_version"), pa.int16()
    ),
    **dict.fromkeys(("insurer_id", "care_day"), pa.int32()),
    **dict.fromkeys(("salt", "lookup_key", "request_id"), _KEY),
}
BY_ACCOUNT: Final = pa.schema([(name, _TYPES.get(name, pa.int64())) for name in ENTRY_COLUMNS])
BY_PERSON: Final = pa.schema([(name, _TYPES.get(name, pa.int64())) for name in PERSON_COLUMNS])

_FILE: Final = re.compile(r"([0-9]+)(?:\.erase-[0-9]+)?\.by-(?:account|person)\.parquet")

# What reading a damaged file raises.
UNREADABLE: Final = (pa.ArrowException, duckdb.Error, OSError)


class SegmentStore(FileStore):
    """The store of the files of sealed segments."""

    what = "the segments' store"
    setting = "REMPART_SEGMENTS"

    def write(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Write one file whole, or not at all.

        Raises:
            Unavailable: the store cannot be written.
        """

        def fill(file: BinaryIO) -> None:
            with pq.ParquetWriter(
                file, schema, compression="zstd", write_page_checksum=True
            ) as writer:
                for batch in batches:
                    writer.write_batch(batch, row_group_size=ROW_GROUP)

        self.put(name, fill)

    def list_files(self, log_id: int) -> list[tuple[str, int]]:
        """Return the files of a log's segments: name and segment."""
        names = self._list_names(f"log-{log_id}")
        found = [(name, _FILE.fullmatch(name)) for name in names]
        return [(f"log-{log_id}/{name}", int(is_ours[1])) for name, is_ours in found if is_ours]

    def measure(self, name: str) -> tuple[str, int]:
        """Return the SHA-256 of a file's bytes, in hexadecimal, and how many they are.

        Raises:
            FileNotFoundError: there is no such file.
        """
        digest, size = hashlib.sha256(), 0
        with self._fs.open(self._place(name), "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return digest.hexdigest(), size

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file to read its bytes, such as to back it up.

        Raises:
            FileNotFoundError: there is no such file.
        """
        with self._fs.open(self._place(name), "rb") as file:
            yield file

    def put(self, name: str, fill: Callable[[BinaryIO], None]) -> None:
        """Write a file's bytes, whole or not at all, such as from a backup.

        Raises:
            Unavailable: the store cannot be written.
        """
        try:
            with self._write_whole(name) as file:
                fill(file)
        except OSError as failure:
            raise _unavailable(name, failure) from failure

    def locate(self, name: str) -> str:
        """Return where a file is, for a reader that takes paths and URLs."""
        place = self._place(name)
        return place if self._local else f"{self._protocols[0]}://{place}"

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let a DuckDB connection read the store."""
        if not self._local:
            connection.register_filesystem(self._fs)

    def read_batches(self, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield a file's rows in the order they are stored, some columns only."""
        with self._fs.open(self._place(name), "rb") as file:
            yield from pq.ParquetFile(file).iter_batches(ROW_GROUP, columns=list(columns))

    def find_damage(self, name: str, schema: pa.Schema) -> list[tuple[int | None, str | None]]:
        """Return which parts of a file cannot be read: row group and column.

        One pair of None when nothing of it can, or it has not the columns it must have.
        """
        try:
            with self._fs.open(self._place(name), "rb") as file:
                parquet = pq.ParquetFile(file, page_checksum_verification=True)
                if not parquet.schema_arrow.equals(schema):
                    return [(None, None)]
                return [
                    (group, column)
                    for group in range(parquet.num_row_groups)
                    for column in schema.names
                    if not _can_read(parquet, group, column)
                ]
        except UNREADABLE:
            return [(None, None)]


class SortedRows:
    """The rows of a segment's file in order of index, read forward once.

    Attributes:
        strange: Indexes of rows that do not belong: twice there, of another log or segment.
    """

    def __init__(self, store: SegmentStore, name: str, *, log_id: int, first: int) -> None:
        self.strange: list[int] = []
        self._log_id = log_id
        self._next = first
        self._ahead: list[tuple[Any, ...]] = []
        self._batches = _sort_by_index(store, name)

    def close(self) -> None:
        """Let the file and what was sorted go."""
        self._batches.close()

    def read(self, start: int, stop: int) -> list[tuple[Any, ...]]:
        """Return the rows of indexes [start, stop) that exist, each once, in order of index.

        Raises:
            duckdb.Error, pyarrow.ArrowException, OSError: the file cannot be read.
        """
        rows = self._ahead
        while not rows or rows[-1][1] < stop:
            batch = next(self._batches, None)
            if batch is None:
                break
            rows += make_rows(batch)
        cut = next((n for n, row in enumerate(rows) if row[1] >= stop), len(rows))
        page, self._ahead = rows[:cut], rows[cut:]
        if len(page) == stop - start and page[0][1] == start and _is_regular(page, self._log_id):
            self._next = stop
            return page
        return list(self._choose(page, start, stop))

    def read_strange(self, stop: int) -> list[int]:
        """Read what is left beyond `stop`: nothing belongs there; return all that is strange."""
        self.strange += (row[1] for row in self._ahead if row[1] >= stop)
        for batch in self._batches:
            self.strange += (row[1] for row in make_rows(batch))
        return self.strange

    def _choose(
        self, rows: Iterable[tuple[Any, ...]], start: int, stop: int
    ) -> Iterator[tuple[Any, ...]]:
        expected = start
        for row in rows:
            if row[0] != self._log_id or not expected <= row[1] < stop:
                self.strange.append(row[1])
                continue
            expected = row[1] + 1
            yield row
        self._next = stop


def make_batch(schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    """Return rows as a record batch of a schema."""
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)],
        schema=schema,
    )


def make_rows(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """Return the rows of a batch as tuples."""
    return list(zip(*map(_list_values, batch.columns), strict=True))


def sort_by_person(store: SegmentStore, name: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a by-account file as the by-person file holds them."""
    with _open_reader(store) as reader:
        rows = reader.read_parquet(store.locate(name)).select(*PERSON_COLUMNS)
        for batch in rows.order("person_ref, idx").to_arrow_reader(ROW_GROUP):
            yield batch.cast(BY_PERSON)


def leave_out(
    store: SegmentStore, name: str, schema: pa.Schema, indexes: Iterable[int]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, in their order, without those of some indexes."""
    erased = pa.array(sorted(indexes), pa.int64())
    for batch in store.read_batches(name, schema.names):
        kept = batch.filter(pc.invert(pc.is_in(batch.column("idx"), erased)))
        if kept.num_rows:
            yield kept


def find_disagreements(store: SegmentStore, by_account: str, by_person: str) -> list[int]:
    """Return indexes whose rows differ between a segment's two files, the first hundred."""
    with _open_reader(store) as reader:
        accounts = reader.read_parquet(store.locate(by_account)).select(*PERSON_COLUMNS)
        persons = reader.read_parquet(store.locate(by_person)).select(*PERSON_COLUMNS)
        differing = {
            index
            for one, other in ((accounts, persons), (persons, accounts))
            for (index,) in one.except_(other)
            .select("idx")
            .distinct()
            .order("idx")
            .limit(MOST_TOLD)
            .fetchall()
        }
        # A set knows no second time: a row that stands twice is seen by counting.
        if not differing and len(accounts) != len(persons):
            twice = persons.aggregate("idx, count(*) AS times", "idx").filter("times > 1")
            differing = {row[0] for row in twice.order("idx").limit(MOST_TOLD).fetchall()}
        return sorted(differing)[:MOST_TOLD]


def read_session_refs(store: SegmentStore, name: str, session_kind: int) -> set[int]:
    """Return the sessions that entries of a by-account file opened."""
    refs: set[int] = set()
    for batch in store.read_batches(name, ("kind", "session_ref")):
        refs.update(ref for kind, ref in make_rows(batch) if kind == session_kind)
    return refs


def read_entry(store: SegmentStore, name: str, index: int) -> tuple[Any, ...] | None:
    """Return the row of an index of a by-account file, as it was written; None without one."""
    with _open_reader(store) as reader:
        wanted = duckdb.ColumnExpression("idx") == duckdb.ConstantExpression(index)
        rows = reader.read_parquet(store.locate(name)).filter(wanted).select(*ENTRY_COLUMNS)
        found = [row for batch in rows.to_arrow_reader(ROW_GROUP) for row in make_rows(batch)]
    return found[0] if found else None


def read_openings(
    store: SegmentStore, name: str, indexes: Iterable[int]
) -> list[tuple[int, int, int]]:
    """Return index, kind and time of those openings of a by-account file."""
    wanted = pa.array(sorted(indexes), pa.int64())
    found: list[tuple[int, int, int]] = []
    for batch in store.read_batches(name, ("idx", "kind", "t_ms")):
        found += make_rows(batch.filter(pc.is_in(batch.column("idx"), wanted)))
    return found


def _sort_by_index(store: SegmentStore, name: str) -> Generator[pa.RecordBatch, None, None]:
    with _open_reader(store) as reader:
        rows = reader.read_parquet(store.locate(name)).select(*ENTRY_COLUMNS)
        yield from rows.order("idx, log_id").to_arrow_reader(ROW_GROUP)


@contextlib.contextmanager
def _open_reader(store: SegmentStore) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB with bounded memory; what it sorts beyond that goes to a directory that ends."""
    with (
        tempfile.TemporaryDirectory(prefix="rempart-sort-") as overflow,
        duckdb.connect(
            config={
                "memory_limit": SORTING_MEMORY,
                "temp_directory": overflow,
                "threads": 1,
                "autoinstall_known_extensions": False,
            }
        ) as reader,
    ):
        store.register(reader)
        yield reader


def _list_values(column: "pa.Array[Any]") -> list[Any]:
    """Return a column's values: numbers by way of their buffer, keys of 16 bytes by slicing."""
    if column.null_count:
        return list(column.to_pylist())
    if not pa.types.is_binary(column.type):
        return list(column.to_numpy(zero_copy_only=False).tolist())
    try:
        keys = column.cast(_KEY)
    except pa.ArrowInvalid:
        return list(column.to_pylist())
    values = keys.buffers()[1]
    if values is None:
        return list(column.to_pylist())
    part = memoryview(values)[16 * keys.offset : 16 * (keys.offset + len(keys))]
    return [key for (key,) in struct.iter_unpack("16s", part)]


def _is_regular(page: Sequence[tuple[Any, ...]], log_id: int) -> bool:
    """Say whether a page of the right length has each index once, all of one log."""
    first = page[0][1]
    return all(row[1] == index and row[0] == log_id for index, row in enumerate(page, first))


def _can_read(parquet: pq.ParquetFile, group: int, column: str) -> bool:
    try:
        parquet.read_row_group(group, columns=[column]).validate(full=True)
    except UNREADABLE:
        return False
    return True


def _unavailable(name: str, failure: OSError) -> Unavailable:
    reason = failure.strerror or type(failure).__name__
    return Unavailable(
        f"the segments' store refuses {name} ({reason}): see that it is writable and has room, "
        "then run the same command again"
    )
