"""A desk that was lost is let go at once: its server may never answer again."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rempart.gateway.keeper import DeskKeeper
from rempart.gateway.metrics import Metrics
from rempart.kernel.errors import Unavailable


class SilentDesk:
    """A desk whose server hears nothing any more."""

    def __init__(self) -> None:
        self.desk: Any = SimpleNamespace(ledger=SimpleNamespace(log_id=1, size=0))
        self.abandoned = False

    async def write_checkpoint(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        await asyncio.Event().wait()

    def abandon(self) -> None:
        self.abandoned = True


async def lose(patience_s: float) -> list[SilentDesk]:
    """Lose a desk; return those opened within so many seconds."""
    opened: list[SilentDesk] = []

    async def open_desk(*, on_loss: Callable[[], None]) -> SilentDesk:
        opened.append(SilentDesk())
        return opened[-1]

    async def fail(_: Any) -> None:
        raise Unavailable("rights cannot be read: TimeoutError")

    clock: Any = SimpleNamespace(now_ms=lambda: 0, steady_ms=time.monotonic, today=lambda: None)
    keeper = DeskKeeper(open_desk, clock=clock, metrics=Metrics(), stop=lambda: None)
    running = asyncio.create_task(keeper.run())
    try:
        async with asyncio.timeout(patience_s):
            while not keeper.is_open:
                await asyncio.sleep(0.01)
            with contextlib.suppress(Unavailable):
                await keeper.perform(fail)
            while len(opened) < 2 or not keeper.is_open:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
    return opened


def test_another_desk_is_opened_while_the_lost_one_would_wait_for_ever():
    first, second = asyncio.run(lose(5))
    assert (first.abandoned, second.abandoned) == (True, False)


def test_mutation_closing_it_in_good_order_waits_for_the_silent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(DeskKeeper, "_abandon", DeskKeeper.close)
    with pytest.raises(TimeoutError):
        asyncio.run(lose(0.5))
