"""What the gateway reads: sheets of rights by lookup key, terms, sessions of its own log.

Refuses to read anything by name: the role it uses has no right on the identity plane.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from rempart.accounts.session import Origin, Session
from rempart.kernel.errors import InconsistentRecord, Unavailable
from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.coverage import Coverage, Terms
from rempart.rights.lookup import compute_stranger
from rempart.rights.terms import parse_terms
from rempart.storage.array_literals import format_numbers, format_optional, format_uuids
from rempart.storage.ledger_opening import DRIVER_FAILURES, SEGMENT_BITS
from rempart.storage.primary import connect_primary
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("gateway")
READ_TIMEOUT_S: Final = 10.0
# One plan for ever, by the indexes: the first gateway may start on empty tables, and a plan made
# for those would read all of a million rows later. Refusals cost the same time with it, too.
READER_SETTINGS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
REPLAY_BATCH: Final = 5000
REPLAY_LIFETIME_MS: Final = 24 * 60 * 60 * 1000


class Wanted(NamedTuple):
    """What one question needs from the database.

    Attributes:
        lookup_key: 16 bytes.
        amc_number: The insurer named, or None when a card was shown.
        session_ref: The session asking if the answer may have been given already, else None.
        request_id: 16 bytes that name the request.
        account_ref: Who asks; 0: nobody who could know anybody.
    """

    lookup_key: bytes
    amc_number: str | None
    session_ref: int | None
    request_id: bytes
    account_ref: int = 0


class Sheet:
    """The coverages of one person as published, still in columns."""

    __slots__ = ("_row", "_terms")

    def __init__(self, row: Mapping[str, Any], terms: Mapping[int, Terms | None]) -> None:
        self._row = row
        self._terms = terms

    @property
    def insurer_id(self) -> int:
        """The insurer that grants them."""
        return int(self._row["insurer_id"])

    @property
    def version(self) -> int:
        """The feed version that wrote this sheet."""
        return int(self._row["opened_in"])

    def build_coverages(self) -> list[Coverage]:
        """Build the coverages, cut to the days of the insurer's agreement with the operator.

        Raises:
            InconsistentRecord: the terms of one of them are not understood.
        """
        row = self._row
        columns = zip(
            row["contract_ref"],
            row["starts_on"],
            row["ends_on"],
            row["suspended_from"],
            row["suspended_to"],
            row["terms_id"],
            strict=True,
        )
        first_day, last_day = row["agreement_from"], row["agreement_to"]
        coverages = []
        for contract_ref, starts_on, ends_on, suspended_from, suspended_to, terms_id in columns:
            period = _intersect(starts_on, ends_on, first_day, last_day)
            if period is None:
                continue
            terms = self._terms.get(terms_id)
            if terms is None:
                raise InconsistentRecord(f"terms {terms_id} are missing or not understood")
            coverages.append(
                Coverage(
                    contract_ref=contract_ref,
                    period=period,
                    suspended=(
                        None if suspended_from == OPEN_END else Period(suspended_from, suspended_to)
                    ),
                    terms=terms,
                )
            )
        return coverages


class Found(NamedTuple):
    """What the database holds for one question.

    Attributes:
        person_ref: The person the key leads to; None for a stranger.
        named_insurer_id: The insurer the question names; None when it names none or no known one.
        sheet: The person's published sheet. A stranger has a decoy's, so that the same work is
            done for strangers; None when there is nothing published.
        given: Digest of the body and bytes of the answer already given to this request, or None.
        teaches: Whether meeting this face again teaches where the account works; None for a face
            that is new to it. A stranger asked about before is a known face like any other.
        is_canary: Whether the person was planted: a stranger, for whoever asks.
    """

    person_ref: int | None
    named_insurer_id: int | None
    sheet: Sheet | None
    given: tuple[bytes, bytes] | None
    teaches: bool | None = None
    is_canary: bool = False


class SheetReader:
    """Reads sheets through one connection that it owns."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._terms: dict[int, Terms | None] = {}
        self._decoy_ref: int | None = None

    @property
    def connection(self) -> asyncpg.Connection:
        """Its connection, lent to whoever reads in the same batch; closed with this reader."""
        return self._connection

    async def load(self, wanted: Sequence[Wanted]) -> list[Found]:
        """Load what a batch of questions needs, in their order: one query.

        One more when guarantees are met for the first time since the process started.

        Raises:
            Unavailable: the database does not answer.
        """
        if not wanted:
            return []
        keys, insurers, sessions, names, accounts = zip(*wanted, strict=True)
        with explain_failure("rights"):
            rows = await self._connection.fetch(
                QUERIES.load_sheets,
                *(format_uuids(keys), format_optional(insurers)),
                *(format_optional(sessions), format_uuids(names)),
                self._decoy_ref,
                *(format_numbers(accounts), format_numbers(map(compute_stranger, keys))),
                timeout=READ_TIMEOUT_S,
            )
            await self._load_terms(rows)
        return [self._build_found(row) for row in rows]

    async def load_sessions(
        self, origins: Sequence[Origin], *, log_id: int, log_size: int
    ) -> dict[Origin, Session]:
        """Load the last session each origin opened in this log.

        Args:
            origins: Where the accounts come from now.
            log_id: The log of this process.
            log_size: Its size; a session whose last answer is a whole segment away is over.

        Raises:
            Unavailable: the database does not answer.
        """
        with explain_failure("ledger"):
            rows = await self._connection.fetch(
                QUERIES.load_sessions,
                [origin.account_ref for origin in origins],
                [origin.client_ref for origin in origins],
                [origin.method for origin in origins],
                [origin.address for origin in origins],
                [origin.agent for origin in origins],
                log_id,
                max(0, log_size - (1 << SEGMENT_BITS)),
                timeout=READ_TIMEOUT_S,
            )
        return {
            origins[position - 1]: Session(session_ref, last_ms)
            for position, session_ref, last_ms in rows
        }

    async def close(self) -> None:
        """Close the connection; a server that is gone does not matter."""
        try:
            with contextlib.suppress(*DRIVER_FAILURES):
                await self._connection.close(timeout=READ_TIMEOUT_S)
        finally:
            self._connection.terminate()

    def abandon(self) -> None:
        """End the connection at once."""
        self._connection.terminate()

    async def _load_terms(self, rows: Sequence[Mapping[str, Any]]) -> None:
        known = self._terms
        missing = {
            terms_id
            for row in rows
            if row["terms_id"] is not None
            for terms_id in row["terms_id"]
            if terms_id not in known
        }
        if not missing:
            return
        known.update(dict.fromkeys(missing))
        for row in await self._connection.fetch(
            QUERIES.load_terms, list(missing), timeout=READ_TIMEOUT_S
        ):
            known[row["terms_id"]] = _parse_stored_terms(row)

    def _build_found(self, row: Mapping[str, Any]) -> Found:
        person_ref, is_canary = row["person_ref"], row["is_canary"]
        if person_ref is not None:
            self._decoy_ref = person_ref
        return Found(
            None if is_canary else person_ref,
            row["named_insurer_id"],
            None if row["opened_in"] is None else Sheet(row, self._terms),
            None if row["body_digest"] is None else (row["body_digest"], row["answer"]),
            None if is_canary else row["teaches"],
            is_canary,
        )


