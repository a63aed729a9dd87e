"""Drafts, sessions, a clock and a writer for tests of the ledger. Nothing here is a real person."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import asyncpg
import pytest

from rempart.disclosure.differences import Difference
from rempart.disclosure.entry import (
    Draft,
    Entry,
    Kind,
    Mode,
    Outcome,
    Purpose,
    compute_leaf_hash,
)
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION, Field
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.session import SessionFacts
from rempart.storage.connect import Database, Transaction
from rempart.storage.ledger_writer import LedgerWriter
from rempart.workflows.ledger.audit_ledger import audit_ledger

START_MS = 1_700_000_000_000

# The columns of ledger.entry as `Entry` holds them.
ENTRY_COLUMNS = ", ".join(
    f"uuid_send({name})" if name in ("lookup_key", "request_id") else name for name in Entry._fields
)

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
        connection, log_id=log_id, signers=[make_signer(log_id)], clock_ms=clock or Clock()
    )


def find_differences(tx: Transaction) -> list[Difference]:
    return audit_ledger(tx).differences


def list_places(differences: list[Difference]) -> set[tuple[str, tuple[int, ...]]]:
    """Tables and keys of the rows where differences are."""
    return {(found.table, tuple(found.row.values())) for found in differences}


def rewrite_with_tile(tx: Transaction, index: int) -> None:
    """Change an entry, and its tile after it, as somebody would who knows how tiles are made."""
    tx.execute("UPDATE ledger.entry SET person_ref = 5 WHERE idx = %s", [index])
    row = tx.execute(f"SELECT {ENTRY_COLUMNS} FROM ledger.entry WHERE idx = %s", [index]).fetchone()
    assert row
    tx.execute(
        "UPDATE ledger.tile SET hashes = overlay(hashes placing %s from %s) WHERE n = %s",
        [compute_leaf_hash(Entry(*row)), 32 * (index % 256) + 1, index // 256],
    )


def read_rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.transaction("owner") as tx:
        return tx.execute(query).fetchall()


def check_ledger(database: Database, entries: int) -> None:
    with database.transaction("auditor") as tx:
        verdict = audit_ledger(tx)
    assert verdict.is_sound, verdict.differences
    assert sum(log.entries for log in verdict.logs) == entries


def replace_in_query(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, old: str, new: str
) -> None:
    """Replace a part of one query; what was replaced before stays so."""
    present = module._sql
    queries = vars(present) if isinstance(present, SimpleNamespace) else present
    assert old in queries[name]
    changed = {**queries, name: queries[name].replace(old, new)}
    monkeypatch.setattr(module, "_sql", SimpleNamespace(**changed))
