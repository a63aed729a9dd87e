"""The proof of one entry as a text that anybody can check: C2SP tlog-proof with an opening.

Refuses a text that could be written in two ways, and never takes the size of the tree from
anywhere but the signed note. Says of a refusal what disagrees.

Source: C2SP tlog-proof v1 (S13); layout of `extra`: docs/reference/ledger-format.md.
"""

import base64
import enum
from collections.abc import Sequence
from typing import NamedTuple

from rempart.disclosure.checkpoint import Checkpoint, parse_checkpoint
from rempart.disclosure.note import (
    Note,
    NoteRefused,
    NoteVerifier,
    decode_base64,
    parse_note,
)
from rempart.disclosure.opening import (
    Opening,
    OpeningRefused,
    compute_opened_leaf_hash,
    decode_opening,
    encode_opening,
)
from rempart.disclosure.proof import ProofRefused, verify_inclusion
from rempart.disclosure.tree import HASH_SIZE

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_TEXT = 64 * 1024
MAX_HASHES = 63
_MAX_DIGITS = 19


class Disagreement(enum.StrEnum):
    """What of a proof does not agree with the rest of it, or with who must have signed it."""

    TEXT = "text"  # the text is not written as a proof is
    OPENING = "opening"  # what is opened is not written as it must be, or contradicts itself
    NOTE = "note"  # the checkpoint is not written as it must be
    PLACE = "place"  # the opened values, the index or a hash lead to another root
    LOG = "log"  # none of the keys given is that of the log named
    SIGNATURE = "signature"  # the log's key did not sign this checkpoint
    WITNESS = "witness"  # a witness's signature is wrong
    QUORUM = "quorum"  # not enough witnesses signed
    HISTORY = "history"  # the later tree does not continue the earlier one


class EvidenceRefused(ValueError):
    """A proof proves nothing: `what` says which part disagrees."""

    def __init__(self, what: Disagreement, detail: str) -> None:
        super().__init__(detail)
        self.what = what


class ProofFile(NamedTuple):
    """What a proof's text holds, nothing verified yet.

    Attributes:
        opening: What is shown of the entry.
        idx: Its place in the log.
        hashes: From the leaf's sibling up.
        note: The log's checkpoint with all its signatures, verbatim.
    """

    opening: Opening
    idx: int
    hashes: tuple[bytes, ...]
    note: str


class Located(NamedTuple):
    """An entry shown to stand in the tree of a checkpoint whose signatures are still to be judged.

    Attributes:
        proof: What was read.
        note: The checkpoint's note.
        checkpoint: What it says: the only source of the tree's size.
    """

    proof: ProofFile
    note: Note
    checkpoint: Checkpoint


def format_proof(proof: ProofFile) -> str:
    """Return a proof as text."""
    extra = base64.b64encode(encode_opening(proof.opening)).decode()
    hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof.hashes)
    return f"{HEADER}\nextra {extra}\nindex {proof.idx}\n{hashes}\n{proof.note}"


def parse_proof(text: str) -> ProofFile:
    """Read a proof. Nothing in it means anything before it is verified.

    Raises:
        EvidenceRefused: It is not written as `format_proof` writes it.
    """
    if len(text) > MAX_TEXT:
        raise EvidenceRefused(Disagreement.TEXT, f"the text is longer than {MAX_TEXT} characters")
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != HEADER or len(lines) < 3:
        raise EvidenceRefused(Disagreement.TEXT, f"the text does not begin as {HEADER} does")
    extra, index, *hashes = lines[1:]
    if len(hashes) > MAX_HASHES:
        raise EvidenceRefused(Disagreement.TEXT, f"there are more than {MAX_HASHES} hashes")
    return ProofFile(
        opening=_parse_extra(extra),
        idx=parse_number(index, "index"),
        hashes=tuple(parse_hash(line) for line in hashes),
        note=note,
    )


def _parse_extra(line: str) -> Opening:
    name, _, encoded = line.partition(" ")
    if name != "extra":
        raise EvidenceRefused(Disagreement.TEXT, "the second line does not open the entry")
    try:
        return decode_opening(decode_base64(encoded))
    except (NoteRefused, OpeningRefused) as refusal:
        raise EvidenceRefused(Disagreement.OPENING, str(refusal)) from refusal


def parse_number(line: str, name: str) -> int:
    """Read a line that is a name and a decimal number without leading zeroes.

    Raises:
        EvidenceRefused: It is not.
    """
    said, _, digits = line.partition(" ")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    if said != name or not plain or str(int(digits)) != digits:
        raise EvidenceRefused(Disagreement.TEXT, f"the line of {name} is not a number")
    return int(digits)


def parse_hash(line: str) -> bytes:
    """Read a line that is a hash in base64.

    Raises:
        EvidenceRefused: It is not.
    """
    try:
        value = decode_base64(line)
    except NoteRefused as refusal:
        raise EvidenceRefused(Disagreement.TEXT, "a hash is not base64") from refusal
    if len(value) != HASH_SIZE:
        raise EvidenceRefused(Disagreement.TEXT, f"a hash is not {HASH_SIZE} bytes")
    return value


def read_signed(message: str) -> tuple[Note, Checkpoint]:
    """Read a checkpoint whose signatures are still to be judged.

    Raises:
        EvidenceRefused: It is not one.
    """
    try:
        note = parse_note(message)
        return note, parse_checkpoint(note.text)
    except NoteRefused as refusal:
        raise EvidenceRefused(Disagreement.NOTE, str(refusal)) from refusal


def locate_entry(proof: ProofFile) -> Located:
    """Check that the opened entry stands at its index in the tree of the checkpoint.

    Raises:
        EvidenceRefused: It is not shown to stand there.
    """
    note, checkpoint = read_signed(proof.note)
    try:
        leaf_hash = compute_opened_leaf_hash(proof.opening)
    except OpeningRefused as refusal:
        raise EvidenceRefused(Disagreement.OPENING, str(refusal)) from refusal
    try:
        verify_inclusion(
            proof.hashes,
            index=proof.idx,
            size=checkpoint.size,
            leaf_hash=leaf_hash,
            root=checkpoint.root,
        )
    except ProofRefused as refusal:
        raise EvidenceRefused(Disagreement.PLACE, str(refusal)) from refusal
    return Located(proof, note, checkpoint)


def check_log_signature(
    note: Note, checkpoint: Checkpoint, keys: Sequence[NoteVerifier]
) -> NoteVerifier:
    """Return the key, of those the caller trusts, under which the log signed a checkpoint.

    A log may have had several keys, one after the other: one of them is enough.

    Raises:
        EvidenceRefused: No key of the log is among them, or none of the log's signed.
    """
    own = [key for key in keys if key.name == checkpoint.origin]
    if not own:
        raise EvidenceRefused(Disagreement.LOG, "none of the keys given is that of this log")
    for key in own:
        try:
            key.verify(note)
        except NoteRefused:
            continue
        return key
    raise EvidenceRefused(Disagreement.SIGNATURE, "the log's key did not sign this checkpoint")
