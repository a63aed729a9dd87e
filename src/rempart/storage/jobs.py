"""Jobs as the database keeps them: asked for, taken up, how far, what came of them.

The queue itself is procrastinate's. Refuses to keep what a driver or a file said about a failure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from psycopg import errors
from psycopg.types.json import Jsonb

from rempart.kernel.errors import InvalidRequest, NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

JobColumn: TypeAlias = Literal["job", "kind", "state", "since", "tries"]
Outcome: TypeAlias = Literal[
    "done", "needless", "failed", "to_retry", "cancelled", "stopped", "died"
]
MOST_LETTERS: Final = 500

_sql = load_queries("jobs")


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job as people see it.

    Attributes:
        job_id: Its number.
        kind: Which job.
        queue: Where it waits.
        arguments: What it is about, by references.
        state: `todo`, `doing`, `succeeded`, `failed`, `cancelled` or `aborted`.
        cancelling: Whether it was asked to stop and has not yet.
        tries: How often it was taken up.
        due_at: When it is taken up again; None for at once.
        asked_at: When it was asked for; None for one that was due by itself.
        started_at: When it was taken up last.
        ended_at: When that ended.
        late_s: How late it began, in seconds.
        outcome: What came of the last attempt; empty while it runs.
        code: Of the failure.
        reason: A sentence of ours about it.
        done: How much is done.
        total: Of how much; None when nobody knows.
        unit: Of both.
        note: What the job says.
    """

    job_id: int
    kind: str
    queue: str
    arguments: Mapping[str, int]
    state: str
    cancelling: bool
    tries: int
    due_at: datetime | None
    asked_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    late_s: int
    outcome: str
    code: str
    reason: str
    done: int
    total: int | None
    unit: str
    note: str


class AttemptRow(NamedTuple):
    """One time a job was taken up."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    late_s: int
    outcome: str
    code: str
    reason: str


class ScheduleRow(NamedTuple):
    """A kind of job, when it is due by itself, and when it last ran to its end."""

    kind: str
    queue: str
    cron: str
    lacks: str
    last_started: datetime | None
    last_ended: datetime | None


class Pulse(NamedTuple):
    """When a worker was last heard of, None when none is there; and whether one works."""

    heard_at: datetime | None
    works: bool


class Reclaimed(NamedTuple):
    """A job taken from a dead worker, and its state now."""

    job_id: int
    state: str


def enqueue(tx: Transaction, kind: str, arguments: Mapping[str, int]) -> int:
    """Ask for a job; return its number.

    Raises:
        NotFound: there is no such job.
        NotAllowed: this login may not ask for it.
        InvalidRequest: it takes other arguments.
    """
    values = {"kind": kind, "arguments": Jsonb(dict(arguments))}
    try:
        return int(_read_one(tx, _sql.enqueue, values))
    except errors.NoDataFound as failure:
        raise NotFound(f"there is no job named {kind}") from failure
    except errors.InsufficientPrivilege as failure:
        raise NotAllowed(f"the job {kind} is not asked for from here") from failure
    except errors.InvalidParameterValue as failure:
        raise InvalidRequest(f"the job {kind} takes other references") from failure


def list_page(
    tx: Transaction,
    listing: Listing[JobColumn],
    *,
    state: str | None = None,
    kind: str | None = None,
) -> tuple[list[JobRow], int]:
    """Return one page of the jobs, and how many there are."""
    return load_page(tx, _sql.list_page, listing, JobRow, {"state": state, "kind": kind})


def load_job(tx: Transaction, job_id: int) -> JobRow | None:
    """Return one job, if the asker may see it."""
    row = tx.execute(_sql.load_job, {"job_id": job_id}).fetchone()
    return None if row is None else JobRow(*row)


def find_latest(tx: Transaction, kind: str, arguments: Mapping[str, int]) -> JobRow | None:
    """Return the newest job of a kind about the same thing, if the asker may see it."""
    values = {"kind": kind, "arguments": Jsonb(dict(arguments))}
    row = tx.execute(_sql.find_latest, values).fetchone()
    return None if row is None else JobRow(*row)


def list_attempts(tx: Transaction, job_id: int) -> list[AttemptRow]:
    """Return each time a job was taken up, the first one first."""
    return [AttemptRow(*row) for row in tx.execute(_sql.list_attempts, {"job_id": job_id})]


def list_schedule(tx: Transaction) -> list[ScheduleRow]:
    """Return every kind of job, by name."""
    return [ScheduleRow(*row) for row in tx.execute(_sql.list_schedule)]


def retry_job(tx: Transaction, job_id: int) -> bool:
    """Have a job that failed or was stopped taken up again; say whether it is."""
    return bool(_read_one(tx, _sql.retry_job, {"job_id": job_id}))


def cancel_job(tx: Transaction, job_id: int) -> bool:
    """Have a job that waits or runs stopped; say whether there was one to stop."""
    return bool(_read_one(tx, _sql.cancel_job, {"job_id": job_id}))


def read_pulse(tx: Transaction, *, silent: timedelta) -> Pulse:
    """Return whether a worker was heard of lately: not longer ago than `silent`."""
    return Pulse(*(tx.execute(_sql.read_pulse, {"silent": silent}).fetchone() or (None, False)))


def begin_attempt(tx: Transaction, job_id: int, *, started_at: datetime, late_s: int) -> int:
    """Note that a job is taken up; return the number of the attempt, counted from 1."""
    values = {"job_id": job_id, "started_at": started_at, "late_s": late_s}
    return int(_read_one(tx, _sql.begin_attempt, values))


def end_attempt(
    tx: Transaction, job_id: int, number: int, outcome: Outcome, *, code: str = "", reason: str = ""
) -> None:
    """Note what came of an attempt."""
    values = {"job_id": job_id, "number": number, "outcome": outcome, "code": code}
    tx.execute(_sql.end_attempt, {**values, "reason": reason[:MOST_LETTERS]})


def save_progress(
    tx: Transaction, job_id: int, *, done: int, total: int | None, unit: str, note: str
) -> None:
    """Note how far a job is."""
    values = {"job_id": job_id, "done": done, "total": total, "unit": unit}
    tx.execute(_sql.save_progress, {**values, "note": note[:MOST_LETTERS]})


def load_asker(tx: Transaction, job_id: int) -> int | None:
    """Return the account that asked for a job; None for nobody's."""
    row = tx.execute(_sql.load_asker, {"job_id": job_id}).fetchone()
    return None if row is None else row[0]


