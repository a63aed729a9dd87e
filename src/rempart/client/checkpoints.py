"""The largest checkpoint seen of each log, and the refusal of one that goes back.

Whoever keeps this is a witness without meaning to: a log that was rolled back or rewritten is told
by its own old signature. Refuses to overlook two roots under one size, wherever they come from.
"""

import base64
import binascii
import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEADER = "Rempart-Checkpoint"
_ED25519 = b"\x01"


class LedgerContradicted(Exception):
    """Two signed checkpoints of one log that cannot both be true: keep both, and call.

    Args:
        reason: What is wrong.
        kept: The note seen before.
        shown: The note that contradicts it.
    """

    def __init__(self, reason: str, *, kept: str, shown: str) -> None:
        super().__init__(reason)
        self.kept = kept
        self.shown = shown


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head as it was shown, and the note that says so."""

    origin: str
    size: int
    root: str
    note: str


class CheckpointStore:
    """Keeps the largest checkpoint of each log. Safe to share between threads.

    Args:
        path: A file to keep them in from one start to the next; none by default.
        vkeys: The logs' verifier keys, when you have them from elsewhere: notes that the key of
            their log did not sign are then ignored. Without them, notes are kept as evidence, and
            compared, but not verified.
    """

    def __init__(self, path: Path | None = None, *, vkeys: Iterable[str] = ()) -> None:
        self._path = path
        self._keys = [_parse_vkey(vkey) for vkey in vkeys]
        self._lock = threading.Lock()
        self._known: dict[str, Checkpoint] = {}
        if path is not None and path.exists():
            for note in json.loads(path.read_text(encoding="utf-8")):
                known = read_checkpoint(note)
                self._known[known.origin] = known

    def find(self, origin: str) -> Checkpoint | None:
        """Return the largest checkpoint seen of a log."""
        with self._lock:
            return self._known.get(origin)

    def sizes(self) -> dict[str, int]:
        """Return how far each log was known to be: take it before a call, give it to `see`."""
        with self._lock:
            return {origin: known.size for origin, known in self._known.items()}

    def see(self, header: str, *, before: dict[str, int] | None = None) -> None:
        """Compare what an answer shows with what was seen, and keep the larger.

        Args:
            header: The value of `Rempart-Checkpoint`; what cannot be read, or that a known key did
                not sign, is passed over.
            before: How far each log was known to be when the question was sent. An answer to it
                cannot show less. None when the order is not known.

        Raises:
            LedgerContradicted: one size has two roots, or the log went back.
        """
        try:
            shown = read_checkpoint(_decode(header))
        except ValueError:
            return
        if not self._is_signed(shown):
            return
        with self._lock:
            known = self._known.get(shown.origin)
            if known is not None and known.size == shown.size and known.root != shown.root:
                raise LedgerContradicted(
                    f"{shown.origin} signed two roots for {shown.size} entries",
                    kept=known.note,
                    shown=shown.note,
                )
            if known is not None and shown.size < (before or {}).get(shown.origin, 0):
                raise LedgerContradicted(
                    f"{shown.origin} went back to {shown.size} entries",
                    kept=known.note,
                    shown=shown.note,
                )
            if known is None or shown.size > known.size:
                self._known[shown.origin] = shown
                self._save()

    def _is_signed(self, shown: Checkpoint) -> bool:
        mine = [key for key in self._keys if key[0] == shown.origin]
        return not mine or any(_verify(shown.note, *key) for key in mine)

    def _save(self) -> None:
        if self._path is None:
            return
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        notes = [known.note for known in self._known.values()]
        draft.write_text(json.dumps(notes, ensure_ascii=False), encoding="utf-8")
        draft.replace(self._path)


def read_checkpoint(note: str) -> Checkpoint:
    """Read the three lines of a note; its signature is not looked at.

    Raises:
        ValueError: it is not a checkpoint.
    """
    lines = note.split("\n")
    if len(lines) < 4 or not lines[1].isascii() or not lines[1].isdigit():
        raise ValueError("a checkpoint is an origin, a size and a root, then signatures")
    return Checkpoint(lines[0], int(lines[1]), lines[2], note)


def _decode(header: str) -> str:
    try:
        padded = header + "=" * (-len(header) % 4)
        return base64.urlsafe_b64decode(padded).decode("utf-8")
    except (binascii.Error, UnicodeError) as wrong:
        raise ValueError("the header is not base64url") from wrong


def _parse_vkey(vkey: str) -> tuple[str, bytes, Ed25519PublicKey]:
    name, _, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded)
    if key[:1] != _ED25519:
        raise ValueError("a log's key is an Ed25519 key")
    key_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    return name, key_id, Ed25519PublicKey.from_public_bytes(key[1:])


def _verify(note: str, name: str, key_id: bytes, key: Ed25519PublicKey) -> bool:
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        with contextlib.suppress(ValueError, InvalidSignature):
            signer, encoded = line.removeprefix("— ").split(" ")
            value = base64.b64decode(encoded)
            if (signer, value[:4]) == (name, key_id):
                key.verify(value[4:], f"{text}\n".encode())
                return True
    return False
