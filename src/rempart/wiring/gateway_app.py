"""Builds the gateway from settings: its connections, its keys, its clock."""

import contextlib
import gc
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import asyncpg
from litestar import Litestar

from rempart.accounts.allowance import Allowance
from rempart.claims.references import REFERENCE_BITS
from rempart.disclosure.note import NoteSigner
from rempart.gateway.app import Parts, build_app
from rempart.gateway.claims_gateway import ClaimParts
from rempart.gateway.keeper import Clock
from rempart.gateway.token_endpoint import TokenParts
from rempart.guard.lookups import find_day
from rempart.kernel.errors import RempartError
from rempart.storage.care import CareReader, PecBook
from rempart.storage.claims_intake import ClaimShelf, open_claims_pool
from rempart.storage.connect import Database
from rempart.storage.continuity import PosturePlane
from rempart.storage.gateway import (
    GatewayReader,
    SheetReader,
    connect,
    open_gateway_reader,
    open_sheet_reader,
)
from rempart.storage.gateway_accounts import GatewayAccounts
from rempart.storage.guard import GuardBook, GuardPlane, open_guard_book
from rempart.storage.ledger_writer import LedgerWriter
from rempart.storage.offline import OfflineBooks
from rempart.storage.presence import CodeSeal, PresencePlane, PresenceReader
from rempart.storage.remittance_book import RemittanceBook
from rempart.wiring.clock import SystemClock
from rempart.wiring.database import locate_database
from rempart.wiring.guard_jobs import GuardJobs, RunJob, run_guard_job
from rempart.wiring.home import Home
from rempart.wiring.log_signers import load_signers
from rempart.wiring.providers import load_psc
from rempart.wiring.psc_introspection import PscIntrospection
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.issue_token import Introspect, Issuer
from rempart.workflows.claims.take_claims import Office
from rempart.workflows.guard.guard_lookups import GuardMode, LookupGuard
from rempart.workflows.guard.memory import Tally
from rempart.workflows.rights.open_session import SessionBook
from rempart.workflows.rights.posture import Posture, make_open_posture
from rempart.workflows.rights.rights_books import TableShelf
from rempart.workflows.rights.rights_desk import Desk

OpenBook: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[GuardBook]]
"""Opens what the guard keeps, on a connection of its own."""

# A client at rest may ask this many seconds' worth of its allowance at once.
BURST_S = 4


