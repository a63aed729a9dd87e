"""Entries that are in the files of cold segments only: all of one person's, or one of them whole.

Refuses to pass over a file that cannot be read: which segments were read is part of the answer.
"""

import json
from dataclasses import dataclass
from typing import Final, NamedTuple

from rempart.disclosure.entry import Entry
from rempart.kernel.errors import Unavailable
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Transaction
from rempart.storage.ledger_expressions import Seen, ask_who_saw
from rempart.storage.queries import load_queries
from rempart.storage.segment_files import UNREADABLE, SegmentStore, read_entry

QUERIES: Final = load_queries("cold_history")
_ALWAYS: Final = (0, (1 << 63) - 1)


class ColdSegment(NamedTuple):
    """A segment whose openings are in its files only."""

    log_id: int
    segment: int
    by_person_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdHistory:
    """What the files say of one person.

    Args:
        entries: Every entry of theirs, in no order.
        segments: The segments that are cold.
        read: Those whose file was read; the others are missing from the answer.
    """

    entries: tuple[Seen, ...] = ()
    segments: tuple[ColdSegment, ...] = ()
    read: frozenset[ColdSegment] = frozenset()

    def to_json(self) -> str:
        """Return the entries as the database takes them."""
        return json.dumps([one._asdict() for one in self.entries])


def list_cold(tx: Transaction) -> tuple[ColdSegment, ...]:
    """Return the segments whose openings are in files only."""
    return tuple(ColdSegment(*row) for row in tx.execute(QUERIES.list_cold))


def read_cold_history(tx: Transaction, files: SealedFiles | None, person_ref: int) -> ColdHistory:
    """Return what the files of cold segments say of one person.

    A log whose files cannot be read leaves the others readable: its segments are not among those
    read.

    Args:
        tx: A transaction that may read which segments are cold.
        files: The files; None for a place that reaches none.
        person_ref: The person.
    """
    segments = list_cold(tx)
    if files is None or not segments:
        return ColdHistory(segments=segments)
    there = [one for one in segments if files.store.has(one.by_person_name)]
    question = ask_who_saw([person_ref], from_ms=_ALWAYS[0], to_ms=_ALWAYS[1])
    entries: list[Seen] = []
    read: set[ColdSegment] = set()
    for log_id in sorted({one.log_id for one in there}):
        ours = [one for one in there if one.log_id == log_id]
        try:
            with files.open_engine() as engine:
                found = [
                    Seen(log_id, *row)
                    for row in engine.answer(question, [one.by_person_name for one in ours])
                ]
        except Unavailable:
            continue  # said by what is read: these segments are not in it
        entries += found
        read.update(ours)
    return ColdHistory(entries=tuple(entries), segments=segments, read=frozenset(read))


def load_cold_entry(
    tx: Transaction, store: SegmentStore | None, log_id: int, index: int
) -> Entry | None:
    """Return an entry from the file of its cold segment; None when it is in none.

    Raises:
        Unavailable: the file cannot be read from here.
    """
    row = tx.execute(QUERIES.find_cold, {"log_id": log_id, "index": index}).fetchone()
    if row is None:
        return None
    if store is None or not store.has(row[0]):
        raise Unavailable(
            f"the file of entry {index} of log {log_id} is not in the segments' store: "
            "ask where REMPART_SEGMENTS leads to it"
        )
    try:
        found = read_entry(store, row[0], index)
    except UNREADABLE as failure:
        raise Unavailable(
            f"the file of entry {index} of log {log_id} cannot be read "
            f"({type(failure).__name__}): run `rempart ledger audit`"
        ) from failure
    return None if found is None else Entry(*found)
