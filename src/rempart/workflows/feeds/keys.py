"""The keyed references a feed is stored under: look-up keys and contract references.

Refuses to keep an identifier: what goes in comes out as bytes that tell nothing without the keys.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from rempart.rights.lookup import LOOKUP_KEY_BYTES, canonical_card, canonical_typed

if TYPE_CHECKING:
    from _hashlib import HASH

_BLOCK_BYTES: Final = 64
_REMEMBERED_CONTRACTS: Final = 10_000


class FeedKeys:
    """Computes the references of one insurer's people.

    Args:
        amc_number: Ten digits.
        lookup_key: The installation's key for look-ups, 32 bytes.
        contract_key: Its key for blind references, 32 bytes.
    """

    def __init__(self, amc_number: str, lookup_key: bytes, contract_key: bytes) -> None:
        self._amc_number = amc_number
        self._lookup = make_hmac(lookup_key)
        self._begin = partial(begin_hmac, lookup_key)
        self._typed_head = canonical_typed(amc_number, "", "", "").removesuffix(b"||")
        self._blind = make_hmac(contract_key)
        self._contracts: dict[str, int] = {}

    def typed(self, nir_number: str, birth_date: str, birth_rank: str) -> bytes:
        """Return the key of somebody's typed identifiers."""
        canonical = canonical_typed(self._amc_number, nir_number, birth_date, birth_rank)
        return self._lookup(canonical)[:LOOKUP_KEY_BYTES]

    def typed_column(
        self, numbers: Sequence[str], birth_dates: Sequence[str], birth_ranks: Sequence[str]
    ) -> list[bytes]:
        """Return what `typed` does for each of many; empty where the number is empty."""
        if not any(numbers):
            return [b""] * len(numbers)
        texts = [
            f"{number}|{birth_date}|{birth_rank}" if number else ""
            for number, birth_date, birth_rank in zip(
                numbers, birth_dates, birth_ranks, strict=True
            )
        ]
        return self._compute_column(self._typed_head, texts)

    def card(self, code: str) -> bytes:
        """Return the key of a card code, twenty letters without dashes."""
        return self._lookup(canonical_card(code))[:LOOKUP_KEY_BYTES]

    def card_column(self, codes: Iterable[str]) -> list[bytes]:
        """Return what `card` does for each of many; empty where there is no code."""
        return self._compute_column(canonical_card(""), codes)

    def _compute_column(self, head: bytes, texts: Iterable[str]) -> list[bytes]:
        """Return the keys of texts that start alike, with the start computed once."""
        begun, outer = self._begin(head)
        begin, end = begun.copy, outer.copy
        computed = []
        for text in texts:
            if text:
                inner = begin()
                inner.update(text.encode())
                whole = end()
                whole.update(inner.digest())
                computed.append(whole.digest()[:LOOKUP_KEY_BYTES])
            else:
                computed.append(b"")
        return computed

    def contract(self, contract_number: str) -> int:
        """Return the reference of a contract: positive, 63 bits."""
        reference = self._contracts.get(contract_number)
        if reference is None:
            if len(self._contracts) >= _REMEMBERED_CONTRACTS:
                self._contracts.clear()
            digest = self._blind(f"contract|{self._amc_number}|{contract_number}".encode())
            reference = int.from_bytes(digest[:8], "big") >> 1
            self._contracts[contract_number] = reference
        return reference


def begin_hmac(key: bytes, head: bytes = b"") -> tuple["HASH", "HASH"]:
    """Return the inner and the outer hash of HMAC-SHA256 under one key, to copy for each message.

    Args:
        key: At most 64 bytes.
        head: What every message starts with.

    Raises:
        ValueError: the key is longer than a block.

    Source:
        RFC 2104.
    """
    if len(key) > _BLOCK_BYTES:
        raise ValueError("The key is longer than 64 bytes: hash it first.")
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = bytes(byte ^ 0x36 for byte in block)
    outer = bytes(byte ^ 0x5C for byte in block)
    return sha256(inner + head), sha256(outer)


def make_hmac(key: bytes) -> Callable[[bytes], bytes]:
    """Return HMAC-SHA256 under one key, three times as fast as `hmac.digest` on short messages.

    Raises:
        ValueError: the key is longer than a block.
    """
    inner, outer = begin_hmac(key)

    def compute(message: bytes) -> bytes:
        first = inner.copy()
        first.update(message)
        second = outer.copy()
        second.update(first.digest())
        return second.digest()

    return compute
