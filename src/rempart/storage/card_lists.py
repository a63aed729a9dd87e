"""What verifiers take along, as it is stored: keys, revocations, signed documents.

Refuses to keep the private side of a key.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, NamedTuple

from rempart.kernel.periods import Period
from rempart.rights.card import CardSerial
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_QUERIES: Final = load_queries("card_lists")


class StoredKey(NamedTuple):
    """The public side of a key that signs cards."""

    key_id: bytes
    public_key: bytes
    from_on: date
    to_on: date
    revoked: bool


def add_signing_key(tx: Transaction, key_id: bytes, public_key: bytes, days: Period) -> None:
    """Keep the public side of a new key."""
    tx.execute(
        _QUERIES.add_signing_key,
        {
            "key_id": key_id,
            "public_key": public_key,
            "from_on": days.starts_on,
            "to_on": days.ends_on,
        },
    )


def list_signing_keys(tx: Transaction) -> list[StoredKey]:
    """Return every key, the newest last."""
    return [StoredKey(*row) for row in tx.execute(_QUERIES.list_signing_keys)]


def end_signing_key(tx: Transaction, key_id: bytes, to_on: date) -> None:
    """Set the last day on which a key may issue, when it is sooner."""
    tx.execute(_QUERIES.end_signing_key, {"key_id": key_id, "to_on": to_on})


def revoke_signing_key(tx: Transaction, key_id: bytes) -> bool:
    """Say that no card of a key counts any more; False when there is none such."""
    row = tx.execute(_QUERIES.revoke_signing_key, {"key_id": key_id}).fetchone()
    return row is not None


def list_revoked_serials(tx: Transaction, today: date) -> Iterator[CardSerial]:
    """Go through the cards that would still be valid and count no more."""
    with tx.cursor(name="revoked_cards") as cursor:
        cursor.execute(_QUERIES.list_revoked_serials, {"today": today})
        for (serial,) in cursor:
            yield CardSerial(serial)


def close_expired(tx: Transaction, today: date) -> int:
    """Take the keys of expired cards out of the gateway's reach; return how many."""
    return tx.execute(_QUERIES.close_expired_cards, {"today": today}).rowcount


def add_document(tx: Transaction, kind: str, number: int, issued_on: date, body: str) -> None:
    """Publish a document, and drop those long replaced."""
    values: dict[str, Any] = {
        "kind": kind,
        "number": number,
        "issued_on": issued_on,
        "body": body,
    }
    tx.execute(_QUERIES.add_document, values)
    tx.execute(_QUERIES.drop_old_documents, {"kind": kind, "number": number})


def load_document(tx: Transaction, kind: str) -> tuple[int, date, str] | None:
    """Return number, day and text of the last document of a kind."""
    row = tx.execute(_QUERIES.load_document, {"kind": kind}).fetchone()
    return None if row is None else (int(row[0]), row[1], str(row[2]))