@dataclass(frozen=True, slots=True)
class GatewayReader:
    """Keeps house, through a pool that mends itself."""

    pool: asyncpg.Pool

    async def delete_old_replays(self, *, now_ms: int) -> int:
        """Forget answers kept for more than a day; return how many.

        A few thousand at a time, so that no lock is held for long: as often as there are more.

        Raises:
            Unavailable: the database does not answer.
        """
        oldest_ms, deleted = now_ms - REPLAY_LIFETIME_MS, 0
        while True:
            with explain_failure("ledger"):
                count: int = await self.pool.fetchval(
                    QUERIES.delete_old_replays, oldest_ms, REPLAY_BATCH, timeout=READ_TIMEOUT_S
                )
            deleted += count
            if count < REPLAY_BATCH:
                return deleted

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            Unavailable: there is none within two seconds.
        """
        with explain_failure("database"):
            await self.pool.execute(QUERIES.ping, timeout=2.0)


async def connect(
    arguments: Mapping[str, Any], *, on_loss: Callable[[], None]
) -> asyncpg.Connection:
    """Open one connection; `on_loss` is called when it ends, whoever ends it.

    Raises:
        Unavailable: the server cannot be reached.
    """
    with explain_failure("database"):
        connection = await connect_primary(**arguments, timeout=READ_TIMEOUT_S)
    connection.add_termination_listener(lambda _: on_loss())
    return connection


async def open_sheet_reader(
    arguments: Mapping[str, Any], *, on_loss: Callable[[], None]
) -> SheetReader:
    """Open a reader on a connection of its own, see `connect`.

    Raises:
        Unavailable: the server cannot be reached.
    """
    connection = await connect({**arguments, "server_settings": READER_SETTINGS}, on_loss=on_loss)
    with explain_failure("database"):
        # Lookup keys and request names are their 16 bytes here, as the ledger hashes them.
        await connection.set_type_codec(
            "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
        )
    return SheetReader(connection)


@contextlib.asynccontextmanager
async def open_gateway_reader(arguments: Mapping[str, Any]) -> AsyncIterator[GatewayReader]:
    """Open the pool; connections are made when first needed, and again when they are lost."""
    pool = asyncpg.create_pool(
        **arguments,
        connect=connect_primary,
        min_size=0,
        max_size=2,
        timeout=READ_TIMEOUT_S,
        reset=_keep_connection,
    )
    async with pool:
        yield GatewayReader(pool)


async def _keep_connection(_: asyncpg.Connection) -> None:
    """Give a connection back as it is: nothing here sets session state, so nothing is reset."""


def _parse_stored_terms(row: Mapping[str, Any]) -> Terms | None:
    """Parse one guarantee; None when it is not understood, so that only its holders are refused."""
    try:
        return parse_terms({**row, "domains": msgspec.json.decode(row["domains"])})
    except InconsistentRecord:
        return None


def _intersect(starts_on: date, ends_on: date, first_day: date, last_day: date) -> Period | None:
    start = max(starts_on, first_day)
    end = min(ends_on, last_day)
    return Period(start, end) if start <= end else None


@contextlib.contextmanager
def explain_failure(what: str) -> Any:
    """Turn what the driver raises into `Unavailable`, without the values of the query."""
    try:
        yield
    except DRIVER_FAILURES as failure:
        raise Unavailable(f"{what} cannot be read: {type(failure).__name__}") from failure
