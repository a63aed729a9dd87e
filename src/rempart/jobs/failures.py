"""What is said of a job that failed, and whether it is worth another try.

Refuses to repeat what a driver, a file or a library said: it may quote a person.
"""

import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
from procrastinate import RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy
from psycopg_pool import PoolTimeout

from rempart.kernel.errors import Conflict, RempartError, Unavailable
from rempart.workflows.jobs.read_jobs import find_next

TRIES: Final = 6
FIRST_WAIT_S: Final = 5
LONGEST_WAIT_S: Final = 1800

_OURS: Final = str(Path(__file__).parents[1])
_SOME_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
# What may be over at the next try. The others wait for somebody, or for the next time they are due.
_PASSING: Final = (Unavailable, Conflict, psycopg.OperationalError, PoolTimeout, OSError)


@dataclass(frozen=True, slots=True)
class Described:
    """What people read of a failure."""

    code: str
    reason: str


class JobFailed(Exception):
    """What the queue is told of a failure: a code and a sentence of ours.

    Args:
        described: What is said.
        passing: Whether it may be over at the next try.
    """

    def __init__(self, described: Described, *, passing: bool) -> None:
        super().__init__(f"{described.reason} [{described.code}]")
        self.described = described
        self.passing = passing


def describe_failure(failure: BaseException) -> Described:
    """Say what failed without a word that is not ours.

    Examples:
        >>> describe_failure(Conflict("somebody else sends there"))
        Described(code='conflict', reason='somebody else sends there')
        >>> describe_failure(KeyError("DUPONT")).reason
        'KeyError'
    """
    if isinstance(failure, RempartError):
        return Described(failure.code, str(failure))
    where = _find_place(failure)
    if isinstance(failure, psycopg.Error):
        state = f" {failure.sqlstate}" if failure.sqlstate else ""
        return Described("database", f"{type(failure).__name__}{state}{where}")
    return Described("error", f"{type(failure).__name__}{where}")


def is_passing(failure: BaseException) -> bool:
    """Say whether a failure may be over at the next try."""
    return isinstance(failure, _PASSING)


class Patience(BaseRetryStrategy):
    """Another try after 5 seconds, 20, 80…: for what may pass, and for what a stop interrupted.

    Args:
        longest_wait_s: What no wait is longer than.
    """

    def __init__(self, longest_wait_s: int = LONGEST_WAIT_S) -> None:
        self._longest_wait_s = longest_wait_s

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to try again, or None."""
        if isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})  # only asked when the worker stops
        if not isinstance(exception, JobFailed) or not exception.passing:
            return None
        wait_s = compute_wait_s(job.attempts + 1)
        if wait_s is None:
            return None
        return RetryDecision(retry_in={"seconds": min(wait_s, self._longest_wait_s)})


def find_longest_wait_s(cron: str | None) -> int:
    """Return the longest wait of a kind of job: no longer than until it is due again anyway.

    While one waits no other of its kind is begun: a minute's work that waited twenty for another
    try would be in its own way.

    Examples:
        >>> [find_longest_wait_s(cron) for cron in ("* * * * *", "*/5 * * * *", "1 4 * * *", None)]
        [60, 300, 1800, 1800]
    """
    if cron is None:
        return LONGEST_WAIT_S
    first = find_next(cron, _SOME_DAY)
    return min(LONGEST_WAIT_S, int((find_next(cron, first) - first).total_seconds()))


def compute_wait_s(failures: int) -> int | None:
    """Return how long to wait after so many failures; None when it is enough.

    Examples:
        >>> [compute_wait_s(failures) for failures in range(1, 7)]
        [5, 20, 80, 320, 1280, None]
    """
    if failures >= TRIES:
        return None
    wait_s: int = FIRST_WAIT_S * 4 ** (failures - 1)
    return min(LONGEST_WAIT_S, wait_s)


def _find_place(failure: BaseException) -> str:
    """Return the last line of ours that a failure went through."""
    for frame in reversed(traceback.extract_tb(failure.__traceback__)):
        if frame.filename.startswith(_OURS):
            return f" in {Path(frame.filename).relative_to(_OURS)}, line {frame.lineno}"
    return ""