@dataclass(frozen=True, slots=True)
class DatabaseDesk:
    """A desk on its connections: one reads sheets, one writes the log, one keeps the guard."""

    desk: Desk
    reader: SheetReader
    writer: LedgerWriter
    guard: GuardBook | None = None

    async def write_checkpoint(self) -> None:
        """Keep a signed checkpoint of what was written, if it is not kept."""
        await self.writer.write_checkpoint()

    async def close(self) -> None:
        """Keep a last checkpoint if possible, and close the connections."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.reader.close)
            if self.guard is not None:
                stack.push_async_callback(self.guard.close)
            await self.writer.close()

    def abandon(self) -> None:
        """End the connections at once; what is committed stays committed."""
        self.writer.abandon()
        self.reader.abandon()
        if self.guard is not None:
            self.guard.abandon()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskMaker:
    """Opens the desk of one log, again after each loss."""

    connection: Mapping[str, Any]
    log_id: int
    signers: Sequence[NoteSigner]
    segment_bits: int
    lookup_secret: bytes
    engagement_secret: bytes
    clock: Clock
    presence_key: bytes = bytes(32)
    posture: Posture = field(default_factory=make_open_posture)
    guard_mode: GuardMode = GuardMode.OFF
    tally: Tally = field(default_factory=lambda: Tally(0))
    open_book: OpenBook = open_guard_book

    async def open(self, *, on_loss: Callable[[], None]) -> DatabaseDesk:
        """Take the log over and open a reader beside it.

        Args:
            on_loss: Called when one of the connections ends, whoever ends it.

        Raises:
            RempartError: the database or the log cannot be had; the connections are closed.
        """
        async with contextlib.AsyncExitStack() as stack:
            reader = await open_sheet_reader(self.connection, on_loss=on_loss)
            stack.push_async_callback(reader.close)
            book = None
            if self.guard_mode is not GuardMode.OFF:
                book = await self.open_book(self.connection)
                stack.push_async_callback(book.close)
            writer = await LedgerWriter.open(
                await connect(self.connection, on_loss=on_loss),
                log_id=self.log_id,
                signers=self.signers,
                clock_ms=self.clock.now_ms,
                segment_bits=self.segment_bits,
            )
            stack.pop_all()
        return DatabaseDesk(self._make_desk(reader, writer, book), reader, writer, book)

    def _make_desk(self, reader: SheetReader, writer: LedgerWriter, book: GuardBook | None) -> Desk:
        desk = Desk(
            sheets=reader,
            ledger=writer,
            sessions=SessionBook(opened_ms=self.clock.now_ms()),
            lookup_secret=self.lookup_secret,
            engagement_secret=self.engagement_secret,
            presence=PresenceReader(reader.connection, CodeSeal(self.presence_key)),
            posture=self.posture,
            care=CareReader(reader.connection),
            tables=TableShelf(),
        )
        if book is None:
            return desk
        # What it remembers of accounts does not outlive the desk: after a failure only the
        # database knows what was written.
        guard = LookupGuard(book, secret=self.lookup_secret, tally=self.tally, mode=self.guard_mode)
        return replace(desk, guard=guard)


def create_app() -> Litestar:
    """Build the gateway from the environment: what the server process calls."""
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    app = create_gateway(settings, home, locate_database(settings, home), run_job=run_guard_job)
    spare_collector()
    return app


def create_gateway(
    settings: Settings,
    home: Home,
    database: Database,
    *,
    clock: Clock | None = None,
    desk_clock: Clock | None = None,
    issuer: Issuer | None = None,
    introspect: Introspect | None = None,
    run_job: RunJob | None = None,
    open_book: OpenBook = open_guard_book,
) -> Litestar:
    """Build the gateway of one log. Nothing is opened before the server starts it.

    Args:
        settings: What the installation takes from its environment.
        home: Its keys.
        database: Where it reads and writes.
        clock: The time; that of the machine by default.
        desk_clock: The time that is judged and written with; `clock` by default. Only an exercise
            has another, because its days last seconds.
        issuer: Whose tokens are accepted; by default those of this installation.
        introspect: Another way to recognise professionals than Pro Santé Connect as configured.
        run_job: How the guard's jobs are run when they are due; None: by somebody else.
        open_book: Opens what the guard keeps; an exercise has rules of its own.
    """
    clock = clock or SystemClock()
    connection = database.asyncpg_kwargs("gateway")
    maker = _prepare_desk(settings, home, connection, desk_clock or clock, open_book)
    plane = AccountsPlane(connection, clock, maker.tally)
    claims = ClaimsPlane(connection)
    jobs = None if run_job is None else GuardJobs(plane.guard, clock, run_job)
    psc = PscIntrospection(load_psc(settings, home))
    parts = Parts(
        open_desk=maker.open,
        load_standings=plane.accounts.load_standings,
        tokens=TokenParts(
            issuer=issuer or Issuer(url=settings.public_url, key_seed=home.key("token")),
            accounts=plane.accounts,
            introspect=introspect or psc.introspect,
        ),
        ping=plane.ping,
        keep_house=plane.keep_house,
        do_jobs=None if jobs is None or settings.guard == "off" else jobs.run_due,
        clock=clock,
        desk_clock=desk_clock,
        allowance=_read_allowance(settings),
        trusted_proxies=settings.trusted_peers,
        certificate_peers=settings.certificate_peers,
        stop=stop_process,
        posture=maker.posture,
        load_posture=plane.posture.load,
        load_terminal=plane.presence.load_terminal,
        use_nonce=plane.use_nonce,
        books=plane.books,
        pecs=plane.pecs,
        engagement_secret=maker.engagement_secret,
        claims=claims.make_parts(maker.lookup_secret, maker.engagement_secret),
    )
    return build_app(parts, lifespan=[plane.running, claims.running, psc.running])


def _prepare_desk(
    settings: Settings,
    home: Home,
    connection: Mapping[str, Any],
    clock: Clock,
    open_book: OpenBook,
) -> DeskMaker:
    """Gather what the desk of one log is opened with."""
    return DeskMaker(
        connection=connection,
        log_id=settings.log_id,
        signers=load_signers(home, settings.log_id),
        segment_bits=settings.segment_bits,
        lookup_secret=home.key("lookup"),
        engagement_secret=home.key("engagement"),
        clock=clock,
        presence_key=home.key("presence"),
        posture=Posture(),
        guard_mode=GuardMode(settings.guard),
        tally=Tally(settings.log_id),
        open_book=open_book,
    )


class AccountsPlane:
    """The pool behind authentication and housekeeping, open while the application runs."""

    def __init__(self, connection: Mapping[str, Any], clock: Clock, tally: Tally) -> None:
        self._connection = connection
        self._clock = clock
        self._tally = tally
        self._reader: GatewayReader | None = None
        self.accounts = GatewayAccounts(lambda: self.reader.pool)
        self.posture = PosturePlane(lambda: self.reader.pool)
        self.presence = PresencePlane(lambda: self.reader.pool)
        self.books = OfflineBooks(lambda: self.reader.pool)
        self.pecs = PecBook(lambda: self.reader.pool)
        self.guard = GuardPlane(lambda: self.reader.pool)

    @contextlib.asynccontextmanager
    async def running(self, _: Litestar) -> AsyncIterator[None]:
        """Open the pool around the application."""
        async with open_gateway_reader(self._connection) as self._reader:
            yield

    @property
    def reader(self) -> GatewayReader:
        """The open reader."""
        if self._reader is None:
            raise RuntimeError("the application has not started")
        return self._reader

    async def ping(self) -> None:
        """Ask the database for a sign of life."""
        await self.reader.ping()

    async def use_nonce(self, digest: bytes, expires_s: float) -> bool:
        """Use what a terminal signed up; False when any gateway has seen it before."""
        return await self.accounts.use_assertion(digest, expires_s=expires_s)

    async def keep_house(self) -> None:
        """Write down what passed; forget what has been kept long enough."""
        counted = self._tally.take()
        try:
            await self.guard.save_minutes(counted)
        except RempartError:
            self._tally.give_back(counted)
            raise
        await self.guard.delete_old(day=find_day(self._clock.now_ms()))
        await self.presence.delete_old_tries(today=self._clock.today())
        await self.reader.delete_old_replays(now_ms=self._clock.now_ms())
        await self.accounts.delete_old_assertions(now_ms=self._clock.now_ms())


class ClaimsPlane:
    """The pool behind claims, apart from the others: a lot that comes in keeps nobody waiting."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = connection
        self._pool: asyncpg.Pool | None = None
        self.shelf = ClaimShelf(lambda: self.pool)
        self.remittances = RemittanceBook(lambda: self.pool)

    @contextlib.asynccontextmanager
    async def running(self, _: Litestar) -> AsyncIterator[None]:
        """Open the pool around the application."""
        async with open_claims_pool(self._connection) as self._pool:
            yield

    @property
    def pool(self) -> asyncpg.Pool:
        """The open pool."""
        if self._pool is None:
            raise RuntimeError("the application has not started")
        return self._pool

    def make_parts(self, lookup_secret: bytes, engagement_secret: bytes) -> ClaimParts:
        """Return what claims are taken in with."""
        office = Office(
            shelf=self.shelf,
            lookup_secret=lookup_secret,
            engagement_secret=engagement_secret,
            draw_reference=lambda: secrets.randbits(REFERENCE_BITS) or 1,
        )
        return ClaimParts(office=office, shelf=self.shelf, remittances=self.remittances)


def stop_process() -> None:
    """End this process in good order: what a service manager would do."""
    os.kill(os.getpid(), signal.SIGTERM)


def spare_collector() -> None:
    """Look for cyclic garbage rarely, and never among what lives as long as the process.

    Left alone, the collector takes a fifth of the time of a rights check, which makes no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _read_allowance(settings: Settings) -> Allowance:
    rate_per_s = settings.checks_per_minute / 60
    return Allowance(rate_per_s=rate_per_s, burst=max(1, round(rate_per_s * BURST_S)))
