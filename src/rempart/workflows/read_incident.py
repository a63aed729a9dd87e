"""What the console shows of incidents: the list, and one incident whole.

Persons stay counts: nobody's reference leaves this module. Refuses to show an incident's sessions
and exposure before the reading is in the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from rempart.disclosure.acts import About, Author, LedgerRead
from rempart.kernel.errors import NotFound
from rempart.storage import console
from rempart.storage.connect import Transaction
from rempart.storage.console import ExposureRow, IncidentRow, SuspectSession
from rempart.workflows.read_on_record import Readings

__all__ = [
    "ExposureRow",
    "IncidentRow",
    "IncidentSheet",
    "SuspectAccount",
    "SuspectSession",
    "list_incidents",
    "read_incident",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectAccount:
    """One suspect account and its judged sessions, in the order they were opened."""

    account_ref: int
    profession: str
    sessions: tuple[SuspectSession, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSheet:
    """Everything the console shows of one incident.

    `report` is what its analysis wrote: figures against the known truth when it was an exercise,
    and the points of its pictures. It may be empty.
    """

    incident_id: int
    title: str
    exercise: bool
    declared_at: datetime
    answered_at: datetime | None
    starts_ms: int
    ends_ms: int
    report: Mapping[str, Any]
    exposure: tuple[ExposureRow, ...]
    accounts: tuple[SuspectAccount, ...]


def list_incidents(tx: Transaction) -> list[IncidentRow]:
    """Return every incident, the newest first."""
    return console.list_incidents(tx)


def read_incident(
    tx: Transaction,
    readings: Readings,
    incident_id: int,
    *,
    by: Author,
    now_ms: int,
    is_export: bool = False,
) -> IncidentSheet:
    """Return one incident whole.

    Args:
        tx: A transaction of role portals.
        readings: Where the reading is recorded.
        incident_id: The incident.
        by: Who looks.
        now_ms: The present instant.
        is_export: Whether it leaves as a file: a reading of its own, each time.

    Raises:
        NotFound: there is no incident with this number.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    record = console.load_incident(tx, incident_id)
    if record is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    read = LedgerRead(
        question="incident-export" if is_export else "incident",
        purpose=f"incident {incident_id}",
        from_ms=record.starts_ms,
        to_ms=record.ends_ms,
        about=About(kind="incidents", refs=(incident_id,), count=1),
    )
    if is_export:
        readings.record(read, by=by)
    else:
        readings.go_on(read, by=by, now_ms=now_ms)
    return IncidentSheet(
        incident_id=record.incident_id,
        title=record.title,
        exercise=record.exercise,
        declared_at=record.declared_at,
        answered_at=record.answered_at,
        starts_ms=record.starts_ms,
        ends_ms=record.ends_ms,
        report=record.report,
        exposure=tuple(console.list_exposure(tx, incident_id)),
        accounts=_gather_accounts(
            console.list_suspects(tx, incident_id), console.list_sessions(tx, incident_id)
        ),
    )


def _gather_accounts(
    suspects: list[tuple[int, str]], sessions: list[SuspectSession]
) -> tuple[SuspectAccount, ...]:
    by_account = {
        account_ref: tuple(judged)
        for account_ref, judged in groupby(sessions, key=lambda session: session.account_ref)
    }
    return tuple(
        SuspectAccount(
            account_ref=account_ref,
            profession=profession,
            sessions=by_account.get(account_ref, ()),
        )
        for account_ref, profession in suspects
    )
