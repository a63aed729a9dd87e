"""An employer's list, movements and statements, as pages read and write them.

Refuses whom a line is about: the pages' role cannot read it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from rempart.employers.movements import MovementFinding, Stay, Structure
from rempart.employers.statements import StatementLine
from rempart.kernel.listing import Listing
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

StaffColumn: TypeAlias = Literal["number", "structure", "joined", "left", "ends"]
MovementColumn: TypeAlias = Literal["declared", "number", "day", "state"]
FindingColumn: TypeAlias = Literal["line", "field"]
StatementColumn: TypeAlias = Literal["month", "active", "amount"]

_sql: Final = load_queries("employers")


@dataclass(frozen=True, slots=True)
class GroupContract:
    """A collective contract, and how many people are on it today."""

    group_ref: int
    org_ref: int
    insurer_id: int
    number: str
    employer_name: str
    insurer_name: str
    starts_on: date
    ends_on: date | None
    active: int
    ported: int
    waiting: int

    @property
    def period(self) -> Period:
        """The days of the contract."""
        return Period(self.starts_on, self.ends_on or OPEN_END)


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One stay of somebody on the list, by the employer's own number."""

    staff_ref: int
    contract_number: str
    staff_number: str
    structure: str
    work_from: date
    joined_on: date
    left_on: date | None
    cover_ends_on: date | None


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One movement, and what became of it."""

    movement_ref: int
    contract_number: str
    employer_name: str
    kind: str
    staff_number: str
    happens_on: date
    structure: str | None
    cover_ends_on: date | None
    state: str
    declared_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMovement:
    """A movement to write; `sealed` holds who joins, for feeds only."""

    movement_ref: int
    kind: Literal["join", "leave"]
    staff_number: str
    happens_on: date
    structure: str | None = None
    work_from: date | None = None
    cover_ends_on: date | None = None
    sealed: bytes | None = None


class UploadRow(NamedTuple):
    """A file that was sent."""

    upload_ref: int
    contract_number: str
    lines: int
    findings: int
    uploaded_at: datetime


class FindingRow(NamedTuple):
    """What is wrong with a line of it."""

    line: int
    field: str
    rule: str


@dataclass(frozen=True, slots=True)
class StatementRow:
    """What a contract was called for, for one month."""

    statement_ref: int
    contract_number: str
    month: date
    active: int
    ported: int
    amount_cents: int
    issued_at: datetime
    employer_name: str = ""
    insurer_name: str = ""


class PriceRow(NamedTuple):
    """What a structure costs a month from a day on."""

    contract_number: str
    structure: str
    starts_on: date
    monthly_cents: int


class ExposedCount(NamedTuple):
    """How many of a contract's staff are in a tier; None: fewer than eleven, or nearly all."""

    contract_number: str
    starts_ms: int
    ends_ms: int
    told_at: datetime
    amc_number: str
    page_number: int
    tier: str
    persons: int | None
    nearly_all: bool


def list_groups(tx: Transaction, today: date) -> list[GroupContract]:
    """Return the collective contracts of the visitor."""
    return [GroupContract(*row) for row in tx.execute(_sql.list_groups, {"today": today})]


def list_staff(
    tx: Transaction, org_ref: int, listing: Listing[StaffColumn], *, staff_number: str
) -> tuple[list[StaffRow], int]:
    """Return one page of an employer's list; of one number only, when it is not empty."""
    values = {"org_ref": org_ref, "staff_number": staff_number}
    return load_page(tx, _sql.list_staff, listing, StaffRow, values)


def load_stays(
    tx: Transaction, group_ref: int, numbers: Sequence[str]
) -> Mapping[str, Sequence[Stay]]:
    """Return every stay of some numbers, by number."""
    found: dict[str, list[Stay]] = {}
    values = {"group_ref": group_ref, "numbers": list(numbers)}
    for number, work_from, joined_on, left_on, cover_ends_on in tx.execute(_sql.list_stays, values):
        stay = Stay(
            staff_number=number,
            work_from=work_from,
            joined_on=joined_on,
            left_on=left_on,
            cover_ends_on=cover_ends_on,
        )
        found.setdefault(number, []).append(stay)
    return found


def load_waiting(tx: Transaction, group_ref: int, numbers: Sequence[str]) -> frozenset[str]:
    """Return those of some numbers of whom a movement is not applied yet."""
    values = {"group_ref": group_ref, "numbers": list(numbers)}
    return frozenset(number for (number,) in tx.execute(_sql.list_waiting, values))


