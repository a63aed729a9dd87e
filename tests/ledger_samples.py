"""Drafts, sessions, a clock and a writer for tests of the ledger. Nothing here is a real person."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from rempart.disclosure.entry import Draft, Kind, Mode, Outcome, Purpose
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION, Field
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.session import SessionFacts
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter

START_MS = 1_700_000_000_000

T = TypeVar("T")
_connections: list[asyncpg.Connection] = []


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def make_signer(log_id: int = 1) -> NoteSigner:
    return NoteSigner(f"rempart.invalid/00000000/log/{log_id}", bytes([log_id] * 32))


def make_key(seed: object) -> bytes:
    """Sixteen bytes that depend on `seed` only."""
    return hashlib.sha256(repr(seed).encode()).digest()[:16]


def make_draft(number: int = 0, **changes: Any) -> Draft:
    """An answer about person `number`, by one of seven accounts, of one of five insurers."""
    draft = Draft(
        kind=Kind.DISCLOSE,
        account_ref=1000 + number % 7,
        session_ref=500_000 + number % 7,
        person_ref=9_000_000_000 + number,
        insurer_id=1 + number % 5,
        lookup_key=make_key(("lookup", number)),
        purpose=Purpose.BILLING,
        mode=Mode.TYPED,
        domain=3,
        care_day=20_000,
        outcome=Outcome.OPEN,
        fields=int(Field.RIGHTS_STATUS | Field.DOMAIN_TERMS | Field.ENGAGEMENT | Field.CONSIGNE),
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=41,
        request_id=make_key(("request", number)),
    )
    return draft._replace(**changes)


def make_drafts(count: int, first: int = 0) -> list[Draft]:
    return [make_draft(number) for number in range(first, first + count)]


def make_facts(number: int = 0, **changes: Any) -> SessionFacts:
    facts = SessionFacts(
        session_ref=500_000 + number,
        account_ref=1000 + number,
        client_ref=77,
        opened_ms=START_MS - 5,
        method="key",
        address="192.0.2.7",
        agent="Logiciel d’officine/4.2",
    )
    return facts._replace(**changes)


def run(scenario: Callable[[], Awaitable[T]]) -> T:
    """Run a scenario in a loop of its own and leave no connection behind."""

    async def run_and_close() -> T:
        try:
            return await scenario()
        finally:
            while _connections:
                _connections.pop().terminate()
            await asyncio.sleep(0.01)

    return asyncio.run(run_and_close())


async def connect(database: Database) -> asyncpg.Connection:
    """Connect as the gateway; `run` ends what is left open."""
    connection = await asyncpg.connect(**database.asyncpg_kwargs("gateway"))
    _connections.append(connection)
    return connection


async def open_writer(
    database: Database, *, log_id: int = 1, clock: Callable[[], int] | None = None
) -> LedgerWriter:
    """Open a log as the gateway does."""
    connection = await connect(database)
    return await LedgerWriter.open(
        connection, log_id=log_id, signer=make_signer(log_id), clock_ms=clock or Clock()
    )
