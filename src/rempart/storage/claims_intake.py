"""Claims as they come in, and as their biller reads them again.

Refuses to judge, and to tell one claim's person from another's: what is written is the same work
whoever they are. Each call is one statement, so that nothing is half written.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from rempart.kernel.errors import Unavailable
from rempart.storage.array_literals import format_uuids
from rempart.storage.ledger_opening import DRIVER_FAILURES
from rempart.storage.primary import connect_primary
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("claims_intake")
TIMEOUT_S: Final = 30.0
POOL_SIZE: Final = 4


class FoundPerson(NamedTuple):
    """Whom identifiers lead to; 0 and 0 for nobody."""

    person_ref: int
    insurer_id: int


class NewLine(msgspec.Struct, frozen=True):
    """One line to write; columns of `claims.line`."""

    claim_ref: int
    number: int
    act: str
    care_on: date
    quantity: int
    billed_cents: int
    base_cents: int | None
    given_amo_cents: int | None
    asked_amc_cents: int | None
    basket: str | None
    equipment: str | None
    correction: str | None
    exoneration: str | None
    early_renewal: bool


class NewClaim(msgspec.Struct, frozen=True):
    """One claim to write; columns of `claims.claim`, its digest in hexadecimal.

    `named_amc`: the number of the insurer that typed identifiers name; None for a card.
    """

    claim_ref: int
    establishment_ref: int
    account_ref: int
    client_ref: int
    lot_ref: int | None
    channel: str
    invoice: str
    digest: str
    person_ref: int
    insurer_id: int
    born: str
    in_pathway: bool
    engagement_log: int | None
    engagement_idx: int | None
    pec_number: str | None
    first_care_on: date
    last_care_on: date
    billed_cents: int
    replaces: int | None
    by_card: bool = False
    named_amc: str | None = None


class StoredLot(NamedTuple):
    """A lot as it is kept; findings are `[{"at", "line", "field", "rule"}]`."""

    lot_ref: int
    channel: str
    number: str
    state: str
    claims: int
    refused: int
    findings: list[dict[str, Any]]
    received_at: datetime


class StoredClaim(NamedTuple):
    """A claim with its result; amounts are None until it is adjudicated.

    Attributes:
        is_told: Whether its biller may be told its result without the guard.
        by_card: Whether the card's code named the person.
        mark: 16 bytes that stand for whoever was named, where that is nobody.
        named_insurer: The insurer that was named, whether there is such a member or not; 0: none.
    """

    claim_ref: int
    lot_ref: int | None
    channel: str
    invoice: str
    person_ref: int
    insurer_id: int
    first_care_on: date
    billed_cents: int
    replaces: int | None
    received_at: datetime
    state: str
    state_at: datetime
    amo_cents: int | None
    amc_cents: int | None
    reste_a_charge_cents: int | None
    findings: list[dict[str, Any]]
    is_told: bool
    by_card: bool
    mark: bytes
    lines: list[dict[str, Any]]
    named_insurer: int = 0


class ListedClaim(NamedTuple):
    """A claim in a list, as far as its biller may be told; `act` is that of its first line."""

    claim_ref: int
    invoice: str
    person_ref: int
    insurer_id: int
    first_care_on: date
    billed_cents: int
    received_at: datetime
    state: str
    state_at: datetime
    amo_cents: int | None
    amc_cents: int | None
    reste_a_charge_cents: int | None
    act: str


class Wish(NamedTuple):
    """Which claims are listed; None: all.

    Attributes:
        since: Received at this instant or later.
        state: In this state.
        invoice: Of this invoice number.
        lot_ref: Of this lot.
        after: Reference of the last one of the page before.
        most: How many at most.
    """

    since: datetime | None = None
    state: str | None = None
    invoice: str | None = None
    lot_ref: int | None = None
    after: int | None = None
    most: int = 50


@dataclass(frozen=True, slots=True)
class ClaimShelf:
    """Writes and reads claims through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def find_persons(self, keys: Sequence[bytes]) -> list[FoundPerson]:
        """Find whom look-up keys lead to, in their order.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.find_persons, format_uuids(keys))
        return [FoundPerson(*row) for row in rows]

    async def find_own(self, wanted: Sequence[tuple[int, int]]) -> set[int]:
        """Find which claims, by reference and establishment, are that establishment's.

        Raises:
            Unavailable: the database does not answer.
        """
        refs, establishments = zip(*wanted, strict=True)
        return {row[0] for row in await self._fetch(QUERIES.find_own, refs, establishments)}

    async def save(self, claims: Sequence[NewClaim], lines: Sequence[NewLine]) -> set[int]:
        """Write claims, all or none; return the references of those that are new.

        Raises:
            Unavailable: the database does not answer; sent again, they are written once.
        """
        rows = await self._fetch(
            QUERIES.save_claims,
            msgspec.json.encode(claims).decode(),
            msgspec.json.encode(lines).decode(),
        )
        return {row[0] for row in rows}

    async def find_known(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Find the references of claims that were written before.

        Raises:
            Unavailable: the database does not answer.
        """
        return dict(await self._fetch(QUERIES.find_known, list(digests)))

    async def call_adjudication(self) -> None:
        """Say that claims wait.

        Raises:
            Unavailable: the database does not answer; they are found within a minute.
        """
        await self._fetch(QUERIES.call_adjudication)

    async def open_lot(
        self,
        lot_ref: int,
        *,
        establishment_ref: int,
        account_ref: int,
        channel: str,
        number: str,
        digest: bytes,
    ) -> StoredLot:
        """Write that a lot comes in, or return it as it came before.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._fetch(
            QUERIES.open_lot, lot_ref, establishment_ref, account_ref, channel, number, digest
        )
        [row] = await self._fetch(QUERIES.find_lot, establishment_ref, digest)
        return _read_lot(row)

    async def close_lot(
        self,
        lot_ref: int,
        *,
        state: str,
        claims: int,
        refused: int,
        findings: Sequence[dict[str, Any]],
    ) -> None:
        """Write how a lot ended.

        Raises:
            Unavailable: the database does not answer; sent again, the lot ends the same way.
        """
        text = msgspec.json.encode(findings).decode()
        await self._fetch(QUERIES.close_lot, lot_ref, state, claims, refused, text)

    async def load_lot(self, lot_ref: int, establishment_ref: int) -> StoredLot | None:
        """Load a lot of an establishment.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.load_lot, lot_ref, establishment_ref)
        return _read_lot(rows[0]) if rows else None

    async def load_claim(self, claim_ref: int, establishment_ref: int) -> StoredClaim | None:
        """Load a claim of an establishment.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.load_claim, claim_ref, establishment_ref)
        if not rows:
            return None
        facts = dict(rows[0])
        for name in ("findings", "lines"):
            facts[name] = msgspec.json.decode(facts[name])
        return StoredClaim(**facts)

    async def tell(self, claim_ref: int) -> list[dict[str, Any]]:
        """Write that a result may be read; return its findings, as they are told.

        Raises:
            Unavailable: the database does not answer.
        """
        [row] = await self._fetch(QUERIES.tell, claim_ref)
        findings: list[dict[str, Any]] = msgspec.json.decode(row[0])
        return findings

    async def list_claims(self, establishment_ref: int, wish: Wish) -> list[ListedClaim]:
        """List claims of an establishment in the order they came.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.list_claims, establishment_ref, *wish)
        return [ListedClaim(*row) for row in rows]

    async def ask_cancel(
        self, claim_ref: int, *, establishment_ref: int, account_ref: int, reason: str
    ) -> bool:
        """Ask that a claim be taken back; False when the establishment billed no such claim.

        Raises:
            Unavailable: the database does not answer; asked again, it is asked once.
        """
        [row] = await self._fetch(
            QUERIES.ask_cancel, claim_ref, establishment_ref, account_ref, reason
        )
        return row[0] is not None

    async def _fetch(self, query: str, *arguments: object) -> list[Any]:
        with _explain_failure():
            rows: list[Any] = await self.find_pool().fetch(query, *arguments, timeout=TIMEOUT_S)
        return rows


@asynccontextmanager
async def open_claims_pool(arguments: Mapping[str, Any]) -> AsyncIterator[asyncpg.Pool]:
    """Open the pool; connections are made when first needed, and again when they are lost."""
    pool = asyncpg.create_pool(
        **arguments,
        connect=connect_primary,
        min_size=0,
        max_size=POOL_SIZE,
        timeout=TIMEOUT_S,
        reset=_keep_connection,
    )
    async with pool:
        yield pool


async def _keep_connection(_: asyncpg.Connection) -> None:
    """Give a connection back as it is: nothing here sets session state, so nothing is reset."""


def _read_lot(row: Any) -> StoredLot:
    return StoredLot(**{**dict(row), "findings": msgspec.json.decode(row["findings"])})


@contextmanager
def _explain_failure() -> Iterator[None]:
    """Turn what the driver raises into `Unavailable`, without the values of the query."""
    try:
        yield
    except DRIVER_FAILURES as failure:
        raise Unavailable(f"claims cannot be written: {type(failure).__name__}") from failure
