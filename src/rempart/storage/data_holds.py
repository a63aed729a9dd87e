"""Holds of persons' data, and what moves their periods, as rows. Roles: keeper, portals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("data_holds")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataHold:
    """One hold: what it keeps and why; never whom.

    Attributes:
        hold_ref: Its number.
        kind: Who needs it.
        insurer_id: Of which insurer.
        fields: Which fields; none: all.
        reason: Why.
    """

    hold_ref: int
    kind: str
    insurer_id: int
    fields: tuple[str, ...]
    reason: str


def place_hold(
    tx: Transaction,
    hold: DataHold,
    *,
    person_ref: int | None,
    contract_ref: int | None,
    by: int | None,
) -> None:
    """Keep data of a person, or of whoever a contract covers."""
    tx.execute(
        _sql.place_hold,
        {
            "hold_ref": hold.hold_ref,
            "kind": hold.kind,
            "insurer_id": hold.insurer_id,
            "person_ref": person_ref,
            "contract_ref": contract_ref,
            "fields": list(hold.fields),
            "reason": hold.reason,
            "by": by,
        },
    )


def hold_inquired(
    tx: Transaction,
    hold_ref: int,
    inquiry_ref: int,
    *,
    kind: str,
    fields: Sequence[str],
    reason: str,
) -> int:
    """Keep data of whom an approved inquiry found; return how many holds that made."""
    values = {
        "hold_ref": hold_ref,
        "inquiry_ref": inquiry_ref,
        "kind": kind,
        "fields": list(fields),
        "reason": reason,
    }
    [(count,)] = tx.execute(_sql.hold_inquired, values)
    return int(count)


def release_hold(tx: Transaction, hold_ref: int, *, reason: str, by: int | None) -> bool:
    """Let data go again; False when no such hold is in force."""
    values = {"hold_ref": hold_ref, "reason": reason, "by": by}
    return tx.execute(_sql.release_hold, values).rowcount == 1


def list_holds(tx: Transaction) -> list[tuple[DataHold, datetime]]:
    """Return the holds in force with since when, the oldest first."""
    return [
        (
            DataHold(
                hold_ref=hold_ref,
                kind=kind,
                insurer_id=insurer_id,
                fields=tuple(fields),
                reason=reason,
            ),
            placed_at,
        )
        for hold_ref, kind, insurer_id, fields, reason, placed_at in tx.execute(_sql.list_holds)
    ]


def add_event(
    tx: Transaction,
    *,
    insurer_id: int,
    person_ref: int,
    kind: str,
    starts_on: date,
    ends_on: date | None,
    reason: str,
    by: int | None,
) -> None:
    """Write what moves the periods of a person."""
    tx.execute(
        _sql.add_event,
        {
            "insurer_id": insurer_id,
            "person_ref": person_ref,
            "kind": kind,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "reason": reason,
            "by": by,
        },
    )
