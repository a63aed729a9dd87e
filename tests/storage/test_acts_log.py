"""The acts log: what it keeps, who may write it, and what its login may not do with raw SQL."""

import threading

import psycopg
import pytest
from psycopg import errors, sql
from tests.ledger_samples import (
    ENTRY_COLUMNS,
    check_ledger,
    make_drafts,
    open_writer,
    read_rows,
    run,
)

from rempart.disclosure.acts import (
    COMMAND_LINE,
    About,
    Act,
    Author,
    KeyChange,
    LedgerRead,
    Statement,
    Subject,
    act_commits_to,
    draft_act,
    parse_statement,
)
from rempart.disclosure.entry import Entry
from rempart.kernel.errors import LedgerUnavailable
from rempart.storage.acts_log import AppendsActs
from rempart.storage.connect import Database
from rempart.wiring.acts import open_acts_log
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.record_act import record_act, record_acts

READ = LedgerRead(
    question="who-saw",
    purpose="demande d'accès",
    from_ms=0,
    to_ms=1_800_000_000_000,
    about=About(kind="persons", count=1),
)


@pytest.fixture
def acts(settings: Settings, home: Home, database: Database) -> AppendsActs:
    return open_acts_log(settings, home, database)


def list_acts(database: Database) -> list[tuple[Entry, Act]]:
    """Every entry of log 0 with what it states."""
    kept = "SELECT kind, body FROM ledger.statement WHERE log_id = 0 ORDER BY idx"
    entries = f"SELECT {ENTRY_COLUMNS} FROM ledger.entry WHERE log_id = 0 ORDER BY idx"
    found = []
    for entry, statement in zip(
        [Entry(*row) for row in read_rows(database, entries)],
        [Statement(*row) for row in read_rows(database, kept)],
        strict=True,
    ):
        assert act_commits_to(entry, statement)
        found.append((entry, parse_statement(statement)))
    return found


def test_an_act_is_an_entry_of_log_0_that_commits_to_its_statement(
    database: Database, acts: AppendsActs
):
    receipt = record_act(acts, READ, by=Author(41, 42), subject=Subject(43, 44))
    assert (receipt.log_id, receipt.index) == (0, 0)
    assert receipt.checkpoint.startswith(f"{receipt.origin}\n1\n")
    [(entry, act)] = list_acts(database)
    assert act == READ
    assert (entry.account_ref, entry.session_ref) == (41, 42)
    assert (entry.person_ref, entry.insurer_id, entry.ins_seq) == (43, 44, 1)
    check_ledger(database, 1)


def test_acts_of_one_moment_are_one_batch_and_follow_each_other(
    database: Database, acts: AppendsActs
):
    record_acts(acts, [(READ, Subject(7, 1)), (READ, Subject(8, 1))], by=COMMAND_LINE)
    receipt = record_act(acts, READ, by=COMMAND_LINE)
    assert receipt.index == 2
    found = [entry for entry, _ in list_acts(database)]
    assert [entry.person_ref for entry in found] == [7, 8, 0]
    assert found[0].request_id == found[1].request_id != found[2].request_id
    check_ledger(database, 3)


