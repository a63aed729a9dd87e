"""A professional's own account, as the portal shows it. Reads no other account."""

from dataclasses import dataclass
from typing import Final

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("portal_account")


@dataclass(frozen=True, slots=True)
class GreetedProfessional:
    """A professional as their own pages name them; no place of work is an empty text."""

    name: str
    profession: str
    establishment: str
    city: str


def load_professional(tx: Transaction, account_ref: int) -> GreetedProfessional | None:
    """Return the holder of an account, None when there is none."""
    row = tx.execute(QUERIES.load_professional, {"account_ref": account_ref}).fetchone()
    return None if row is None else GreetedProfessional(*row)


def revoke_key(tx: Transaction, key_digest: bytes) -> bool:
    """End a portal key; False when there is none with this digest."""
    row = tx.execute(QUERIES.revoke_key, {"key_digest": key_digest}).fetchone()
    return row is not None
