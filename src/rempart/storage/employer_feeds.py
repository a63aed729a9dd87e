"""Movements as they are applied, and statements as they are issued: the role feeds.

Refuses a name: who joins is opened by whoever holds the key, and forgotten here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, NamedTuple

from rempart.employers.movements import Structure
from rempart.employers.statements import Called, Covered, Price, StatementLine
from rempart.storage.connect import Transaction
from rempart.storage.employers import NewMovement
from rempart.storage.queries import load_queries

_sql: Final = load_queries("employer_feeds")


class GroupKey(NamedTuple):
    """A collective contract, without names."""

    group_ref: int
    org_ref: int
    insurer_id: int
    number: str
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class AcceptedMovement:
    """A movement to apply."""

    movement_ref: int
    group_ref: int
    org_ref: int
    insurer_id: int
    kind: Literal["join", "leave"]
    staff_number: str
    happens_on: date
    structure: str | None
    work_from: date | None
    cover_ends_on: date | None
    sealed: bytes | None = field(repr=False)
    contract_number: str
    contract_ends_on: date | None


class FoundStay(NamedTuple):
    """The stay a leave ends; the person is None once erased."""

    staff_ref: int
    person_ref: int | None
    contract_ref: int


def add_group(tx: Transaction, group: GroupKey, *, employer_name: str, insurer_name: str) -> None:
    """Add a collective contract."""
    values = {**group._asdict(), "employer_name": employer_name, "insurer_name": insurer_name}
    tx.execute(_sql.add_group, values)


def find_group(tx: Transaction, insurer_id: int, number: str) -> GroupKey | None:
    """Return a collective contract by the insurer's number, or None."""
    values = {"insurer_id": insurer_id, "number": number}
    row = tx.execute(_sql.find_group, values).fetchone()
    return None if row is None else GroupKey(*row)


def list_all_groups(tx: Transaction) -> list[GroupKey]:
    """Return every collective contract."""
    return [GroupKey(*row) for row in tx.execute(_sql.list_all_groups)]


def set_tariff(tx: Transaction, group: GroupKey, price: Price, *, terms_id: int) -> None:
    """Say what a structure costs from a day on; said again for that day, it is corrected."""
    values = {
        "group_ref": group.group_ref,
        "org_ref": group.org_ref,
        "insurer_id": group.insurer_id,
        "structure": price.structure.value,
        "starts_on": price.starts_on,
        "monthly_cents": price.monthly_cents,
        "terms_id": terms_id,
    }
    tx.execute(_sql.drop_tariff, values)
    tx.execute(_sql.add_tariff, values)


def add_accepted(tx: Transaction, group: GroupKey, one: NewMovement) -> None:
    """Write a movement that the insurer itself states."""
    values = {
        "movement_ref": one.movement_ref,
        "group_ref": group.group_ref,
        "org_ref": group.org_ref,
        "insurer_id": group.insurer_id,
        "kind": one.kind,
        "staff_number": one.staff_number,
        "happens_on": one.happens_on,
        "structure": one.structure,
        "work_from": one.work_from,
        "cover_ends_on": one.cover_ends_on,
        "sealed": one.sealed,
    }
    tx.execute(_sql.add_accepted, values)


def list_insurers_to_settle(tx: Transaction) -> list[int]:
    """Return the insurers with movements to apply."""
    return [insurer_id for (insurer_id,) in tx.execute(_sql.list_insurers_to_settle)]


def take_accepted(tx: Transaction, insurer_id: int, *, most: int) -> list[AcceptedMovement]:
    """Return movements of an insurer to apply, the first told first."""
    values = {"insurer_id": insurer_id, "most": most}
    return [AcceptedMovement(*row) for row in tx.execute(_sql.take_accepted, values)]


def find_terms(tx: Transaction, group_ref: int, structure: str, day: date) -> int | None:
    """Return the guarantee of a structure on a day, or None."""
    values = {"group_ref": group_ref, "structure": structure, "day": day}
    row = tx.execute(_sql.find_terms, values).fetchone()
    return None if row is None else int(row[0])


def find_stay(tx: Transaction, group_ref: int, staff_number: str, day: date) -> FoundStay | None:
    """Return the stay that somebody's leave ends, or None."""
    values = {"group_ref": group_ref, "staff_number": staff_number, "day": day}
    row = tx.execute(_sql.find_stay, values).fetchone()
    return None if row is None else FoundStay(*row)


