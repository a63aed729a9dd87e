"""How services are and were: what probes found, kept per hour, and each time one fell or rose.

Refuses a row about anybody: services have names from a closed list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rempart.storage import continuity
from rempart.storage.connect import Transaction
from rempart.storage.continuity import CutRow, ServiceChange, ServiceHour
from rempart.workflows.jobs.read_jobs import read_pulse

__all__ = ["CutRow", "ServiceChange", "ServiceHour"]

SERVICES: Final = ("gateway", "ledger", "database", "portals", "jobs")
BACKGROUND: Final = frozenset({"jobs"})
"""What nobody's request waits for: without it, all that people ask for still works."""
HISTORY: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHistory:
    """What is known of the last days."""

    hours: tuple[ServiceHour, ...]
    changes: tuple[ServiceChange, ...]
    cuts: tuple[CutRow, ...]


def save_probes(
    tx: Transaction, hours: Iterable[ServiceHour], changes: Iterable[ServiceChange]
) -> None:
    """Keep what probes found since they were kept last."""
    continuity.save_probes(tx, list(hours))
    continuity.save_changes(tx, list(changes))


def check_jobs_work(tx: Transaction) -> bool:
    """Say whether somebody does what runs by itself."""
    return read_pulse(tx).works


def read_history(tx: Transaction, *, now: datetime) -> ServiceHistory:
    """Read what is known of the last days, cuts that anybody may see included."""
    since = now - HISTORY
    return ServiceHistory(
        hours=tuple(continuity.list_hours(tx, since=since)),
        changes=tuple(continuity.list_changes(tx, since=since)),
        cuts=tuple(
            cut for cut in continuity.list_cuts(tx, since=since) if cut.starts_at is not None
        ),
    )
