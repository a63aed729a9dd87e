"""Schedules of retention, as rows. Roles: portals under the database's guard, keeper."""

from datetime import date, datetime
from typing import Any, Final, NamedTuple

from psycopg.types.json import Jsonb

from rempart.retention.schedule import Schedule
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("retention_schedules")


class ScheduleRow(NamedTuple):
    """One schedule as those who decide read it.

    Attributes:
        schedule_ref: Its reference.
        content: Its text.
        note: Why it is proposed.
        state: What became of it.
        proposed_by, proposed_at: Who proposed it, when; None: the command line.
        decided_by, decided_at: Who decided it, when.
        effect: What it would do beside the one in force, on `tried_on`; None: not tried yet.
    """

    schedule_ref: int
    content: str
    note: str
    state: str
    proposed_by: int | None
    proposed_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    effect: dict[str, Any] | None
    tried_on: date | None


def save_schedule(
    tx: Transaction,
    schedule_ref: int,
    content: str,
    schedule: Schedule,
    *,
    note: str,
    by: int | None,
) -> None:
    """Propose a schedule."""
    tx.execute(
        _sql.save_schedule,
        {
            "schedule_ref": schedule_ref,
            "content": content,
            "digest": schedule.digest,
            "note": note,
            "proposed_by": by,
        },
    )


def load_schedule(tx: Transaction, schedule_ref: int) -> ScheduleRow | None:
    """Return one; None when there is none for whoever asks."""
    row = tx.execute(_sql.load_schedule, {"schedule_ref": schedule_ref}).fetchone()
    return None if row is None else ScheduleRow(*row)


def list_schedules(tx: Transaction) -> list[ScheduleRow]:
    """Return the last hundred, the newest first."""
    return [ScheduleRow(*row) for row in tx.execute(_sql.list_schedules)]


def decide(tx: Transaction, schedule_ref: int, *, state: str, by: int | None) -> bool:
    """Approve, refuse or withdraw one; say whether nobody had decided."""
    values = {"schedule_ref": schedule_ref, "state": state, "decided_by": by}
    return tx.execute(_sql.decide, values).rowcount == 1


def save_effect(tx: Transaction, schedule_ref: int, effect: dict[str, Any], day: date) -> None:
    """Keep what one would do."""
    values = {"schedule_ref": schedule_ref, "effect": Jsonb(effect), "day": day}
    tx.execute(_sql.save_effect, values)
