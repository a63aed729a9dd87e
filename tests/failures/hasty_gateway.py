"""The mutation of I1: a gateway that acknowledges before its entries are committed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from litestar import Litestar

from rempart.disclosure.entry import Draft
from rempart.storage.ledger_writer import LedgerWriter, Receipt
from rempart.wiring import gateway_app
from rempart.wiring.gateway_app import DatabaseDesk, DeskMaker

DELAY_S = 0.05


class HastyLedger:
    """Promises places at once, and writes a moment later."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer
        self._tail = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.log_id, self.origin, self.size = writer.log_id, writer.origin, writer.size

    @property
    def checkpoint(self) -> str:
        return self._writer.checkpoint

    async def append(self, drafts: Sequence[Draft], **options: Any) -> list[Receipt]:
        self.size += len(drafts)
        task = asyncio.create_task(self._write_later(drafts, options))
        self._tasks.add(task)
        return []

    async def _write_later(self, drafts: Sequence[Draft], options: dict[str, Any]) -> None:
        async with self._tail:
            await asyncio.sleep(DELAY_S)
            await self._writer.append(drafts, **options)


def create_app() -> Litestar:
    """Build the gateway with a hasty ledger."""
    open_desk = DeskMaker.open

    async def open_hasty(maker: DeskMaker, *, on_loss: Callable[[], None]) -> DatabaseDesk:
        made = await open_desk(maker, on_loss=on_loss)
        return replace(made, desk=replace(made.desk, ledger=HastyLedger(made.writer)))

    DeskMaker.open = open_hasty  # type: ignore[method-assign]
    return gateway_app.create_app()
