"""Lines that two files have: rotated with an overlap, or exported twice. Counted once.

A line is known again by its digest and its instant. Refuses to compare within one file: two equal
lines there are two requests.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rempart.exchange.answer_files import open_answer
from rempart.exchange.arrow_compute import pc
from rempart.exchange.foreign_facts import FACTS, Source
from rempart.exchange.foreign_parts import part_path

_BATCH_ROWS: Final = 1 << 17


class _Gone:
    """What was taken out: rows, and the lines they are of."""

    def __init__(self) -> None:
        self.lines = self.rows = self.unknown_views = self.without_account = 0
        self._last_line = 0

    def add(self, batch: Any) -> None:
        """Add rows; those of one line follow each other, maybe in two batches."""
        if not batch.num_rows:
            return
        lines = np.unique(batch.column("line").to_numpy())
        self.lines += len(lines) - int(lines[0] == self._last_line)
        self._last_line = int(lines[-1])
        self.rows += batch.num_rows
        self.unknown_views += pc.sum(pc.equal(batch.column("view"), "")).as_py() or 0
        self.without_account += pc.sum(pc.equal(batch.column("account"), "")).as_py() or 0


def take_out_duplicates(
    sources: Sequence[Source], folder: Path, before: Callable[[Source], None]
) -> list[Source]:
    """Take out of each source the lines that an earlier one has.

    Args:
        sources: They, read. Those treated already against the same others are left alone.
        folder: Where their facts are.
        before: Told of a source before its facts change.

    Returns:
        The sources in the same order, with their sums corrected.
    """
    ordered = sorted(
        (one for one in sources if one.first_ms is not None and one.facts),
        key=lambda one: (one.first_ms, one.index),
    )
    changed = {}
    for place, one in enumerate(ordered):
        earlier = [other for other in ordered[:place] if _overlap(other, one)]
        fresh = [other for other in earlier if other.sha256 not in one.against]
        if fresh:
            before(one)
            changed[one.index] = _take_out(one, fresh, folder)
    return [changed.get(one.index, one) for one in sources]


def _overlap(one: Source, other: Source) -> bool:
    """Tell whether the times of two sources meet."""
    bounds = (one.first_ms, one.last_ms, other.first_ms, other.last_ms)
    if None in bounds:
        return False
    first, last, other_first, other_last = (bound or 0 for bound in bounds)
    return first <= other_last and other_first <= last


def _take_out(source: Source, others: Sequence[Source], folder: Path) -> Source:
    path = part_path(folder, source.index)
    gone = _Gone()
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=["line", "t_ms", "digest"]):
            if _find_twice(batch, others, folder).any():
                gone = _rewrite(path, others, folder)
                break
    return replace(
        source,
        parsed=source.parsed - gone.lines,
        duplicates=source.duplicates + gone.lines,
        facts=source.facts - gone.rows,
        unknown_views=source.unknown_views - gone.unknown_views,
        without_account=source.without_account - gone.without_account,
        against=(*source.against, *(one.sha256 for one in others)),
    )


def _find_twice(batch: Any, others: Sequence[Source], folder: Path) -> Any:
    times, digests = (batch.column(name).to_numpy() for name in ("t_ms", "digest"))
    twice = np.zeros(len(times), bool)
    first, last = int(times.min()), int(times.max())
    for other in others:
        if (other.last_ms or 0) < first or (other.first_ms or 0) > last:
            continue
        for found_times, found in _read_between(part_path(folder, other.index), first, last):
            near = np.isin(digests, found) & np.isin(times, found_times)
            twice |= near
    return twice


def _read_between(path: Path, first: int, last: int) -> Iterator[tuple[Any, Any]]:
    """Yield instants and digests of the groups of rows that may hold instants of a stretch."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        column = FACTS.get_field_index("t_ms")
        for group in range(file.num_row_groups):
            bounds: Any = file.metadata.row_group(group).column(column).statistics
            if (
                bounds is not None
                and bounds.has_min_max
                and (bounds.max < first or bounds.min > last)
            ):
                continue
            table = file.read_row_group(group, columns=["t_ms", "digest"])
            yield table.column("t_ms").to_numpy(), table.column("digest").to_numpy()


def _rewrite(path: Path, others: Sequence[Source], folder: Path) -> _Gone:
    """Write a part again without the lines that others have."""
    gone = _Gone()
    with (
        pq.ParquetFile(path, pre_buffer=False) as file,
        open_answer(path) as draft,
        pq.ParquetWriter(draft, FACTS, compression="zstd", compression_level=1) as writer,
    ):
        for batch in file.iter_batches(_BATCH_ROWS):
            twice = pa.array(_find_twice(batch, others, folder))
            gone.add(batch.filter(twice))
            writer.write_table(pa.Table.from_batches([batch.filter(pc.invert(twice))], FACTS))
    return gone
