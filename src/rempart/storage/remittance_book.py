"""An establishment's transfers as the gateway reads them: those that were sent, and their lines.

Refuses to read a transfer without saying whose it must be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import asyncpg

from rempart.storage.gateway import READ_TIMEOUT_S, explain_failure
from rempart.storage.payment_pages import Payee, StoredLine, StoredRemittance
from rempart.storage.queries import load_queries

_sql: Final = load_queries("remittance_book")
_CUT: Final = len(StoredRemittance._fields)


@dataclass(frozen=True, slots=True)
class RemittanceBook:
    """Reads through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def list_newest(
        self, establishment_ref: int, *, before: int, most: int
    ) -> list[StoredRemittance]:
        """Return transfers with a lower number than `before`, the newest first.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("payments"):
            rows = await self.find_pool().fetch(
                _sql.list_remittances, establishment_ref, before, most, timeout=READ_TIMEOUT_S
            )
        return [StoredRemittance(*row) for row in rows]

    async def find(
        self, remittance_id: int, *, establishment_ref: int
    ) -> tuple[StoredRemittance, Payee] | None:
        """Return a transfer and whose it is; None when it is not this establishment's.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("payments"):
            row = await self.find_pool().fetchrow(
                _sql.load_remittance, remittance_id, establishment_ref, timeout=READ_TIMEOUT_S
            )
        if row is None:
            return None
        values = tuple(row)
        return StoredRemittance(*values[:_CUT]), Payee(*values[_CUT:])

    async def list_lines(self, remittance_id: int) -> list[StoredLine]:
        """Return the lines of a transfer that was found.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("payments"):
            rows = await self.find_pool().fetch(
                _sql.list_return_lines, remittance_id, timeout=READ_TIMEOUT_S
            )
        return [StoredLine(*row) for row in rows]
