"""Natural group commit: whoever waits while one write runs shares the next one. No timer.

Refuses to let one caller's departure touch its neighbours: each has a future of its own.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from rempart.gateway.bugs import log_bug
from rempart.kernel.errors import RempartError, Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

# A larger batch saves nothing more, and nobody in it is answered before its last item is handled.
MAX_BATCH = 256
MAX_WAITING = 10_000


async def _do_nothing() -> None:
    """Stand in for an absent idle task."""


class GroupCommit(Generic[Item, Result]):
    """Gathers items and hands them, in order of arrival, to one `write` at a time.

    Args:
        write: Handles a batch; returns one result or refusal per item, in order. If it raises a
            `RempartError`, every item of the batch gets it.
        when_idle: Called once, `idle_after_s` after the last write, if nothing else came.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result | RempartError]]],
        *,
        when_idle: Callable[[], Awaitable[None]] = _do_nothing,
        idle_after_s: float | None = None,
    ) -> None:
        self._write = write
        self._when_idle = when_idle
        self._idle_after_s = idle_after_s
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._wake = asyncio.Event()
        self._closing = False

    async def submit(self, item: Item) -> Result:
        """Wait until `item` has been written; return its result.

        Raises:
            Unavailable: too many wait already, or the door is closing; nothing was written.
            RempartError: what `write` said of this item.
        """
        if self._closing or len(self._waiting) >= MAX_WAITING:
            raise Unavailable("too many requests wait, or the gateway is closing: come back")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._wake.set()
        # A caller that hangs up cancels this future alone; its item is written with the others,
        # so the ledger may hold an answer nobody read, never the reverse.
        return await future

    async def run(self) -> None:
        """Write batches until `close`; what waits at that moment is still written."""
        while True:
            if not self._waiting and not await self._wait_for_work():
                return
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            _settle(batch, await self._write_or_explain([item for item, _ in batch]))

    def close(self) -> None:
        """Refuse new items and let `run` end once the queue is empty."""
        self._closing = True
        self._wake.set()

    async def _wait_for_work(self) -> bool:
        """Wait for an item; False when closed and empty."""
        idle_after_s = self._idle_after_s
        while not self._waiting:
            if self._closing:
                return False
            self._wake.clear()
            try:
                async with asyncio.timeout(idle_after_s):
                    await self._wake.wait()
            except TimeoutError:
                await self._when_idle()
                idle_after_s = None
        return True

    async def _write_or_explain(self, items: Sequence[Item]) -> Sequence[Result | RempartError]:
        try:
            return await self._write(items)
        except RempartError as failure:
            return [failure] * len(items)
        except Exception as bug:  # noqa: BLE001 - outermost layer of this task: callers must not hang
            log_bug("a batch", bug)
            return [RempartError("a bug, logged")] * len(items)


def _settle(
    batch: Sequence[tuple[Item, asyncio.Future[Result]]],
    results: Sequence[Result | RempartError],
) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():  # the caller hung up
            continue
        if isinstance(result, RempartError):
            future.set_exception(result)
        else:
            future.set_result(result)
