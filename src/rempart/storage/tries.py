"""Tries of one address, counted in the database: every process of the portals sees the same."""

from typing import Final

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("tries")


def lock_try(tx: Transaction, name: str) -> tuple[float, float]:
    """Return when an allowance is empty again and what time it is, in ms; others wait for us."""
    [(empty_at_ms, now_ms)] = tx.execute(QUERIES.lock_try, {"name": name}).fetchall()
    return float(empty_at_ms), float(now_ms)


def save_try(tx: Transaction, name: str, *, empty_at_ms: float) -> None:
    """Remember one more try."""
    tx.execute(QUERIES.save_try, {"name": name, "empty_at_ms": empty_at_ms})


def sweep(tx: Transaction) -> None:
    """Forget addresses whose allowance is whole again."""
    tx.execute(QUERIES.sweep)
