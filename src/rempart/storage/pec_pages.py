"""Prises en charge: the rows each visitor may see, by the database's own policies."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

PecColumn: TypeAlias = Literal["asked", "care", "expires", "amount", "state"]

_sql: Final = load_queries("pec_pages")


class StoredPec(NamedTuple):
    """A promise; amounts in cents.

    Attributes:
        log_id: With `idx`, the entry of the ledger that names it.
        establishment: Who asked for it; None to whom does not see it.
        insurer: Who promised; empty to whom does not see insurers.
        state: Where it is on the day asked about.
        claim_ref: The claim it was used by.
    """

    log_id: int
    idx: int
    establishment: str | None
    insurer_id: int
    insurer: str
    domain: str
    care_on: date
    state: str
    asked_at: datetime
    expires_on: date
    billed_cents: int
    amo_cents: int
    amc_cents: int
    claim_ref: int | None


def list_pecs(
    tx: Transaction, listing: Listing[PecColumn], *, today: date, state: str | None
) -> tuple[list[StoredPec], int]:
    """Return one page of promises, and how many there are."""
    values = {"today": today, "state": state}
    return load_page(tx, _sql.list_pecs, listing, StoredPec, values)


def load_pec_lines(tx: Transaction, log_id: int, idx: int) -> list[Mapping[str, Any]] | None:
    """Return the acts and amounts of a promise; None when there is none to see."""
    row = tx.execute(_sql.load_pec_lines, {"log_id": log_id, "idx": idx}).fetchone()
    return None if row is None else list(row[0])


def expire_pecs(tx: Transaction, today: date) -> int:
    """Let promises whose last day has passed hold nothing; return how many."""
    row = tx.execute(_sql.expire_pecs, {"today": today}).fetchone()
    return 0 if row is None else int(row[0])
