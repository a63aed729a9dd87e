"""Copies of what is held about somebody, as the database keeps them: sealed, for a week."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import psycopg

from rempart.kernel.errors import Conflict
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("own_copies")


class CopyRow(NamedTuple):
    """A copy; `made_at` is None while it waits."""

    copy_ref: int
    asked_at: datetime
    made_at: datetime | None


class CoverageLine(NamedTuple):
    """One period of coverage, last day included, and what it grants."""

    starts_on: date
    ends_on: date | None
    suspended_from: date | None
    suspended_to: date | None
    is_past: bool
    convention_type: str | None
    csr: str | None
    responsible: bool | None
    domains: Mapping[str, Any] | None


class Move(NamedTuple):
    """What moved the periods of somebody.

    Args:
        kind: `interruption`, `suspension` or `portability`.
        starts_on, ends_on: First and last day; no last day: none, or none yet.
    """

    kind: str
    starts_on: date
    ends_on: date | None


class Mine(NamedTuple):
    """What is kept of somebody, and what its periods count from.

    Args:
        contract_end, last_payment: None: it has not happened.
        gone, archived: Fields that are no longer kept, and those only a few people may read.
        claims, oldest_on, latest_on: How many, and when the first and the last came to their end.
        held: Something keeps all of it for now, such as a trial.
        restricted: They asked that it be kept and not used.
        moves: What interrupted or suspended their periods, or extended their cover, as it was told.
    """

    contract_end: date | None
    last_payment: date | None
    gone: Sequence[str]
    has_identity: bool
    has_coverage: bool
    has_card: bool
    has_account: bool
    archived: Sequence[str]
    claims: int
    oldest_on: date | None
    latest_on: date | None
    held: bool
    restricted: bool
    moves: Sequence[Move] = ()


def read_mine(tx: Transaction) -> Mine | None:
    """Return what is kept of the visitor; None: of nobody."""
    row = tx.execute(_sql.read_mine).fetchone()
    if row is None:
        return None
    *facts, kinds, starts, ends = row
    moves = [Move(*one) for one in zip(kinds, starts, ends, strict=True)]
    return Mine._make([*facts, moves])


def add_copy(tx: Transaction, **values: Any) -> None:
    """Ask for a copy.

    Raises:
        Conflict: one waits already.
    """
    try:
        with tx.transaction():
            tx.execute(_sql.add_copy, values)
    except psycopg.errors.UniqueViolation:
        raise Conflict("a copy is being made") from None


def list_copies(tx: Transaction) -> list[CopyRow]:
    """Return the visitor's copies, the newest first."""
    return [CopyRow(*row) for row in tx.execute(_sql.list_copies)]


def load_copy(tx: Transaction, copy_ref: int) -> tuple[int, bytes, datetime] | None:
    """Return the insurer, the sealed content and the instant of a copy; None: none is ready."""
    row = tx.execute(_sql.load_copy, {"copy_ref": copy_ref}).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]), row[2])


def find_copy(tx: Transaction, copy_ref: int) -> tuple[int, int, int] | None:
    """Return the insurer, the person and the asker of a copy that waits; None: it does not."""
    row = tx.execute(_sql.find_copy, {"copy_ref": copy_ref}).fetchone()
    return None if row is None else (int(row[0]), int(row[1]), int(row[2]))


def load_identity(tx: Transaction, *, insurer_id: int, person_ref: int) -> bytes | None:
    """Return the sealed identity of a person; None when none is held."""
    values = {"insurer_id": insurer_id, "person_ref": person_ref}
    row = tx.execute(_sql.load_identity, values).fetchone()
    return None if row is None else bytes(row[0])


def list_coverage(tx: Transaction, *, insurer_id: int, person_ref: int) -> list[CoverageLine]:
    """Return the periods of coverage of a person, the latest first."""
    values = {"insurer_id": insurer_id, "person_ref": person_ref}
    return [CoverageLine(*row) for row in tx.execute(_sql.list_coverage, values)]


def fill_copy(tx: Transaction, copy_ref: int, *, sealed: bytes, made_at: datetime) -> None:
    """Put what was opened; twice is once."""
    tx.execute(_sql.fill_copy, {"copy_ref": copy_ref, "sealed": sealed, "made_at": made_at})


def forget_copies(tx: Transaction, *, before: datetime) -> int:
    """Remove old copies; return how many."""
    return tx.execute(_sql.forget_copies, {"before": before}).rowcount


def forget_reports(tx: Transaction, *, before: datetime) -> int:
    """Remove old reports of suspicious messages; return how many."""
    return tx.execute(_sql.forget_reports, {"before": before}).rowcount
