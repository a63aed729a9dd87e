"""What the guard keeps, as the gateway reads and writes it: one batch at a time.

Refuses to judge. Everything it says was read under a lock is true until the transaction ends, so
that any number of gateways spend one allowance.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg
import msgspec

from rempart.guard.decisions import Signal
from rempart.guard.lookups import Lookup
from rempart.guard.rules import AccountDay, Norms, Rules
from rempart.kernel.errors import Unavailable
from rempart.storage.gateway import connect
from rempart.storage.ledger_opening import DRIVER_FAILURES
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("guard")
# The whole of a batch's reading and writing; then what it was to allow is not answered.
TIMEOUT_S: Final = 4.0
# How long nothing is tried after a failure, and after many.
FIRST_PAUSE_S: Final = 0.5
LAST_PAUSE_S: Final = 30.0
Connect: TypeAlias = Callable[[], Awaitable[asyncpg.Connection]]
GUARD_SETTINGS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # A crash of the server loses the last moments; the ledger has them, and they are rebuilt.
    "synchronous_commit": "off",
    # A gateway that is frozen with accounts in its hands lets them go before others give up.
    "idle_in_transaction_session_timeout": "2s",
}


class Order(NamedTuple):
    """What a person decided about an account: its step, when, and whether a day's room stays."""

    step: int
    time_ms: int
    keeps_allowance: bool


class StoredAccount(NamedTuple):
    """One account as it is kept.

    Attributes:
        account_ref: The account.
        version: One more with every change; 0 when nothing was ever saved.
        profession: Accounts are compared within it.
        department: Where it works.
        day: The day of `refused`.
        step: How far it is held.
        refused: Look-ups refused that day.
        judged: New faces ever judged.
        habits: Encoded; None when they are lost, or when the version asked about is this one.
        order: What a person decided and nobody applied yet.
    """

    account_ref: int
    version: int
    profession: str
    department: str | None
    day: int
    step: int
    refused: int
    judged: int
    habits: bytes | None
    order: Order | None


class SavedAccount(NamedTuple):
    """One account as it will be kept: habits, and figures of the day in clear."""

    account_ref: int
    habits: bytes | None
    day: int
    step: int
    evidence: float
    threshold: float
    typed: float
    typed_allowance: float
    new_faces: int
    refused: int
    judged: int


class Face(NamedTuple):
    """A subject that an account knows from now on."""

    account_ref: int
    subject: int
    day: int
    t_ms: int
    place: int
    teaches: bool
    department: str | None


class AddressRow(NamedTuple):
    """An account at an address: at home there, or the last day it typed there as a stranger."""

    address: int
    account_ref: int
    day: int
    at_home: bool


class EventRow(NamedTuple):
    """A look-up that was refused, or that held its account."""

    lookup: Lookup
    establishment_ref: int | None
    client_ref: int
    kind: str
    step: int
    evidence: float
    threshold: float
    signals: tuple[Signal, ...]
    rules_day: int
    place: int
    enforced: bool


class Changes(NamedTuple):
    """What a batch leaves behind; `versions` are those at which its accounts were judged."""

    accounts: Sequence[SavedAccount]
    faces: Sequence[Face]
    addresses: Sequence[AddressRow]
    days: Sequence[tuple[int, AccountDay]]
    events: Sequence[EventRow]
    versions: Sequence[int] = ()

    @property
    def is_plain(self) -> bool:
        """Whether one statement writes it: nothing but accounts and the faces they met."""
        return not (self.addresses or self.days or self.events)


class MinuteRow(NamedTuple):
    """What passed in a minute, in one profession."""

    minute_ms: int
    log_id: int
    profession: str
    lookups: int
    misses: int
    new_faces: int
    refused: int


