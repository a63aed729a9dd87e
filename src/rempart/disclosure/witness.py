"""What passes between a log and a witness, and what a witness decides.

Refuses to decide from what the log says alone: a witness cosigns only what follows, by a proof, the
largest tree it has saved.

Source: C2SP tlog-witness v1.0.0, `add-checkpoint` (S13).
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from rempart.disclosure.checkpoint import Checkpoint, parse_checkpoint
from rempart.disclosure.cosignature import Cosignature, CosignatureVerifier
from rempart.disclosure.note import Note, NoteRefused, NoteVerifier, decode_base64, parse_note
from rempart.disclosure.proof import ProofRefused, verify_consistency
from rempart.disclosure.tree import EMPTY_ROOT

MAX_PROOF_HASHES: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"
_MAX_DIGITS: Final = 19


class AddCheckpoint(NamedTuple):
    """One request to a witness.

    Attributes:
        old_size: The size the proof starts from: what the log believes the witness has.
        proof: Consistency proof from there to the checkpoint.
        note: The signed checkpoint.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: str


class Seen(NamedTuple):
    """The largest tree of one log that a witness has cosigned."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Cosign:
    """The checkpoint follows what was seen: save it, then cosign its text."""

    checkpoint: Checkpoint
    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """No cosignature.

    Attributes:
        status: The HTTP status that says why.
        reason: For people.
        latest_size: What the witness has (409 only).
        is_fork: The log's own signature is under something that contradicts what was seen.
    """

    status: int
    reason: str
    latest_size: int | None = None
    is_fork: bool = False


Decision: TypeAlias = Cosign | Refuse


@dataclass(frozen=True, slots=True)
class Submission:
    """A request whose checkpoint a trusted key of its log signed."""

    request: AddCheckpoint
    checkpoint: Checkpoint
    text: str

    @property
    def body(self) -> str:
        """The request as it came: what proves a contradiction to others."""
        return format_add_checkpoint(self.request)


def format_add_checkpoint(request: AddCheckpoint) -> str:
    """Return the body of a request.

    Raises:
        ValueError: The proof has more hashes than a witness reads.
    """
    if len(request.proof) > MAX_PROOF_HASHES:
        raise ValueError(f"a consistency proof has at most {MAX_PROOF_HASHES} hashes")
    lines = [f"old {request.old_size}", *(base64.b64encode(h).decode() for h in request.proof)]
    return "\n".join(lines) + "\n\n" + request.note


def parse_add_checkpoint(body: str) -> AddCheckpoint:
    """Read the body of a request; its note is not verified.

    Raises:
        NoteRefused: It is not exactly what `format_add_checkpoint` writes.
    """
    head, separator, note = body.partition("\n\n")
    first, *lines = head.split("\n")
    if not separator or not first.startswith("old "):
        raise NoteRefused("a request is an old size, proof lines, an empty line and a checkpoint")
    if len(lines) > MAX_PROOF_HASHES:
        raise NoteRefused(f"a consistency proof has at most {MAX_PROOF_HASHES} hashes")
    old_size = parse_size(first.removeprefix("old "))
    return AddCheckpoint(old_size, tuple(decode_base64(line) for line in lines), note)


def parse_size(digits: str) -> int:
    """Read a size in decimal without leading zeroes.

    Raises:
        NoteRefused: It is written otherwise.
    """
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise NoteRefused("a size is a decimal number")
    if str(int(digits)) != digits:
        raise NoteRefused("a size has no leading zero")
    return int(digits)


def open_submission(
    body: str, find_keys: Callable[[str], Sequence[NoteVerifier]]
) -> Submission | Refuse:
    """Read a request and check who signed its checkpoint.

    Args:
        body: The request.
        find_keys: Gives the keys trusted for an origin, none when the origin is unknown.
    """
    try:
        request = parse_add_checkpoint(body)
        note = parse_note(request.note)
    except NoteRefused as refusal:
        return Refuse(400, str(refusal))
    keys = find_keys(note.text.partition("\n")[0])
    if not keys:
        return Refuse(404, "the log is not one this witness follows")
    if not _is_signed(note, keys):
        return Refuse(403, "no trusted key of the log signed the checkpoint, or one signed wrongly")
    try:
        checkpoint = parse_checkpoint(note.text)
    except NoteRefused as refusal:
        return Refuse(400, str(refusal))
    return Submission(request, checkpoint, note.text)


def decide_cosigning(submission: Submission, seen: Seen | None) -> Decision:
    """Decide whether to cosign, from what was seen before.

    The checks follow the order of the specification: what cannot be (400), an empty tree with
    another root (422), another old size than ours (409), a proof that does not lead here (422).

    Args:
        submission: What the log sent, its signature verified.
        seen: What this witness saved last for that log; None when it saw nothing.
    """
    old_size, proof, checkpoint = (*submission.request[:2], submission.checkpoint)
    latest = seen or Seen(0, EMPTY_ROOT)
    if old_size > checkpoint.size:
        return Refuse(400, "the old size is larger than the checkpoint's")
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return Refuse(422, "an empty log has the root of nothing", is_fork=True)
    if old_size != latest.size:
        contradicts = checkpoint.size == latest.size and checkpoint.root != latest.root
        return Refuse(
            409, "another size was cosigned", latest_size=latest.size, is_fork=contradicts
        )
    if old_size == 0:
        return Refuse(422, "nothing is proven from size 0") if proof else _cosign(submission)
    try:
        verify_consistency(
            proof,
            old_size=old_size,
            new_size=checkpoint.size,
            old_root=latest.root,
            new_root=checkpoint.root,
        )
    except ProofRefused as refusal:
        return Refuse(422, f"the log does not continue what was cosigned: {refusal}", is_fork=True)
    return _cosign(submission)


def read_cosignature(note: str, lines: str, verifier: CosignatureVerifier) -> Cosignature:
    """Read a witness's answer to a checkpoint; lines of unknown keys are ignored.

    Raises:
        NoteRefused: The lines are malformed, or hold no cosignature of this witness.
    """
    return verifier.verify(parse_note(note + lines))


def _cosign(submission: Submission) -> Cosign:
    return Cosign(submission.checkpoint, submission.text)


def _is_signed(note: Note, keys: Sequence[NoteVerifier]) -> bool:
    """Say whether a trusted key signed and none of those named signed wrongly."""
    named = {(line.name, line.key_id) for line in note.signatures}
    signers = [key for key in keys if (key.name, key.key_id) in named]
    try:
        for key in signers:
            key.verify(note)
    except NoteRefused:
        return False
    return bool(signers)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWitness:
    """A witness one has chosen to trust.

    Attributes:
        label: Who holds it, for people.
        verifier: Its key.
        url: Where it takes checkpoints (the submission prefix), without a slash at the end.
    """

    label: str
    verifier: CosignatureVerifier
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """The witnesses one trusts, and how many of them make a checkpoint good.

    Raises:
        ValueError: It can never be reached, or two witnesses share a name or a key.
    """

    witnesses: tuple[KnownWitness, ...] = ()
    needed: int = 0

    def __post_init__(self) -> None:
        if not min(len(self.witnesses), 1) <= self.needed <= len(self.witnesses):
            raise ValueError("the quorum is from 1 to the number of witnesses, 0 without any")
        for things in (
            [one.verifier.name for one in self.witnesses],
            [one.verifier.public_key for one in self.witnesses],
        ):
            if len(set(things)) != len(things):
                raise ValueError("two witnesses have one name or one key: they are one witness")

    @property
    def verifiers(self) -> tuple[CosignatureVerifier, ...]:
        """The witnesses' keys."""
        return tuple(one.verifier for one in self.witnesses)
