"""What a proof's text proves to somebody who trusts some keys: an entry, or that a log only grew.

Needs nothing but the text and the keys. Refuses to count a witness that the caller did not name,
and a text whose parts disagree, whoever signed it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rempart.disclosure.checkpoint import Checkpoint
from rempart.disclosure.consistency_file import follow_log, parse_consistency
from rempart.disclosure.cosignature import Cosignature, CosignatureVerifier
from rempart.disclosure.note import Note, NoteRefused, NoteVerifier
from rempart.disclosure.opening import Opening
from rempart.disclosure.proof_file import (
    Disagreement,
    EvidenceRefused,
    check_log_signature,
    locate_entry,
    parse_proof,
)


class Trust(NamedTuple):
    """Whom the reader of a proof believes.

    Attributes:
        logs: Keys of logs; none means that no signature can be judged.
        witnesses: Keys of witnesses.
        quorum: How many of the witnesses must have signed.
    """

    logs: Sequence[NoteVerifier] = ()
    witnesses: Sequence[CosignatureVerifier] = ()
    quorum: int = 0


class Endorsed(NamedTuple):
    """A checkpoint and who is known to have signed it.

    Attributes:
        checkpoint: Origin, size and root.
        key: The log's key that signed; None when no key was given to compare with.
        cosignatures: Those of the named witnesses.
        unchecked: How many lines belong to nobody who was named.
    """

    checkpoint: Checkpoint
    key: NoteVerifier | None
    cosignatures: tuple[Cosignature, ...]
    unchecked: int


class EntryProved(NamedTuple):
    """An entry that stands in a log."""

    opening: Opening
    idx: int
    endorsed: Endorsed


class HistoryProved(NamedTuple):
    """Two states of a log, the later one continuing the earlier."""

    old: Endorsed
    new: Endorsed


def judge_entry(text: str, trust: Trust) -> EntryProved:
    """Say what the proof of an entry proves.

    Raises:
        EvidenceRefused: A part of it disagrees with the rest, or with the keys.
    """
    located = locate_entry(parse_proof(text))
    endorsed = _judge_note(located.note, located.checkpoint, trust)
    return EntryProved(located.proof.opening, located.proof.idx, endorsed)


def judge_history(text: str, trust: Trust) -> HistoryProved:
    """Say what a consistency proof proves. The quorum is asked of the later checkpoint only.

    Raises:
        EvidenceRefused: A part of it disagrees with the rest, or with the keys.
    """
    continued = follow_log(parse_consistency(text))
    return HistoryProved(
        old=_judge_note(*continued.old, trust._replace(quorum=0)),
        new=_judge_note(*continued.new, trust),
    )


def _judge_note(note: Note, checkpoint: Checkpoint, trust: Trust) -> Endorsed:
    key = check_log_signature(note, checkpoint, trust.logs) if trust.logs else None
    signed = {(line.name, line.key_id) for line in note.signatures}
    present = [one for one in trust.witnesses if (one.name, one.key_id) in signed]
    try:
        cosignatures = tuple(one.verify(note) for one in present)
    except NoteRefused as refusal:
        raise EvidenceRefused(Disagreement.WITNESS, str(refusal)) from refusal
    if len({one.public_key for one in present}) < trust.quorum:
        raise EvidenceRefused(
            Disagreement.QUORUM, f"{len(present)} of the {trust.quorum} witnesses needed signed"
        )
    known = {(one.name, one.key_id) for one in (*present, *((key,) if key else ()))}
    unchecked = sum((line.name, line.key_id) not in known for line in note.signatures)
    return Endorsed(checkpoint, key, cosignatures, unchecked)
