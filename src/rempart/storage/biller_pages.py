"""Claims for whoever billed them: lists, what is to correct, counts, and what was paid of invoices.

The database shows a visitor what is theirs; every query names the establishment as well.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

ClaimColumn: TypeAlias = Literal["received", "care", "invoice", "state", "billed", "amc"]
CorrectColumn: TypeAlias = Literal["until", "received", "invoice", "billed"]

_sql: Final = load_queries("biller_pages")


class BilledRow(NamedTuple):
    """A claim, without its acts; amounts in cents, None until it is shared out.

    Attributes:
        findings: What its controls said: `line`, `rule` and `until`.
    """

    claim_ref: int
    invoice: str
    channel: str
    state: str
    received_at: datetime
    first_care_on: date
    last_care_on: date
    billed_cents: int
    amc_cents: int | None
    reste_a_charge_cents: int | None
    findings: Sequence[Mapping[str, Any]]


class BilledLine(NamedTuple):
    """An act as it was billed."""

    act: str
    care_on: date
    quantity: int
    billed_cents: int
    base_cents: int | None
    amo_cents: int | None
    asked_amc_cents: int | None
    basket: str | None
    equipment: str | None
    correction: str | None
    exoneration: str | None
    early_renewal: bool


class ToCorrect(NamedTuple):
    """A claim of which something was rejected, and until when it may be corrected."""

    claim_ref: int
    invoice: str
    state: str
    received_at: datetime
    billed_cents: int
    until: date
    rules: Sequence[str]


class ClaimFilter(NamedTuple):
    """Which claims; None for any. Days are of receipt, both included."""

    state: str | None = None
    invoice: str | None = None
    since: date | None = None
    until: date | None = None


class DayCount(NamedTuple):
    """How many claims came on a day, by what became of them."""

    day: date
    accepted: int
    rejected: int
    others: int


class KnownInvoice(NamedTuple):
    """What transfers paid of an invoice, in cents."""

    invoice: str
    claims: int
    paid_cents: int


def list_claims(
    tx: Transaction, listing: Listing[ClaimColumn], establishment_ref: int, which: ClaimFilter
) -> tuple[list[BilledRow], int]:
    """Return one page of claims, and how many there are."""
    values = {"establishment_ref": establishment_ref, **which._asdict()}
    return load_page(tx, _sql.list_claims, listing, BilledRow, values)


def load_claim(tx: Transaction, claim_ref: int, establishment_ref: int) -> BilledRow | None:
    """Return one claim of an establishment."""
    values = {"claim_ref": claim_ref, "establishment_ref": establishment_ref}
    row = tx.execute(_sql.load_claim, values).fetchone()
    return None if row is None else BilledRow(*row)


def load_lines(tx: Transaction, claim_ref: int, establishment_ref: int) -> list[BilledLine]:
    """Return the acts of one claim as they were billed."""
    values = {"claim_ref": claim_ref, "establishment_ref": establishment_ref}
    return [BilledLine(*row) for row in tx.execute(_sql.load_lines, values)]


def list_to_correct(
    tx: Transaction,
    listing: Listing[CorrectColumn],
    establishment_ref: int,
    *,
    rejecting: Sequence[str],
    today: date,
) -> tuple[list[ToCorrect], int]:
    """Return one page of what may be corrected, and how many there are."""
    values = {
        "establishment_ref": establishment_ref,
        "rejecting": list(rejecting),
        "today": today,
    }
    return load_page(tx, _sql.list_to_correct, listing, ToCorrect, values)


def count_to_correct(
    tx: Transaction, establishment_ref: int, *, rejecting: Sequence[str], today: date, most: int
) -> int:
    """Return how many claims may be corrected, `most` at most."""
    values = {
        "establishment_ref": establishment_ref,
        "rejecting": list(rejecting),
        "today": today,
        "most": most,
    }
    row = tx.execute(_sql.count_to_correct, values).fetchone()
    return 0 if row is None else int(row[0])


def count_days(tx: Transaction, establishment_ref: int, since: date) -> list[DayCount]:
    """Return the claims of each day that had some."""
    values = {"establishment_ref": establishment_ref, "since": since}
    return [DayCount(*row) for row in tx.execute(_sql.count_days, values)]


def count_rules(
    tx: Transaction, establishment_ref: int, since: date, *, rejecting: Sequence[str]
) -> list[tuple[str, int]]:
    """Return of how many claims each rule spoke."""
    values = {
        "establishment_ref": establishment_ref,
        "since": since,
        "rejecting": list(rejecting),
    }
    return [(rule, count) for rule, count in tx.execute(_sql.count_rules, values)]


def count_delays(tx: Transaction, establishment_ref: int, since: date) -> dict[int, int]:
    """Return how many transfers took how many working days."""
    values = {"establishment_ref": establishment_ref, "since": since}
    return dict(tx.execute(_sql.count_delays, values).fetchall())


def match_invoices(
    tx: Transaction, establishment_ref: int, invoices: Sequence[str]
) -> dict[str, KnownInvoice]:
    """Return what is known of invoices, by their numbers."""
    values = {"establishment_ref": establishment_ref, "invoices": list(invoices)}
    found = [KnownInvoice(*row) for row in tx.execute(_sql.match_invoices, values)]
    return {one.invoice: one for one in found}
