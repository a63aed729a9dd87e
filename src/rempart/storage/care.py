"""What a quote is computed on, and the promises of prises en charge, as the gateway keeps them.

Refuses to know whom a promise is about beyond a reference.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from rempart.claims.claim import Biller
from rempart.claims.counters import CounterKey, Use, Used
from rempart.claims.quote import Place, Quote, StandingPec
from rempart.claims.states import PecState
from rempart.storage.gateway import READ_TIMEOUT_S, explain_failure
from rempart.storage.queries import load_queries

_sql: Final = load_queries("care")
AMO: Final = 0
"""In the place of a contract: what compulsory insurance withheld."""


class PromiseMoved(Exception):
    """What promises were computed on is so no more: they are to be computed again.

    One to replace was used, cancelled or replaced meanwhile, or the person was promised something
    else, by another gateway.
    """


class PecRow(NamedTuple):
    """One promise to write, in the order of the columns; amounts in cents.

    Attributes:
        log_id: With `idx`, the entry of the ledger that tells it.
        lines: JSON, see `format_lines`.
        uses: JSON, see `format_uses`.
        replaces_log: With `replaces_idx`, the promise it takes the place of; both or neither.
        known: What tells its person's promises apart, as they were when it was computed; the one
            value not kept.
    """

    log_id: int
    idx: int
    establishment_ref: int
    account_ref: int
    person_ref: int
    insurer_id: int
    contract_ref: int
    domain: str
    care_on: date
    state: str
    expires_on: date
    billed_cents: int
    amo_cents: int
    amc_cents: int
    lines: str
    uses: str
    replaces_log: int | None
    replaces_idx: int | None
    known: int


class BenefitFile(NamedTuple):
    """An approved file of benefit tables; content None for one that is known already."""

    file_ref: int
    insurer_id: int
    approved_at: datetime
    content: str | None


@dataclass(frozen=True, slots=True)
class CareReader:
    """Reads through the connection of the sheets, lent for a batch at a time."""

    connection: asyncpg.Connection

    async def load_used(
        self, persons: Sequence[int], *, today: date, replaced: Iterable[Place]
    ) -> dict[tuple[int, int], dict[CounterKey, Used]]:
        """Return what was used of limits, by person and contract; contract `AMO` for levies.

        Args:
            persons: Whose.
            today: The day on which promises must hold to count.
            replaced: Promises that do not count, because others take their place.

        Raises:
            Unavailable: the database does not answer.
        """
        gone = list(replaced)
        with explain_failure("claims"):
            rows = await self.connection.fetch(
                _sql.load_uses,
                *(list(persons), today),
                *([place.log_id for place in gone], [place.idx for place in gone]),
                timeout=READ_TIMEOUT_S,
            )
        used: dict[tuple[int, int], dict[CounterKey, Used]] = {}
        for person_ref, contract_ref, name, since, mark, cents, units, last in rows:
            of_contract = used.setdefault((person_ref, contract_ref), {})
            of_contract[CounterKey(name, since, mark)] = Used(cents, units, last)
        return used

    async def sum_promises_up(self, persons: Sequence[int]) -> dict[int, int]:
        """Return a number for each of these persons that changes with what they are promised.

        To be asked before what promises keep of limits: see `write_pecs`.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("claims"):
            rows = await self.connection.fetch(
                _sql.sum_promises_up, list(persons), timeout=READ_TIMEOUT_S
            )
        return dict(rows)

    async def load_pecs(self, places: Sequence[Place]) -> dict[Place, StandingPec]:
        """Return the promises named by these entries; those that are none are left out.

        Raises:
            Unavailable: the database does not answer.
        """
        if not places:
            return {}
        with explain_failure("claims"):
            rows = await self.connection.fetch(
                _sql.load_pecs,
                *([place.log_id for place in places], [place.idx for place in places]),
                timeout=READ_TIMEOUT_S,
            )
        return {pec.place: pec for pec in map(_build_pec, rows)}

    async def load_benefit_files(
        self, insurers: Sequence[int], *, known: Sequence[int]
    ) -> list[BenefitFile]:
        """Return the approved files of some insurers, in the order they were approved.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("claims"):
            rows = await self.connection.fetch(
                _sql.load_benefit_files, list(insurers), list(known), timeout=READ_TIMEOUT_S
            )
        return [BenefitFile(*row) for row in rows]

    async def load_billers(self, establishments: Sequence[int], *, day: date) -> dict[int, Biller]:
        """Return what amounts depend on of establishments; one nobody told of has no network.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("claims"):
            rows = await self.connection.fetch(
                _sql.load_billers, list(establishments), day, timeout=READ_TIMEOUT_S
            )
        told = {
            ref: Biller(mark=ref, optam=optam, circuits=frozenset(circuits))
            for ref, optam, circuits in rows
        }
        return {ref: told.get(ref, Biller(mark=ref)) for ref in establishments}


