"""Which jobs there are, how far each is, what failed and why, and what is due when.

Refuses nobody by itself what the database shows them: jobs are shown to the host's agents and to
the command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from croniter import croniter

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import jobs
from rempart.storage.connect import Transaction
from rempart.storage.jobs import AttemptRow, JobColumn, JobRow, Pulse
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["AttemptRow", "JobColumn", "JobRow", "Pulse"]

SILENT_AFTER: Final = timedelta(seconds=60)
"""A worker is heard of every few seconds: after a minute, none works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A kind of job that runs by itself, or would.

    Args:
        kind: Which.
        cron: When, in UTC; empty until a worker started once.
        lacks: The variable without which it does not run here; empty for none.
        last_at: When it last ran to its end.
        next_at: When it is due; None when it is not.
    """

    kind: str
    cron: str
    lacks: str
    last_at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a page says above the list.

    Args:
        pulse: When a worker was last heard of.
        works: Whether one works.
        dues: What runs by itself, by name.
    """

    pulse: datetime | None
    works: bool
    dues: tuple[Due, ...]


def list_jobs(
    tx: Transaction,
    asker: Asker | None,
    listing: Listing[JobColumn],
    *,
    state: str | None = None,
    kind: str | None = None,
) -> tuple[list[JobRow], int]:
    """Return one page of the jobs, and how many there are.

    Args:
        tx: A transaction with the asker's ticket, or one of the role worker.
        asker: An agent of the host; None for the command line.
        listing: Which page.
        state: Only jobs in this state.
        kind: Only jobs of this kind.

    Raises:
        NotAllowed: their role does not read services.
    """
    _check_reads(asker)
    return jobs.list_page(tx, listing, state=state, kind=kind)


def read_job(tx: Transaction, asker: Asker | None, job_id: int) -> JobRow:
    """Return one job.

    Raises:
        NotFound: there is none for this asker.
    """
    _check_reads(asker)
    row = jobs.load_job(tx, job_id)
    if row is None:
        raise NotFound(f"there is no job {job_id}: see `rempart jobs list`")
    return row


def list_attempts(tx: Transaction, asker: Asker | None, job_id: int) -> list[AttemptRow]:
    """Return each time a job was taken up, the first one first."""
    _check_reads(asker)
    return jobs.list_attempts(tx, job_id)


def find_latest_job(tx: Transaction, kind: str, **arguments: int) -> JobRow | None:
    """Return the newest job of a kind about the same thing, for a page that shows its progress."""
    return jobs.find_latest(tx, kind, arguments)


def watch_jobs(tx: Transaction, asker: Asker | None, *, now: datetime) -> Watch:
    """Return whether somebody works, and what is due when."""
    _check_reads(asker)
    pulse = read_pulse(tx)
    dues = tuple(
        Due(
            kind=row.kind,
            cron=row.cron,
            lacks=row.lacks,
            last_at=row.last_ended,
            next_at=find_next(row.cron, now) if row.cron and not row.lacks else None,
        )
        for row in jobs.list_schedule(tx)
    )
    return Watch(pulse=pulse.heard_at, works=pulse.works, dues=dues)


def read_pulse(tx: Transaction) -> Pulse:
    """Return whether a worker works, to anybody."""
    return jobs.read_pulse(tx, silent=SILENT_AFTER)


def find_next(cron: str, after: datetime) -> datetime:
    """Return the next moment of a schedule, which is in UTC, after an instant."""
    moment: datetime = croniter(cron, after.astimezone(UTC)).get_next(datetime)
    return moment


def compute_share(row: JobRow) -> int | None:
    """Return how much of a job is done, 0 to 100; None when nobody knows of how much."""
    if not row.total:
        return None
    return min(100, 100 * row.done // row.total)


def format_arguments(arguments: Mapping[str, int]) -> str:
    """Return what a job is about, by references."""
    return ", ".join(f"{name} {value}" for name, value in sorted(arguments.items()))


def _check_reads(asker: Asker | None) -> None:
    if asker is not None:
        check_can(asker.visitor, Permission.READ_SERVICES, now=asker.now)
