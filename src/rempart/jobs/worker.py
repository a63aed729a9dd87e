"""The worker: takes jobs from the queue, has what is due deferred, takes over from the dead.

Refuses to give up: a database that is away is asked again until it is back. Several may run, on
several machines: the queue gives each job to one of them.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import AbortReason
from procrastinate.periodic import PeriodicDeferrer
from procrastinate.worker import Worker
from psycopg_pool import PoolTimeout

from rempart.jobs.failures import TRIES, Patience, find_longest_wait_s
from rempart.jobs.work import TICK, WORK, Attempt, Work, run_attempt
from rempart.kernel.errors import RempartError
from rempart.storage import jobs
from rempart.storage.jobs import Reclaimed
from rempart.wiring.database import Installation
from rempart.wiring.settings import Settings
from rempart.workflows.jobs.job_kinds import KINDS, JobKind

_AWAY: Final = (psycopg.Error, ConnectorException, PoolTimeout, OSError, RempartError)
_FOREVER_S: Final = float("inf")
_log = logging.getLogger("rempart.jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things are looked at, in seconds.

    Args:
        heartbeat_s: A worker says that it lives.
        stalled_s: Not heard of for so long, it is dead, and others take what it did.
        poll_s: The queue is looked at, besides being told.
        look_s: The dead and the clock are looked at.
        drain_s: What runs may end by itself when the worker stops; then it is told to.
        pause_s: Before a database that was away is asked again.
        jump_s: The clock was changed when it moved so much more, or less, than time passed.
    """

    heartbeat_s: float = 5.0
    stalled_s: float = 20.0
    poll_s: float = 2.0
    look_s: float = 5.0
    drain_s: float = 5.0
    pause_s: float = 1.0
    jump_s: float = 60.0


USUAL: Final = Pace()


@dataclass(slots=True, kw_only=True)
class JobWorker:
    """One worker.

    Args:
        installation: What jobs work with.
        queues: Only these; None for all.
        concurrency: How many jobs at a time.
        pace: How often things are looked at.
        work: What each kind does.
    """

    installation: Installation
    queues: Sequence[str] | None = None
    concurrency: int = 2
    pace: Pace = USUAL
    work: Mapping[str, Work] = field(default_factory=lambda: WORK)
    _stopping: bool = field(default=False, init=False)
    _worker: Worker | None = field(default=None, init=False)

    def stop(self) -> None:
        """Take no more jobs, and return from `run` once those under way have ended."""
        self._stopping = True
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def run(self) -> None:
        """Work until stopped."""
        while not self._stopping:
            try:
                await self._run_once(wait=True)
                if not self._stopping:
                    _log.warning("the queue was lost; taking it up again")
            except _AWAY as failure:
                _log.warning("the queue is away (%s); trying again", type(failure).__name__)
            if not self._stopping:
                await asyncio.sleep(self.pace.pause_s)

    async def drain(self) -> None:
        """Have what is due deferred, do all that waits, and return."""
        await self._run_once(wait=False)

    async def _run_once(self, *, wait: bool) -> None:
        app = make_app(self)
        async with app.open_async():
            await asyncio.to_thread(self._open)
            worker = self._worker = self._make_worker(app, wait=wait)
            if self._stopping:
                return
            if not wait and (self.queues is None or "routine" in self.queues):
                deferrer = PeriodicDeferrer(app.periodic_registry, max_delay=_FOREVER_S)
                await deferrer.defer_jobs(deferrer.get_previous_tasks(at=time.time()))
            keeper = asyncio.create_task(self._keep(worker))
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            finally:
                self._worker = None
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)

    def _make_worker(self, app: App, *, wait: bool) -> Worker:
        return Worker(
            app,
            queues=self.queues,
            name="rempart",
            concurrency=self.concurrency,
            wait=wait,
            fetch_job_polling_interval=self.pace.poll_s,
            abort_job_polling_interval=self.pace.poll_s,
            # Without waiting, the end is when the last job has ended, however long it takes.
            shutdown_graceful_timeout=self.pace.drain_s if wait else None,
            install_signal_handlers=False,
            update_heartbeat_interval=self.pace.heartbeat_s,
            stalled_worker_timeout=self.pace.stalled_s,
        )

    def _open(self) -> None:
        """Say what is due when, and take over from workers that died before this one came."""
        with self.installation.database.transaction("worker") as tx:
            for kind in KINDS.values():
                lacks = find_lacking(kind, self.installation.settings)
                jobs.save_schedule(tx, kind.name, cron=kind.cron or "", lacks=lacks)
        self._reclaim()

    async def _keep(self, worker: Worker) -> None:
        """Take over from the dead; begin afresh when the clock was changed."""
        offset = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(self.pace.look_s)
            if self._stopping:
                worker.stop()  # type: ignore[no-untyped-call]
                return
            if abs(time.time() - time.monotonic() - offset) > self.pace.jump_s:
                _log.warning("the clock was changed: what is due is counted afresh")
                worker.stop()  # type: ignore[no-untyped-call]
                return
            try:
                await asyncio.to_thread(self._reclaim)
            except _AWAY as failure:
                _log.warning("the dead cannot be looked for: %s", type(failure).__name__)

    def _reclaim(self) -> list[Reclaimed]:
        with self.installation.database.transaction("worker") as tx:
            found = jobs.reclaim(tx, stalled_s=self.pace.stalled_s, most=TRIES)
        for one in found:
            _log.warning("job %d was left by a worker that died: it is %s", one.job_id, one.state)
        return found


def make_app(worker: JobWorker) -> App:
    """Return the queue, with every kind of job and what is due by itself here."""
    installation = worker.installation
    app = App(
        connector=PsycopgConnector(
            conninfo=installation.database.dsn("worker"),
            min_size=1,
            max_size=worker.concurrency + 3,
            timeout=10.0,
        ),
        # However late: what was missed while nobody worked is due now, once.
        periodic_defaults={"max_delay": _FOREVER_S},
    )
    for kind in KINDS.values():
        _add_task(app, kind, worker)
    return app


def find_lacking(kind: JobKind, settings: Settings) -> str:
    """Return the variable without which a kind does not run by itself; empty when it does."""
    if kind.needs is None or getattr(settings, kind.needs) is not None:
        return ""
    return str(Settings.__dataclass_fields__[kind.needs].metadata["variable"])


def _add_task(app: App, kind: JobKind, worker: JobWorker) -> None:
    def do(context: JobContext, /, **arguments: Any) -> str:
        due = arguments.pop(TICK, None)
        attempt = Attempt(
            job_id=context.job.id or 0,
            kind=kind,
            arguments=arguments,
            due_at=None if due is None else datetime.fromtimestamp(due, UTC),
            user_stops=lambda: context.abort_reason() is AbortReason.USER_REQUEST,
            worker_stops=lambda: context.abort_reason() is AbortReason.SHUTDOWN,
        )
        return run_attempt(worker.installation, attempt, worker.work)

    alone = None if kind.takes else kind.name
    task = app.task(
        name=kind.name,
        queue=kind.queue,
        lock=alone,
        queueing_lock=alone,
        retry=Patience(find_longest_wait_s(kind.cron)),
        pass_context=True,
    )(do)
    if kind.cron is not None and not find_lacking(kind, worker.installation.settings):
        app.periodic(cron=kind.cron)(task)  # type: ignore[arg-type]
