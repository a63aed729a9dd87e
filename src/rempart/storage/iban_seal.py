"""Seals the bank accounts of establishments: the database alone cannot say where money goes.

In January 2024 the professionals' own bank details were taken along with the members' data.
"""

import secrets
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rempart.kernel.iban import Iban

_NONCE_BYTES: Final = 12
_LABEL: Final = b"rempart accounts: bank account of an establishment"


class IbanSeal:
    """AES-256-GCM, bound to the establishment: a sealed IBAN moved to another row does not open.

    Args:
        master_key: The home's master key, 32 bytes; a key for this one use is derived from it.
    """

    def __init__(self, master_key: bytes) -> None:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_LABEL).derive(master_key)
        self._cipher = AESGCM(key)

    def close(self, iban: Iban, *, establishment_ref: int) -> bytes:
        """Seal an IBAN."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound_to = establishment_ref.to_bytes(8)
        return nonce + self._cipher.encrypt(nonce, iban.format().encode(), bound_to)

    def open(self, sealed: bytes, *, establishment_ref: int) -> Iban:
        """Open a sealed IBAN.

        Raises:
            cryptography.exceptions.InvalidTag: it was changed, moved, or sealed by another home.
        """
        nonce, closed = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        text = self._cipher.decrypt(nonce, closed, establishment_ref.to_bytes(8))
        return Iban.parse(text.decode())
