"""Carry out the erasures that two people decided: the openings go, the hashes stay.

In this order, so that a crash never leaves an opening gone without the act that says so, and no
backup brings it back: the ERASE act; the record outside the database; files written again without
the openings, each with its SEAL act; then, in one transaction, the new files' names, the list of
what is erased, and the rows' end; then the old files.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rempart.disclosure.acts import COMMAND_LINE, Erase, compute_indexes_digest, make_statement
from rempart.disclosure.erasure import (
    ERASABLE,
    ErasureRequest,
    ErasureState,
    check_can_erase,
    check_not_held,
)
from rempart.disclosure.segment import Hold, SegmentRow, SegmentState
from rempart.kernel.errors import Conflict, NotFound
from rempart.retention.purges import OPENINGS, PurgeRecord
from rempart.storage import erasures, evidence_holds, purges, segments
from rempart.storage.connect import Transaction
from rempart.storage.segment_files import read_openings
from rempart.storage.segments import LogShape, Opening
from rempart.workflows.ledger.record_act import record_act
from rempart.workflows.ledger.seal_segment import Archive, rewrite_segment
from rempart.workflows.retention.drop_segment import remove_unnamed_files
from rempart.workflows.retention.purge_journal import say_and_journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One request that was carried out.

    Attributes:
        request: The request.
        erased: How many openings went.
        rewritten: How many segments were sealed again without them.
        act: Index of the ERASE act; None when others had erased everything already.
    """

    request: ErasureRequest
    erased: int
    rewritten: int
    act: int | None


def run_erasures(archive: Archive, *, holds: Sequence[Hold] = ()) -> Iterator[Erasure]:
    """Carry out every approved request; yield each when it is done. Can be stopped and run again.

    Args:
        archive: What it is done with.
        holds: What somebody needs besides the holds of evidence in the database.

    Raises:
        Conflict: a hold covers one of the openings, or one cannot be erased: nothing of that
            request was done.
        InconsistentRecord: a file is not the sealed one: nothing of that request was done.
    """
    with archive.begin() as tx:
        requests = erasures.list_requests(tx, state=ErasureState.APPROVED)
        kept = [*holds, *evidence_holds.list_in_force(tx)]
        remove_unnamed_files(archive, segments.list_segments(tx))
    for request in requests:
        yield _carry_out(archive, request, kept)


def _carry_out(archive: Archive, request: ErasureRequest, holds: Sequence[Hold]) -> Erasure:
    def finish(tx: Transaction, index: int | None) -> None:
        erasures.finish(tx, request.request_ref, act=index)

    touched = _look(archive, request.log_id, request.indexes)
    check_can_erase(touched.left, last_checkpoint=touched.last_checkpoint)
    _check_openings(archive, touched, holds)
    if not touched.left:
        with archive.begin() as tx:
            finish(tx, None)
        return Erasure(request=request, erased=0, rewritten=0, act=None)
    act = request.sign(touched.left)
    index = _record_once(archive, act)
    body = {
        "log": act.log,
        "indexes": touched.left,
        "ground": act.ground,
        "signers": list(act.signers),
    }
    record = say_and_journal(archive.begin, archive.journal, OPENINGS, body)
    _erase(archive, touched, index, record.number, finish)
    archive.journal.mark_done(record.number)
    return Erasure(
        request=request, erased=len(touched.left), rewritten=len(touched.sealed), act=index
    )