def list_covered_with(
    tx: Transaction, insurer_id: int, contract_ref: int, person_ref: int
) -> list[int]:
    """Return everybody on an individual contract, as published."""
    values = {"insurer_id": insurer_id, "contract_ref": contract_ref, "person_ref": person_ref}
    return [ref for (ref,) in tx.execute(_sql.list_covered_with, values)]


def would_overlap(tx: Transaction, one: AcceptedMovement, person_ref: int | None) -> bool:
    """Say whether a join would put somebody on a list twice."""
    values = {
        "group_ref": one.group_ref,
        "staff_number": one.staff_number,
        "person_ref": person_ref,
        "joined_on": one.happens_on,
    }
    [(found,)] = tx.execute(_sql.overlaps_stay, values)
    return bool(found)


def add_stay(
    tx: Transaction, one: AcceptedMovement, *, staff_ref: int, person_ref: int, contract_ref: int
) -> None:
    """Put somebody on the list."""
    values = {
        "staff_ref": staff_ref,
        "group_ref": one.group_ref,
        "org_ref": one.org_ref,
        "insurer_id": one.insurer_id,
        "staff_number": one.staff_number,
        "structure": one.structure,
        "person_ref": person_ref,
        "contract_ref": contract_ref,
        "work_from": one.work_from,
        "joined_on": one.happens_on,
    }
    tx.execute(_sql.add_stay, values)


def end_stay(tx: Transaction, staff_ref: int, one: AcceptedMovement) -> None:
    """Write that somebody left."""
    values = {
        "staff_ref": staff_ref,
        "left_on": one.happens_on,
        "cover_ends_on": one.cover_ends_on,
    }
    tx.execute(_sql.end_stay, values)


def settle_movement(tx: Transaction, movement_ref: int, state: str) -> None:
    """Note that a movement is applied or failed, and forget who it was about."""
    tx.execute(_sql.settle_movement, {"movement_ref": movement_ref, "state": state})


def load_covered(tx: Transaction, group_ref: int) -> list[Covered]:
    """Return everybody who is or was on a contract, by dates only."""
    return [
        Covered(
            structure=Structure(structure),
            joined_on=joined_on,
            left_on=left_on,
            cover_ends_on=cover_ends_on,
        )
        for structure, joined_on, left_on, cover_ends_on in tx.execute(
            _sql.list_covered, {"group_ref": group_ref}
        )
    ]


def load_prices(tx: Transaction, group_ref: int) -> list[Price]:
    """Return what a contract costs."""
    return [
        Price(structure=Structure(structure), starts_on=starts_on, monthly_cents=cents)
        for structure, starts_on, cents in tx.execute(
            _sql.list_group_prices, {"group_ref": group_ref}
        )
    ]


def list_issued(tx: Transaction, group_ref: int) -> list[date]:
    """Return the months that have a statement, in order."""
    return [month for (month,) in tx.execute(_sql.list_issued, {"group_ref": group_ref})]


def load_called(tx: Transaction, group_ref: int) -> Called:
    """Return what a contract was called for so far, by month and structure."""
    return {
        (about, Structure(structure)): (int(active), int(ported), int(cents))
        for about, structure, active, ported, cents in tx.execute(
            _sql.list_called, {"group_ref": group_ref}
        )
    }


def add_statement(
    tx: Transaction,
    group: GroupKey,
    *,
    statement_ref: int,
    month: date,
    lines: Sequence[StatementLine],
) -> None:
    """Write a month's statement, once."""
    own = [line for line in lines if line.about == month]
    common = {
        "statement_ref": statement_ref,
        "org_ref": group.org_ref,
        "insurer_id": group.insurer_id,
    }
    tx.execute(
        _sql.add_statement,
        {
            **common,
            "group_ref": group.group_ref,
            "month": month,
            "amount_cents": sum(line.amount_cents for line in lines),
            "active": sum(line.active for line in own),
            "ported": sum(line.ported for line in own),
        },
    )
    for place, line in enumerate(lines, start=1):
        tx.execute(
            _sql.add_statement_line,
            {
                **common,
                "place": place,
                "about": line.about,
                "structure": line.structure.value,
                "active": line.active,
                "ported": line.ported,
                "unit_cents": line.unit_cents,
                "amount_cents": line.amount_cents,
            },
        )


def forget_old(tx: Transaction, *, ended_by: date, told_by: datetime) -> int:
    """Delete stays that ended by a day, movements and files told by an instant; how many."""
    stays = tx.execute(_sql.forget_stays, {"ended_by": ended_by}).rowcount
    movements = tx.execute(_sql.forget_movements, {"told_by": told_by}).rowcount
    return stays + movements + tx.execute(_sql.forget_uploads, {"told_by": told_by}).rowcount
