"""The archive's own keys: what is archived opens with them only, by who keeps it.

Refuses to open a copy elsewhere than where it was sealed: insurer, field and subject are bound.
"""

import hashlib
import hmac
import os
import uuid
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rempart.kernel.errors import InconsistentRecord
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries
from rempart.storage.sealing import KEY_BYTES, NONCE_BYTES, FileKms, Seal, load_insurer_key

_VERSION: Final = b"\x01"
_QUERIES: Final = load_queries("leaving")


class ArchiveSeal:
    """Seals and opens what the archive keeps of one insurer's members.

    Args:
        insurer_id: Whose.
        key: 32 bytes.
    """

    def __init__(self, insurer_id: int, key: bytes) -> None:
        self._bound = b"rempart/archive/1" + insurer_id.to_bytes(4, "big")
        self._aead = AESGCM(hmac.digest(key, b"seal", "sha256"))

    def seal(self, subject: int, field: str, value: bytes) -> bytes:
        """Seal a value of one field of one subject."""
        nonce = os.urandom(NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, value, self._bind(subject, field))

    def open(self, subject: int, field: str, sealed: bytes) -> bytes:
        """Open what `seal` sealed for the same field of the same subject.

        Raises:
            InconsistentRecord: it was changed, or moved.
        """
        head, body = sealed[: 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if head[:1] != _VERSION:
            raise InconsistentRecord("an archived record has an unknown version")
        try:
            return self._aead.decrypt(head[1:], body, self._bind(subject, field))
        except InvalidTag:
            raise InconsistentRecord(
                "an archived record does not open: it was changed, or moved from another subject"
            ) from None

    def _bind(self, subject: int, field: str) -> bytes:
        return self._bound + subject.to_bytes(8, "big", signed=True) + field.encode()


class KnownBy:
    """Digests of the keys persons were known by, which evidence of erasure keeps instead of them.

    Opens nothing of the archive: its key goes one way.

    Args:
        archive_key: 32 bytes.
    """

    def __init__(self, archive_key: bytes) -> None:
        self._key = hmac.digest(archive_key, b"rempart: known by", "sha256")

    def digest(self, key: uuid.UUID) -> uuid.UUID:
        """Return the digest of a look-up key: who has the numbers finds it, nobody else."""
        return uuid.UUID(bytes=hmac.new(self._key, key.bytes, hashlib.sha256).digest()[:16])


class Vault:
    """What the keeper works with: the keys of identities, those of the archive, and a digest.

    Keys of insurers are remembered: make one for each run or command.

    Args:
        kms: Opens the keys of identities.
        archive: Opens those of the archive.
        digest_key: 32 bytes: keys persons were known by are kept under it only.
    """

    def __init__(self, kms: FileKms, archive: FileKms, digest_key: bytes) -> None:
        self._kms, self._archive = kms, archive
        self._known_by = KnownBy(digest_key)
        self._seals: dict[int, Seal] = {}
        self._archive_seals: dict[int, ArchiveSeal] = {}

    def load_seal(self, tx: Transaction, insurer_id: int) -> Seal:
        """Return the seal of an insurer's identities."""
        if insurer_id not in self._seals:
            self._seals[insurer_id] = Seal(insurer_id, load_insurer_key(tx, self._kms, insurer_id))
        return self._seals[insurer_id]

    def load_archive_seal(self, tx: Transaction, insurer_id: int) -> ArchiveSeal:
        """Return the seal of what the archive keeps for an insurer, drawn at its first use."""
        if insurer_id not in self._archive_seals:
            context = b"rempart/archive/" + insurer_id.to_bytes(4, "big")
            fresh = self._archive.wrap(os.urandom(KEY_BYTES), context=context)
            tx.execute(_QUERIES.add_archive_key, {"insurer_id": insurer_id, "wrapped_key": fresh})
            [(wrapped,)] = tx.execute(_QUERIES.load_archive_key, {"insurer_id": insurer_id})
            key = self._archive.unwrap(wrapped, context=context)
            self._archive_seals[insurer_id] = ArchiveSeal(insurer_id, key)
        return self._archive_seals[insurer_id]

    def digest_keys(self, keys: Iterable[uuid.UUID]) -> list[uuid.UUID]:
        """Return keyed digests of look-up keys: who has the numbers can find them, nobody else."""
        return sorted(self._known_by.digest(key) for key in set(keys))
