"""Natural group commit: who waits together is written together, and nobody harms a neighbour."""

import asyncio

import pytest

from rempart.gateway import batching
from rempart.gateway.batching import GroupCommit
from rempart.kernel.errors import Conflict, LedgerUnavailable, RempartError, Unavailable


class Writer:
    """Writes batches, one after the other, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None
        self.rests = 0

    async def write(self, items):
        self.batches.append(list(items))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return [Conflict("odd") if item < 0 else item * 10 for item in items]

    async def rest(self):
        self.rests += 1


async def start(writer, **options):
    group = GroupCommit(writer.write, **options)
    return group, asyncio.create_task(group.run())


async def submit(group, *items):
    """Submit without waiting for the results."""
    tasks = [asyncio.create_task(group.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def finish(group, running, *tasks):
    results = await asyncio.gather(*tasks, return_exceptions=True)
    group.close()
    await running
    return results


def test_whoever_waits_during_a_write_shares_the_next_one():
    async def scene():
        writer = Writer()
        group, running = await start(writer)
        first = await submit(group, 1)
        await asyncio.sleep(0)
        others = await submit(group, 2, 3, 4)
        writer.gate.set()
        assert await finish(group, running, *first, *others) == [10, 20, 30, 40]
        assert writer.batches == [[1], [2, 3, 4]]

    asyncio.run(scene())


def test_a_batch_is_bounded(monkeypatch):
    monkeypatch.setattr(batching, "MAX_BATCH", 3)

    async def scene():
        writer = Writer()
        writer.gate.set()
        group, running = await start(writer)
        tasks = await submit(group, *range(8))
        assert await finish(group, running, *tasks) == [n * 10 for n in range(8)]
        assert [len(batch) for batch in writer.batches] == [3, 3, 2]

    asyncio.run(scene())


def test_a_caller_that_hangs_up_does_not_cancel_its_batch():
    async def scene():
        writer = Writer()
        group, running = await start(writer)
        tasks = await submit(group, 1, 2, 3)
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        writer.gate.set()
        first, second, third = await finish(group, running, *tasks)
        assert (first, third) == (10, 30)
        assert isinstance(second, asyncio.CancelledError)
        assert writer.batches == [[1, 2, 3]]

    asyncio.run(scene())


def test_a_caller_that_hangs_up_before_its_batch_is_written_all_the_same():
    async def scene():
        writer = Writer()
        group, running = await start(writer)
        first = await submit(group, 1)
        await asyncio.sleep(0)
        others = await submit(group, 2, 3)
        others[0].cancel()
        writer.gate.set()
        await finish(group, running, *first, *others)
        assert writer.batches == [[1], [2, 3]]

    asyncio.run(scene())


def test_mutation_one_future_for_the_whole_batch_would_let_one_caller_cancel_all():
    async def scene():
        shared = asyncio.get_running_loop().create_future()

        async def wait():
            return await shared

        waiting = [asyncio.create_task(wait()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 2

    asyncio.run(scene())


def test_one_item_may_fail_alone():
    async def scene():
        writer = Writer()
        writer.gate.set()
        group, running = await start(writer)
        good, bad = await finish(group, running, *await submit(group, 1, -1))
        assert good == 10
        assert isinstance(bad, Conflict)

    asyncio.run(scene())


@pytest.mark.parametrize("failure", [LedgerUnavailable("down"), Unavailable("down")])
def test_a_write_that_fails_is_told_to_all_who_waited_and_the_next_goes_on(failure):
    async def scene():
        writer = Writer()
        writer.gate.set()
        writer.failure = failure
        group, running = await start(writer)
        results = await asyncio.gather(*await submit(group, 1, 2), return_exceptions=True)
        assert results == [failure, failure]
        writer.failure = None
        assert await finish(group, running, *await submit(group, 3)) == [30]

    asyncio.run(scene())


def test_a_bug_is_told_anonymously_and_the_next_batch_goes_on(caplog):
    async def scene():
        writer = Writer()
        writer.gate.set()
        writer.failure = KeyError("284050000100104")
        group, running = await start(writer)
        [result] = await asyncio.gather(*await submit(group, 1), return_exceptions=True)
        assert (type(result), result.code) == (RempartError, "error")
        writer.failure = None
        assert await finish(group, running, *await submit(group, 3)) == [30]

    asyncio.run(scene())
    assert "KeyError" in caplog.text
    assert "284050000100104" not in caplog.text


def test_too_many_waiting_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(batching, "MAX_WAITING", 2)

    async def scene():
        writer = Writer()
        group, running = await start(writer)
        tasks = await submit(group, 1)
        await asyncio.sleep(0)
        tasks += await submit(group, 2, 3, 4)
        writer.gate.set()
        results = await finish(group, running, *tasks)
        assert results[:3] == [10, 20, 30]
        assert isinstance(results[3], Unavailable)

    asyncio.run(scene())


def test_closing_writes_what_waits_and_refuses_what_comes():
    async def scene():
        writer = Writer()
        group, running = await start(writer)
        tasks = await submit(group, 1)
        await asyncio.sleep(0)
        tasks += await submit(group, 2)
        group.close()
        with pytest.raises(Unavailable):
            await group.submit(3)
        writer.gate.set()
        assert await asyncio.gather(*tasks) == [10, 20]
        await running

    asyncio.run(scene())


def test_after_the_last_write_there_is_one_rest():
    async def scene():
        writer = Writer()
        writer.gate.set()
        group, running = await start(writer, when_idle=writer.rest, idle_after_s=0.02)
        await asyncio.gather(*await submit(group, 1))
        await asyncio.sleep(0.1)
        assert writer.rests == 1
        await asyncio.gather(*await submit(group, 2))
        await asyncio.sleep(0.1)
        assert writer.rests == 2
        await finish(group, running)

    asyncio.run(scene())
