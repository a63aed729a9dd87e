"""A gateway leaves the rules of tomorrow to the worker until noon, and lost habits to nobody."""

import asyncio

import pytest

from rempart.guard.lookups import DAY_MS, HOUR_MS, find_day
from rempart.wiring.guard_jobs import REBUILD, RENEW, GuardJobs

TODAY = 20_000
# The guard's day begins when the civil one does, not at midnight UTC.
MIDNIGHT_MS = next(ms for ms in range((TODAY - 1) * DAY_MS, TODAY * DAY_MS + 1, HOUR_MS)
                   if find_day(ms) == TODAY)  # fmt: skip


class Plane:
    def __init__(self, newest: int, *, lost: bool = False) -> None:
        self._newest, self._lost = newest, lost

    async def find_work(self, *, rules_day: int) -> tuple[bool, bool]:
        return self._newest < rules_day, self._lost


class Clock:
    def __init__(self, hour: float) -> None:
        self._now = MIDNIGHT_MS + int(hour * HOUR_MS)

    def now_ms(self) -> int:
        return self._now


def run_due(plane: Plane, hour: float) -> list[str]:
    ran: list[str] = []

    async def run(name: str) -> None:
        ran.append(name)

    asyncio.run(GuardJobs(plane, Clock(hour), run).run_due())  # type: ignore[arg-type]
    return ran


@pytest.mark.parametrize(
    ("hour", "newest", "expected"),
    [
        pytest.param(1, TODAY, [], id="the worker has the morning"),
        pytest.param(11.9, TODAY, [], id="until noon"),
        pytest.param(12, TODAY, [RENEW], id="then the gateway does it"),
        pytest.param(13, TODAY + 1, [], id="unless somebody did"),
        pytest.param(1, TODAY - 1, [RENEW], id="no rules of today: at once"),
        pytest.param(1, -1, [RENEW], id="none at all: at once"),
    ],
)
def test_the_rules_of_tomorrow_wait_for_the_worker_until_noon(hour, newest, expected):
    assert run_due(Plane(newest), hour) == expected


def test_habits_that_were_lost_wait_for_nobody():
    assert run_due(Plane(TODAY, lost=True), 1) == [REBUILD]
