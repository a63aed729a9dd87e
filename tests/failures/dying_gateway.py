"""A gateway that is killed between the guard's commit and the ledger's: at its first entry."""

import os
import signal
from typing import Any

from litestar import Litestar

from rempart.storage.ledger_writer import LedgerWriter
from rempart.wiring import gateway_app


async def die(*_: Any, **__: Any) -> None:
    """Take the place of writing."""
    os.kill(os.getpid(), signal.SIGKILL)


def create_app() -> Litestar:
    """Build the gateway that will not write."""
    LedgerWriter.append = die  # type: ignore[assignment,method-assign]
    return gateway_app.create_app()
