"""Signed notes: a text, a blank line, signatures that name their key.

Refuses anything that can be written in two ways: base64 must be canonical, lines complete. Ed25519
only.

Source: C2SP signed-note v1.0.0 (S13).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_TYPE_ED25519 = b"\x01"
PUBLIC_KEY_SIZE = 32
KEY_ID_SIZE = 4
MAX_SIGNATURES = 64
_DASH = "— "


class NoteRefused(ValueError):
    """A note is malformed, or no trusted key signed it."""


class Signature(NamedTuple):
    """One signature line, not verified."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """A text and its signature lines, none verified yet.

    Attributes:
        text: What is signed, final newline included.
        signatures: In the order of the lines.
    """

    text: str
    signatures: tuple[Signature, ...]


def compute_key_id(
    name: str, public_key: bytes, *, signature_type: bytes = SIGNATURE_TYPE_ED25519
) -> bytes:
    """Return the four bytes that, with its name, designate an Ed25519 key."""
    key = name.encode() + b"\n" + signature_type + public_key
    return hashlib.sha256(key).digest()[:KEY_ID_SIZE]


def format_vkey(name: str, public_key: bytes, *, signature_type: bytes) -> str:
    """Return a verifier key: `<name>+<key id, 8 hex digits>+<base64(type || public key)>`."""
    key_id = compute_key_id(name, public_key, signature_type=signature_type)
    return f"{name}+{key_id.hex()}+{base64.b64encode(signature_type + public_key).decode()}"


def parse_vkey(vkey: str, *, signature_type: bytes) -> tuple[str, bytes]:
    """Read a verifier key of one type; return its name and its public key.

    Raises:
        NoteRefused: It is malformed, of another type, or its id is not its key's.
    """
    parts = vkey.split("+", 2)
    if len(parts) != 3:
        raise NoteRefused("a verifier key has three parts joined by +")
    name, _, encoded = parts
    key = decode_base64(encoded)
    if key[:1] != signature_type or len(key) != 1 + PUBLIC_KEY_SIZE:
        raise NoteRefused(f"the verifier key is not an Ed25519 key of type {signature_type.hex()}")
    check_key_name(name)
    if format_vkey(name, key[1:], signature_type=signature_type) != vkey:
        raise NoteRefused("the verifier key's id does not belong to its key")
    return name, key[1:]


class NoteVerifier:
    """The public side of a key: what a verifier must know beforehand."""

    __slots__ = ("_key", "key_id", "name", "public_key")

    def __init__(self, name: str, public_key: bytes) -> None:
        check_key_name(name)
        self.name = name
        self.public_key = public_key
        self.key_id = compute_key_id(name, public_key)
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    @classmethod
    def parse(cls, vkey: str) -> "NoteVerifier":
        """Read a verifier key as `format_vkey` writes it.

        Raises:
            NoteRefused: It is malformed, or not an Ed25519 key.
        """
        return cls(*parse_vkey(vkey, signature_type=SIGNATURE_TYPE_ED25519))

    @property
    def vkey(self) -> str:
        """The verifier key as text."""
        return format_vkey(self.name, self.public_key, signature_type=SIGNATURE_TYPE_ED25519)

    def verify(self, note: Note) -> None:
        """Check that this key signed the note.

        Signatures of other keys are ignored, even under the same name.

        Raises:
            NoteRefused: This key did not sign, or one of its signatures is wrong.
        """
        mine = [
            line.signature
            for line in note.signatures
            if line.name == self.name and hmac.compare_digest(line.key_id, self.key_id)
        ]
        if not mine:
            raise NoteRefused(f"the note is not signed by {self.name}+{self.key_id.hex()}")
        for signature in mine:
            try:
                self._key.verify(signature, note.text.encode())
            except InvalidSignature as failure:
                raise NoteRefused(f"the signature of {self.name} is wrong") from failure


class NoteSigner:
    """The private side of a key. Prints as its verifier, never as itself."""

    __slots__ = ("_key", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key up from its 32-byte seed (RFC 8032)."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = NoteVerifier(name, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"NoteSigner({self.verifier.name}+{self.verifier.key_id.hex()})"

    @property
    def name(self) -> str:
        """The name the key signs under."""
        return self.verifier.name

    def sign(self, text: str) -> str:
        """Return the note of `text` signed by this key.

        Raises:
            NoteRefused: The text cannot be a note's.
        """
        _check_text(text)
        signature = self._key.sign(text.encode())
        return format_note(
            Note(text, (Signature(self.name, self.verifier.key_id, signature),)),
        )


def format_note(note: Note) -> str:
    """Return a note as text. Nothing is verified."""
    return f"{note.text}\n{''.join(map(format_signature, note.signatures))}"


def format_signature(line: Signature) -> str:
    """Return one signature line, its newline included."""
    return f"{_DASH}{line.name} {base64.b64encode(line.key_id + line.signature).decode()}\n"


def parse_note(message: str) -> Note:
    """Read a note. Its text means nothing before a `NoteVerifier` has accepted it.

    Raises:
        NoteRefused: It is malformed, or has no signature.
    """
    text, separator, block = message.rpartition("\n\n")
    if not separator:
        raise NoteRefused("a note has a blank line before its signatures")
    text += "\n"
    _check_text(text)
    if not block.endswith("\n"):
        raise NoteRefused("the last signature line does not end")
    lines = block.split("\n")[:-1]
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise NoteRefused(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(lines)}")
    return Note(text, tuple(_parse_signature(line) for line in lines))


def decode_base64(encoded: str) -> bytes:
    """Decode standard base64, refusing every spelling but the canonical one.

    Raises:
        NoteRefused: It is not base64, or has stray bits at its end.
    """
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as failure:
        raise NoteRefused("the base64 is malformed") from failure
    if base64.b64encode(value).decode() != encoded:
        raise NoteRefused("the base64 is not canonical")
    return value


def _parse_signature(line: str) -> Signature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise NoteRefused("a signature line is a dash, a key name and a signature")
    name, encoded = parts
    check_key_name(name)
    value = decode_base64(encoded)
    if len(value) <= KEY_ID_SIZE:
        raise NoteRefused("a signature is longer than its key id")
    return Signature(name, value[:KEY_ID_SIZE], value[KEY_ID_SIZE:])


def check_key_name(name: str) -> None:
    """Refuse a key name that a signature line could not hold.

    Raises:
        NoteRefused: It is empty, or has a space, a plus or a control character.
    """
    if not name or "+" in name or any(letter.isspace() for letter in name) or has_controls(name):
        raise NoteRefused("a key name is not empty and has no space, no plus, no control character")


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteRefused("a note's text ends with a newline")
    if has_controls(text.replace("\n", "")):
        raise NoteRefused("a note's text has no control character")


def has_controls(text: Sequence[str]) -> bool:
    """Say whether a text holds an ASCII control character, newline included."""
    return any(letter < " " for letter in text)
