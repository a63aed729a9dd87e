"""Read what is to be known of sealed segments: their files, their rows, what is left beside them.

Judges nothing: see `disclosure.audit_segments`.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from rempart.disclosure.audit_segments import FileFacts, FilePart, SegmentFacts
from rempart.disclosure.audit_source import LogState
from rempart.disclosure.entry import Kind
from rempart.disclosure.segment import SegmentFold, SegmentRow, SegmentState, get_bounds
from rempart.storage.cold_rows import ColdRows, fold_file, load_tile_root
from rempart.storage.connect import Transaction
from rempart.storage.ledger import find_hot_entries
from rempart.storage.segment_files import (
    BY_ACCOUNT,
    BY_PERSON,
    UNREADABLE,
    SegmentStore,
    find_disagreements,
    read_session_refs,
)


def read_segment_facts(
    tx: Transaction, log: LogState, row: SegmentRow, store: SegmentStore, cold: ColdRows | None
) -> SegmentFacts:
    """Read everything an audit compares of one segment.

    Args:
        tx: A transaction of a role that reads the ledger.
        log: Its log.
        row: Its row.
        store: Where its files are.
        cold: The log's cold rows as they were read: what was strange in this segment's file.
    """
    by_account = _measure(store, row.by_account_name, BY_ACCOUNT, row.by_account_digest)
    by_person = _measure(store, row.by_person_name, BY_PERSON, row.by_person_digest)
    fold: SegmentFold | None = None
    strange: Sequence[int] = ()
    disagreements: Sequence[int] = ()
    is_kept = row.state != SegmentState.DROPPED
    readable = by_account.digest is not None and not by_account.damage
    if is_kept and readable and row.state == SegmentState.SEALED:
        fold, strange = _fold(tx, log, row, store)
    if cold is not None:
        strange = [*strange, *cold.strange.get(row.segment, ())]
    if is_kept and readable and by_person.digest is not None and not by_person.damage:
        disagreements = find_disagreements(store, row.by_account_name, row.by_person_name)
    return SegmentFacts(
        row=row,
        bits=log.segment_bits,
        log_size=log.size,
        root=load_tile_root(tx, log.log_id, row.segment, log.segment_bits),
        by_account=by_account,
        by_person=by_person,
        fold=fold,
        strange=strange,
        disagreements=disagreements,
        hot=_list_hot(tx, log, row),
    )


def list_sessions_in_files(logs: Iterable[LogState], store: SegmentStore | None) -> set[int]:
    """Return the sessions whose entry is in a cold segment's file, as far as it can be read."""
    found: set[int] = set()
    for log in logs:
        for row in log.segments:
            if store is not None and row.state == SegmentState.COLD:
                try:
                    found |= read_session_refs(store, row.by_account_name, Kind.SESSION)
                except UNREADABLE:
                    continue  # told already: its file is not the one that was sealed
    return found


def _measure(store: SegmentStore, name: str, schema: pa.Schema, expected: bytes) -> FileFacts:
    try:
        digest, size = store.measure(name)
    except OSError:
        return FileFacts(digest=None)
    damage: Sequence[FilePart] = ()
    if bytes.fromhex(digest) != expected:
        damage = [FilePart(*part) for part in store.find_damage(name, schema)]
    return FileFacts(digest=digest, size=size, damage=damage)


def _fold(
    tx: Transaction, log: LogState, row: SegmentRow, store: SegmentStore
) -> tuple[SegmentFold | None, Sequence[int]]:
    try:
        return fold_file(tx, store, row, bits=log.segment_bits)
    except UNREADABLE:
        return None, []


def _list_hot(tx: Transaction, log: LogState, row: SegmentRow) -> list[int]:
    if row.state == SegmentState.SEALED:
        return []
    return find_hot_entries(tx, log.log_id, *get_bounds(row.segment, log.segment_bits))