def erase_again(archive: Archive, record: PurgeRecord) -> int:
    """Erase on a restored base what an earlier erasure says; return how many openings went.

    The act of that erasure went with the base: the same two people's is recorded again. Entries the
    base never had are nothing to erase.

    Raises:
        Conflict: some are in the unfinished last tile of their log, which could not be taken up
            without them: another backup has them elsewhere, or not at all.
    """
    said = record.content
    with archive.begin() as tx:
        size = erasures.load_log_size(tx, said["log"])
    indexes = [index for index in said["indexes"] if index < size]
    touched = _look(archive, said["log"], indexes) if indexes else None
    if touched is None or not touched.left:
        with archive.begin() as tx:
            purges.mark_applied(tx, record.number)
        return 0
    try:
        check_can_erase(touched.left, last_checkpoint=touched.last_checkpoint)
    except Conflict as refusal:
        raise Conflict(
            f"purge {record.number} erased entries that this backup has at the very end of log "
            f"{touched.log_id}, where none can be erased: restore an earlier or a later one"
        ) from refusal
    act = Erase(
        log=touched.log_id,
        ground=said["ground"],
        signers=tuple(said["signers"]),
        count=len(touched.left),
        digest=compute_indexes_digest(touched.left),
    )
    _erase(archive, touched, _record_once(archive, act), record.number, lambda _tx, _index: None)
    return len(touched.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Touched:
    """Openings that are to be erased: which are left, and the sealed segments that hold some."""

    log_id: int
    left: list[int]
    shape: LogShape
    sealed: list[SegmentRow]
    hot: list[Opening]

    @property
    def last_checkpoint(self) -> int:
        return self.shape.last_checkpoint


def _look(archive: Archive, log_id: int, indexes: Sequence[int]) -> _Touched:
    with archive.begin() as tx:
        shape = segments.load_shape(tx, log_id)
        if shape is None:
            raise NotFound(f"there is no log {log_id}")
        gone = set(segments.list_erased(tx, log_id, indexes[0], indexes[-1] + 1))
        left = [index for index in indexes if index not in gone]
        sealed = _list_touched(segments.list_segments(tx, log_id), left, shape.bits)
        hot = segments.list_present(tx, log_id, left)
    return _Touched(log_id=log_id, left=left, shape=shape, sealed=sealed, hot=hot)


def _record_once(archive: Archive, act: Erase) -> int:
    """Record an act, or find the one that a crash kept from being carried out."""
    with archive.begin() as tx:
        known = segments.find_act(tx, make_statement(act))
    # 1. Said before it is done. A crash after it leaves an act that nothing followed: run again,
    #    it is found and carried out.
    return known if known is not None else record_act(archive.acts, act, by=COMMAND_LINE).index


def _erase(
    archive: Archive,
    touched: _Touched,
    index: int,
    purge: int,
    finish: Callable[[Transaction, int], None],
) -> None:
    # 2. The files. A crash leaves files that no row names: run again, they are written over.
    seals = [
        rewrite_segment(archive, row, _choose(touched.left, row, touched.shape), erasure=index)
        for row in touched.sealed
    ]
    # 3. One transaction, in which the database checks the acts and that the purge is outside. A
    #    crash before its commit leaves every opening where it was; after it, the old files, which
    #    the next run deletes.
    with archive.begin() as tx:
        for seal in seals:
            segments.save_segment(tx, seal)
        segments.erase_openings(tx, index, touched.left)
        purges.mark_applied(tx, purge)
        finish(tx, index)
        rows = segments.list_segments(tx, touched.log_id)
    # 4. The old files.
    remove_unnamed_files(archive, rows)


def _list_touched(
    rows: Iterable[SegmentRow], indexes: Sequence[int], bits: int
) -> list[SegmentRow]:
    """Return the sealed segments that hold some of these openings.

    Raises:
        Conflict: one is dropped: its openings are gone with it.
    """
    touched = {index >> bits for index in indexes}
    found = [row for row in rows if row.segment in touched]
    if any(row.state == SegmentState.DROPPED for row in found):
        raise Conflict("some of these openings are gone already, with their segment")
    return found


def _read_cold(
    archive: Archive, rows: Iterable[SegmentRow], indexes: Sequence[int]
) -> Iterator[Opening]:
    for row in rows:
        if row.state == SegmentState.COLD:
            for found in read_openings(archive.store, row.by_account_name, indexes):
                yield Opening(*found)


def _check_openings(archive: Archive, touched: _Touched, holds: Sequence[Hold]) -> None:
    openings = [*touched.hot, *_read_cold(archive, touched.sealed, touched.left)]
    missing = len(touched.left) - len(openings)
    if missing:
        raise Conflict(
            f"{missing} of these openings are not in log {touched.log_id}: "
            "run `rempart ledger audit`"
        )
    if any(opening.kind not in ERASABLE for opening in openings):
        raise Conflict("only answers are erased one by one: not sessions, not acts")
    for opening in openings:
        check_not_held(holds, touched.log_id, opening.t_ms, opening.t_ms)


def _choose(indexes: Sequence[int], row: SegmentRow, shape: LogShape) -> list[int]:
    return [index for index in indexes if index >> shape.bits == row.segment]
