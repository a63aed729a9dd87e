"""Files of answers of the ledger: CSV, Parquet, or lines for people.

Refuses to leave half an answer: a file has its name when it is whole, and only its owner reads it.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.exchange.whole_file import write_whole
from rempart.kernel.errors import Unavailable

_BATCH: Final = 1 << 16
# A column for people: its title, its width, and how a row shows it.
Column: TypeAlias = tuple[str, int, Callable[[Any], str]]


@contextmanager
def open_answer(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its name at the end of the block, and is gone if the block fails.

    An interruption is a failure too. What had the name before stays until then.

    Raises:
        Unavailable: the file cannot be written.
    """
    try:
        with write_whole(path) as file:
            yield file
    except OSError as failure:
        raise Unavailable(
            f"the answer cannot be written to {path} ({failure.strerror}): free some space or give "
            "another path with --output, then ask again"
        ) from failure


def write_csv(file: IO[str], header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write rows as CSV with `;`; return how many they were."""
    writer = csv.writer(file, delimiter=";", lineterminator="\n")
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def write_parquet(file: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[int]]) -> int:
    """Write rows of whole numbers as Parquet, some at a time; return how many they were."""
    schema = pa.schema([(name, pa.int64()) for name in header])
    remaining, count = iter(rows), 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(remaining, _BATCH)):
            columns = [pa.array(column, pa.int64()) for column in zip(*batch, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            count += len(batch)
    return count


def write_lines(file: IO[str], columns: Sequence[Column], rows: Iterable[Any]) -> int:
    """Write rows as lines in columns of fixed width, as they come; return how many they were."""
    titles = (f"{title:{width}}" for title, width, _ in columns)
    file.write("  ".join(titles).rstrip() + "\n")
    count = 0
    for row in rows:
        cells = (f"{show(row):{width}}" for _, width, show in columns)
        file.write("  ".join(cells).rstrip() + "\n")
        count += 1
    return count
