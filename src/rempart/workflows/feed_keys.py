"""The keyed references a feed is stored under: look-up keys and contract references.

Refuses to keep an identifier: what goes in comes out as bytes that tell nothing without the keys.
"""

import hmac
from dataclasses import dataclass, field
from typing import Final

from rempart.rights.lookup import canonical_card, canonical_typed, compute_raw_lookup_key

_REMEMBERED_CONTRACTS: Final = 10_000


@dataclass(slots=True)
class FeedKeys:
    """Computes the references of one insurer's people.

    Args:
        amc_number: Ten digits.
        lookup_key: The installation's key for look-ups, 32 bytes.
        contract_key: Its key for blind references, 32 bytes.
    """

    amc_number: str
    lookup_key: bytes = field(repr=False)
    contract_key: bytes = field(repr=False)
    _contracts: dict[str, int] = field(default_factory=dict, repr=False)

    def typed(self, nir_number: str, birth_date: str, birth_rank: str) -> bytes:
        """Return the key of somebody's typed identifiers."""
        canonical = canonical_typed(self.amc_number, nir_number, birth_date, birth_rank)
        return compute_raw_lookup_key(self.lookup_key, canonical)

    def card(self, code: str) -> bytes:
        """Return the key of a card code, twenty letters without dashes."""
        return compute_raw_lookup_key(self.lookup_key, canonical_card(code))

    def contract(self, contract_number: str) -> int:
        """Return the reference of a contract: positive, 63 bits."""
        reference = self._contracts.get(contract_number)
        if reference is None:
            if len(self._contracts) >= _REMEMBERED_CONTRACTS:
                self._contracts.clear()
            canonical = f"contract|{self.amc_number}|{contract_number}".encode()
            digest = hmac.digest(self.contract_key, canonical, "sha256")
            reference = int.from_bytes(digest[:8], "big") >> 1
            self._contracts[contract_number] = reference
        return reference