def test_those_who_act_at_once_wait_for_each_other(database: Database, acts: AppendsActs):
    threads = [
        threading.Thread(target=record_act, args=(acts, READ), kwargs={"by": Author(n, 0)})
        for n in range(1, 9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.account_ref for entry, _ in list_acts(database)) == list(range(1, 9))
    check_ledger(database, 8)


def test_a_taken_log_is_told_and_nothing_is_written(database: Database, home: Home):
    async def hold() -> None:
        """Take log 0's lock, then try to act beside it."""
        connection = await psycopg.AsyncConnection.connect(database.dsn("recorder"))
        await connection.execute("SELECT pg_advisory_lock(%s, 0)", [0x52454D50])
        taken.set()
        released.wait()
        await connection.close()

    taken, released = threading.Event(), threading.Event()
    holder = threading.Thread(target=lambda: run(hold))
    holder.start()
    taken.wait()
    impatient = open_acts_log(Settings(), home, database)
    impatient = AppendsActs(
        connection=impatient.connection,
        signers=impatient.signers,
        clock_ms=impatient.clock_ms,
        patience_s=0.2,
    )
    with pytest.raises(LedgerUnavailable, match="log 0 is being written by others"):
        record_act(impatient, READ, by=COMMAND_LINE)
    released.set()
    holder.join()
    assert list_acts(database) == []


def test_a_key_is_changed_by_the_act_that_says_so(database: Database, acts: AppendsActs):
    change = KeyChange(log=0, from_size=12, old_vkey="a", new_vkey="b", reason="annuel")
    record_act(acts, READ, by=COMMAND_LINE)
    record_act(acts, change, by=COMMAND_LINE)
    assert read_rows(database, "TABLE ledger.log_key") == [(0, 12, "b", 0, 1)]


def test_an_act_without_its_own_statement_is_refused(database: Database, acts: AppendsActs):
    draft, _ = draft_act(READ, account_ref=0, session_ref=0, request_id=bytes(16))
    with pytest.raises(ValueError, match="each act goes with the statement"):
        acts.append([(draft, Statement(draft.kind, "{}"))])
    assert list_acts(database) == []


# ---------------------------------------------------------------- what the logins may not do

WRITES = {
    "log": "INSERT INTO ledger.log VALUES (1{log}, 'o{log}', 'v')",
    "head": "INSERT INTO ledger.head VALUES ({log}, 0, 0, sha256('x'), 0)",
    "entry": (
        "INSERT INTO ledger.entry SELECT {log}::smallint, 999, 4, 1,"
        " decode(repeat('00', 16), 'hex'), 0, 0, 0, 0, 0, 0, gen_random_uuid(),"
        " 0, 0, 0, 0, 0, 0, 1, 0, gen_random_uuid()"
    ),
    "tile": "INSERT INTO ledger.tile VALUES ({log}, 0, 99, decode(repeat('00', 8192), 'hex'))",
    "checkpoint": "INSERT INTO ledger.checkpoint VALUES ({log}, 99, 1, sha256('x'), 'n')",
    "edge": "INSERT INTO ledger.edge VALUES ({log}, 0, '')",
    "insurer_counter": "INSERT INTO ledger.insurer_counter VALUES ({log}, 99, 1, 1)",
    "statement": "INSERT INTO ledger.statement VALUES ({log}, 99, 4, '{{}}')",
    "log_key": "INSERT INTO ledger.log_key VALUES (1, 99, 'v', {log}, 99)",
}
# Never, whatever the log.
NEVER_BY_RECORDER = {
    "a session": "INSERT INTO ledger.session VALUES (9, 9, 9, 9, 'm', 'a', 'g')",
    "a kept answer": "INSERT INTO ledger.replay VALUES (9, gen_random_uuid(), '', '', 1)",
    "an erased opening": "INSERT INTO ledger.erased VALUES (0, 1, 0, 1)",
    "a segment": "INSERT INTO ledger.segment VALUES (0)",
    "a cosignature": "INSERT INTO ledger.cosignature VALUES (0, 1, 'w', 1, 'l')",
    "a timestamp": "INSERT INTO ledger.stamp VALUES (0, 1, 1, '')",
    "an entry changed": "UPDATE ledger.entry SET person_ref = 1",
    "an entry taken away": "DELETE FROM ledger.entry",
    "a tile changed": "UPDATE ledger.tile SET hashes = hashes",
    "a checkpoint changed": "UPDATE ledger.checkpoint SET t_ms = 0",
    "a statement changed": "UPDATE ledger.statement SET body = '{}'",
    "a statement taken away": "DELETE FROM ledger.statement",
    "a key taken away": "DELETE FROM ledger.log_key",
    "a log renamed": "UPDATE ledger.log SET vkey = 'x'",
    "everything taken away": "TRUNCATE ledger.entry",
    "another log's segment": "SELECT ledger.ensure_segment(1::smallint, 5)",
    "a segment's own table": "INSERT INTO ledger.entry_1_0 SELECT * FROM ledger.entry_1_0",
    "people": "SELECT * FROM identity.person",
    "accounts": "SELECT * FROM accounts.actor",
    "sessions read": "SELECT * FROM ledger.session",
    "answers read": "SELECT answer FROM ledger.replay",
}
MOVES = ("head SET size = 0", "edge SET size = 0", "insurer_counter SET last = 0")


@pytest.fixture
def three_logs(database: Database, acts: AppendsActs) -> Database:
    """Log 1 with 300 entries, log 0 with one act, log 7 without anything."""

    async def write() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(300))
        await writer.close()

    run(write)
    record_act(acts, READ, by=COMMAND_LINE, subject=Subject(5, 2))
    attempt(database, "owner", "INSERT INTO ledger.log VALUES (7, 'seven', 'v')")
    attempt(database, "owner", "SELECT ledger.ensure_segment(7::smallint, 0)")
    return database


