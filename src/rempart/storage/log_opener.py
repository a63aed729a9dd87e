"""How one log is opened for writing: by which login, with which keys, how patiently."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rempart.disclosure.note import NoteSigner
from rempart.kernel.errors import LedgerUnavailable
from rempart.storage.ledger_opening import DRIVER_FAILURES, SEGMENT_BITS
from rempart.storage.ledger_writer import LedgerWriter
from rempart.storage.primary import connect_primary

CONNECT_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOpener:
    """Opens one log, each time through a connection of its own.

    Args:
        connection: asyncpg's arguments, as a login that may write the log. They hold a secret.
        log_id: The log.
        signers: Our keys of it, the first one first.
        clock_ms: Unix milliseconds.
        segment_bits: If the log is made: see `LedgerWriter.open`.
        patience_s: How long to wait for another writer.
        draw_salts: See `LedgerWriter.open`.
    """

    connection: Mapping[str, Any] = field(repr=False)
    log_id: int
    signers: Sequence[NoteSigner]
    clock_ms: Callable[[], int]
    segment_bits: int = SEGMENT_BITS
    patience_s: float = 0.0
    draw_salts: Callable[[int], bytes] = secrets.token_bytes

    async def open(self) -> LedgerWriter:
        """Take the log over.

        Raises: see `LedgerWriter.open`.
        """
        try:
            connection = await connect_primary(**self.connection, timeout=CONNECT_TIMEOUT_S)
        except (*DRIVER_FAILURES, TimeoutError) as failure:
            raise LedgerUnavailable(
                f"log {self.log_id} cannot be reached: {type(failure).__name__}"
            ) from failure
        return await LedgerWriter.open(
            connection,
            log_id=self.log_id,
            signers=self.signers,
            clock_ms=self.clock_ms,
            segment_bits=self.segment_bits,
            patience_s=self.patience_s,
            draw_salts=self.draw_salts,
        )
