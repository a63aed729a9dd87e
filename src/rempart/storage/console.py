"""What the operator's console reads: pseudonymous look-ups, counts, the logs, the incidents.

Reads no identity: the role it runs under has no right to any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("console")

SortColumn: TypeAlias = Literal[
    "time", "account", "session", "insurer", "domain", "mode", "outcome"
]
IncidentColumn: TypeAlias = Literal["declared", "title"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupFilter:
    """Which look-ups to show; None means all."""

    since_ms: int
    insurer_id: int | None = None
    domain: int | None = None
    mode: int | None = None
    outcome: int | None = None
    account_ref: int | None = None
    session_ref: int | None = None

    def of_insurer(self, insurer_id: int) -> "LookupFilter":
        """Return the same filter for one insurer only."""
        return replace(self, insurer_id=insurer_id)


@dataclass(frozen=True, slots=True)
class LookupRow:
    """One look-up: who asked and about which insurer, by reference; never about whom."""

    log_id: int
    idx: int
    t_ms: int
    account_ref: int
    session_ref: int
    insurer_id: int
    insurer: str
    domain: int
    mode: int
    outcome: int


@dataclass(frozen=True, slots=True)
class LookupCount:
    """How many look-ups one minute (since 1970) had, of one outcome and one mode."""

    minute: int
    outcome: int
    mode: int
    count: int


@dataclass(frozen=True, slots=True)
class LogState:
    """One log and its last signed checkpoint; a log without a checkpoint has None thrice."""

    log_id: int
    origin: str
    vkey: str
    size: int
    t_ms: int
    root: bytes
    checkpoint_size: int | None
    checkpoint_t_ms: int | None
    note: str | None


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One line of the list of incidents."""

    incident_id: int
    title: str
    exercise: bool
    declared_at: datetime
    starts_ms: int
    ends_ms: int
    answered_at: datetime | None
    accounts: int
    persons: int


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """One incident and the report its analysis wrote."""

    incident_id: int
    title: str
    exercise: bool
    declared_at: datetime
    starts_ms: int
    ends_ms: int
    answered_at: datetime | None
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """One insurer's line: `fields` is the union of what the answers about its people showed."""

    insurer_id: int
    insurer: str
    persons_a: int
    persons_b: int
    persons_c: int
    fields: int
    lookups: int
    sessions: int


@dataclass(frozen=True, slots=True)
class SuspectSession:
    """One judged session of a suspect account; `reasons` as incidents.attribution writes them."""

    account_ref: int
    profession: str
    session_ref: int
    verdict: str
    reasons: list[dict[str, Any]]
    opened_ms: int | None
    address: str
    agent: str


def list_insurers(tx: Transaction) -> list[tuple[int, str]]:
    """Return (insurer_id, name) by name."""
    return [(row[0], row[1]) for row in tx.execute(QUERIES.list_insurers)]


def list_lookups(
    tx: Transaction,
    wanted: LookupFilter,
    *,
    sort: SortColumn,
    descending: bool,
    limit: int,
    offset: int,
    most: int,
) -> tuple[list[LookupRow], int]:
    """Return one page of look-ups, and how many the filter lets through.

    Args:
        tx: A transaction of role portals.
        wanted: The filter.
        sort: The column to sort by.
        descending: Whether its greatest value comes first.
        limit: Rows of the page.
        offset: Rows before the page.
        most: Entries examined per log, the newest.
    """
    parameters = {name: getattr(wanted, name) for name in LookupFilter.__dataclass_fields__}
    rows = tx.execute(
        QUERIES.list_lookups,
        {
            **parameters,
            "sort": sort,
            "direction": -1 if descending else 1,
            "limit": limit,
            "offset": offset,
            "most": most,
        },
    ).fetchall()
    return [LookupRow(*row[:-1]) for row in rows], rows[0][-1] if rows else 0


def count_lookups(tx: Transaction, *, since_ms: int, most: int) -> list[LookupCount]:
    """Return counts per minute, outcome and mode, oldest minute first."""
    rows = tx.execute(QUERIES.count_lookups, {"since_ms": since_ms, "most": most})
    return [LookupCount(*row) for row in rows]


def count_unexamined(tx: Transaction, *, since_ms: int, most: int) -> int:
    """Return how many entries since an instant are older than the newest `most` of their log."""
    row = tx.execute(QUERIES.count_unexamined, {"since_ms": since_ms, "most": most}).fetchone()
    return 0 if row is None else int(row[0])


def list_logs(tx: Transaction) -> list[LogState]:
    """Return every log by number."""
    return [LogState(*row) for row in tx.execute(QUERIES.list_logs)]


def count_agreements(tx: Transaction) -> tuple[int, int, int]:
    """Return how many packages, payment runs and runs of retention wait for another person."""
    row = tx.execute(QUERIES.count_agreements).fetchone()
    return (row[0], row[1], row[2]) if row else (0, 0, 0)


def list_incidents(
    tx: Transaction, listing: Listing[IncidentColumn]
) -> tuple[list[IncidentRow], int, int]:
    """Return one page of the incidents, how many there are, and how many are no exercise."""
    values = {
        "sort": listing.sort,
        "direction": listing.direction,
        "limit": listing.limit,
        "offset": listing.offset,
    }
    rows = tx.execute(QUERIES.list_incidents, values).fetchall()
    total, real = rows[0][-2:] if rows else (0, 0)
    return [IncidentRow(*row[:-2]) for row in rows], total, real


def load_incident(tx: Transaction, incident_id: int) -> IncidentRecord | None:
    """Return one incident, None when there is none with this number."""
    row = tx.execute(QUERIES.load_incident, {"incident_id": incident_id}).fetchone()
    return None if row is None else IncidentRecord(*row)


def list_exposure(tx: Transaction, incident_id: int) -> list[ExposureRow]:
    """Return one line per insurer, most persons first."""
    rows = tx.execute(QUERIES.list_exposure, {"incident_id": incident_id})
    return [ExposureRow(*row) for row in rows]


def list_sessions(tx: Transaction, incident_id: int) -> list[SuspectSession]:
    """Return the judged sessions, by account then by when they were opened."""
    rows = tx.execute(QUERIES.list_sessions, {"incident_id": incident_id})
    return [SuspectSession(*row) for row in rows]


def list_suspects(tx: Transaction, incident_id: int) -> list[tuple[int, str]]:
    """Return (account_ref, profession) of the suspect accounts."""
    rows = tx.execute(QUERIES.list_suspects, {"incident_id": incident_id})
    return [(row[0], row[1]) for row in rows]
