"""A written ledger for the tests that falsify it: none of them commits."""

from collections.abc import Iterator

import pytest
from tests.database_copies import copied_database
from tests.ledger_samples import Clock, make_drafts, make_facts, make_key, open_writer, run

from rempart.disclosure.session import draft_session
from rempart.storage.connect import Database, Transaction


async def write_log(database: Database) -> None:
    clock = Clock()
    writer = await open_writer(database, clock=clock)
    facts = [make_facts(number) for number in range(3)]
    openings = [draft_session(one, request_id=make_key(one.session_ref)) for one in facts]
    await writer.append(openings, sessions=facts)
    for first in range(0, 700, 25):
        clock.now_ms += 400
        await writer.append(make_drafts(25, first))
    await writer.close()


@pytest.fixture(scope="session")
def ledger_database(template: Database) -> Iterator[Database]:
    """A database with one log of 703 entries, 3 sessions and some checkpoints."""
    with copied_database(template, "written_ledger") as fresh:
        run(lambda: write_log(fresh))
        yield fresh


@pytest.fixture
def ledger(ledger_database: Database) -> Iterator[Transaction]:
    """The owner's transaction on the written log, rolled back at the end."""
    with ledger_database.connect("owner") as tx:
        yield tx
        tx.rollback()
