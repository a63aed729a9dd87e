"""The facts of one file, written as one Parquet file that has its name when it is whole.

Refuses to keep every bad line: they are all counted, and some are kept to be shown.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.exchange.answer_files import open_answer
from rempart.exchange.foreign_facts import FACTS, HOUR_MS, Sample, Source
from rempart.exchange.foreign_logs import LogFile
from rempart.exchange.foreign_mapping import LogMapping
from rempart.exchange.foreign_raw import Unread, escape_head
from rempart.exchange.foreign_rows import Facts

KEPT_SAMPLES: Final = 20
_GROUP_ROWS: Final = 1 << 17
# Text that comes again and again; the rest is as short without a dictionary.
_REPEATED: Final[Any] = ["account", "address", "agent", "view", "outcome", "insurer", "session"]


def part_path(folder: Path, index: int) -> Path:
    """Return where the facts of a source are."""
    return folder / f"part-{index:05d}.parquet"


def read_part(
    path: Path,
    mapping: LogMapping,
    source: Source,
    folder: Path,
    tell: Callable[[int, int], None],
) -> Source:
    """Read one file into its part.

    Args:
        path: The file.
        mapping: What it means.
        source: What is known of it beforehand.
        folder: Where parts are.
        tell: Told the bytes and lines read so far.

    Returns:
        The source, with what became of its lines.

    Raises:
        LogsRefused: it cannot be opened.
        Unavailable: the part cannot be written.
    """
    log = LogFile(path, mapping)
    tally = Tally()
    try:
        with (
            open_answer(part_path(folder, source.index)) as file,
            pq.ParquetWriter(
                file, FACTS, compression="zstd", compression_level=1, use_dictionary=_REPEATED
            ) as writer,
        ):
            rows = _Groups(writer, source.index)
            for facts in log.facts():
                tally.add(facts)
                rows.add(facts.table)
                tell(log.done_bytes, tally.lines)
            rows.flush()
        return tally.finish(
            replace(
                source,
                sha256=log.digest(),
                zone=log.rule.zone or mapping.zone,
                offset_ms=log.rule.offset_ms,
                broken=log.broken,
            )
        )
    finally:
        log.close()


class _Groups:
    """Facts gathered into groups of rows, worth a group each."""

    def __init__(self, writer: Any, index: int) -> None:
        self._writer, self._index = writer, index
        self._tables: list[Any] = []
        self._rows = 0

    def add(self, table: Any) -> None:
        self._tables.append(table)
        self._rows += table.num_rows
        if self._rows >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            whole = pa.concat_tables(self._tables)
            source = pa.repeat(pa.scalar(self._index, pa.int32()), self._rows)
            arrays = [source, *whole.columns]
            self._writer.write_table(pa.table(arrays, schema=FACTS), _GROUP_ROWS)
        self._tables, self._rows = [], 0


class Tally:
    """What became of the lines of one file."""

    def __init__(self) -> None:
        self.lines = self.facts = 0
        self._ignored = self._unknown = self._nameless = 0
        self._hours: Counter[int] = Counter()
        self._unparsed_hours: Counter[int] = Counter()
        self._reasons: Counter[str] = Counter()
        self._samples: list[Sample] = []
        self._first: int | None = None
        self._last: int | None = None
        # Bad lines in a piece without a good one: somewhere in the file.
        self._untimed = 0

    def add(self, facts: Facts) -> None:
        """Add one piece."""
        self.lines += facts.lines
        self.facts += facts.table.num_rows
        self._ignored += facts.ignored
        self._unknown += facts.unknown_views
        self._nameless += facts.without_account
        self._hours.update(facts.hours)
        if facts.first_ms is not None and facts.last_ms is not None:
            self._first = min(facts.first_ms, self._first or facts.first_ms)
            self._last = max(facts.last_ms, self._last or facts.last_ms)
        self._add_unread(facts)

    def _add_unread(self, facts: Facts) -> None:
        for one in facts.unread:
            self._add_reason(one)
        if not facts.unread_hours:
            self._untimed += len(facts.unread)
        self._unparsed_hours.update(facts.unread_hours)

    def _add_reason(self, one: Unread) -> None:
        self._reasons[one.reason] += 1
        if len(self._samples) < KEPT_SAMPLES:
            self._samples.append(
                Sample(line=one.line, reason=one.reason, text=escape_head(one.head))
            )

    def finish(self, source: Source) -> Source:
        """Return the source with the sums."""
        unparsed = self._reasons.total()
        hours = dict(self._unparsed_hours)
        if self._untimed and self._first is not None and self._last is not None:
            first, last = self._first // HOUR_MS, self._last // HOUR_MS
            hours |= {hour: hours.get(hour, 0) + self._untimed for hour in range(first, last + 1)}
        return replace(
            source,
            lines=self.lines,
            parsed=self.lines - unparsed,
            ignored=self._ignored,
            unparsed=unparsed,
            facts=self.facts,
            unknown_views=self._unknown,
            without_account=self._nameless,
            first_ms=self._first,
            last_ms=self._last,
            hours=dict(sorted(self._hours.items())),
            unparsed_hours=dict(sorted(hours.items())),
            reasons=dict(self._reasons.most_common()),
            samples=tuple(self._samples),
        )
