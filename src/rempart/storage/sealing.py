"""Sealed identities: who is who, readable only with the key of one insurer.

Refuses to open a blob elsewhere than where it was sealed: insurer and person are bound to it.
Never keeps an insurer's key in clear outside memory, and never prints what is sealed.
"""

import hashlib
import hmac
import os
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rempart.kernel.errors import InconsistentRecord, SetupError
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16
NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
_QUERIES: Final = load_queries("sealing")


class ContractRecord(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One contract of a person.

    `stated_on` is the first day of the latest line that spoke of it, AAAA-MM-JJ.
    """

    contract_number: str
    member_number: str
    card_code: str
    stated_on: str

    def __repr__(self) -> str:
        return "<ContractRecord>"


class PersonRecord(
    msgspec.Struct,
    frozen=True,
    gc=False,
    omit_defaults=True,
    rename={
        "insured_nir": "nir",
        "birth_date": "bd",
        "birth_rank": "br",
        "family_name": "fn",
        "first_names": "gn",
        "quality": "q",
        "stated_on": "at",
        "contracts": "ct",
        "own_nir": "own",
        "birth_name": "bn",
        "email": "em",
        "phone": "ph",
        "address": "ad",
        "postcode": "pc",
        "city": "ci",
    },
):
    """Who a person is, as the insurer states it; sealed as a MessagePack map with short keys.

    NIR are thirteen characters. `stated_on` is the first day of the latest line that said so.
    """

    insured_nir: str
    birth_date: str
    birth_rank: str
    family_name: str
    first_names: str
    quality: int
    stated_on: str
    contracts: tuple[ContractRecord, ...]
    own_nir: str = ""
    birth_name: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    postcode: str = ""
    city: str = ""

    def __repr__(self) -> str:
        return "<PersonRecord>"


class Kms(Protocol):
    """What keeps the master key: a file by default, a hardware module elsewhere."""

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """Encrypt a key, bound to a context."""

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt a key wrapped in the same context.

        Raises:
            SetupError: the master key is not the one, or the context another.
        """


class FileKms:
    """A master key read from the home's files.

    Args:
        master_key: 32 bytes.
    """

    def __init__(self, master_key: bytes) -> None:
        self._aead = AESGCM(hmac.digest(master_key, b"rempart identity: wrapping", "sha256"))

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """Encrypt a key, bound to a context."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt a key wrapped in the same context.

        Raises:
            SetupError: the master key is not the one, or the context another.
        """
        try:
            return self._aead.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except InvalidTag:
            raise SetupError(
                "an insurer's key does not open with this master key: restore keys/master.key"
            ) from None


class Seal:
    """Seals and opens the identities of one insurer.

    Args:
        insurer_id: Whose people they are.
        key: 32 bytes, from `load_insurer_key`.
    """

    def __init__(self, insurer_id: int, key: bytes) -> None:
        self._bound = b"rempart/person/1" + insurer_id.to_bytes(4, "big")
        self._aead = AESGCM(hmac.digest(key, b"seal", "sha256"))
        self._digest = hashlib.blake2b(
            digest_size=DIGEST_BYTES, key=hmac.digest(key, b"digest", "sha256")
        )

    def seal(self, person_ref: int, plain: bytes, *, nonce: bytes | None = None) -> bytes:
        """Seal an encoded record for one person.

        Args:
            person_ref: Whose it is.
            plain: The record.
            nonce: Twelve fresh random bytes, when the caller drew some; never the same twice.
        """
        nonce = nonce or os.urandom(NONCE_BYTES)
        bound = self._bound + person_ref.to_bytes(8, "big")
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, bound)

    def open(self, person_ref: int, sealed: bytes) -> bytes:
        """Open what `seal` sealed for the same person.

        Raises:
            InconsistentRecord: the blob was changed, moved to another person, or is of another
                insurer.
        """
        head, body = sealed[: 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        bound = self._bound + person_ref.to_bytes(8, "big")
        if head[:1] != _VERSION:
            raise InconsistentRecord("a sealed identity has an unknown version")
        try:
            return self._aead.decrypt(head[1:], body, bound)
        except InvalidTag:
            raise InconsistentRecord(
                "a sealed identity does not open: it was changed, or moved from another person"
            ) from None

    def digest(self, plain: bytes) -> bytes:
        """Return 16 bytes that tell, with the insurer's key only, whether a record changed."""
        digest = self._digest.copy()
        digest.update(plain)
        return digest.digest()


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(PersonRecord).decode


def encode_record(record: PersonRecord) -> bytes:
    """Return the bytes to seal: equal records give equal bytes."""
    return _encode(record)


def decode_record(plain: bytes) -> PersonRecord:
    """Read the bytes that were sealed."""
    return _decode(plain)


def open_sealed(seal: Seal, person_ref: int, sealed: bytes) -> PersonRecord:
    """Open one sealed identity.

    Raises:
        InconsistentRecord: see `Seal.open`.
    """
    return decode_record(seal.open(person_ref, sealed))


def load_insurer_key(tx: Transaction, kms: Kms, insurer_id: int) -> bytes:
    """Return an insurer's key, drawn and stored wrapped at its first use.

    Raises:
        SetupError: the master key is not the one that wrapped it.
    """
    context = b"rempart/insurer/" + insurer_id.to_bytes(4, "big")
    fresh = kms.wrap(os.urandom(KEY_BYTES), context=context)
    tx.execute(_QUERIES.add_insurer_key, {"insurer_id": insurer_id, "wrapped_key": fresh})
    [(wrapped,)] = tx.execute(_QUERIES.load_insurer_key, {"insurer_id": insurer_id})
    return kms.unwrap(wrapped, context=context)
