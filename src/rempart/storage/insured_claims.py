"""Claims for who did not bill them, a member and their insurer: the database says whose.

Refuses acts and persons in lists.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.claims.signals import ActPrice, BillerCount
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

InsuredColumn: TypeAlias = Literal["received", "care", "billed", "amc", "left", "state"]

_sql: Final = load_queries("insured_claims")


class InsuredRow(NamedTuple):
    """A claim, without its acts; amounts in cents, None until it is shared out."""

    claim_ref: int
    invoice: str
    establishment_ref: int
    state: str
    received_at: datetime
    first_care_on: date
    last_care_on: date
    billed_cents: int
    amo_cents: int | None
    amc_cents: int | None
    reste_a_charge_cents: int | None
    findings: Sequence[Mapping[str, Any]]


class InsuredFilter(NamedTuple):
    """Which claims; None for any. Days are of receipt, both included."""

    state: str | None = None
    claim_ref: int | None = None
    establishment_ref: int | None = None
    since: date | None = None
    until: date | None = None


class BillerName(NamedTuple):
    """Who billed."""

    establishment_ref: int
    name: str
    city: str
    finess: str


def list_claims(
    tx: Transaction, listing: Listing[InsuredColumn], which: InsuredFilter
) -> tuple[list[InsuredRow], int]:
    """Return one page of the claims the visitor may see, and how many there are."""
    return load_page(tx, _sql.list_claims, listing, InsuredRow, which._asdict())


def name_billers(tx: Transaction, refs: Collection[int]) -> dict[int, BillerName]:
    """Return who billed, by reference; nobody the visitor sees no claim of."""
    rows = tx.execute(_sql.name_billers, {"refs": list(refs)})
    return {row[0]: BillerName(*row) for row in rows}


def count_billers(
    tx: Transaction, insurer_id: int, *, since: datetime, recent: datetime
) -> list[BillerCount]:
    """Return what each establishment sent since an instant, and since a later one."""
    values = {"insurer_id": insurer_id, "since": since, "recent": recent}
    return [BillerCount(*row) for row in tx.execute(_sql.count_billers, values)]


def price_acts(tx: Transaction, insurer_id: int, *, since: datetime) -> list[ActPrice]:
    """Return what each establishment billed of each act since an instant."""
    values = {"insurer_id": insurer_id, "since": since}
    rows = tx.execute(_sql.price_acts, values)
    return [
        ActPrice(place, act, lines, int(units), int(cents))
        for place, act, lines, units, cents in rows
    ]


def find_pec_subject(tx: Transaction, log_id: int, idx: int) -> tuple[int, int] | None:
    """Return the person and the insurer of a promise; None when there is none to see."""
    row = tx.execute(_sql.find_pec_subject, {"log_id": log_id, "idx": idx}).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))
