"""The same gateway and the same rights from the database, with a ledger that keeps nothing.

What writing before answering costs, by itself. Only a benchmark can build it: no setting leads
here.
"""

from typing import Any, Self

from litestar import Litestar

from bench.no_database import NoLedger
from rempart.storage.ledger_opening import close_quietly
from rempart.wiring import gateway_app


class ForgetfulWriter(NoLedger):
    """Takes the place of the writer; its connection stays unused."""

    def __init__(self, connection: Any) -> None:
        super().__init__()
        self._connection = connection

    @classmethod
    async def open(cls, connection: Any, **_: Any) -> Self:
        """Take no log over."""
        return cls(connection)

    async def write_checkpoint(self) -> str:
        """Keep none."""
        return self.checkpoint

    async def close(self) -> None:
        """Close the connection."""
        await close_quietly(self._connection)


def create_app() -> Litestar:
    """Build the gateway of the environment, its writer replaced."""
    gateway_app.LedgerWriter = ForgetfulWriter  # type: ignore[assignment,attr-defined]
    return gateway_app.create_app()
