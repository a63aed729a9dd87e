"""Whoever may act is known for a few seconds, misses are loaded together."""

import asyncio

import pytest

from rempart.accounts.tokens import Bearer, Standing
from rempart.gateway import bearers
from rempart.gateway.bearers import MAX_AGE_MS, BearerDirectory
from rempart.kernel.errors import AccessDenied, Unavailable

NOW_MS = 1_795_000_000_000
BEARERS = [Bearer(n, n) for n in range(5)]
GOOD = Standing(
    software_known=True,
    software_stopped=False,
    account_known=True,
    account_stopped=False,
    establishment_stopped=False,
    situation_held=True,
    session_live=True,
)
STOPPED = GOOD._replace(software_stopped=True)


class Accounts:
    """The accounts plane: who may act now."""

    def __init__(self, *stopped: Bearer) -> None:
        self.stopped = set(stopped)
        self.loads: list[int] = []
        self.is_down = False

    async def load(self, asked):
        if self.is_down:
            raise Unavailable("down")
        self.loads.append(len(asked))
        return [STOPPED if bearer in self.stopped else GOOD for bearer in asked]


def run(scene, accounts):
    async def whole():
        directory = BearerDirectory(accounts.load)
        running = asyncio.create_task(directory.run())
        try:
            await scene(directory)
        finally:
            directory.close()
            await running

    asyncio.run(whole())


def test_bearers_that_come_together_are_loaded_together_and_once():
    accounts = Accounts()

    async def scene(directory):
        await asyncio.gather(*(directory.check(one, now_ms=NOW_MS) for one in BEARERS * 3))

    run(scene, accounts)
    assert accounts.loads == [5]


def test_among_those_loaded_together_each_gets_its_own_answer():
    accounts = Accounts(BEARERS[1], BEARERS[3])

    async def scene(directory):
        asked = (directory.check(one, now_ms=NOW_MS) for one in BEARERS)
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(one, AccessDenied) for one in found] == [False, True, False, True, False]

    run(scene, accounts)


def test_a_bearer_is_remembered_for_less_than_five_seconds():
    accounts = Accounts()

    async def scene(directory):
        await directory.check(BEARERS[0], now_ms=NOW_MS)
        accounts.stopped.add(BEARERS[0])
        await directory.check(BEARERS[0], now_ms=NOW_MS + MAX_AGE_MS - 1)
        with pytest.raises(AccessDenied):
            await directory.check(BEARERS[0], now_ms=NOW_MS + MAX_AGE_MS)

    run(scene, accounts)
    assert MAX_AGE_MS < 5_000
    assert accounts.loads == [1, 1]


def test_a_clock_that_is_put_back_makes_nobody_s_memory_longer():
    accounts = Accounts()

    async def scene(directory):
        await directory.check(BEARERS[0], now_ms=NOW_MS)
        accounts.stopped.add(BEARERS[0])
        with pytest.raises(AccessDenied):
            await directory.check(BEARERS[0], now_ms=NOW_MS - 60_000)

    run(scene, accounts)


def test_whoever_is_stopped_is_remembered_too():
    accounts = Accounts(BEARERS[0])

    async def scene(directory):
        for later in (0, 1000):
            with pytest.raises(AccessDenied):
                await directory.check(BEARERS[0], now_ms=NOW_MS + later)

    run(scene, accounts)
    assert accounts.loads == [1]


def test_the_same_professional_elsewhere_is_another_bearer():
    accounts = Accounts()
    places = [
        Bearer(1, 2, place, answers, session)
        for place, answers, session in (
            (3, None, None),
            (4, None, None),
            (3, 9, None),
            (3, None, 7),
        )
    ]

    async def scene(directory):
        for one in places:
            await directory.check(one, now_ms=NOW_MS)

    run(scene, accounts)
    assert accounts.loads == [1, 1, 1, 1]


def test_without_the_database_bearers_seen_lately_still_work():
    accounts = Accounts()

    async def scene(directory):
        await directory.check(BEARERS[0], now_ms=NOW_MS)
        accounts.is_down = True
        await directory.check(BEARERS[0], now_ms=NOW_MS + 1)
        with pytest.raises(Unavailable):
            await directory.check(BEARERS[0], now_ms=NOW_MS + MAX_AGE_MS)
        accounts.is_down = False
        await directory.check(BEARERS[0], now_ms=NOW_MS + MAX_AGE_MS)

    run(scene, accounts)


def test_many_bearers_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(bearers, "MAX_KEPT", 10)

    async def scene(directory):
        for n in range(50):
            await directory.check(Bearer(n, n), now_ms=NOW_MS)
        assert len(directory._known) <= 10

    run(scene, Accounts())
