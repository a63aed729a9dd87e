"""Keep a secret in a session table without keeping it there in clear.

A dump of the database must not hold a usable key: sessions carry the professional's portal key
sealed under a key that exists only in the home's files.
"""

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_LABEL = b"rempart portals: key kept in a session"


class Seal:
    """Seals short texts with AES-256-GCM under a key derived from the portals' key.

    Args:
        key: The portals' key, 32 bytes; another key is derived from it for this one use.
    """

    def __init__(self, key: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_LABEL).derive(key)
        self._cipher = AESGCM(derived)

    def close(self, text: str) -> str:
        """Seal `text`; twice the same text gives two different results."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), None)).decode()

    def open(self, sealed: str) -> str:
        """Open what `close` returned.

        Raises:
            ValueError: it was changed, or sealed under another key.
        """
        try:
            blob = base64.b64decode(sealed, validate=True)
            plain = self._cipher.decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], None)
        except (ValueError, InvalidTag) as failure:
            raise ValueError("not sealed with this key") from failure
        return plain.decode()
