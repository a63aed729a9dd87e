"""Values that one process puts in and another takes out: what closes is not what opens.

Refuses to open with what closes: a process that takes in accounts or addresses holds a public key.
RFC 9180 (HPKE), base mode.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Slot:
    """Seals values and opens none, not even those it sealed.

    Args:
        public_key: Of the letterbox.
        label: The one use of this key.
    """

    def __init__(self, public_key: X25519PublicKey, label: bytes) -> None:
        self._key = public_key
        self._label = label

    def close(self, value: str, *, bound_to: int) -> bytes:
        """Seal a value, bound to the row it is for: moved to another it does not open."""
        return _SUITE.encrypt(value.encode(), self._key, info=_bind(self._label, bound_to))


class Letterbox:
    """Opens what its slot sealed.

    Args:
        master_key: The home's master key, 32 bytes; a key for this one use is derived from it.
        label: The one use of this key.
    """

    def __init__(self, master_key: bytes, label: bytes) -> None:
        seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=label).derive(master_key)
        self._key = X25519PrivateKey.from_private_bytes(seed)
        self._label = label
        self.slot = Slot(self._key.public_key(), label)

    def open(self, sealed: bytes, *, bound_to: int) -> str:
        """Open a sealed value.

        Raises:
            cryptography.exceptions.InvalidTag: it was changed, moved, or sealed by another home.
        """
        return _SUITE.decrypt(sealed, self._key, info=_bind(self._label, bound_to)).decode()


def _bind(label: bytes, bound_to: int) -> bytes:
    return label + bound_to.to_bytes(8)
