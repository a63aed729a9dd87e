"""The home's disk is full while the worker writes: what jobs say, leave, do when asked again."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import psycopg

from bench.faults.ground import Ballast
from rempart.kernel.errors import RempartError
from rempart.storage.connect import Database
from rempart.workflows.jobs.enqueue import enqueue

ENDED_WITHIN_S: Final = 90.0
ASK_EVERY_S: Final = 5.0
# What a file that is being written is called, here and in PostgreSQL's own programs.
_UNFINISHED: Final = (".partial", ".draft", ".tmp")


@contextlib.contextmanager
def full_home(
    database: Database, home: Path, jobs: Sequence[str], say: Callable[[str], None]
) -> Iterator[None]:
    """Fill the disk and ask for each job; then free it, and ask again.

    Raises:
        AssertionError: one did not fail, left a piece of a file, or did not succeed at last.
    """
    before = find_unfinished(home)
    with Ballast(home.parent):
        for job in jobs:
            outcome, words = ask(database, job, good=False)
            say(f"{job}: {outcome} ({words})")
            left = find_unfinished(home) - before
            if left:
                raise AssertionError(f"{job} left {', '.join(sorted(map(str, left)))}")
        yield
    for job in jobs:
        outcome, words = ask(database, job, good=True)
        say(f"asked again, {job}: {outcome}{f' ({words})' if words else ''}")


def ask(database: Database, job: str, *, good: bool) -> tuple[str, str]:
    """Ask for a job again and again, until one attempt ends as is wanted; return how it ended.

    Raises:
        AssertionError: none did in time; says how the last one ended.
    """
    limit, ask_at = time.monotonic() + ENDED_WITHIN_S, 0.0
    with database.transaction("owner") as tx:
        [(since,)] = tx.execute("SELECT clock_timestamp()").fetchall()
    outcome = words = ""
    while time.monotonic() < limit:
        with contextlib.suppress(psycopg.Error, RempartError):
            if time.monotonic() > ask_at:
                with database.transaction("worker") as tx:
                    enqueue(tx, job)
                ask_at = time.monotonic() + ASK_EVERY_S
            with database.transaction("owner") as tx:
                rows = tx.execute(
                    "SELECT outcome, code, reason FROM jobs.attempt JOIN jobs.procrastinate_jobs"
                    " AS job ON job.id = job_id WHERE task_name = %s AND ended_at > %s"
                    " ORDER BY ended_at",
                    (job, since),
                ).fetchall()
            for outcome, code, reason in rows:
                words = f"{reason} [{code}]" if code else ""
                if (outcome == "done") == good:
                    return outcome, words
        time.sleep(0.3)
    raise AssertionError(f"{job} did not {'succeed' if good else 'fail'}: {outcome} {words}")


def find_unfinished(home: Path) -> set[Path]:
    """Return files that somebody began to write."""
    return {path for path in home.rglob("*") if path.suffix in _UNFINISHED}
