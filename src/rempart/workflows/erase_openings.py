"""Carry out the erasures that two people decided: the openings go, the hashes stay.

In this order, so that a crash never leaves an opening gone without the act that says so: the ERASE
act; files written again without the openings, each with its SEAL act; then, in one transaction, the
new files' names, the list of what is erased, and the rows' end; then the old files.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rempart.disclosure.acts import COMMAND_LINE, make_statement
from rempart.disclosure.erasure import (
    ERASABLE,
    ErasureRequest,
    ErasureState,
    check_can_erase,
    check_not_held,
)
from rempart.disclosure.segment import Hold, SegmentRow, SegmentState
from rempart.kernel.errors import Conflict, NotFound
from rempart.storage import erasures, evidence_holds, segments
from rempart.storage.segment_files import read_openings
from rempart.storage.segments import LogShape, Opening
from rempart.workflows.drop_segment import remove_unnamed_files
from rempart.workflows.record_act import record_act
from rempart.workflows.seal_segment import Archive, rewrite_segment


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
    with archive.begin() as tx:
        shape = segments.load_shape(tx, request.log_id)
        if shape is None:
            raise NotFound(f"there is no log {request.log_id}")
        bounds = (request.indexes[0], request.indexes[-1] + 1)
        gone = set(segments.list_erased(tx, request.log_id, *bounds))
        left = [index for index in request.indexes if index not in gone]
        sealed = _list_touched(segments.list_segments(tx, request.log_id), left, shape.bits)
        hot = segments.list_present(tx, request.log_id, left)
    check_can_erase(left, last_checkpoint=shape.last_checkpoint)
    _check_openings(request, left, [*hot, *_read_cold(archive, sealed, left)], holds)
    if not left:
        with archive.begin() as tx:
            erasures.finish(tx, request.request_ref, act=None)
        return Erasure(request=request, erased=0, rewritten=0, act=None)
    act = request.sign(left)
    with archive.begin() as tx:
        known = segments.find_act(tx, make_statement(act))
    # 1. Said before it is done. A crash after it leaves an act that nothing followed: run again,
    #    it is found and carried out.
    index = known if known is not None else record_act(archive.acts, act, by=COMMAND_LINE).index
    # 2. The files. A crash leaves files that no row names: run again, they are written over.
    seals = [
        rewrite_segment(archive, row, _choose(left, row, shape), erasure=index) for row in sealed
    ]
    # 3. One transaction, in which the database checks both acts. A crash before its commit leaves
    #    every opening where it was; after it, the old files, which the next run deletes.
    with archive.begin() as tx:
        for seal in seals:
            segments.save_segment(tx, seal)
        segments.erase_openings(tx, index, left)
        erasures.finish(tx, request.request_ref, act=index)
        rows = segments.list_segments(tx, request.log_id)
    # 4. The old files.
    remove_unnamed_files(archive, rows)
    return Erasure(request=request, erased=len(left), rewritten=len(sealed), act=index)


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


def _check_openings(
    request: ErasureRequest,
    indexes: Sequence[int],
    openings: Sequence[Opening],
    holds: Sequence[Hold],
) -> None:
    if len(openings) != len(indexes):
        raise Conflict(
            f"{len(indexes) - len(openings)} of these openings are not in log {request.log_id}: "
            "run `rempart ledger audit`"
        )
    if any(opening.kind not in ERASABLE for opening in openings):
        raise Conflict("only answers are erased one by one: not sessions, not acts")
    for opening in openings:
        check_not_held(holds, request.log_id, opening.t_ms, opening.t_ms)


def _choose(indexes: Sequence[int], row: SegmentRow, shape: LogShape) -> list[int]:
    return [index for index in indexes if index >> shape.bits == row.segment]
