"""Feeds in Parquet say what the same feeds say in CSV."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.feed_samples import Row, make_row, write_feed

from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.feed_file import open_feed
from rempart.exchange.feed_pieces import read_piece
from rempart.kernel.errors import FeedRefused


def write_parquet(path: Path, rows: list[Row], columns: tuple[str, ...] = COLUMNS) -> Path:
    table = pa.table({name: pa.array([row[name] or None for row in rows]) for name in columns})
    parquet.write_table(table.cast(pa.schema([(name, pa.string()) for name in columns])), path)
    return path


def read_all(path: Path, *, skip: int = 0) -> tuple[list[int], list[list[str]]]:
    lines: list[int] = []
    columns: list[list[str]] = [[] for _ in COLUMNS]
    with open_feed(path) as feed:
        for piece in feed.pieces(skip=skip):
            for cells in read_piece(piece, feed.dialect):
                lines += cells.lines
                for place, values in enumerate(cells.columns):
                    columns[place] += values
        assert feed.done_share() == 1.0
    return lines, columns


@pytest.mark.parametrize("skip", [0, 1, 1_200, 1_999])
def test_the_same_rows_are_read_as_from_csv(tmp_path: Path, skip: int):
    rows = [make_row(serial) for serial in range(1, 2_001)]
    from_csv = read_all(write_feed(tmp_path / "feed.csv", rows), skip=skip)
    shuffled = (*COLUMNS[7:], *COLUMNS[:7])
    assert read_all(write_parquet(tmp_path / "feed.parquet", rows, shuffled), skip=skip) == from_csv


def test_a_missing_column_is_named(tmp_path: Path):
    columns = tuple(name for name in COLUMNS if name != "terms")
    with pytest.raises(FeedRefused, match="lacks 1 column"):
        open_feed(write_parquet(tmp_path / "feed.parquet", [make_row(1)], columns))


def test_a_column_of_numbers_is_refused_since_zeros_are_lost(tmp_path: Path):
    row = make_row(1)
    arrays: dict[str, list[object]] = {name: [row[name]] for name in COLUMNS}
    arrays["birth_rank"] = [1]
    path = tmp_path / "feed.parquet"
    parquet.write_table(pa.table(arrays), path)
    with pytest.raises(FeedRefused, match="columns birth_rank are not text"):
        open_feed(path)


def test_a_damaged_file_is_refused(tmp_path: Path):
    path = write_parquet(tmp_path / "feed.parquet", [make_row(n) for n in range(1, 3_000)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FeedRefused, match="damaged Parquet"):
        open_feed(path)
    path.write_bytes(data[:200] + bytes(len(data) - 2_000) + data[-1_800:])
    with pytest.raises(FeedRefused, match="damaged Parquet"):
        read_all(path)
