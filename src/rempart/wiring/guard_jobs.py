"""When the guard's jobs are due, and running them in a process of their own.

The rules of tomorrow are computed from every account's days: seconds of work that no question may
wait for. The worker does it in the first hours of the day; a gateway that still misses them at noon
does it by itself, so that one without a worker is never judged by old rules. Habits that were lost
are rebuilt at once: only a gateway knows that it needs them. Refuses to run two jobs at a time;
gateways side by side are kept apart by the jobs themselves, which take a lock in the database.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

from rempart.guard.lookups import find_day
from rempart.storage.guard import GuardPlane

RunJob: TypeAlias = Callable[[str], Awaitable[None]]
RENEW: Final = "renew"
REBUILD: Final = "rebuild"
PATIENCE_MS: Final = 12 * 3_600_000

_log = logging.getLogger("rempart.guard")


class TellsTime(Protocol):
    """A clock."""

    def now_ms(self) -> int:
        """Unix milliseconds."""
        ...


class GuardJobs:
    """Looks whether something is due, and does it.

    Args:
        plane: Where one sees what is due.
        clock: The time.
        run: Runs a job by name, `RENEW` or `REBUILD`, to its end.
    """

    def __init__(self, plane: GuardPlane, clock: TellsTime, run: RunJob) -> None:
        self._plane = plane
        self._clock = clock
        self._run = run

    async def run_due(self) -> None:
        """Do what is due now.

        Raises:
            Unavailable: the database does not answer.
        """
        wanted = find_day(self._clock.now_ms() - PATIENCE_MS) + 1
        rules_missing, habits_lost = await self._plane.find_work(rules_day=wanted)
        if habits_lost:
            await self._run(REBUILD)
        if rules_missing:
            await self._run(RENEW)


async def run_guard_job(name: str) -> None:
    """Run `rempart guard NAME --quiet` with this process's environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rempart", "guard", name, "--quiet"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        raise
    if code:
        _log.error("rempart guard %s ended with %d: run it by hand to see why", name, code)