def load_name(tx: Transaction, actor_ref: int) -> str | None:
    """Return what colleagues call an account; None when there is none.

    Args:
        tx: An open transaction of the role registrar.
        actor_ref: The account.
    """
    row = tx.execute(_sql.load_name, {"actor_ref": actor_ref}).fetchone()
    return None if row is None else row[0]


def save_schedule(tx: Transaction, kind: str, *, cron: str, lacks: str) -> None:
    """Note when a kind is due by itself here."""
    tx.execute(_sql.save_schedule, {"kind": kind, "cron": cron, "lacks": lacks})


def note_run(tx: Transaction, kind: str, *, started_at: datetime) -> None:
    """Note that a run of a kind came to its end."""
    tx.execute(_sql.note_run, {"kind": kind, "started_at": started_at})


def load_last_run(tx: Transaction, kind: str) -> datetime | None:
    """Return when the last run of a kind that came to its end began."""
    row = tx.execute(_sql.load_last_run, {"kind": kind}).fetchone()
    return None if row is None else row[0]


def reclaim(tx: Transaction, *, stalled_s: float, most: int) -> list[Reclaimed]:
    """Take what dead workers were doing from them; return what became of each job.

    Args:
        tx: An open transaction of the role worker.
        stalled_s: A worker that was not heard of for so many seconds is dead.
        most: A job taken up so often is given up.
    """
    values = {"stalled_s": stalled_s, "most": most}
    found = [Reclaimed(*row) for row in tx.execute(_sql.reclaim, values)]
    if found:
        close = {"job_ids": [one.job_id for one in found], "code": "died"}
        tx.execute(_sql.close_attempts, {**close, "reason": "its worker ended in the middle"})
    return found


def forget_jobs(tx: Transaction, *, routine: timedelta, others: timedelta) -> int:
    """Delete jobs that ended so long ago; return how many."""
    return tx.execute(_sql.forget_jobs, {"routine": routine, "others": others}).rowcount


def _read_one(tx: Transaction, query: str, values: Mapping[str, object]) -> Any:
    row: Sequence[Any] | None = tx.execute(query, values).fetchone()
    return None if row is None else row[0]
