"""The books of numbers lent for working offline.

Refuses to judge: a batch and what came back of it, as they were written.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import asyncpg

from rempart.kernel.errors import Unavailable
from rempart.rights.offline_engagement import Lent, OfflineNumber
from rempart.storage.ledger_opening import DRIVER_FAILURES
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("offline")
READ_TIMEOUT_S: Final = 10.0


class Reported(NamedTuple):
    """What became of a number: accepted (no reason), or refused; and where it is written.

    Attributes:
        log: The public name of its log; empty where it is to be written.
    """

    batch_ref: int
    place: int
    digest: bytes
    reason: str | None
    amount_cents: int
    log_id: int
    idx: int
    log: str = ""


@dataclass(frozen=True, slots=True)
class OfflineBooks:
    """Reads and writes the books, through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def lend(
        self, lent: Lent, *, account_ref: int, day: date, wanted: int, a_day: int
    ) -> int:
        """Lend up to `wanted` numbers; return how many, 0 when the day's are lent.

        Raises:
            Unavailable: the database does not answer; whether they were lent is unknown, and
                costs at most these numbers.
        """
        [row] = await self._fetch(
            QUERIES.lend_numbers,
            *(lent.batch_ref, lent.establishment_ref, account_ref, day, wanted, a_day),
            *(lent.amount_cents, lent.issued_ms, lent.expires_ms),
        )
        return int(row[0])

    async def load_batches(self, numbers: Sequence[OfflineNumber]) -> dict[int, Lent]:
        """Load the batches of some numbers.

        Raises:
            Unavailable: the database does not answer.
        """
        refs = sorted({number.batch_ref for number in numbers})
        return {row[0]: Lent(*row) for row in await self._fetch(QUERIES.load_batches, refs)}

    async def load_reported(
        self, numbers: Sequence[OfflineNumber]
    ) -> dict[tuple[int, int], Reported]:
        """Load what became of those that came back before.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(
            QUERIES.load_reported,
            [number.batch_ref for number in numbers],
            [number.place for number in numbers],
        )
        return {(row[0], row[1]): Reported(*row) for row in rows}

    async def save(self, reported: Reported) -> bool:
        """Write what became of a number; False when it came back elsewhere meanwhile.

        Raises:
            Unavailable: the database does not answer.
        """
        return bool(await self._fetch(QUERIES.save_reported, *reported[:-1]))

    async def _fetch(self, query: str, *arguments: object) -> list[Any]:
        with _explain_failure():
            rows: list[Any] = await self.find_pool().fetch(
                query, *arguments, timeout=READ_TIMEOUT_S
            )
        return rows


@contextmanager
def _explain_failure() -> Iterator[None]:
    try:
        yield
    except DRIVER_FAILURES as failure:
        raise Unavailable(
            f"the books of numbers cannot be read: {type(failure).__name__}"
        ) from failure
