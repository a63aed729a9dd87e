"""What a member is shown of the ledger about themselves; the database decides which entries.

Refuses to filter by person here: the visitor's ticket does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("member_history")

Reader: TypeAlias = Literal["professional", "insurer", "operator", "self"]
HistoryColumn: TypeAlias = Literal["when", "who"]


@dataclass(frozen=True, slots=True)
class Consultation:
    """One entry about somebody, with the names that people read."""

    log_id: int
    idx: int
    kind: int
    t_ms: int
    insurer: str
    purpose: int
    mode: int
    domain: int
    care_day: int
    outcome: int
    fields: int
    schema_version: int
    reader: Reader
    organisation: str
    city: str
    profession: str
    software: str
    question: str
    stated_purpose: str


@dataclass(frozen=True, slots=True)
class Away:
    """A segment whose entries are not in the database: `cold` (sealed files) or `dropped`."""

    first_ms: int
    last_ms: int
    state: str
    log_id: int
    segment: int


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a consultation that somebody reported."""

    reported_at: datetime
    handled_at: datetime | None
    outcome: str


def list_history(
    tx: Transaction, listing: Listing[HistoryColumn], *, cold: str, from_ms: int, to_ms: int
) -> tuple[list[Consultation], int]:
    """Return one page of the entries about the visitor, and how many there are.

    Args:
        tx: A transaction with a member's ticket.
        listing: Which page.
        cold: The visitor's entries in files, as `ColdHistory.to_json` writes them.
        from_ms: First instant of the period.
        to_ms: The instant after its last one.
    """
    period = {"cold": cold, "from_ms": from_ms, "to_ms": to_ms}
    return load_page(tx, QUERIES.list_history, listing, Consultation, period)


def load_one(tx: Transaction, log_id: int, idx: int, *, cold: str) -> Consultation | None:
    """Return one entry about the visitor; None for any other."""
    place = {"log_id": log_id, "idx": idx, "cold": cold}
    row = tx.execute(QUERIES.load_one, place).fetchone()
    return None if row is None else Consultation(*row)


def count_months(tx: Transaction, *, cold: str) -> list[tuple[str, Reader, int]]:
    """Return (month as AAAA-MM, who read, how many), the oldest month first."""
    rows = tx.execute(QUERIES.count_months, {"cold": cold})
    return [(row[0], row[1], int(row[2])) for row in rows]


def has_read(tx: Transaction, *, since_ms: int) -> bool:
    """Say whether this visit's reading was recorded since an instant."""
    row = tx.execute(QUERIES.has_read, {"since_ms": since_ms}).fetchone()
    return row is not None and bool(row[0])


def load_reach(tx: Transaction) -> int | None:
    """Return when the first log was opened, Unix milliseconds."""
    row = tx.execute(QUERIES.load_reach).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def list_away(tx: Transaction) -> list[Away]:
    """Return the periods that are not in the database any more, the oldest first."""
    return [Away(*row) for row in tx.execute(QUERIES.list_away)]


def list_reported(tx: Transaction, actor_ref: int) -> dict[tuple[int, int], Reported]:
    """Return what the visitor reported, by log and index."""
    rows: list[tuple[Any, ...]] = tx.execute(
        QUERIES.list_reported, {"actor_ref": actor_ref}
    ).fetchall()
    return {(row[0], row[1]): Reported(*row[2:]) for row in rows}
