"""Care that members dispute, as the database keeps it: words sealed; policies say whose it is."""

from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import psycopg

from rempart.kernel.errors import Conflict
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

DisputeColumn: TypeAlias = Literal["made", "care", "amount", "reason", "state"]

_sql: Final = load_queries("disputes")


class DisputeRow(NamedTuple):
    """A dispute in a list; `line` is 0 for the whole claim, `amc_cents` None until shared out."""

    dispute_ref: int
    claim_ref: int
    line: int
    reason: str
    made_at: datetime
    state: str
    outcome: str | None
    ended_at: datetime | None
    establishment_ref: int
    first_care_on: date
    amc_cents: int | None


class DisputeFilter(NamedTuple):
    """Which disputes; None for any."""

    state: str | None = None
    claim_ref: int | None = None


class StoredDispute(NamedTuple):
    """A dispute with what was written, sealed."""

    dispute_ref: int
    claim_ref: int
    line: int
    person_ref: int
    insurer_id: int
    reason: str
    sealed: bytes | None
    made_at: datetime
    state: str
    outcome: str | None
    answer: bytes | None
    ended_at: datetime | None
    establishment_ref: int

    def __repr__(self) -> str:
        return f"<StoredDispute {self.dispute_ref}>"


def add_dispute(tx: Transaction, **values: Any) -> None:
    """Write a dispute of the visitor's.

    Raises:
        Conflict: one about this line waits already.
    """
    try:
        with tx.transaction():
            tx.execute(_sql.add_dispute, values)
    except psycopg.errors.UniqueViolation:
        raise Conflict("a dispute about this line waits for its answer") from None


def list_disputes(
    tx: Transaction, listing: Listing[DisputeColumn], which: DisputeFilter
) -> tuple[list[DisputeRow], int]:
    """Return one page of the disputes the visitor may see, and how many there are."""
    return load_page(tx, _sql.list_disputes, listing, DisputeRow, which._asdict())


def load_dispute(tx: Transaction, dispute_ref: int) -> StoredDispute | None:
    """Return a dispute the visitor may see; None when there is none."""
    row = tx.execute(_sql.load_dispute, {"dispute_ref": dispute_ref}).fetchone()
    return None if row is None else StoredDispute(*row)


def end_dispute(tx: Transaction, dispute_ref: int, **values: Any) -> bool:
    """Answer a dispute or take it back; False when it waits no more."""
    return tx.execute(_sql.end_dispute, {"dispute_ref": dispute_ref, **values}).rowcount == 1


def find_disputed_claim(
    tx: Transaction, claim_ref: int, *, line: int
) -> tuple[datetime, str] | None:
    """Return when a claim came, and its state; None when there is none, or no such line of it."""
    values = {"claim_ref": claim_ref, "line": line}
    row = tx.execute(_sql.find_disputed_claim, values).fetchone()
    return None if row is None else (row[0], str(row[1]))
