"""Reports of events that were somebody else's doing, in the accounts plane.

Refuses to handle one twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.accounts.roles import ActorKind
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("event_reports")

ReportColumn: TypeAlias = Literal["reported", "event"]


@dataclass(frozen=True, slots=True)
class ListedReport:
    """What somebody said of an event of theirs, the event, and what was decided."""

    event_ref: int
    actor_ref: int
    actor_kind: ActorKind
    name: str
    account_suspended: bool
    org_name: str
    kind: str
    at: datetime
    address: str
    agent: str
    reported_at: datetime
    words: str
    handled_at: datetime | None
    handled_by: str
    outcome: str
    details: Mapping[str, Any]


def list_reports(
    tx: Transaction,
    listing: Listing[ReportColumn],
    *,
    handled: bool | None,
    event_ref: int | None = None,
) -> tuple[list[ListedReport], int]:
    """Return one page of reports, and how many there are.

    Args:
        tx: An open transaction.
        listing: By when it was said, or by when it happened.
        handled: Only those handled, or only those waiting; None for both.
        event_ref: Only the one about this event.
    """
    wanted = {"handled": handled, "event_ref": event_ref}
    return load_page(tx, QUERIES.list_reports, listing, ListedReport, wanted)


def handle_report(tx: Transaction, event_ref: int, *, handled_by: int, outcome: str) -> bool:
    """Write what was decided of a report; False when it was decided already."""
    row = tx.execute(
        QUERIES.handle_report,
        {"event_ref": event_ref, "handled_by": handled_by, "outcome": outcome},
    ).fetchone()
    return row is not None
