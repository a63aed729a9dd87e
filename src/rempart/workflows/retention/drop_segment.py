"""Retention: drop whole segments whose time is over. Their hashes stay, so every proof still holds.

Refuses while a hold covers any of them, and to drop the acts log, which says what was dropped.
"""

from collections.abc import Iterator, Sequence

from rempart.disclosure.acts import COMMAND_LINE, Erase, make_statement
from rempart.disclosure.entry import Kind
from rempart.disclosure.erasure import check_not_held
from rempart.disclosure.segment import Hold, SegmentRow, SegmentState, get_bounds
from rempart.kernel.errors import NotFound
from rempart.retention.purges import SEGMENT, PurgeRecord
from rempart.storage import evidence_holds, purges, segments
from rempart.storage.connect import Transaction
from rempart.storage.segment_files import read_session_refs
from rempart.workflows.ledger.record_act import record_act
from rempart.workflows.ledger.seal_segment import Archive, check_digests, seal_segments
from rempart.workflows.retention.purge_journal import say_and_journal


def drop_segments(
    archive: Archive, *, before_ms: int, ground: str, holds: Sequence[Hold] = ()
) -> Iterator[SegmentRow]:
    """Drop every sealed segment whose last entry is older; yield each when it is dropped.

    Args:
        archive: What it is done with.
        before_ms: Unix milliseconds.
        ground: The rule that says how long entries are kept; it stands in the ERASE act.
        holds: What somebody needs besides the holds of evidence in the database.

    Raises:
        Conflict: a hold covers one of them; none was dropped.
        Unavailable: somebody reads the ledger; what was dropped before stays dropped.
    """
    with archive.begin() as tx:
        rows = segments.list_segments(tx)
        kept = [*holds, *evidence_holds.list_in_force(tx)]
    old = [
        row
        for row in rows
        if row.last_ms < before_ms and row.log_id and row.state != SegmentState.DROPPED
    ]
    for row in old:
        check_not_held(kept, row.log_id, row.first_ms, row.last_ms)
    remove_unnamed_files(archive, rows)
    for row in old:
        body = {"log": row.log_id, "segment": row.segment, "ground": ground}
        # 0. Said outside too: no backup brings the segment back. A crash after it leaves a purge
        #    that waits: run again, it is taken up.
        record = say_and_journal(archive.begin, archive.journal, SEGMENT, body)
        yield _drop(archive, row, ground, purge=record.number)
        archive.journal.mark_done(record.number)


def drop_again(archive: Archive, record: PurgeRecord) -> int:
    """Drop on a restored base the segment that an earlier act dropped; return how many went.

    One that was not sealed yet when the backup was made is sealed first.
    """
    said = record.content
    log_id, segment, ground = said["log"], said["segment"], said["ground"]
    with archive.begin() as tx:
        known = find_segment(tx, log_id, segment)
    if known is None:
        list(seal_segments(archive, log_id=log_id, segment=segment))
        with archive.begin() as tx:
            known = find_segment(tx, log_id, segment)
    if known is None or known.state == SegmentState.DROPPED:
        with archive.begin() as tx:
            purges.mark_applied(tx, record.number)
        return 0
    _drop(archive, known, ground, purge=record.number)
    return 1


def find_segment(tx: Transaction, log_id: int, segment: int) -> SegmentRow | None:
    """Return a sealed segment; None when it was never sealed."""
    found = (row for row in segments.list_segments(tx, log_id) if row.segment == segment)
    return next(found, None)


def remove_unnamed_files(archive: Archive, rows: Sequence[SegmentRow]) -> int:
    """Delete what a crash left: files of dropped segments, and those that others replaced."""
    kept = {
        name
        for row in rows
        if row.state != SegmentState.DROPPED
        for name in (row.by_account_name, row.by_person_name)
    }
    known = {(row.log_id, row.segment) for row in rows}
    unnamed = [
        name
        for log_id in sorted({row.log_id for row in rows})
        for name, segment in archive.store.list_files(log_id)
        if (log_id, segment) in known and name not in kept
    ]
    for name in unnamed:
        archive.store.delete(name)
    return len(unnamed)


def _drop(archive: Archive, row: SegmentRow, ground: str, *, purge: int) -> SegmentRow:
    check_digests(archive.store, row)
    with archive.begin() as tx:
        shape = segments.load_shape(tx, row.log_id)
        if shape is None:
            raise NotFound(f"there is no log {row.log_id}")
        first, stop = get_bounds(row.segment, shape.bits)
        erased = len(segments.list_erased(tx, row.log_id, first, stop))
        act = Erase(
            log=row.log_id,
            ground=ground,
            signers=(),
            count=stop - first - erased,
            segment=row.segment,
        )
        known = segments.find_act(tx, make_statement(act))
    sessions = read_session_refs(archive.store, row.by_account_name, Kind.SESSION)
    # 1. Said before it is done. A crash after it leaves an act that nothing followed: run again,
    #    it is found and carried out.
    index = known if known is not None else record_act(archive.acts, act, by=COMMAND_LINE).index
    # 2. State, rows and sessions together. A crash after it leaves files that no row names: the
    #    next run deletes them, and the audit tells of them until then.
    with archive.begin() as tx:
        segments.drop_segment(tx, index, sorted(sessions))
        purges.mark_applied(tx, purge)
    # 3. The files.
    for name in (row.by_account_name, row.by_person_name):
        archive.store.delete(name)
    return row._replace(state=SegmentState.DROPPED, drop_idx=index)
