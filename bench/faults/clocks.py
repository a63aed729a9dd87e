"""Clocks that jump under load: an hour and two days, forwards and back.

A gateway and a worker whose clock a file moves (`shifted`). Callers hold tokens of before the jump;
then they come with new ones, as software does that is told its token is no good.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.gateway_process import GatewayProcess, find_free_port

from bench.faults import shifted
from bench.faults.verdict import judge
from bench.faults.watch import BEFORE_S, Row, begin, wait_for_good
from bench.rights_checks import Ground
from bench.siege.ground import is_open
from bench.siege.load import Load, Told
from rempart.wiring.settings import Settings

FAULT: Final = "clock"
HOUR: Final = 3600
TWO_DAYS: Final = 2 * 24 * HOUR
STEPS: Final = (
    ("an hour forwards", HOUR),
    ("an hour back", 0),
    ("two days forwards", TWO_DAYS),
    ("two days back", 0),
)
AFTER_S: Final = 15.0
_QUESTIONS: Final = {
    "days the guard closed": "SELECT count(*) FROM guard.account_day",
    "jobs done": "SELECT count(*) FROM jobs.attempt WHERE outcome = 'done'",
    # A clock that was put back makes routine due again: it looks, and finds it done.
    "of them due a second time": (
        "SELECT count(*) FROM (SELECT FROM jobs.procrastinate_jobs AS job JOIN jobs.attempt"
        " ON job_id = job.id AND outcome = 'done' WHERE job.args ? 'timestamp'"
        " GROUP BY task_name, job.args->>'timestamp' HAVING count(*) > 1) AS twice"
    ),
}


def jump(ground: Ground, told: Told, base: Path) -> Iterator[Row]:
    """Move the clock step by step; yield a row for each."""
    file = base / "clock"
    file.write_text("0")
    settings = Settings(home=ground.home.path, database_url=ground.database.url())
    os.environ[shifted.VARIABLE] = str(file)
    gateway = GatewayProcess(settings, "bench.faults.shifted:create_gateway", guard="on")
    gateway.start()
    try:
        with _running_worker(settings):
            ahead = 0
            for name, seconds in STEPS:
                yield _step(f"clock: {name}", ground, told, gateway.port, file, ahead, seconds)
                ahead = seconds
    finally:
        gateway.stop()


def _step(name: str, ground: Ground, told: Told, port: int, file: Path, ahead: int, to: int) -> Row:
    row, before = Row(name), _count(ground)
    with Load(ground, port, told, ahead_s=ahead):
        time.sleep(BEFORE_S)
        begin(told)
        jumped = time.monotonic()
        file.write_text(str(to))
        time.sleep(BEFORE_S)
        with told.lock:
            row.turned_away = dict(told.turned_away.most_common())
    told.strange.clear()  # tokens of another time, told above
    with Load(ground, port, told, ahead_s=to):
        row.back_s = wait_for_good(told, row, lambda: None)
        time.sleep(AFTER_S)
    row.seconds = time.monotonic() - jumped
    row.wrong = judge(ground, told)
    after = _count(ground)
    row.notes = [f"{after[words] - before[words]} {words}" for words in _QUESTIONS]
    return row


def _count(ground: Ground) -> dict[str, int]:
    with ground.database.transaction("owner") as tx:
        return {
            words: int(tx.execute(query).fetchall()[0][0]) for words, query in _QUESTIONS.items()
        }


@contextlib.contextmanager
def _running_worker(settings: Settings) -> Iterator[None]:
    port = find_free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REMPART_")}
    environment = {
        **kept,
        "REMPART_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url or "",
    }
    command = [sys.executable, "-m", "rempart.wiring.http_server", "asgi"]
    command += ["bench.faults.shifted:create_worker", "127.0.0.1", str(port)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as worker:
        try:
            limit = time.monotonic() + 60
            while not is_open(port, "/healthz"):
                if time.monotonic() > limit:
                    raise TimeoutError("the worker did not start")
                time.sleep(0.1)
            yield
        finally:
            worker.terminate()
            worker.wait(60)
