"""What prints a card, sealed: the pages open the visitor's own, and nobody else's leaves the table.

Refuses to open a print as another card's.
"""

import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rempart.kernel.errors import InconsistentRecord

_NONCE_BYTES: Final = 12
_BOUND: Final = b"rempart/card-print/1"


class PrintSeal:
    """Seals and opens what prints cards.

    Args:
        key: The home's key `cards`, 32 bytes: it opens nothing but prints.
    """

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(hmac.digest(key, b"rempart card prints", "sha256"))

    def seal(self, serial: bytes, plain: bytes) -> bytes:
        """Seal what prints one card."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, _BOUND + serial)

    def open(self, serial: bytes, sealed: bytes) -> bytes:
        """Open what `seal` sealed for the same card.

        Raises:
            InconsistentRecord: it was changed, moved from another card, or sealed by another key.
        """
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._aead.decrypt(nonce, body, _BOUND + serial)
        except InvalidTag:
            raise InconsistentRecord(
                "what prints a card does not open: it was changed, or keys/cards.key is another one"
            ) from None
