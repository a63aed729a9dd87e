"""`rempart work`: a worker in the foreground, for a machine of its own or by hand."""

import asyncio
import signal
import threading
from types import FrameType

import click

from rempart.jobs.app import say_less
from rempart.jobs.worker import JobWorker
from rempart.wiring.database import open_installation
from rempart.wiring.purges import check_base
from rempart.wiring.settings import Settings


@click.command()
@click.option(
    "--queues",
    metavar="NAME,…",
    help="Only jobs of these queues: routine, incidents.  [default: all]",
)
@click.option("--once", is_flag=True, help="Do what waits and what is due, then stop.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 32),
    help="How many jobs at a time.  [default: REMPART_WORK_CONCURRENCY, else 2]",
)
def work(*, queues: str | None, once: bool, concurrency: int | None) -> None:
    """Do what runs without anybody waiting for it, until Ctrl-C.

    `rempart serve` starts a worker by itself. Several may run, here and on other machines: each job
    goes to one of them. Killed, what it was doing is taken up again within half a minute.
    """
    chosen = None if queues is None else _read_queues(queues)
    say_less()
    settings = Settings.from_environment()
    with open_installation(settings, _say) as installation:
        check_base(settings, installation.home, installation.database, _say)
        worker = JobWorker(
            installation=installation,
            queues=chosen,
            concurrency=concurrency or settings.work_concurrency,
        )
        if once:
            asyncio.run(worker.drain())
            return
        _stop_on_signals(worker)
        _say("working (Ctrl-C stops after the jobs under way)")
        asyncio.run(worker.run())
    _say("stopped")


def _read_queues(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= {"routine", "incidents"}:
        raise click.UsageError("--queues: routine, incidents, or both with a comma")
    return names


def _stop_on_signals(worker: JobWorker) -> None:
    """Have Ctrl-C and SIGTERM stop the worker; the second Ctrl-C ends it at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # From another thread: a signal may come while the worker's own loop holds its locks.
        threading.Thread(target=worker.stop).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _say(line: str) -> None:
    click.echo(f"rempart: {line}", err=True)
