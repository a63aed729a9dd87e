"""What a rights check asks of the database: how many statements, and by which indexes."""

import asyncio
from typing import Any

import pytest
from tests.api.memory_desk import ORIGIN, make_asked
from tests.api.world import COVERED, ENDED, STRANGER, TODAY, populate

from rempart.disclosure.entry import Purpose
from rempart.kernel.errors import Unavailable
from rempart.storage.connect import Database
from rempart.storage.gateway import READER_SETTINGS, Wanted, open_sheet_reader
from rempart.storage.queries import load_queries
from rempart.tariffs.domains import DOMAINS
from rempart.wiring.clock import SystemClock
from rempart.wiring.gateway_app import DatabaseDesk, DeskMaker
from rempart.wiring.home import Home
from rempart.wiring.log_signers import load_signers
from rempart.workflows.rights.check_rights import check_rights
from rempart.workflows.rights.rights_desk import Question

NAMES = {
    text: name
    for package in ("gateway", "ledger_writer")
    for name, text in load_queries(package).items()
}


def make_maker(database: Database, home: Home) -> DeskMaker:
    return DeskMaker(
        connection=database.asyncpg_kwargs("gateway"),
        log_id=1,
        signers=load_signers(home, 1),
        segment_bits=24,
        lookup_secret=home.key("lookup"),
        engagement_secret=home.key("engagement"),
        clock=SystemClock(),
    )


async def record_statements(made: DatabaseDesk) -> list[str]:
    """Return a list that fills with the names of our statements; the driver's own are left out."""
    statements: list[str] = []

    def note(record: Any) -> None:
        if record.query in NAMES:
            statements.append(NAMES[record.query])

    for connection in (made.reader._connection, made.writer._connection):
        connection.add_query_logger(note)
    return statements


async def check(made: DatabaseDesk, *people: Any) -> None:
    questions = [
        Question(
            identifiers=person.typed,
            domain=DOMAINS["PHAR"],
            care_date=TODAY,
            purpose=Purpose.BILLING,
        )
        for person in people
    ]
    asked = [make_asked(question) for question in questions]
    now_ms = SystemClock().now_ms()
    await check_rights(made.desk, asked, now_ms=now_ms, today=TODAY)


def test_a_batch_of_rights_checks_is_two_statements(database, home):
    populate(database, home)

    async def scene() -> None:
        made = await make_maker(database, home).open(on_loss=lambda: None)
        statements = await record_statements(made)
        await check(made, COVERED)
        await asyncio.sleep(0)  # the driver tells its listeners in the next turn of the loop
        first = list(statements)
        await made.write_checkpoint()  # at most one a second: none is due below
        await asyncio.sleep(0)
        statements.clear()
        await check(made, *[COVERED, ENDED, STRANGER] * 100)
        await asyncio.sleep(0)
        again = list(statements)
        await made.close()
        assert first == [
            "load_sessions",  # after a start, and for half an hour, of origins not seen yet
            "load_sheets",
            "load_terms",  # of a guarantee met for the first time
            "load_account_counters",  # of an account met for the first time
            "append_batch",
        ]
        assert again == ["load_sheets", "append_batch"]

    asyncio.run(scene())


def test_sheets_are_found_by_index_even_when_the_plan_was_made_on_empty_tables(database):
    with database.transaction("gateway") as tx:
        for name, value in READER_SETTINGS.items():
            tx.execute("SELECT set_config(%s, %s, true)", (name, value))
        tx.execute("PREPARE sheets AS " + load_queries("gateway").load_sheets)
        explained = tx.execute(
            "EXPLAIN EXECUTE sheets('{}', '{}', '{}', '{}', 1, '{}', '{}')"
        ).fetchall()
    plan = "\n".join(line for (line,) in explained)
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
    for index in ("lookup_pkey", "coverage_pkey", "replay_pkey", "face_pkey", "canary_pkey"):
        assert f"using {index}" in plan


def test_a_lost_reader_says_unavailable_and_not_what_was_asked(database, home):
    populate(database, home)

    async def scene() -> None:
        lost: list[bool] = []
        reader = await open_sheet_reader(
            database.asyncpg_kwargs("gateway"), on_loss=lambda: lost.append(True)
        )
        reader._connection.terminate()
        wanted = Wanted(bytes(16), "9900000001", None, bytes(16))
        with pytest.raises(Unavailable) as failure:
            await reader.load([wanted])
        assert str(failure.value) == "rights cannot be read: InterfaceError"
        await asyncio.sleep(0)
        assert lost == [True]
        await reader.close()

    asyncio.run(scene())


def test_a_session_of_another_log_is_not_resumed(database, home):
    populate(database, home)
    origin = ORIGIN

    async def scene() -> None:
        made = await make_maker(database, home).open(on_loss=lambda: None)
        await check(made, COVERED)
        asked = [origin]
        own = await made.reader.load_sessions(asked, log_id=1, log_size=2)
        others = await made.reader.load_sessions(asked, log_id=2, log_size=2)
        await made.close()
        assert list(own) == [origin]
        assert others == {}

    asyncio.run(scene())
