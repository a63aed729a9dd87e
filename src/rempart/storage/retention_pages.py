"""What the host's pages show of runs of retention. Role: portals, under the visitor's ticket."""

from datetime import date, datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

_sql: Final = load_queries("retention_pages")

PurgeColumn: TypeAlias = Literal["run", "day", "people", "state"]


class PurgeRow(NamedTuple):
    """One run as those who decide read it; fields as in retention.run, with names."""

    run_id: int
    origin: str
    day: date
    state: str
    items: int
    people: int
    done: int
    started_at: datetime
    planned_at: datetime | None
    routine: bool
    first_by_name: str
    first_by: int | None
    first_at: datetime | None
    second_by_name: str
    second_at: datetime | None
    refused_by_name: str
    reason: str
    ended_at: datetime | None
    certificate: str


class TallyRow(NamedTuple):
    """One row of a run's figures.

    Attributes:
        insurer_id, insurer_name: Of which insurer.
        field, step, rule, held_by: What is counted.
        planned, oldest, done, kept: How many, since when, and what became of them.
    """

    insurer_id: int
    insurer_name: str
    field: str
    step: str
    rule: str
    held_by: str
    planned: int
    oldest: date | None
    done: int
    kept: int


def list_runs(
    tx: Transaction, listing: Listing[PurgeColumn], *, run_id: int | None = None
) -> tuple[list[PurgeRow], int]:
    """Return one page of runs, and how many there are."""
    return load_page(tx, _sql.list_runs, listing, PurgeRow, {"run_id": run_id})


def load_run(tx: Transaction, run_id: int) -> PurgeRow | None:
    """Return one; None when there is none for whoever asks."""
    found, _total = list_runs(tx, Listing(sort="run"), run_id=run_id)
    return found[0] if found else None


def list_tally(tx: Transaction, run_id: int) -> list[TallyRow]:
    """Return a run in figures."""
    return [TallyRow(*row) for row in tx.execute(_sql.list_tally, {"run_id": run_id})]
