"""Finds one member by the key of their card or of what they gave, to invite them.

Refuses to search: an exact key leads to one person, or to nobody.
"""

import uuid
from typing import Final

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("findable_members")


def find_person(tx: Transaction, lookup_key: bytes) -> tuple[int, int] | None:
    """Return (person, insurer) for the sixteen bytes of a look-up key, or None."""
    row = tx.execute(QUERIES.find_person, {"lookup_key": uuid.UUID(bytes=lookup_key)}).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))
