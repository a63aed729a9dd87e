"""Registered software and its public keys.

Refuses private keys: nothing here opens anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from psycopg.types.json import Jsonb

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("software")

SoftwareSort: TypeAlias = Literal["added", "name", "label", "publisher", "state"]


@dataclass(frozen=True, slots=True)
class ListedSoftware:
    """One line of the list of software; instants are None for "not"."""

    client_ref: int
    client_id: str
    label: str
    publisher_ref: int | None
    publisher: str
    scopes: list[str]
    certificate_subject: str | None
    establishment_ref: int | None
    establishment: str
    created_at: datetime
    revoked_at: datetime | None
    live_keys: int


@dataclass(frozen=True, slots=True)
class StoredSoftware:
    """What a change of a software looks at."""

    client_ref: int
    client_id: str
    label: str
    publisher_ref: int | None
    certificate_subject: str | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A public key of a software; `ends_at` is None while no end is planned."""

    kid: str
    jwk: Mapping[str, str]
    added_at: datetime
    ends_at: datetime | None
    is_live: bool


def save_software(tx: Transaction, facts: Mapping[str, Any]) -> bool:
    """Insert a software; False when its name is taken. `facts` are the query's parameters."""
    return tx.execute(QUERIES.insert_software, facts).fetchone() is not None


def save_key(tx: Transaction, client_ref: int, kid: str, jwk: Mapping[str, str]) -> None:
    """Insert a public key."""
    facts = {"client_ref": client_ref, "kid": kid, "jwk": Jsonb(dict(jwk))}
    tx.execute(QUERIES.insert_key, facts)


def revive_key(tx: Transaction, client_ref: int, kid: str) -> None:
    """Let a key that ended be good again."""
    tx.execute(QUERIES.revive_key, {"client_ref": client_ref, "kid": kid})


def end_key(tx: Transaction, client_ref: int, kid: str, *, delay: timedelta) -> None:
    """End a key some time from now."""
    tx.execute(QUERIES.end_key, {"client_ref": client_ref, "kid": kid, "delay": delay})


def revoke_software(tx: Transaction, client_ref: int) -> bool:
    """End a software; False when it had ended before, or cannot be seen."""
    return tx.execute(QUERIES.revoke_software, {"client_ref": client_ref}).rowcount == 1


def lock_software(tx: Transaction, client_ref: int) -> None:
    """Wait until nobody else changes this software."""
    tx.execute(QUERIES.lock_software, {"client_ref": client_ref})


def find_software(
    tx: Transaction, *, client_ref: int | None = None, client_id: str | None = None
) -> StoredSoftware | None:
    """Return one software by reference or by name; None when the asker sees none."""
    facts = {"client_ref": client_ref, "client_id": client_id}
    row = tx.execute(QUERIES.find_software, facts).fetchone()
    return StoredSoftware(*row) if row else None


def list_keys(tx: Transaction, client_ref: int) -> list[StoredKey]:
    """Return the keys of a software, newest first."""
    return [StoredKey(*row) for row in tx.execute(QUERIES.list_keys, {"client_ref": client_ref})]


def list_software(
    tx: Transaction, listing: Listing[SoftwareSort]
) -> tuple[list[ListedSoftware], int]:
    """Return one page of the software that may be seen, and how many there are."""
    return load_page(tx, QUERIES.list_software, listing, ListedSoftware, {})


def list_publishers(tx: Transaction) -> list[tuple[int, str]]:
    """Return the publishers, by reference and name."""
    return [(int(ref), str(name)) for ref, name in tx.execute(QUERIES.list_publishers)]


def find_establishment(tx: Transaction, number: str) -> int | None:
    """Return the establishment of a FINESS or SIRET number."""
    row = tx.execute(QUERIES.find_establishment, {"number": number}).fetchone()
    return None if row is None else int(row[0])