@dataclass(frozen=True, slots=True)
class PecBook:
    """An establishment's own promises, through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def find(self, place: Place) -> StandingPec | None:
        """Return a promise.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("claims"):
            row = await self.find_pool().fetchrow(
                _sql.load_pecs, [place.log_id], [place.idx], timeout=READ_TIMEOUT_S
            )
        return None if row is None else _build_pec(row)

    async def cancel(self, place: Place, *, establishment_ref: int) -> StandingPec | None:
        """Take a promise back; None when it is another's, or not good any more.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("claims"):
            row = await self.find_pool().fetchrow(
                _sql.cancel_pec,
                *(place.log_id, place.idx, establishment_ref),
                timeout=READ_TIMEOUT_S,
            )
        return None if row is None else _build_pec(row)

    async def list_newest(
        self, establishment_ref: int, *, before: datetime, most: int
    ) -> list[StandingPec]:
        """Return an establishment's promises asked for before a moment, the newest first.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("claims"):
            rows = await self.find_pool().fetch(
                _sql.list_pecs, establishment_ref, before, most, timeout=READ_TIMEOUT_S
            )
        return [_build_pec(row) for row in rows]


async def write_pecs(connection: asyncpg.Connection, pecs: Sequence[PecRow]) -> None:
    """Write promises in the transaction under way.

    Two gateways that promise something to one person go one after the other.

    Raises:
        PromiseMoved: what they were computed on is so no more: nothing may be committed.
    """
    known = {pec.person_ref: pec.known for pec in pecs}
    await connection.execute(_sql.lock_promises, sorted(known), timeout=READ_TIMEOUT_S)
    # Another statement: it sees what was committed while the first one waited.
    if dict(await connection.fetch(_sql.sum_promises_up, list(known))) != known:
        raise PromiseMoved
    gone = [(pec.replaces_log, pec.replaces_idx) for pec in pecs if pec.replaces_log is not None]
    if gone:
        logs, indexes = zip(*gone, strict=True)
        moved = await connection.fetchval(
            _sql.replace_pecs, list(logs), list(indexes), timeout=READ_TIMEOUT_S
        )
        if moved != len(gone):
            raise PromiseMoved
    *columns, _known = (list(column) for column in zip(*pecs, strict=True))
    await connection.execute(_sql.insert_pecs, *columns, timeout=READ_TIMEOUT_S)


def format_lines(quote: Quote) -> str:
    """Write the acts and amounts of a promise as JSON."""
    return msgspec.json.encode(
        [
            {
                "number": one.line.number,
                "act": one.line.act.code,
                "quantity": one.line.quantity,
                "billed": one.line.billed_cents,
                "base": one.amo.base_cents,
                "amo": one.amo.paid_cents,
                "amc": one.amc_cents,
            }
            for one in quote.lines
        ]
    ).decode()


def format_uses(uses: Iterable[Use]) -> str:
    """Write what a promise keeps of limits as JSON."""
    return msgspec.json.encode(
        [
            {
                "name": use.key.name,
                "since": use.key.since,
                "mark": use.key.mark,
                "cents": use.cents,
                "units": use.units,
                "day": use.day,
            }
            for use in uses
        ]
    ).decode()


def _build_pec(row: Mapping[str, Any]) -> StandingPec:
    return StandingPec(
        place=Place(row["log_id"], row["idx"]),
        establishment_ref=row["establishment_ref"],
        person_ref=row["person_ref"],
        domain=row["domain"],
        care_on=row["care_on"],
        state=PecState(row["state"]),
        asked_at=row["asked_at"],
        expires_on=row["expires_on"],
    )