def load_priced(tx: Transaction, group_ref: int) -> Mapping[Structure, date]:
    """Return the first day of each structure that has a price."""
    rows = tx.execute(_sql.list_priced, {"group_ref": group_ref})
    return {Structure(structure): first for structure, first in rows}


def list_prices(tx: Transaction) -> list[PriceRow]:
    """Return what the visitor's contracts cost."""
    return [PriceRow(*row) for row in tx.execute(_sql.list_prices)]


def insert_upload(
    tx: Transaction,
    group: GroupContract,
    upload_ref: int,
    *,
    lines: int,
    findings: Sequence[MovementFinding],
    by: int,
) -> None:
    """Note a file that was sent, with what is wrong in it."""
    ordered = sorted(set(findings))
    values = {"upload_ref": upload_ref, "org_ref": group.org_ref}
    tx.execute(
        _sql.insert_upload,
        {
            **values,
            "group_ref": group.group_ref,
            "lines": lines,
            "findings": len(ordered),
            "uploaded_by": by,
        },
    )
    tx.execute(
        _sql.insert_findings,
        {
            **values,
            "lines": [one.line for one in ordered],
            "fields": [one.field for one in ordered],
            "rules": [one.rule.value for one in ordered],
        },
    )


def insert_movements(
    tx: Transaction,
    group: GroupContract,
    movements: Sequence[NewMovement],
    *,
    upload_ref: int | None,
    by: int,
) -> None:
    """Write movements that were told."""
    for one in movements:
        tx.execute(
            _sql.insert_movement,
            {
                "movement_ref": one.movement_ref,
                "group_ref": group.group_ref,
                "org_ref": group.org_ref,
                "insurer_id": group.insurer_id,
                "upload_ref": upload_ref,
                "kind": one.kind,
                "staff_number": one.staff_number,
                "happens_on": one.happens_on,
                "structure": one.structure,
                "work_from": one.work_from,
                "cover_ends_on": one.cover_ends_on,
                "sealed": one.sealed,
                "declared_by": by,
            },
        )


def load_upload(tx: Transaction, upload_ref: int) -> UploadRow | None:
    """Return a file of the visitor's, or None."""
    row = tx.execute(_sql.load_upload, {"upload_ref": upload_ref}).fetchone()
    return None if row is None else UploadRow(*row)


def list_findings(
    tx: Transaction, upload_ref: int, listing: Listing[FindingColumn]
) -> tuple[list[FindingRow], int]:
    """Return one page of what is wrong with a file."""
    return load_page(tx, _sql.list_findings, listing, FindingRow, {"upload_ref": upload_ref})


def list_movements(
    tx: Transaction, listing: Listing[MovementColumn], *, only: str
) -> tuple[list[MovementRow], int]:
    """Return one page of the visitor's movements, of one state when `only` names it."""
    return load_page(tx, _sql.list_movements, listing, MovementRow, {"only": only})


def decide_movements(
    tx: Transaction, movement_refs: Sequence[int], state: str, *, by: int, reason: str
) -> int:
    """Decide those of some movements that wait; return how many did."""
    values = {
        "movement_refs": list(movement_refs),
        "state": state,
        "decided_by": by,
        "reason": reason,
    }
    return len(tx.execute(_sql.decide_movements, values).fetchall())


def list_statements(
    tx: Transaction, listing: Listing[StatementColumn]
) -> tuple[list[StatementRow], int]:
    """Return one page of the visitor's statements."""
    return load_page(tx, _sql.list_statements, listing, StatementRow, {})


def load_statement(
    tx: Transaction, statement_ref: int
) -> tuple[StatementRow, list[StatementLine]] | None:
    """Return a statement of the visitor's with its lines, or None."""
    values = {"statement_ref": statement_ref}
    row = tx.execute(_sql.load_statement, values).fetchone()
    if row is None:
        return None
    lines = [
        StatementLine(
            about=about,
            structure=Structure(structure),
            active=active,
            ported=ported,
            unit_cents=unit_cents,
            amount_cents=amount_cents,
        )
        for about, structure, active, ported, unit_cents, amount_cents in tx.execute(
            _sql.list_statement_lines, values
        )
    ]
    return StatementRow(*row), lines


def count_exposed(tx: Transaction) -> list[ExposedCount]:
    """Return how many of the visitor's staff each incident exposed, tier by tier."""
    return [ExposedCount(*row) for row in tx.execute(_sql.count_exposed)]
