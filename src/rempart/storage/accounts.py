"""Professionals and establishments, as a file of the directory brings them.

Refuses to change a reference once it is given: the ledger names accounts by it.
"""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("accounts")


class Establishment(NamedTuple):
    """Where professionals work, in the order of its columns."""

    establishment_ref: int
    finess: str | None
    siret: str
    name: str
    postcode: str
    city: str
    telephone: str | None = None


class Professional(NamedTuple):
    """The holder of an account, in the order of its columns."""

    account_ref: int
    rpps: str
    profession: str
    display_name: str
    establishment_ref: int | None


def lock_load(tx: Transaction) -> None:
    """Wait until no other load of professionals runs; holds until the transaction ends."""
    tx.execute(QUERIES.lock_load)


def list_establishment_keys(tx: Transaction) -> dict[str, int]:
    """Return establishments by FINESS number, or by SIRET for those without one."""
    return dict(tx.execute(QUERIES.list_establishment_keys).fetchall())


def list_professional_keys(tx: Transaction) -> dict[str, int]:
    """Return accounts by RPPS number."""
    return dict(tx.execute(QUERIES.list_professional_keys).fetchall())


def save_establishments(tx: Transaction, rows: Collection[Establishment]) -> None:
    """Add establishments or bring them up to date, by reference."""
    tx.execute(QUERIES.save_establishments, _transpose(rows, Establishment._fields))


def save_professionals(tx: Transaction, rows: Collection[Professional]) -> None:
    """Add professionals or bring them up to date, by reference."""
    tx.execute(QUERIES.save_professionals, _transpose(rows, Professional._fields))


def _transpose(rows: Collection[tuple[Any, ...]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
