"""An incident written for other tools; what names persons by reference is on record first.

Refuses to hand out one person's row before the act that says so is durable.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, TypeAlias

from rempart.disclosure.acts import COMMAND_LINE, About, LedgerRead
from rempart.exchange.alert_ocsf import Producer
from rempart.exchange.incident_events import ShownPerson, write_audit_events, write_ocsf
from rempart.exchange.incident_exports import (
    write_breaches_csv,
    write_iris_case,
    write_iris_timeline,
)
from rempart.incidents.case import CaseFile
from rempart.storage import authorities
from rempart.storage.connect import Transaction
from rempart.workflows.incidents.case_file import Writer, read_case
from rempart.workflows.ledger.record_act import ActsLog, record_act

Summary: TypeAlias = Literal["ciso-assistant", "iris", "iris-timeline"]
Events: TypeAlias = Literal["fhir", "ocsf"]
SUFFIXES: Final[dict[str, str]] = {
    "ciso-assistant": "csv",
    "iris": "json",
    "iris-timeline": "csv",
    "fhir": "ndjson",
    "ocsf": "ndjson",
}


def export_summary(
    tx: Transaction, writer: Writer, incident_id: int, form: Summary, *, customer: int = 1
) -> tuple[CaseFile, bytes]:
    """Return an incident, and the file that another tool takes; persons are counts.

    Raises:
        NotFound: there is no such incident for them (also NotAllowed).
    """
    case = read_case(tx, writer, incident_id)
    match form:
        case "ciso-assistant":
            return case, write_breaches_csv(case)
        case "iris":
            return case, write_iris_case(case, customer=customer)
        case "iris-timeline":
            return case, write_iris_timeline(case)


def export_events(
    tx: Transaction,
    acts: ActsLog,
    incident_id: int,
    form: Events,
    *,
    by: Writer,
    producer: Producer,
    at: datetime,
) -> Iterator[bytes]:
    """Yield an incident as standard events, one line per person and session.

    Args:
        tx: A transaction of role analyst.
        acts: Where the reading is recorded, before the first line.
        incident_id: The incident.
        form: Which standard.
        by: Who asks.
        producer: This installation.
        at: The present instant.

    Raises:
        NotFound: there is no such incident.
        LedgerUnavailable: the reading cannot be recorded: nothing is written.
    """
    case = read_case(tx, by, incident_id)
    read = LedgerRead(
        question=f"incident-{form}",
        purpose=f"incident {incident_id}",
        from_ms=int(case.starts_at.timestamp() * 1000),
        to_ms=int(case.ends_at.timestamp() * 1000),
        about=About(kind="incidents", refs=(incident_id,), count=1),
    )
    record_act(acts, read, by=COMMAND_LINE)
    shown = (_make_shown(row) for row in authorities.list_shown(tx, incident_id))
    if form == "fhir":
        yield from write_audit_events(shown, case)
    else:
        yield from write_ocsf(shown, case, producer, at=at)


def _make_shown(row: tuple[object, ...]) -> ShownPerson:
    names = ("person_ref", "insurer_id", "session_ref", "account_ref", "t_ms", "address", "agent")
    return ShownPerson(**dict(zip((*names, "tier", "fields"), row, strict=True)))  # type: ignore[arg-type]