def attempt(database: Database, login: str, statement: str) -> None:
    with database.transaction(login) as tx:  # type: ignore[arg-type]
        tx.execute(sql.SQL(statement))  # type: ignore[arg-type]


@pytest.mark.parametrize("table", WRITES)
def test_the_recorder_adds_to_log_0_and_to_no_other(three_logs: Database, table: str):
    for log in (1, 7):
        with pytest.raises(errors.InsufficientPrivilege):
            attempt(three_logs, "recorder", WRITES[table].format(log=log))
    if table not in ("log", "head", "edge"):  # there is one of each already
        attempt(three_logs, "recorder", WRITES[table].format(log=0))


@pytest.mark.parametrize("table", sorted(WRITES.keys() - {"log"}))
def test_the_gateway_adds_nothing_to_log_0_and_no_act_to_its_own(three_logs: Database, table: str):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(three_logs, "gateway", WRITES[table].format(log=0))
    if table in ("statement", "log_key"):
        with pytest.raises(errors.InsufficientPrivilege):
            attempt(three_logs, "gateway", WRITES[table].format(log=1))


@pytest.mark.parametrize("act", NEVER_BY_RECORDER)
def test_the_recorder_does_nothing_else(three_logs: Database, act: str):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(three_logs, "recorder", NEVER_BY_RECORDER[act])
    assert read_rows(three_logs, "SELECT count(*) FROM ledger.entry") == [(301,)]


def test_the_recorder_moves_no_other_log_and_the_gateway_not_log_0(three_logs: Database):
    for login, log in (("recorder", 1), ("gateway", 0)):
        for move in MOVES:
            attempt(three_logs, login, f"UPDATE ledger.{move} WHERE log_id = {log}")
    for table, moved in (("head", "size"), ("edge", "size"), ("insurer_counter", "last")):
        assert read_rows(three_logs, f"SELECT * FROM ledger.{table} WHERE {moved} = 0") == []


def test_the_recorder_reads_its_own_log_only(three_logs: Database):
    with three_logs.transaction("recorder") as tx:
        for table in ("log", "head", "entry", "tile", "checkpoint", "edge", "insurer_counter"):
            query = sql.SQL("SELECT DISTINCT log_id FROM {}").format(
                sql.Identifier("ledger", table)
            )
            assert set(tx.execute(query)) <= {(0,)}, table


@pytest.mark.parametrize("table", WRITES)
def test_mutation_without_its_policies_the_recorder_writes_another_log(
    three_logs: Database, table: str
):
    attempt(three_logs, "owner", f"ALTER TABLE ledger.{table} DISABLE ROW LEVEL SECURITY")
    attempt(three_logs, "recorder", WRITES[table].format(log=8 if table == "log" else 7))
