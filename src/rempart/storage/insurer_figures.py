"""Figures of an insurer, in counts and sums. Refuses anything about anybody."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("insurer_figures")


class ClaimWeek(NamedTuple):
    """Claims received in one week: counts by what became of them, and what the insurer pays."""

    monday: date
    accepted: int
    waiting: int
    refused: int
    amc_cents: int


class LookupHour(NamedTuple):
    """Look-ups of one hour (whole hours since 1970), one mode and one answer."""

    hour: int
    mode: int
    outcome: int
    lookups: int


class Waiting(NamedTuple):
    """How many wait for somebody at the insurer; 0 of what the visitor may not see."""

    holds: int
    flags: int
    packages: int
    unwatched: int
    campaigns: int


def count_claim_weeks(tx: Transaction, insurer_id: int, *, since: datetime) -> list[ClaimWeek]:
    """Return claims by week since an instant, oldest first; weeks without any are left out."""
    values = {"insurer_id": insurer_id, "since": since}
    return [ClaimWeek(*row) for row in tx.execute(_sql.count_claim_weeks, values)]


def count_delays(
    tx: Transaction, insurer_id: int, *, since: datetime, most: int
) -> Mapping[int, int]:
    """Return how many claims were paid in how many days; the last number counts those beyond."""
    values = {"insurer_id": insurer_id, "since": since, "most": most}
    return {int(days): int(count) for days, count in tx.execute(_sql.count_delays, values)}


def count_lookup_hours(
    tx: Transaction, insurer_id: int, *, since_ms: int, most: int
) -> list[LookupHour]:
    """Return look-ups by hour since an instant, of the newest `most` entries of each log."""
    values = {"insurer_id": insurer_id, "since_ms": since_ms, "most": most}
    return [LookupHour(*row) for row in tx.execute(_sql.count_lookup_hours, values)]


def count_waiting(tx: Transaction, insurer_id: int) -> Waiting:
    """Return how many wait for somebody."""
    [row] = tx.execute(_sql.count_waiting, {"insurer_id": insurer_id})
    return Waiting(*row)
