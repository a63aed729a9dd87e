"""Kinds of job for tests, workers that do them, and processes to kill."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rempart.jobs.report import Report
from rempart.jobs.work import Work
from rempart.jobs.worker import JobWorker, Pace
from rempart.storage.connect import Database
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.jobs.job_kinds import KINDS

QUICK = Pace(
    heartbeat_s=0.2, stalled_s=1.5, poll_s=0.1, look_s=0.2, drain_s=0.2, pause_s=0.1, jump_s=60.0
)
# Where nobody dies: on a busy machine a worker that does its job may be silent for long.
PATIENT = replace(QUICK, stalled_s=60.0)


def make_installation(settings: Settings, home: Home, database: Database) -> Installation:
    return Installation(settings=settings, home=home, database=database)


def work_with(**work: Work) -> Mapping[str, Work]:
    """What each kind does: nothing, except those given."""

    def nothing(_at: Installation, _report: Report, _arguments: Mapping[str, int]) -> None:
        return None

    return {**dict.fromkeys(KINDS, nothing), **work}


@contextmanager
def working(installation: Installation, **options: object) -> Iterator[JobWorker]:
    """Run a worker in a thread, and stop it at the end."""
    worker = JobWorker(installation=installation, pace=QUICK, **options)  # type: ignore[arg-type]
    thread = threading.Thread(target=lambda: asyncio.run(worker.run()))
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def drain(installation: Installation, **options: object) -> None:
    """Do what waits and what is due, then return."""
    asyncio.run(
        JobWorker(installation=installation, pace=PATIENT, **options).drain()  # type: ignore[arg-type]
    )


def eventually(condition: Callable[[], object], limit_s: float = 40.0) -> object:
    """Wait until something is true, and return it."""
    limit = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < limit, "it never became true"
        time.sleep(0.05)
    return value


def ask_database(database: Database, query: str, *values: object) -> list[tuple[object, ...]]:
    with database.connect("admin") as admin:
        return admin.execute(query, values).fetchall()  # type: ignore[arg-type]


def read_state(database: Database, job_id: int) -> str:
    rows = ask_database(
        database, "SELECT status::text FROM jobs.procrastinate_jobs WHERE id = %s", job_id
    )
    return str(rows[0][0]) if rows else "gone"


def list_outcomes(database: Database, job_id: int) -> list[str | None]:
    query = "SELECT outcome FROM jobs.attempt WHERE job_id = %s ORDER BY number"
    return [row[0] for row in ask_database(database, query, job_id)]  # type: ignore[misc]


def start_process(environment: Mapping[str, str], script: str, *arguments: str) -> subprocess.Popen:
    """Start a worker in a process of its own, whose module is `script`."""
    return subprocess.Popen(
        [sys.executable, "-m", script, *arguments],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )


def kill(process: subprocess.Popen) -> None:
    """As a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
