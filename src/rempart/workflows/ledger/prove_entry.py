"""Makes proofs from the stored log: of one entry for somebody, and that a log only grew.

Refuses to hand out a proof that it has not checked itself: a stored hash that was changed gives an
error here, not a refusal to whoever receives the proof.
"""

from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.disclosure.consistency_file import follow_log, format_consistency, parse_consistency
from rempart.disclosure.entry import Kind
from rempart.disclosure.opening import Audience, Opening, make_opening
from rempart.disclosure.proof import prove_consistency, prove_inclusion
from rempart.disclosure.proof_file import (
    EvidenceRefused,
    ProofFile,
    format_proof,
    locate_entry,
    parse_proof,
)
from rempart.kernel.errors import InconsistentRecord, InvalidRequest, NotFound
from rempart.storage import ledger_proofs
from rempart.storage.cold_history import load_cold_entry
from rempart.storage.connect import Transaction
from rempart.storage.ledger_proofs import Anchor, Checkpointed, WholeEntry
from rempart.storage.ledger_tiles import UnfinishedTiles, make_stored_node_reader
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.record_act import ActsLog, record_act

_ABSENCES = {
    "erased": "its opening was erased by an ERASE act of log 0; the leaf is still in the tree",
    "cold": "its segment's file does not hold it: run `rempart ledger audit`",
    "dropped": "its segment was dropped at the end of its retention; the leaves are still there",
}


def prove_entry(
    tx: Transaction,
    acts: ActsLog,
    log_id: int,
    index: int,
    audience: Audience,
    *,
    store: SegmentStore | None,
    by: Author,
) -> str:
    """Return the proof of one entry, opened for somebody.

    Args:
        tx: A transaction of role auditor.
        acts: The acts log.
        log_id: The log.
        index: The entry's place in it.
        audience: Who will be shown it.
        store: The files of cold segments; None for a place that reaches none.
        by: Who asks.

    Raises:
        LedgerUnavailable: the reading cannot be recorded: nothing is handed out.
        NotFound: no such entry, or its opening was erased or dropped; the message says why.
        Unavailable: its segment is cold and its file cannot be read.
        InconsistentRecord: the stored log does not prove it.
    """
    anchor = _find_anchor(tx, log_id, index)
    whole = ledger_proofs.load_entry(tx, log_id, index) or _load_cold(tx, store, log_id, index)
    if whole is None:
        absence = ledger_proofs.explain_absence(tx, log_id, index)
        reason = _ABSENCES.get(absence or "", "the database has no such row: run the audit")
        raise NotFound(f"entry {index} of log {log_id} cannot be opened: {reason}")
    entry = whole.entry
    # A crash after the act leaves a reading on record that handed nothing out.
    record_act(
        acts,
        LedgerRead(
            question="prove",
            purpose=f"proof for {audience.value}",
            from_ms=entry.t_ms,
            to_ms=entry.t_ms + 1,
            about=About(kind="persons", count=int(entry.person_ref != 0)),
        ),
        by=by,
        subject=Subject(entry.person_ref, entry.insurer_id),
    )
    opening = make_opening(entry, audience, statement=whole.statement, session=whole.session)
    return _prove(tx, log_id, index, anchor, opening, UnfinishedTiles())


def prove_own_entry(
    tx: Transaction,
    log_id: int,
    index: int,
    unfinished: UnfinishedTiles,
    *,
    store: SegmentStore | None,
    whom: Subject,
) -> str:
    """Return the proof of an entry about the visitor, opened for a member.

    Args:
        tx: A transaction with the visitor's ticket.
        log_id: The log.
        index: The entry's place in it.
        unfinished: What this process remembers of the tree's right edge.
        store: The files of cold segments; None for a place that reaches none.
        whom: The visitor. The caller has seen that the entry is shown to them.

    Raises:
        NotFound: the visitor is shown no such entry: none, somebody else's, or not for now.
        Unavailable: its segment is cold and its file cannot be read.
        InconsistentRecord: the stored log does not prove it.
    """
    opening = ledger_proofs.open_my_entry(tx, log_id, index)
    if opening is None:
        entry = load_cold_entry(tx, store, log_id, index)
        if entry is None or Subject(entry.person_ref, entry.insurer_id) != whom:
            raise NotFound("no such entry is shown to you")
        opening = make_opening(entry, Audience.MEMBER, statement=None, session=None)
    return _prove(tx, log_id, index, _find_anchor(tx, log_id, index), opening, unfinished)


def prove_growth(tx: Transaction, log_id: int, *, old_size: int, new_size: int) -> str:
    """Return the proof that a log only grew between two kept checkpoints.

    Raises:
        NotFound: the log has no checkpoint of one of these sizes; the message names the nearest.
        InvalidRequest: the sizes are the wrong way round.
        InconsistentRecord: the stored log does not prove it.
    """
    if old_size > new_size:
        raise InvalidRequest("old, new: give the smaller size first")
    old, new = _load_kept(tx, log_id, old_size), _load_kept(tx, log_id, new_size)
    reader = make_stored_node_reader(tx, log_id, new_size, UnfinishedTiles())
    hashes = prove_consistency(old_size, new_size, reader)
    text = format_consistency(hashes, old_size=old_size, new=new.note, old=old.log_note)
    try:
        follow_log(parse_consistency(text))
    except EvidenceRefused as refusal:
        raise _disagreement(log_id, refusal) from refusal
    return text


def _load_cold(
    tx: Transaction, store: SegmentStore | None, log_id: int, index: int
) -> WholeEntry | None:
    """Return an entry from its segment's file. Acts are never there: their log stays whole."""
    if ledger_proofs.explain_absence(tx, log_id, index) != "cold":
        return None
    entry = load_cold_entry(tx, store, log_id, index)
    if entry is None:
        return None
    is_opened = entry.kind == Kind.SESSION
    session = ledger_proofs.load_session(tx, entry.session_ref) if is_opened else None
    return WholeEntry(entry, None, session)


def _find_anchor(tx: Transaction, log_id: int, index: int) -> Anchor:
    anchor = ledger_proofs.find_anchor(tx, log_id, index)
    if anchor is None:
        raise NotFound(f"there is no log {log_id} with a checkpoint")
    if index >= anchor.checkpoint.size:
        raise NotFound(
            f"log {log_id} is signed up to {anchor.checkpoint.size} entries: entry {index} is not "
            "there, or will be signed within a second"
        )
    return anchor


def _prove(
    tx: Transaction,
    log_id: int,
    index: int,
    anchor: Anchor,
    opening: Opening,
    unfinished: UnfinishedTiles,
) -> str:
    size = anchor.checkpoint.size
    reader = make_stored_node_reader(tx, log_id, size, unfinished)
    hashes = tuple(prove_inclusion(index, size, reader))
    text = format_proof(ProofFile(opening, index, hashes, anchor.checkpoint.note))
    try:
        locate_entry(parse_proof(text))
    except EvidenceRefused as refusal:
        raise _disagreement(log_id, refusal) from refusal
    return text


def _load_kept(tx: Transaction, log_id: int, size: int) -> Checkpointed:
    near = ledger_proofs.find_checkpoints(tx, log_id, size)
    for kept in near:
        if kept.size == size:
            return kept
    sizes = " and ".join(str(kept.size) for kept in near) or "none"
    raise NotFound(f"log {log_id} has no checkpoint of size {size}; the nearest: {sizes}")


def _disagreement(log_id: int, refusal: EvidenceRefused) -> InconsistentRecord:
    return InconsistentRecord(
        f"log {log_id} does not prove its own entry ({refusal}): run `rempart ledger audit`"
    )
