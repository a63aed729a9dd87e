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
from rempart.incidents.changes import ExposureChange, VerdictChange
from rempart.incidents.coverage import Coverage, parse_coverage
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import console, incident_analyses, incidents
from rempart.storage.connect import Transaction
from rempart.storage.console import ExposureRow, IncidentColumn, IncidentRow, SuspectSession
from rempart.storage.incident_analyses import (
    Analysis,
    ChangeCount,
    OverruleRow,
    ProfessionalRow,
)
from rempart.storage.incidents import IncidentLine
from rempart.workflows.ledger.read_on_record import Readings
from rempart.workflows.ledger.record_act import ActsLog, record_act

__all__ = [
    "Analysis",
    "ChangeCount",
    "ExposureRow",
    "IncidentColumn",
    "IncidentLine",
    "IncidentRow",
    "IncidentSheet",
    "OverruleRow",
    "ProfessionalRow",
    "SuspectAccount",
    "SuspectSession",
    "list_changes",
    "list_incident_lines",
    "list_incidents",
    "read_at_the_machine",
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
    and the points of its pictures. It may be empty. The last of `analyses` comes first; `changes`
    and `moved` are what it changed of the one before.
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
    analyses: tuple[Analysis, ...] = ()
    changes: tuple[ChangeCount, ...] = ()
    moved: tuple[VerdictChange, ...] = ()
    professionals: tuple[ProfessionalRow, ...] = ()
    overrules: tuple[OverruleRow, ...] = ()

    @property
    def coverage(self) -> Coverage | None:
        """What the last analysis could see of the window; None before the first one."""
        return parse_coverage(self.analyses[0].coverage) if self.analyses else None


def list_incidents(
    tx: Transaction, listing: Listing[IncidentColumn]
) -> tuple[list[IncidentRow], int, int]:
    """Return one page of the incidents, how many there are, and how many are no exercise."""
    return console.list_incidents(tx, listing)


def list_incident_lines(tx: Transaction) -> list[IncidentLine]:
    """Return every incident with its counts, the newest first, at the machine."""
    return incidents.list_incident_rows(tx)


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
    record = _find(tx, incident_id)
    read = _describe(record, "incident-export" if is_export else "incident")
    if is_export:
        readings.record(read, by=by)
    else:
        readings.go_on(read, by=by, now_ms=now_ms)
    return _gather(tx, record)


def read_at_the_machine(
    tx: Transaction, acts: ActsLog, incident_id: int, *, by: Author
) -> IncidentSheet:
    """Return one incident whole, for the command line.

    Args:
        tx: A transaction of role analyst.
        acts: Where the reading is recorded.
        incident_id: The incident.
        by: Who looks.

    Raises:
        NotFound: there is no incident with this number.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    record = _find(tx, incident_id)
    record_act(acts, _describe(record, "incident"), by=by)
    return _gather(tx, record)


def list_changes(
    tx: Transaction, acts: ActsLog, incident_id: int, number: int, *, by: Author
) -> tuple[ExposureChange, ...]:
    """Return the persons whose line one analysis changed, by reference.

    Raises:
        NotFound: there is no incident with this number.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    record_act(acts, _describe(_find(tx, incident_id), "incident-changes"), by=by)
    return incident_analyses.list_changes(tx, incident_id, number)


def _find(tx: Transaction, incident_id: int) -> console.IncidentRecord:
    record = console.load_incident(tx, incident_id)
    if record is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    return record


def _describe(record: console.IncidentRecord, question: str) -> LedgerRead:
    return LedgerRead(
        question=question,
        purpose=f"incident {record.incident_id}",
        from_ms=record.starts_ms,
        to_ms=record.ends_ms,
        about=About(kind="incidents", refs=(record.incident_id,), count=1),
    )


def _gather(tx: Transaction, record: console.IncidentRecord) -> IncidentSheet:
    incident_id = record.incident_id
    analyses = tuple(incident_analyses.list_analyses(tx, incident_id))
    last = analyses[0].number if analyses else 0
    return IncidentSheet(
        incident_id=incident_id,
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
        analyses=analyses,
        changes=tuple(incident_analyses.count_changes(tx, incident_id, last)),
        moved=tuple(incident_analyses.list_verdict_changes(tx, incident_id, last)),
        professionals=tuple(incident_analyses.list_exposed_professionals(tx, incident_id)),
        overrules=tuple(incident_analyses.list_written_overrules(tx, incident_id)),
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