class GuardPage:
    """One batch in its transaction. Accounts first, then the rest."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def lock(self, versions: Mapping[int, int]) -> list[StoredAccount]:
        """Hold accounts, given with the version of the copy one has; those kept come back."""
        columns = list(versions), list(versions.values())
        rows = await self._connection.fetch(QUERIES.lock_accounts, *columns)
        return [_build_account(row) for row in rows]

    async def find_with_past(self, account_refs: Sequence[int]) -> set[int]:
        """Return those accounts that the ledger knows."""
        rows = await self._connection.fetch(QUERIES.find_with_past, account_refs)
        return {row["account_ref"] for row in rows}

    async def find_faces(self, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bool]:
        """Return which (account, subject) are known now, and whether meeting them teaches."""
        columns = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        rows = await self._connection.fetch(QUERIES.find_faces, *columns)
        return {(account_ref, subject): teaches for account_ref, subject, teaches in rows}

    async def load_addresses(self, addresses: Sequence[int], *, since: int) -> list[AddressRow]:
        """Return who is at home at addresses, and who typed there since a day."""
        rows = await self._connection.fetch(QUERIES.load_addresses, addresses, since)
        return [AddressRow(*row) for row in rows]

    async def save(self, changes: Changes) -> bool:
        """Write what changed; false when an account was changed since its version was judged.

        Then nothing is written. Those that are locked never were.
        """
        if changes.accounts:
            accounts, faces = _turn(changes.accounts, SavedAccount), _turn(changes.faces, Face)
            columns = changes.versions, *accounts, *faces
            done = await self._connection.execute(QUERIES.save_accounts, *columns)
            if done != f"UPDATE {len(changes.accounts)}":
                return False
        if changes.addresses:
            columns = tuple(_turn(changes.addresses, AddressRow))
            await self._connection.execute(QUERIES.save_addresses, *columns)
        if changes.days:
            columns = tuple(map(list, zip(*map(_flatten_day, changes.days), strict=True)))
            await self._connection.execute(QUERIES.save_days, *columns)
        if changes.events:
            columns = tuple(map(list, zip(*map(_flatten_event, changes.events), strict=True)))
            await self._connection.execute(QUERIES.save_events, *columns)
        return True


class GuardBook:
    """Keeps accounts through one connection of its own.

    When that fails it is thrown away, since only the database knows what was written, and for a
    moment nothing is tried: whoever needs it is refused at once instead of after a wait.

    Args:
        connect: Opens another connection.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: asyncpg.Connection | None = None
        self._not_before = 0.0
        self._pause_s = FIRST_PAUSE_S

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[GuardPage]:
        """Open a transaction; it is committed at the end.

        Raises:
            Unavailable: the database does not answer, or not in time; nothing may be shown that
                this transaction was to allow.
        """
        async with self._using() as connection, connection.transaction():
            yield GuardPage(connection)

    async def save(self, changes: Changes) -> bool:
        """Write what was judged on copies of accounts, none of them locked, in one go.

        Returns:
            Whether it was written; nothing is when an account was changed since.

        Raises:
            Unavailable: as in `open`.
        """
        if not changes.is_plain:
            async with self.open() as page:
                return await page.save(changes)
        async with self._using() as connection:
            return await GuardPage(connection).save(changes)

    async def open_accounts(self, account_refs: Sequence[int]) -> None:
        """Make rows for accounts that have none.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._using() as connection:
            await connection.execute(QUERIES.open_accounts, sorted(account_refs))

    async def load_rules(self) -> list[Rules]:
        """Return the newest versions of the rules, oldest first.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._using() as connection:
            rows = await connection.fetch(QUERIES.load_rules)
        return [build_rules(*row) for row in reversed(rows)]

    async def close(self) -> None:
        """Close the connection; a server that is gone does not matter."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                with contextlib.suppress(*DRIVER_FAILURES):
                    await connection.close(timeout=TIMEOUT_S)
            finally:
                connection.terminate()

    def abandon(self) -> None:
        """End the connection at once; another is opened when it is needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    @contextlib.asynccontextmanager
    async def _using(self) -> AsyncIterator[asyncpg.Connection]:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._not_before:
            raise Unavailable("the guard could not judge a moment ago: come back")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connect()
                yield self._connection
        except BaseException as failure:
            self._give_up()
            if isinstance(failure, DRIVER_FAILURES):
                reason = type(failure).__name__
                raise Unavailable(f"the guard cannot judge: {reason}") from failure
            raise
        self._pause_s = FIRST_PAUSE_S

    def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        self._not_before = asyncio.get_running_loop().time() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LAST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class GuardPlane:
    """What of the guard is written outside a batch, through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def save_minutes(self, rows: Sequence[MinuteRow]) -> None:
        """Add what passed to its minutes.

        Raises:
            Unavailable: the database does not answer.
        """
        if rows:
            await self._execute(QUERIES.save_minutes, *_turn(rows, MinuteRow))

    async def delete_old(self, *, day: int) -> None:
        """Forget what nothing looks at any more.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._execute(QUERIES.delete_old, day)

    async def find_work(self, *, rules_day: int) -> tuple[bool, bool]:
        """Say whether rules for a day are missing, and whether some habits are lost.

        Raises:
            Unavailable: the database does not answer.
        """
        with _explain_failure():
            [row] = await self.find_pool().fetch(QUERIES.find_work, rules_day, timeout=TIMEOUT_S)
        return row["rules_missing"], row["habits_lost"]

    async def _execute(self, query: str, *arguments: object) -> None:
        with _explain_failure():
            await self.find_pool().execute(query, *arguments, timeout=TIMEOUT_S)


