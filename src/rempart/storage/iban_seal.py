"""Seals the bank accounts of establishments: the database alone cannot say where money goes.

In January 2024 the professionals' own bank details were taken along with the members' data. The
portals, which take new accounts in, hold a closer only.
"""

from typing import Final

from rempart.kernel.iban import Iban
from rempart.storage.letterbox import Letterbox, Slot

_LABEL: Final = b"rempart accounts: bank account of an establishment"


class IbanCloser:
    """Seals IBANs and opens none."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def close(self, iban: Iban, *, establishment_ref: int) -> bytes:
        """Seal an IBAN, bound to its establishment."""
        return self._slot.close(iban.format(), bound_to=establishment_ref)


class IbanSeal:
    """Seals IBANs and opens them again.

    Args:
        master_key: The home's master key, 32 bytes; a key for this one use is derived from it.
    """

    def __init__(self, master_key: bytes) -> None:
        self._letterbox = Letterbox(master_key, _LABEL)
        self.closer = IbanCloser(self._letterbox.slot)

    def close(self, iban: Iban, *, establishment_ref: int) -> bytes:
        """Seal an IBAN."""
        return self.closer.close(iban, establishment_ref=establishment_ref)

    def open(self, sealed: bytes, *, establishment_ref: int) -> Iban:
        """Open a sealed IBAN.

        Raises:
            cryptography.exceptions.InvalidTag: it was changed, moved, or sealed by another home.
        """
        return Iban.parse(self._letterbox.open(sealed, bound_to=establishment_ref))
