"""A stranger's Parquet file takes so much memory and no more, whatever it says of itself."""

import io
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.exchange import foreign_parquet
from rempart.exchange.feed_columns import COLUMNS as FEED_COLUMNS
from rempart.exchange.feed_file import open_feed
from rempart.exchange.foreign_parquet import (
    ParquetRefused,
    ParquetTooLarge,
    ReadApart,
    ReadHere,
)
from rempart.exchange.foreign_sample import read_sample
from rempart.exchange.foreign_table import read_parquet
from rempart.exchange.guard_columns import EVENTS
from rempart.exchange.guard_events import EventsFile
from rempart.kernel.errors import RempartError

READERS = (ReadApart, ReadHere)
ROWS = 100_000
GIGABYTES = 2**31 - 1


def write(path: Path, **columns: object) -> Path:
    parquet.write_table(pa.table(columns), path, dictionary_pagesize_limit=1 << 30)
    return path


def read(reader, path: Path, most_rows: int = 30_000, columns=None) -> pa.Table:
    with closing(reader(path)) as file:
        return pa.Table.from_batches(file.batches(most_rows, columns), file.schema)


def write_number(value: int) -> bytes:
    """Write a number as Thrift's compact protocol does."""
    value, out = value << 1, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def write_announced(path: Path, announced: int) -> Path:
    """Write a file of some kilobytes whose only page announces a size of its own."""
    out = io.BytesIO()
    # So long that its size takes as many bytes as any we write in its place.
    table = pa.table({"a": pa.array(["A" * (140 << 20)])})
    parquet.write_table(
        table, out, compression="zstd", use_dictionary=False, write_statistics=False
    )
    data = out.getvalue()
    # The magic number, then the page: its kind, then its size once unpacked.
    assert data[4:7] == b"\x15\x00\x15"
    size = write_number(announced)
    assert data[7 + len(size) : 8 + len(size)] == b"\x15"  # the next field
    path.write_bytes(data[:7] + size + data[7 + len(size) :])
    return path


def write_repeated(path: Path, most: int, columns: Sequence[str] = ("a",)) -> Path:
    """Write a file of some kilobytes of which each column is so many bytes once it is read."""
    text = pa.array(["A" * (most // ROWS)])
    column = pa.DictionaryArray.from_arrays(pa.array([0] * ROWS, pa.int32()), text)
    return write(path, **dict.fromkeys(columns, column))


@pytest.mark.parametrize("reader", READERS)
def test_what_was_written_is_read(tmp_path: Path, reader):
    texts = [f"x{n}" for n in range(ROWS)]
    path = write(
        tmp_path / "a.parquet",
        texts=texts,
        kinds=pa.array(["u", "v"] * (ROWS // 2)).dictionary_encode(),
        lists=pa.array(
            [["p"], ["q"]] * (ROWS // 2), pa.list_(pa.dictionary(pa.int32(), pa.string()))
        ),
        inner=pa.array([{"k": 1}] * ROWS),
        pairs=pa.array([[("k", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())),
    )
    table = read(reader, path)
    assert table["texts"].to_pylist() == texts
    assert table["kinds"].type == pa.string()
    assert table["lists"].to_pylist()[:2] == [["p"], ["q"]]
    assert table["inner"].to_pylist()[0] == {"k": 1}
    assert table["pairs"].to_pylist()[0] == [("k", 1)]
    with closing(reader(path)) as file:
        assert file.rows == ROWS
        [batch, *_] = file.batches(10, ["texts"])
        assert (batch.num_rows, batch.schema.names) == (10, ["texts"])


@pytest.mark.parametrize("reader", READERS)
def test_a_file_without_rows_is_read(tmp_path: Path, reader):
    assert read(reader, write(tmp_path / "a", a=pa.array([], pa.string()))).num_rows == 0


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_is_refused_wherever_the_damage_is(tmp_path: Path, reader):
    path = tmp_path / "a"
    with pytest.raises(ParquetRefused, match="is damaged"):
        read(reader, path)
    texts = pa.array([f"{n * 7919 % 99991:06d}" for n in range(ROWS)])
    parquet.write_table(
        pa.table({"a": texts}), path, row_group_size=ROWS // 4, use_dictionary=False
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ParquetRefused, match="is damaged"):
        read(reader, path)
    path.write_bytes(data[: len(data) // 2] + bytes(50_000) + data[len(data) // 2 + 50_000 :])
    with pytest.raises(ParquetRefused, match="is damaged"):
        read(reader, path)


@pytest.mark.parametrize("make", [write_announced, write_repeated])
def test_kilobytes_that_become_gigabytes_are_refused(tmp_path: Path, make):
    path = make(tmp_path / "a", GIGABYTES)
    assert path.stat().st_size < 20_000
    with pytest.raises(ParquetTooLarge, match="takes more than 1024 MB of memory"):
        read(ReadApart, path, ROWS)


@pytest.mark.parametrize(
    ("columns", "read_file"),
    [
        (FEED_COLUMNS, lambda path: list(open_feed(path).pieces())),
        ([one.name for one in EVENTS], lambda path: list(EventsFile(path).read())),
        (["a"], lambda path: list(read_parquet(path, ["a"], None))),
        (["a"], read_sample),
    ],
    ids=["feed", "guard", "log", "sample"],
)
def test_nobody_reads_a_stranger_s_file_otherwise(tmp_path: Path, columns, read_file):
    path = write_repeated(tmp_path / "a", 50 * GIGABYTES, columns)
    with pytest.raises(RempartError, match="takes more than 1024 MB of memory"):
        read_file(path)


def test_mutation_whoever_reads_in_their_own_process_has_them(tmp_path: Path):
    path = write_announced(tmp_path / "a", 300 << 20)
    with pytest.raises(ParquetRefused):
        read(ReadHere, path)
    assert pa.default_memory_pool().max_memory() > 300 << 20


@pytest.mark.parametrize("reader", READERS)
def test_what_is_heavy_comes_a_few_rows_at_a_time(tmp_path: Path, reader):
    path = write_repeated(tmp_path / "a", foreign_parquet.MOST_BATCH_BYTES * 3 // 2)
    with closing(reader(path)) as file:
        sizes = [batch.num_rows for batch in file.batches(ROWS)]
    assert sizes == [ROWS // 2, ROWS // 2]
    flags = pa.ListArray.from_arrays([0, 20_000_000], pa.repeat(True, 20_000_000))
    with pytest.raises(ParquetTooLarge):
        read(reader, write(tmp_path / "flags", a=flags))


def test_a_module_beside_the_file_is_not_loaded(tmp_path: Path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert read(ReadApart, write(tmp_path / "a", a=["x"])).num_rows == 1


def test_a_file_that_is_left_unread_leaves_no_process(tmp_path: Path):
    file = ReadApart(write(tmp_path / "a", a=["x"] * 1000))
    process = file._process
    assert next(file.batches(10)).num_rows == 10
    file.close()
    assert process.poll() is not None
