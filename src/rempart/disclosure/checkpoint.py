"""Checkpoints: the signed statement that a log had this root at this size.

Refuses extension lines: our checkpoints have none, and nobody could audit them.

Source: C2SP tlog-checkpoint v1.0.0 (S13).
"""

import base64
from typing import NamedTuple

from rempart.disclosure.note import (
    NoteRefused,
    NoteSigner,
    NoteVerifier,
    decode_base64,
    has_controls,
    parse_note,
)
from rempart.disclosure.tree import HASH_SIZE

_LINES = 3
_MAX_DIGITS = 19


class Checkpoint(NamedTuple):
    """The head of a log at one size.

    Attributes:
        origin: The unique name of the log.
        size: Number of leaves.
        root: RFC 6962 root over them.
    """

    origin: str
    size: int
    root: bytes


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the text of a checkpoint's note: origin, size, root, one per line.

    Raises:
        NoteRefused: The origin is empty or is not one line.
    """
    if not checkpoint.origin or has_controls(checkpoint.origin):
        raise NoteRefused("a log's origin is one line and not empty")
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint's note.

    Raises:
        NoteRefused: It is not exactly what `format_checkpoint` writes.
    """
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[-1] or not lines[0]:
        raise NoteRefused("a checkpoint is three lines: origin, size, root")
    origin, digits, encoded = lines[:_LINES]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise NoteRefused("a checkpoint's size is a decimal number")
    size = int(digits)
    if str(size) != digits:
        raise NoteRefused("a checkpoint's size has no leading zero")
    root = decode_base64(encoded)
    if len(root) != HASH_SIZE:
        raise NoteRefused(f"a checkpoint's root is {HASH_SIZE} bytes")
    return Checkpoint(origin, size, root)


def sign_checkpoint(signer: NoteSigner, checkpoint: Checkpoint) -> str:
    """Return the signed note of a checkpoint.

    Call it only for a root that is durable: a log that signs two roots for one size is dead.
    """
    return signer.sign(format_checkpoint(checkpoint))


def verify_checkpoint(message: str, verifier: NoteVerifier, *, origin: str) -> Checkpoint:
    """Return the checkpoint that a log's key signed.

    Raises:
        NoteRefused: The key did not sign it, it is malformed, or it is another log's.
    """
    note = parse_note(message)
    verifier.verify(note)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise NoteRefused("the checkpoint is another log's")
    return checkpoint
