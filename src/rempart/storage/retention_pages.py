"""What pages show of runs of retention, of holds and of backups. Role: portals, by ticket."""

from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

_sql: Final = load_queries("retention_pages")

PurgeColumn: TypeAlias = Literal["run", "day", "people", "state"]
HoldColumn: TypeAlias = Literal["state", "placed", "kind"]
BackupColumn: TypeAlias = Literal["made", "bytes", "until"]
HoldWhat: TypeAlias = Literal["data", "window"]


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
    signed_by: str
    preview: dict[str, Any] | None


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


class HoldRow(NamedTuple):
    """One thing that holds data back: a hold of data, or a window of evidence.

    Attributes:
        what: Which of the two.
        hold_ref, kind, reason: As in retention.data_hold or retention.hold.
        insurer_id, insurer_name, people, fields: Of a hold of data; none of a window.
        placed_by, placed_at, released_by, released_at, release_reason: Who, when, why.
        lines: How many lines of the last plan it retains; 0 once it is released.
    """

    what: HoldWhat
    hold_ref: int
    kind: str
    insurer_id: int | None
    insurer_name: str
    people: int | None
    fields: list[str]
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str
    released_at: datetime | None
    release_reason: str
    lines: int


class RetainedRow(NamedTuple):
    """What a hold keeps of one field: by which rule it was due, how many lines, since when."""

    field: str
    rule: str
    lines: int
    oldest: date | None


class BackupRow(NamedTuple):
    """One backup as this base knows it; fields as in retention.backup."""

    backup: str
    made_at: datetime
    bytes: int
    program: str
    purge: int
    kept_until: date
    verified_at: datetime | None
    tried_at: datetime | None
    tried_s: int | None
    tried_purges: int | None
    removed_at: datetime | None


class BackupFigures(NamedTuple):
    """What warnings about backups are made of.

    Attributes:
        newest: When the newest kept one was made; None: there is none.
        tried: When one was last restored to try.
        kept: How many are kept.
        until: Until when the oldest kept one is to be kept.
        last_purge: How far purges go.
    """

    newest: datetime | None
    tried: datetime | None
    kept: int
    until: date | None
    last_purge: int


class RestorationRow(NamedTuple):
    """One restoration that made this base; fields as in retention.restoration."""

    restored_at: datetime
    backup: str
    made_at: datetime | None
    purges_from: int
    purges_to: int
    payments_compared_at: datetime | None
    number: int
    certificate: str
    signed_by: str


def list_holds(
    tx: Transaction,
    listing: Listing[HoldColumn],
    *,
    what: HoldWhat | None = None,
    hold_ref: int | None = None,
) -> tuple[list[HoldRow], int]:
    """Return one page of what holds data back, and how many there are for whoever asks."""
    values = {"what": what, "hold_ref": hold_ref}
    return load_page(tx, _sql.list_holds, listing, HoldRow, values)


def load_hold(tx: Transaction, hold_ref: int) -> HoldRow | None:
    """Return one hold of data; None when there is none for whoever asks."""
    found, _total = list_holds(tx, Listing(sort="placed"), what="data", hold_ref=hold_ref)
    return found[0] if found else None


def list_retained(tx: Transaction, name: str) -> list[RetainedRow]:
    """Return what a hold keeps of the last plan that met it; `name` as lines say it."""
    return [RetainedRow(*row) for row in tx.execute(_sql.list_retained, {"name": name})]


def list_backups(tx: Transaction, listing: Listing[BackupColumn]) -> tuple[list[BackupRow], int]:
    """Return one page of backups, and how many there are for whoever asks."""
    return load_page(tx, _sql.list_backups, listing, BackupRow, {})


def read_backup_figures(tx: Transaction) -> BackupFigures:
    """Return what warnings about backups are made of."""
    [row] = tx.execute(_sql.read_backup_facts)
    return BackupFigures(*row)


def list_restorations(tx: Transaction) -> list[RestorationRow]:
    """Return the restorations that made this base, the last first."""
    return [RestorationRow(*row) for row in tx.execute(_sql.list_restorations)]
