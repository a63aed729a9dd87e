"""What members write to their insurer, sealed: the pages of the member and of the insurer open it.

A dispute says what care somebody had; a message reported holds a name and a contract's number. The
table tells neither. Refuses to open anything elsewhere than where it was sealed: the insurer, the
kind of thing and its row are bound to it.
"""

import hmac
import os
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rempart.kernel.errors import InconsistentRecord

Sealed: TypeAlias = Literal["dispute", "answer", "message", "photo", "verdict", "export"]

_LABEL: Final = b"rempart member space: what members write"
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"


class MemberSeal:
    """Seals and opens what members and their insurer write to one another.

    Args:
        master_key: The home's master key, 32 bytes; a key for this one use is derived from it, and
            one for each insurer from that.
    """

    def __init__(self, master_key: bytes) -> None:
        self._key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_LABEL).derive(master_key)

    def seal(self, insurer_id: int, what: Sealed, ref: int, plain: bytes) -> bytes:
        """Seal one thing, bound to its insurer and its row."""
        nonce = os.urandom(_NONCE_BYTES)
        body = self._open_key(insurer_id, b"seal").encrypt(nonce, plain, _bind(what, ref))
        return _VERSION + nonce + body

    def open(self, insurer_id: int, what: Sealed, ref: int, sealed: bytes) -> bytes:
        """Open what `seal` sealed for the same row.

        Raises:
            InconsistentRecord: it was changed, moved, or sealed by another key.
        """
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION:
            raise InconsistentRecord(f"what was written ({what}) has an unknown version")
        try:
            return self._open_key(insurer_id, b"seal").decrypt(nonce, body, _bind(what, ref))
        except InvalidTag:
            raise InconsistentRecord(
                f"what was written ({what}) does not open: it was changed or moved, or"
                " keys/master.key is another one"
            ) from None

    def derive_marks_key(self, insurer_id: int) -> bytes:
        """Return the key under which messages of one insurer's members are compared."""
        return self._derive(insurer_id, b"marks")

    def _open_key(self, insurer_id: int, use: bytes) -> AESGCM:
        return AESGCM(self._derive(insurer_id, use))

    def _derive(self, insurer_id: int, use: bytes) -> bytes:
        return hmac.digest(self._key, use + insurer_id.to_bytes(4, "big"), "sha256")


def _bind(what: Sealed, ref: int) -> bytes:
    return f"rempart/member/{what}/1".encode() + ref.to_bytes(8, "big", signed=True)