async def open_guard_book(arguments: Mapping[str, Any]) -> GuardBook:
    """Open a book on a connection of its own.

    Raises:
        Unavailable: the server cannot be reached.
    """
    given = {**arguments, "server_settings": GUARD_SETTINGS}
    book = GuardBook(lambda: connect(given, on_loss=_do_nothing))
    await book.load_rules()
    return book


def _do_nothing() -> None:
    """Nobody is told: the book opens another connection when it needs one."""


def build_rules(
    day: int, account_days: int, width: float, evidence: float, card_evidence: float, norms: str
) -> Rules:
    """Build one version of the rules from its row."""
    read: dict[str, Norms] = msgspec.json.decode(norms, type=dict[str, Norms])
    return Rules(
        day=day,
        width=width,
        evidence=evidence,
        card_evidence=card_evidence,
        account_days=account_days,
        norms=MappingProxyType(read),
    )


def format_norms(rules: Rules) -> str:
    """Write the norms of a version for its row."""
    return msgspec.json.encode(dict(rules.norms)).decode()


def format_signals(signals: Iterable[Signal]) -> str:
    """Write why a look-up was held."""
    return msgspec.json.encode([signal._asdict() for signal in signals]).decode()


def _build_account(row: Mapping[str, Any]) -> StoredAccount:
    ordered = row["ordered_step"]
    return StoredAccount(
        account_ref=row["account_ref"],
        version=row["version"],
        profession=row["profession"],
        department=row["department"],
        day=row["day"],
        step=row["step"],
        refused=row["refused"],
        judged=row["judged"],
        habits=row["habits"],
        order=None
        if ordered is None
        else Order(ordered, row["ordered_ms"], row["ordered_keeps_allowance"]),
    )


def _turn(rows: Sequence[tuple[Any, ...]], kind: type[Any]) -> list[list[Any]]:
    """Turn rows into columns, as many as the kind has fields."""
    if not rows:
        return [[] for _ in kind._fields]
    return [list(column) for column in zip(*rows, strict=True)]


def _flatten_day(kept: tuple[int, AccountDay]) -> tuple[Any, ...]:
    account_ref, one = kept
    day, profession, *figures = one
    return account_ref, day, profession, *figures


def _flatten_event(one: EventRow) -> tuple[Any, ...]:
    lookup = one.lookup
    return (
        *(lookup.time_ms, lookup.account, one.establishment_ref, one.client_ref, one.kind),
        *(one.step, lookup.presence, one.evidence, one.threshold, format_signals(one.signals)),
        *(one.rules_day, lookup.subject, lookup.insurer, lookup.found, lookup.subject_department),
        *(lookup.ip, lookup.user_agent, one.place, one.enforced),
    )


@contextlib.contextmanager
def _explain_failure() -> Any:
    try:
        yield
    except DRIVER_FAILURES as failure:
        raise Unavailable(f"the guard cannot judge: {type(failure).__name__}") from failure
