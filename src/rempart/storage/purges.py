"""Records of purges, as rows: said, then durable outside, then carried out.

The database gives numbers and chain, and refuses that a purge is carried out which is not outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.json import Jsonb

from rempart.retention.purges import FIRST_DIGEST, Body, PurgeRecord, format_body
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql = load_queries("purges")


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeStanding:
    """How far the purges of a database go.

    Attributes:
        last: Number of the last one said; 0 for none.
        digest: Its digest.
        journaled: Number of the last one that is durable outside.
        first_waiting: The first that was said and not carried out, if any.
    """

    last: int
    digest: bytes
    journaled: int
    first_waiting: int | None

    @property
    def settled(self) -> int:
        """Number of the last one such that it and all before it are carried out."""
        return self.last if self.first_waiting is None else self.first_waiting - 1


class Restoration(NamedTuple):
    """One restoration that made this base.

    Attributes:
        restored_at: When.
        backup: From which.
        made_at: When that was made; None for a base restored by other means.
        purges_from: The last purge it knew.
        purges_to: The last one carried out again before it opened.
        report: What was done to it besides, counted.
        number: Its place, from 1.
        certificate: The signed note of what was erased again; empty before there were any.
        signed_by: The public key that checks it.
    """

    restored_at: datetime
    backup: str
    made_at: datetime | None
    purges_from: int
    purges_to: int
    report: dict[str, Any]
    number: int
    certificate: str
    signed_by: str


def say_purge(tx: Transaction, kind: str, body: Body) -> PurgeRecord:
    """Say a purge; nobody else says one before the caller commits, so that is soon."""
    [row] = tx.execute(_sql.say_purge, {"kind": kind, "body": format_body(body)})
    return _make(row)


def mark_journaled(tx: Transaction, number: int) -> None:
    """Write down that a record is durable outside; those before it must be."""
    tx.execute(_sql.mark_journaled, {"number": number})


def mark_applied(tx: Transaction, number: int) -> None:
    """Write down, in the transaction that does it, that a purge is carried out.

    Raises:
        psycopg.errors.InsufficientPrivilege: its record is not outside: nothing may be deleted.
    """
    tx.execute(_sql.mark_applied, {"number": number})


def list_waiting(tx: Transaction, *, most: int = 1_000) -> list[PurgeRecord]:
    """Return what was said and not carried out, oldest first."""
    values = {"after": 0, "waiting": True, "most": most}
    return [_make(row) for row in tx.execute(_sql.list_purges, values)]


def list_since(tx: Transaction, after: int, *, most: int = 1_000) -> list[PurgeRecord]:
    """Return the records after a number, oldest first, as far as their bodies are there."""
    values = {"after": after, "waiting": False, "most": most}
    return [_make(row) for row in tx.execute(_sql.list_purges, values)]


def load_standing(tx: Transaction) -> PurgeStanding:
    """Return how far purges go here."""
    [(last, digest, journaled, waiting)] = tx.execute(_sql.load_last)
    return PurgeStanding(
        last=last,
        digest=bytes(digest) if digest is not None else FIRST_DIGEST,
        journaled=journaled,
        first_waiting=waiting,
    )


def load_digest(tx: Transaction, number: int) -> bytes:
    """Return the digest of a purge, which says all before it; zeroes where none was said."""
    row = tx.execute(_sql.load_digest, {"number": number}).fetchone()
    return FIRST_DIGEST if row is None else bytes(row[0])


def take_up_purge(tx: Transaction, record: PurgeRecord) -> None:
    """Write a record of the journal into a base that is older than it; as the owner.

    Raises:
        psycopg.errors.InsufficientPrivilege: it does not continue what the base knows.
    """
    tx.execute(
        _sql.take_up_purge,
        {
            "number": record.number,
            "kind": record.kind,
            "body": record.body,
            "said_ms": record.said_ms,
            "previous": record.previous,
        },
    )


def delete_rows(
    tx: Transaction, table: str, key: Sequence[str], rows: Sequence[Sequence[int]]
) -> int:
    """Delete rows by their keys; return how many were there.

    Args:
        tx: A transaction of a login that may.
        table: Schema and table: one of `retention.purges.ROW_TABLES`, which the caller checked.
        key: Its key columns.
        rows: The values of each.
    """
    schema, _, name = table.partition(".")
    statement = sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT * FROM unnest({}))").format(
        sql.Identifier(schema, name),
        sql.SQL(", ").join(map(sql.Identifier, key)),
        sql.SQL(", ").join([sql.SQL("%s::bigint[]")] * len(key)),
    )
    return tx.execute(statement, [list(column) for column in zip(*rows, strict=True)]).rowcount


def forget_purges(tx: Transaction, up_to: int) -> int:
    """Forget which references records up to a number held; as the owner. Return how many did."""
    [(gone,)] = tx.execute(_sql.forget_purges, {"up_to": up_to})
    return int(gone)


def save_restoration(
    tx: Transaction,
    *,
    backup: str,
    made_at: datetime | None,
    purges_from: int,
    purges_to: int,
    report: dict[str, Any],
    certificate: str,
    signed_by: str,
    runs: Sequence[int],
) -> None:
    """Write down that this base was restored; as the owner."""
    tx.execute(
        _sql.save_restoration,
        {
            "backup": backup,
            "made_at": made_at,
            "purges_from": purges_from,
            "purges_to": purges_to,
            "report": Jsonb(report),
            "certificate": certificate,
            "signed_by": signed_by,
            "runs": list(runs),
        },
    )


def list_restorations(tx: Transaction) -> list[Restoration]:
    """Return the restorations that made this base, the last first."""
    return [Restoration(*row) for row in tx.execute(_sql.list_restorations)]


def _make(row: tuple[Any, ...]) -> PurgeRecord:
    number, kind, body, said_ms, previous = row
    return PurgeRecord(
        number=number, kind=kind, body=body, said_ms=said_ms, previous=bytes(previous)
    )
