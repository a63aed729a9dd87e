"""Seal complete segments of the ledger into files, and let the database forget what is sealed.

Nothing is believed because it was written: the root is recomputed from what is read back from the
file, and compared with the tile, before the SEAL act. Refuses to take a row out of the database
before its file was verified again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rempart.disclosure.acts import ACTS_LOG, COMMAND_LINE, Seal, SealedFile, make_statement
from rempart.disclosure.segment import (
    SegmentFold,
    SegmentRow,
    SegmentState,
    get_bounds,
    name_files,
)
from rempart.kernel.errors import InconsistentRecord, NotFound
from rempart.storage import segments
from rempart.storage.cold_rows import fold_file, load_tile_root
from rempart.storage.connect import Transaction
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.segment_files import (
    BY_ACCOUNT,
    BY_PERSON,
    UNREADABLE,
    SegmentStore,
    find_disagreements,
    leave_out,
    make_batch,
    sort_by_person,
)
from rempart.workflows.ledger.record_act import ActsLog, record_act

# Called with a segment and how many of its entries were read back.
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What work on segments is done with.

    Attributes:
        begin: Begins a transaction as the login `archivist`: each step is one.
        store: Where the files are.
        acts: The acts log.
        journal: Where what is erased is said outside the database, before it is.
        on_progress: Called with a log, a segment and how many of its entries were read back.
    """

    begin: Callable[[], AbstractContextManager[Transaction]]
    store: SegmentStore
    acts: ActsLog
    journal: PurgeJournal
    on_progress: Progress = lambda _log, _segment, _done: None


def seal_segments(
    archive: Archive, *, log_id: int | None = None, segment: int | None = None
) -> Iterator[SegmentRow]:
    """Seal every complete segment that is not sealed yet; yield each when it is.

    Can be stopped anywhere and run again: a crash leaves at most files that no row names, which
    the next run writes over.

    Args:
        archive: What it is done with.
        log_id: One log only.
        segment: One segment only.

    Raises:
        NotFound: the segment asked for is not complete, or is sealed already.
        InconsistentRecord: the rows do not lead to the tile: nothing is sealed; audit the ledger.
    """
    with archive.begin() as tx:
        found = segments.list_sealable(tx, log_id=log_id, segment=segment)
    if segment is not None and not found:
        raise NotFound(
            "no such segment to seal: it is not complete under a checkpoint, or sealed already"
        )
    for log in sorted({one.log_id for one in found}):
        archive.store.sweep(f"log-{log}")
    for one in found:
        yield _seal(archive, one)


def cool_segments(archive: Archive, *, before_ms: int) -> Iterator[SegmentRow]:
    """Take sealed segments whose last entry is older out of the database; yield each when it is.

    The acts log stays: it says what was done with the others.

    Raises:
        InconsistentRecord: the file no longer leads to the segment's root; its rows stay.
        Unavailable: somebody reads the ledger; what was cooled before stays cooled.
    """
    with archive.begin() as tx:
        rows = segments.list_segments(tx)
    for row in rows:
        if row.state != SegmentState.SEALED or row.last_ms >= before_ms or row.log_id == 0:
            continue
        verify_files(archive, row)
        # One transaction: state, accounts' numbers and rows go together. A crash before its commit
        # leaves the segment sealed, in both places.
        with archive.begin() as tx:
            segments.cool_segment(tx, row.log_id, row.segment)
        yield row._replace(state=SegmentState.COLD)


def rewrite_segment(
    archive: Archive, row: SegmentRow, indexes: Iterable[int], *, erasure: int
) -> int:
    """Write a segment's files again without some openings, and seal them; return the SEAL act.

    The files it replaces stay until somebody deletes them: the row still names them.

    Args:
        archive: What it is done with.
        row: The segment.
        indexes: The openings to leave out, of this segment.
        erasure: The ERASE act that says so.
    """
    check_digests(archive.store, row)
    names = name_files(row.log_id, row.segment, erasure=erasure)
    left_out = list(indexes)
    old = (row.by_account_name, row.by_person_name)
    for name, source, schema in zip(names, old, (BY_ACCOUNT, BY_PERSON), strict=True):
        batches = leave_out(archive.store, source, schema, left_out)
        archive.store.write(name, schema, batches)
    return _record_seal(archive, row, names, also_erased=left_out)


def verify_files(archive: Archive, row: SegmentRow) -> None:
    """Check that a segment's files are the sealed ones and lead to its root.

    Raises:
        InconsistentRecord: they are not, or do not.
    """
    check_digests(archive.store, row)
    fold, strange = _fold(archive, row, also_erased=())
    if strange or fold.wrong or fold.missing or fold.compute_root() != row.root:
        raise _disagreement(row.log_id, row.segment, "its file does not lead to its root")


