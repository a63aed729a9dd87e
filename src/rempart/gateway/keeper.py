"""Keeps the desk open: checks rights while it is, opens it again when it is lost.

Refuses to answer without it. Everything that fails loses the desk, because after a failure only the
database knows what was written; what was not acknowledged is asked again by the callers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Final, Protocol, TypeVar

from rempart.gateway.bugs import log_bug
from rempart.gateway.metrics import Metrics
from rempart.kernel.errors import LedgerFenced, LedgerUnavailable, RempartError
from rempart.workflows.rights.check_rights import check_rights
from rempart.workflows.rights.rights_desk import Answered, Asked, Desk

FIRST_DELAY_S: Final = 0.05
LAST_DELAY_S: Final = 2.0

Result = TypeVar("Result")

_log = logging.getLogger("rempart.gateway")


class OpenDesk(Protocol):
    """A desk with the connections behind it."""

    @property
    def desk(self) -> Desk:
        """What rights are checked with."""
        ...

    async def write_checkpoint(self) -> None:
        """Keep a signed checkpoint of what was written, if it is not kept."""
        ...

    async def close(self) -> None:
        """Keep a last checkpoint if possible, and close the connections."""
        ...

    def abandon(self) -> None:
        """End the connections at once, asking the server for nothing."""
        ...


class OpensDesk(Protocol):
    """Opens a desk, taking over the log."""

    async def __call__(self, *, on_loss: Callable[[], None]) -> OpenDesk:
        """Open it; `on_loss` is called when one of its connections ends by itself.

        Raises:
            RempartError: it cannot be opened yet; nothing is left open.
        """
        ...


class Clock(Protocol):
    """The only clock of the gateway."""

    def now_ms(self) -> int:
        """Unix milliseconds."""
        ...

    def steady_ms(self) -> float:
        """Milliseconds that never go back."""
        ...

    def today(self) -> date:
        """The civil date in Paris."""
        ...


class DeskKeeper:
    """Owns the desk of this process.

    Args:
        open_desk: Opens a desk.
        clock: The time.
        metrics: Where the ledger's state is counted.
        stop: Called when another process took the log over: this one must end.
    """

    def __init__(
        self,
        open_desk: OpensDesk,
        *,
        clock: Clock,
        metrics: Metrics,
        stop: Callable[[], None],
    ) -> None:
        self._open_desk = open_desk
        self._clock = clock
        self._metrics = metrics
        self._stop = stop
        self._desk: OpenDesk | None = None
        self._lost = asyncio.Event()
        self._lost.set()
        # A batch whose connection dies ends by itself; only then is the desk closed.
        self._in_use = asyncio.Lock()
        self._opening = 0
        self._fenced = False
        self._said = ""

    @property
    def is_open(self) -> bool:
        """Whether rights can be checked now."""
        return self._desk is not None and not self._lost.is_set()

    def find_checkpoint(self) -> str | None:
        """Return the signed note of the present size, None while the desk is not open."""
        kept = self._desk
        return None if kept is None or self._lost.is_set() else kept.desk.ledger.checkpoint

    async def check(self, asked: Sequence[Asked]) -> Sequence[Answered | RempartError]:
        """Check the rights of a batch.

        Raises:
            LedgerUnavailable: the desk is not open, or was lost on the way; nothing may leave.
            Unavailable: rights cannot be read; nothing may leave.
        """
        async with self._in_use:
            kept = self._desk
            if kept is None or self._lost.is_set():
                raise LedgerUnavailable("the ledger is being opened: come back")
            self._metrics.batch_size.observe(len(asked))
            try:
                return await check_rights(
                    kept.desk, asked, now_ms=self._clock.now_ms(), today=self._clock.today()
                )
            except BaseException as failure:
                self._lose(failure)
                if isinstance(failure, LedgerFenced):
                    raise LedgerUnavailable("another process writes this log") from failure
                raise
            finally:
                self._metrics.ledger_size.set(kept.desk.ledger.size)

    async def perform(self, work: Callable[[Desk], Awaitable[Result]]) -> Result:
        """Run something else with the desk, between two batches.

        Raises:
            LedgerUnavailable: the desk is not open, or was lost on the way; nothing may leave.
            Unavailable: the database cannot be reached; nothing may leave.
        """
        async with self._in_use:
            kept = self._desk
            if kept is None or self._lost.is_set():
                raise LedgerUnavailable("the ledger is being opened: come back")
            try:
                return await work(kept.desk)
            except BaseException as failure:
                self._lose(failure)
                if isinstance(failure, LedgerFenced):
                    raise LedgerUnavailable("another process writes this log") from failure
                raise
            finally:
                self._metrics.ledger_size.set(kept.desk.ledger.size)

    async def rest(self) -> None:
        """Keep a checkpoint: called when nothing has come for a moment."""
        async with self._in_use:
            kept = self._desk
            if kept is None or self._lost.is_set():
                return
            try:
                await kept.write_checkpoint()
            except RempartError as failure:
                self._lose(failure)

    async def run(self) -> None:
        """Open the desk whenever it is lost, trying again after longer and longer pauses."""
        while True:
            await self._lost.wait()
            await asyncio.sleep(FIRST_DELAY_S)  # a connection that ends takes a moment to know it
            await self._abandon()
            if self._fenced:
                self._stop()
                return
            delay_s = FIRST_DELAY_S
            while not await self._try_open():
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LAST_DELAY_S)

    async def close(self) -> None:
        """Close the desk, with a last checkpoint if it can still write one."""
        async with self._in_use:
            kept = self._take()
            if kept is not None:
                await _close(kept)

    async def _abandon(self) -> None:
        """Let a lost desk go: whoever waits for a server that is silent waits in vain."""
        async with self._in_use:
            kept = self._take()
            if kept is not None:
                kept.abandon()

    def _take(self) -> OpenDesk | None:
        """Take the desk away: what its connections say from now on is no loss any more."""
        kept, self._desk = self._desk, None
        self._opening += 1
        self._metrics.ledger_open.set(0)
        return kept

    async def _try_open(self) -> bool:
        self._lost.clear()
        try:
            self._desk = await self._open_desk(on_loss=self._watch())
        except RempartError as failure:
            if str(failure) != self._said:
                self._said = str(failure)
                _log.warning("the ledger cannot be opened yet: %s [%s]", failure, failure.code)
            return False
        except Exception as bug:  # noqa: BLE001 - outermost layer: the task must go on trying
            log_bug("opening the ledger", bug)
            return False
        self._said = ""
        self._metrics.ledger_open.set(1)
        self._metrics.ledger_openings.inc()
        self._metrics.ledger_size.set(self._desk.desk.ledger.size)
        _log.info("log %d is open at %d entries", *_standing(self._desk.desk))
        return True

    def _watch(self) -> Callable[[], None]:
        """Make the function that the connections of one opening call when they end.

        Those of an earlier opening end too, sometimes later: that is no loss any more.
        """
        self._opening += 1
        watched = self._opening

        def notice() -> None:
            if self._opening == watched:
                self._lost.set()

        return notice

    def _lose(self, failure: BaseException) -> None:
        """Give a desk that failed up; `run` opens another, unless somebody else has the log."""
        _log.warning("the ledger was lost: %s", type(failure).__name__)
        self._fenced = self._fenced or isinstance(failure, LedgerFenced)
        self._lost.set()


async def _close(kept: OpenDesk) -> None:
    """Close a desk, whatever its state: what is committed stays committed."""
    try:
        await kept.close()
    except RempartError as failure:
        _log.warning("the last checkpoint could not be kept: %s", type(failure).__name__)
    except Exception as bug:  # noqa: BLE001 - outermost layer: another desk must be opened after it
        log_bug("closing the ledger", bug)


def _standing(desk: Desk) -> tuple[int, int]:
    return desk.ledger.log_id, desk.ledger.size
