"""Where the openings of a window are: rows of PostgreSQL, files of sealed segments, or nowhere.

Refuses to pass over in silence what could not be read, and to answer when a segment was moved
between the look at where it was and the reading.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

import ibis
import pyarrow as pa

from rempart.disclosure.reach import (
    LogSpan,
    Place,
    Reach,
    SealedSegment,
    Stretch,
    decide_stretches,
)
from rempart.kernel.errors import Conflict, InvalidRequest, Unavailable
from rempart.storage.analytics import Engine, Lists, SealedFiles
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("ledger_sources")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the openings of a window are: found once by `find_sources`, for one question.

    Args:
        tx: A transaction that may read the ledger, at the isolation READ COMMITTED.
        reach: What will be looked at.
        segments: The sealed segments as they were when the sources were found.
        files: The files of sealed segments; None for a place that reaches none: a question that
            needs them fails.
    """

    tx: Transaction
    reach: Reach
    segments: Mapping[tuple[int, int], SealedSegment]
    files: SealedFiles | None

    def list_files(
        self, name: Callable[[SealedSegment], str], log_id: int | None = None
    ) -> list[str]:
        """Return the files to read, of one log or of all."""
        return [
            name(self.segments[one.log_id, one.segment])
            for one in self.reach.stretches
            if one.place is Place.COLD and log_id in (None, one.log_id)
        ]

    def list_ranges(self) -> dict[str, list[int]]:
        """Return the entries to read in the database: logs, starts and stops, side by side."""
        ranges = self.reach.list_hot_ranges()
        log_ids, starts, stops = zip(*ranges, strict=True) if ranges else ((), (), ())
        return {"log_ids": list(log_ids), "starts": list(starts), "stops": list(stops)}

    def open_engine(self) -> AbstractContextManager[Engine]:
        """Open what reads the files.

        Raises:
            Unavailable: no files were given.
        """
        if self.files is None:
            raise Unavailable(
                "a part of the ledger that is needed is in sealed files only: "
                "ask where REMPART_SEGMENTS leads to them"
            )
        return self.files.open_engine()

    def check_unmoved(self) -> None:
        """Check that no segment left the database between the look at where it was and now.

        To be called once the hot rows are being read: from then on they cannot leave.

        Raises:
            Conflict: one was moved meanwhile: its rows might be in neither half of the answer.
        """
        if _load_segments(self.tx) != self.segments:
            raise Conflict("a segment was moved while the answer was prepared: ask again")


def find_sources(
    tx: Transaction, files: SealedFiles | None, *, from_ms: int, to_ms: int
) -> Sources:
    """Find where the openings of a window are.

    Args:
        tx: A transaction that may read the ledger.
        files: The files of sealed segments.
        from_ms: The window's first instant, Unix milliseconds.
        to_ms: The instant after its last one.

    Raises:
        InvalidRequest: the window ends before it starts.
    """
    if to_ms <= from_ms:
        raise InvalidRequest("the period ends before it starts: check the two instants")
    window = {"from_ms": from_ms, "to_ms": to_ms}
    segments = _load_segments(tx)
    spans = [LogSpan(*row) for row in tx.execute(QUERIES.list_spans, window)]
    erased = tx.execute(
        QUERIES.count_erased,
        {
            "log_ids": [span.log_id for span in spans],
            "starts": [span.start for span in spans],
            "stops": [span.stop for span in spans],
        },
    ).fetchall()
    stretches = decide_stretches(spans, segments, from_ms=from_ms, to_ms=to_ms)
    return Sources(
        tx=tx,
        reach=Reach(
            from_ms=from_ms,
            to_ms=to_ms,
            stretches=tuple(_note_loss(one, segments, files) for one in stretches),
            erased=dict(erased),
        ),
        segments=segments,
        files=files,
    )


def read_cold(
    sources: Sources,
    question: ibis.Table,
    name: Callable[[SealedSegment], str],
    lists: Lists | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of one question over the cold files of all logs; opens no engine for none."""
    files = sources.list_files(name)
    if files:
        with sources.open_engine() as engine:
            yield from engine.answer(question, files, lists)


def read_cold_batches(
    sources: Sources,
    question: ibis.Table,
    name: Callable[[SealedSegment], str],
    lists: Lists | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the same in batches of columns."""
    files = sources.list_files(name)
    if files:
        with sources.open_engine() as engine:
            yield from engine.read(question, files, lists)


def read_cold_by_log(
    sources: Sources,
    question: ibis.Table,
    name: Callable[[SealedSegment], str],
    lists: Lists | None = None,
) -> list[tuple[Any, ...]]:
    """Return the rows of a question log by log, the log in front: files by person do not say it."""
    logs = sorted({one.log_id for one in sources.reach.stretches if one.place is Place.COLD})
    if not logs:
        return []
    with sources.open_engine() as engine:
        return [
            (log_id, *row)
            for log_id in logs
            for row in engine.answer(question, sources.list_files(name, log_id), lists)
        ]


def _load_segments(tx: Transaction) -> dict[tuple[int, int], SealedSegment]:
    rows = [SealedSegment(*row) for row in tx.execute(QUERIES.list_segments)]
    return {(one.log_id, one.segment): one for one in rows}


def _note_loss(
    stretch: Stretch,
    segments: Mapping[tuple[int, int], SealedSegment],
    files: SealedFiles | None,
) -> Stretch:
    """Mark a stretch whose files should be in the store and are not."""
    if files is None or stretch.place is not Place.COLD:
        return stretch
    segment = segments[stretch.log_id, stretch.segment]
    names = (segment.by_account_name, segment.by_person_name)
    there = all(files.store.has(name) for name in names)
    return stretch if there else stretch._replace(place=Place.LOST)
