"""What the host operator does with "it was not me": read it, stop the account or not, answer.

Refuses to let anybody judge what they reported themselves.
"""

from typing import Final, Literal

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import event_reports, people
from rempart.storage.connect import Transaction
from rempart.storage.event_reports import ListedReport, ReportColumn, list_reports
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host
from rempart.workflows.accounts.end_fallen_sessions import end_fallen_sessions
from rempart.workflows.accounts.web_session import record_event

__all__ = [
    "ListedReport",
    "Measure",
    "ReportColumn",
    "handle_report",
    "list_reports",
    "read_report",
]

# What is done to the account with the answer.
Measure = Literal["none", "suspend", "restore"]
OUTCOME_LIMIT: Final = 2000


def read_report(tx: Transaction, event_ref: int) -> ListedReport:
    """Return the report about one event.

    Raises:
        NotFound: nobody reported it, or the asker may not see it.
    """
    found, _ = list_reports(tx, Listing(sort="reported"), handled=None, event_ref=event_ref)
    if not found:
        raise NotFound("no such report")
    return found[0]


def handle_report(
    tx: Transaction, asker: Asker, event_ref: int, *, outcome: str, measure: Measure
) -> None:
    """Answer a report, and stop or restore the account it is about.

    Args:
        tx: A transaction with the asker's ticket.
        asker: An agent of the host operator.
        event_ref: The event reported.
        outcome: What was done, in words that its author will read.
        measure: What becomes of the account; stopped, its sessions end at once everywhere.

    Raises:
        NotFound: no such report for the asker.
        NotAllowed: they reported it themselves.
        InvalidRequest: no words, or too many.
        Conflict: it was answered already.
    """
    check_can_as_host(asker, Permission.HANDLE_REPORT)
    report = read_report(tx, event_ref)
    if report.actor_ref == asker.visitor.actor_ref:
        raise NotAllowed("nobody judges their own report: leave it to a colleague")
    words = outcome.strip()
    if not words or len(words) > OUTCOME_LIMIT:
        raise InvalidRequest(f"outcome: say what was done, in {OUTCOME_LIMIT} letters at most")
    if not event_reports.handle_report(
        tx, event_ref, handled_by=asker.visitor.actor_ref, outcome=words
    ):
        raise Conflict("this report was answered already")
    _record(tx, asker, SecurityEventKind.REPORT_HANDLED, report.actor_ref, measure=measure)
    if measure == "suspend" and people.suspend_account(tx, report.actor_ref):
        _record(tx, asker, SecurityEventKind.AGENT_SUSPENDED, report.actor_ref)
        end_fallen_sessions(
            tx,
            actor_ref=report.actor_ref,
            by_ref=asker.visitor.actor_ref,
            whence=asker.whence,
        )
    if measure == "restore" and people.restore_account(tx, report.actor_ref):
        _record(tx, asker, SecurityEventKind.AGENT_RESTORED, report.actor_ref)


def _record(
    tx: Transaction, asker: Asker, kind: SecurityEventKind, actor_ref: int, **details: str
) -> None:
    record_event(
        tx,
        SecurityEvent(
            kind=kind,
            actor_ref=actor_ref,
            by_ref=asker.visitor.actor_ref,
            session_ref=asker.visitor.session_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
            details=details,
        ),
    )
