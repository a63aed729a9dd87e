"""A professional's own account, as the portal shows it. Reads no other account."""

from typing import Final

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("portal_account")


def load_profession(tx: Transaction, account_ref: int) -> str | None:
    """Return what the holder of an account does, None when there is none."""
    row = tx.execute(QUERIES.load_profession, {"account_ref": account_ref}).fetchone()
    return None if row is None else str(row[0])
