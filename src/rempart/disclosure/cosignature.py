"""Cosignatures: a witness's statement that, at a time, this was the longest tree it had seen.

Refuses every kind but the timestamped Ed25519 one (cosignature/v1), and a time before the epoch.

Source: C2SP tlog-cosignature v1 (S13).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from rempart.disclosure.note import (
    Note,
    NoteRefused,
    Signature,
    check_key_name,
    compute_key_id,
    format_signature,
    format_vkey,
    parse_note,
    parse_vkey,
)

SIGNATURE_TYPE_COSIGNATURE = b"\x04"
_TIME = struct.Struct(">Q")
_SIGNATURE_SIZE = 64
_LAST_TIME_S = (1 << 63) - 1


class Cosignature(NamedTuple):
    """One verified cosignature.

    Attributes:
        witness: Name of the witness's key.
        time_s: When it signed, as it states; Unix seconds.
        line: The signature line, its newline included.
    """

    witness: str
    time_s: int
    line: str


class CosignatureVerifier:
    """The public side of a witness's key."""

    __slots__ = ("_key", "key_id", "name", "public_key")

    def __init__(self, name: str, public_key: bytes) -> None:
        check_key_name(name)
        self.name = name
        self.public_key = public_key
        self.key_id = compute_key_id(name, public_key, signature_type=SIGNATURE_TYPE_COSIGNATURE)
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    @classmethod
    def parse(cls, vkey: str) -> "CosignatureVerifier":
        """Read a witness's verifier key (signature type 0x04).

        Raises:
            NoteRefused: It is malformed, or of another type: a log's key cosigns nothing.
        """
        return cls(*parse_vkey(vkey, signature_type=SIGNATURE_TYPE_COSIGNATURE))

    @property
    def vkey(self) -> str:
        """The verifier key as text."""
        return format_vkey(self.name, self.public_key, signature_type=SIGNATURE_TYPE_COSIGNATURE)

    def verify(self, note: Note) -> Cosignature:
        """Return this witness's cosignature of a checkpoint's note.

        Raises:
            NoteRefused: It did not cosign, or one of its lines is wrong.
        """
        mine = [
            line for line in note.signatures if (line.name, line.key_id) == (self.name, self.key_id)
        ]
        if not mine:
            raise NoteRefused(f"the note is not cosigned by {self.name}+{self.key_id.hex()}")
        first, *_others = [self._verify_line(note.text, line) for line in mine]
        return first

    def _verify_line(self, text: str, line: Signature) -> Cosignature:
        if len(line.signature) != _TIME.size + _SIGNATURE_SIZE:
            raise NoteRefused("a cosignature is a time and an Ed25519 signature")
        (time_s,) = _TIME.unpack(line.signature[: _TIME.size])
        if not 0 < time_s <= _LAST_TIME_S:
            raise NoteRefused("a cosignature states its time")
        try:
            self._key.verify(line.signature[_TIME.size :], _write_message(text, time_s))
        except InvalidSignature as failure:
            raise NoteRefused(f"the cosignature of {self.name} is wrong") from failure
        return Cosignature(self.name, time_s, format_signature(line))


class Cosigner:
    """The private side of a witness's key. Prints as its verifier, never as itself."""

    __slots__ = ("_key", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key up from its 32-byte seed (RFC 8032)."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = CosignatureVerifier(name, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Cosigner({self.verifier.name}+{self.verifier.key_id.hex()})"

    def cosign(self, text: str, *, time_s: int) -> str:
        """Return the signature line under a checkpoint's text.

        Call it only once the checkpoint is saved as the largest seen of its log.

        Raises:
            NoteRefused: The time is not after the epoch.
        """
        if not 0 < time_s <= _LAST_TIME_S:
            raise NoteRefused("a cosignature states its time")
        signature = _TIME.pack(time_s) + self._key.sign(_write_message(text, time_s))
        return format_signature(Signature(self.verifier.name, self.verifier.key_id, signature))


def verify_cosignatures(
    message: str, verifiers: Sequence[CosignatureVerifier]
) -> Mapping[str, Cosignature]:
    """Return the cosignatures of a note by witnesses one trusts, by name.

    A witness whose line is wrong counts as absent: it may have been spoilt by whoever passed the
    note on.

    Raises:
        NoteRefused: The note is malformed.
    """
    note = parse_note(message)
    found = {}
    for verifier in verifiers:
        try:
            found[verifier.name] = verifier.verify(note)
        except NoteRefused:
            continue
    return found


def _write_message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