def check_digests(store: SegmentStore, row: SegmentRow) -> None:
    """Check that a segment's two files are, byte for byte, the sealed ones.

    Raises:
        InconsistentRecord: one of them is missing or is another.
    """
    for name, digest in (
        (row.by_account_name, row.by_account_digest),
        (row.by_person_name, row.by_person_digest),
    ):
        try:
            measured, _ = store.measure(name)
        except OSError as failure:
            raise _disagreement(row.log_id, row.segment, f"{name} cannot be read") from failure
        if bytes.fromhex(measured) != digest:
            raise _disagreement(row.log_id, row.segment, f"{name} is not the file that was sealed")


def _seal(archive: Archive, one: segments.Sealable) -> SegmentRow:
    first, stop = get_bounds(one.segment, one.bits)
    names = name_files(one.log_id, one.segment)
    # 1. Both files, each whole under its name or not at all. A crash leaves files without a row:
    #    run again, they are written over.
    with archive.begin() as tx:
        groups = segments.read_by_account(tx, one.log_id, first, stop)
        archive.store.write(names[0], BY_ACCOUNT, (make_batch(BY_ACCOUNT, rows) for rows in groups))
    archive.store.write(names[1], BY_PERSON, sort_by_person(archive.store, names[0]))
    # 2. Read back, compared with the tile, and said in the acts log. A crash after it leaves an act
    #    without a row; run again, the same files are found to be stated by it.
    with archive.begin() as tx:
        root = load_tile_root(tx, one.log_id, one.segment, one.bits)
    if root is None:
        raise _disagreement(one.log_id, one.segment, "its tile is missing")
    row = SegmentRow(
        log_id=one.log_id,
        segment=one.segment,
        state=SegmentState.SEALED,
        root=root,
        first_ms=0,
        last_ms=0,
        by_account_name=names[0],
        by_account_digest=b"",
        by_person_name=names[1],
        by_person_digest=b"",
        act_log=ACTS_LOG,
        act_idx=0,
        drop_idx=None,
    )
    act = _record_seal(archive, row, names, also_erased=())
    # 3. The row. From here on the segment may be cooled.
    with archive.begin() as tx:
        segments.save_segment(tx, act)
        [sealed] = [
            each for each in segments.list_segments(tx, one.log_id) if each.segment == one.segment
        ]
    return sealed


def _record_seal(
    archive: Archive, row: SegmentRow, names: tuple[str, str], *, also_erased: Sequence[int]
) -> int:
    """Read files back, check them against the tiles, and record the act that pins them."""
    written = row._replace(by_account_name=names[0], by_person_name=names[1])
    fold, strange = _fold(archive, written, also_erased=also_erased)
    if strange or fold.wrong or fold.missing or fold.compute_root() != row.root:
        raise _disagreement(row.log_id, row.segment, "its rows do not lead to its tile")
    if find_disagreements(archive.store, *names):
        raise _disagreement(row.log_id, row.segment, "its two files do not hold the same rows")
    by_account, by_person = (_measure(archive.store, name) for name in names)
    act = Seal(
        log=row.log_id,
        segment=row.segment,
        leaves=fold.leaves,
        root=row.root.hex(),
        first_ms=row.first_ms or fold.first_ms,
        last_ms=row.last_ms or fold.last_ms,
        by_account=by_account,
        by_person=by_person,
    )
    with archive.begin() as tx:
        known = segments.find_act(tx, make_statement(act))
    if known is not None:
        return known
    return record_act(archive.acts, act, by=COMMAND_LINE).index


def _measure(store: SegmentStore, name: str) -> SealedFile:
    digest, size = store.measure(name)
    return SealedFile(name=name, sha256=digest, bytes=size)


def _fold(
    archive: Archive, row: SegmentRow, *, also_erased: Sequence[int]
) -> tuple[SegmentFold, Sequence[int]]:
    """Recompute a segment from its file; return also the indexes that have no business there."""
    with archive.begin() as tx:
        shape = segments.load_shape(tx, row.log_id)
        if shape is None:
            raise NotFound(f"there is no log {row.log_id}")
        try:
            return fold_file(
                tx,
                archive.store,
                row,
                bits=shape.bits,
                also_erased=also_erased,
                on_progress=lambda done: archive.on_progress(row.log_id, row.segment, done),
            )
        except UNREADABLE as failure:
            what = f"{row.by_account_name} cannot be read"
            raise _disagreement(row.log_id, row.segment, what) from failure


def _disagreement(log_id: int, segment: int, what: str) -> InconsistentRecord:
    return InconsistentRecord(
        f"segment {segment} of log {log_id}: {what}. Nothing was removed; "
        "run `rempart ledger audit` to see where"
    )
