"""The acts log (log 0): opened for one append by whoever acts, from code that does not wait.

Refuses to keep it open between two acts: many processes act, each seldom, and a log has one writer
at a time. An act costs a connection, the lock, one batch and its checkpoint: some fifteen
milliseconds.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rempart.disclosure.acts import ACTS_LOG, Statement
from rempart.disclosure.entry import Draft
from rempart.disclosure.note import NoteSigner
from rempart.storage.ledger_opening import SEGMENT_BITS
from rempart.storage.ledger_writer import Receipt
from rempart.storage.log_opener import LogOpener

# How long to wait for whoever else is acting at this moment.
PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendsActs:
    """Appends to the acts log: a `workflows.ledger.record_act.ActsLog`.

    Args:
        connection: asyncpg's arguments, as login `recorder`. They hold a secret.
        signers: Our keys of log 0, the first one first.
        segment_bits: If the log is made: see `LedgerWriter.open`.
        clock_ms: Unix milliseconds.
        patience_s: How long to wait for another writer.
    """

    connection: Mapping[str, Any]
    signers: Sequence[NoteSigner]
    clock_ms: Callable[[], int]
    segment_bits: int = SEGMENT_BITS
    patience_s: float = PATIENCE_S

    def __repr__(self) -> str:
        return f"AppendsActs({self.signers!r})"

    def append(self, acts: Sequence[tuple[Draft, Statement]]) -> Sequence[Receipt]:
        """Record acts in one batch; return once they, and a checkpoint over them, are durable.

        Called where no event loop runs: a thread of a web server, a command.

        Raises:
            LedgerUnavailable: The database is down, the log stays taken, or the commit is unknown.
            SetupError, InconsistentRecord: See `LedgerWriter.open`.
        """
        return asyncio.run(self._append(acts))

    async def _append(self, acts: Sequence[tuple[Draft, Statement]]) -> Sequence[Receipt]:
        writer = await self.make_opener().open()
        try:
            return await writer.append(
                [draft for draft, _ in acts], statements=[statement for _, statement in acts]
            )
        finally:
            await writer.close()

    def make_opener(self) -> LogOpener:
        """Return how the acts log is opened."""
        return LogOpener(
            connection=self.connection,
            log_id=ACTS_LOG,
            signers=self.signers,
            clock_ms=self.clock_ms,
            segment_bits=self.segment_bits,
            patience_s=self.patience_s,
        )
