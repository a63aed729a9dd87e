"""Finding which column of a falsified entry was changed, by undoing likely changes.

Refuses to guess: a column is named only when undoing the change gives back the very leaf hash that
was recorded, which proves the original value.
"""

import struct
from collections.abc import Iterator
from typing import Any

from rempart.disclosure.entry import Entry, compute_leaf_hash

_SMALL = ("kind", "purpose", "mode", "domain", "outcome", "schema_version")
_NEARBY = {"t_ms": 1000, "acct_seq": 50, "ins_seq": 50, "care_day": 800, "insurer_id": 200}
_BITS = {
    "t_ms": 44,
    "account_ref": 63,
    "session_ref": 63,
    "acct_seq": 40,
    "person_ref": 63,
    "insurer_id": 31,
    "ins_seq": 40,
    "care_day": 16,
    "fields": 63,
    "data_version": 63,
}
_KEYS = ("salt", "lookup_key", "request_id")


def recover_entry(damaged: Entry, leaf_hash: bytes) -> tuple[str, Entry] | None:
    """Find the one column whose change explains why an entry no longer hashes to its leaf.

    Tries every value of the small columns, values nearby, and every single flipped bit: some six
    thousand hashes.

    Args:
        damaged: The entry as it is stored now.
        leaf_hash: The leaf hash recorded when it was written.

    Returns:
        The column's name and the original entry, or None when no single likely change explains it.
    """
    for column, value in _list_likely_values(damaged):
        candidate = damaged._replace(**{column: value})
        try:
            if compute_leaf_hash(candidate) == leaf_hash:
                return column, candidate
        except struct.error:
            continue  # undone alone, this change leaves a value that no entry can have
    return None


def _list_likely_values(entry: Entry) -> Iterator[tuple[str, Any]]:
    """Yield columns with values they may have had before."""
    for column in _SMALL:
        yield from ((column, value) for value in range(256))
    for column, distance in _NEARBY.items():
        now = getattr(entry, column)
        yield from ((column, now + step) for step in range(-distance, distance + 1))
    for column, bits in _BITS.items():
        now = getattr(entry, column)
        yield from ((column, now ^ (1 << bit)) for bit in range(bits))
    for column in _KEYS:
        now = int.from_bytes(getattr(entry, column))
        yield from ((column, (now ^ (1 << bit)).to_bytes(16)) for bit in range(128))
