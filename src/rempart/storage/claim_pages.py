"""Claims as pages and the command line read them; the database says whose are whose.

Refuses to filter by person here: the visitor's ticket does.
"""

from datetime import date, datetime
from typing import Any, Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("claim_pages")


class ClaimRead(NamedTuple):
    """One claim; amounts are None until it is shared out."""

    claim_ref: int
    invoice: str
    establishment_ref: int
    person_ref: int
    insurer_id: int
    channel: str
    state: str
    received_at: datetime
    state_at: datetime
    first_care_on: date
    billed_cents: int
    amo_cents: int | None
    amc_cents: int | None
    reste_a_charge_cents: int | None
    findings: list[dict[str, Any]]


class LineRead(NamedTuple):
    """One act; amounts are None until it is shared out, and of a line that is rejected."""

    number: int
    act: str
    care_on: date
    quantity: int
    billed_cents: int
    basket: str | None
    amo_cents: int | None
    amc_cents: int | None
    reste_a_charge_cents: int | None
    steps: Any
    parts: list[dict[str, Any]]


class EventRead(NamedTuple):
    """One step of a claim's life."""

    at: datetime
    event: str
    state: str
    reason: str


class CountRead(NamedTuple):
    """Claims of a day, an insurer and a state, and their sums."""

    day: date
    insurer_id: int
    state: str
    claims: int
    billed_cents: int
    amc_cents: int


def load_claim(tx: Transaction, claim_ref: int) -> ClaimRead | None:
    """Return one claim, if the asker may see it."""
    row = tx.execute(_sql.load_claim, {"claim_ref": claim_ref}).fetchone()
    return None if row is None else ClaimRead(*row)


def list_lines(tx: Transaction, claim_ref: int) -> list[LineRead]:
    """Return the acts of a claim, in the order of the bill."""
    return [LineRead(*row) for row in tx.execute(_sql.list_lines, {"claim_ref": claim_ref})]


def list_events(tx: Transaction, claim_ref: int) -> list[EventRead]:
    """Return the steps of a claim's life, the first one first."""
    return [EventRead(*row) for row in tx.execute(_sql.list_events, {"claim_ref": claim_ref})]


def count_claims(tx: Transaction, since: date) -> list[CountRead]:
    """Return claims and sums by day, insurer and state."""
    return [CountRead(*row) for row in tx.execute(_sql.count_claims, {"since": since})]
