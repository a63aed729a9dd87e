"""What the login that asks witnesses may read and write, with raw SQL."""

import psycopg
import pytest
from tests.witness_samples import ONE, cosign_last, grow_log

from rempart.storage.connect import Database


@pytest.fixture
def grown(database: Database) -> Database:
    grow_log(database, 3)
    cosign_last(database, ONE)
    return database


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT person_ref FROM ledger.entry",
        "SELECT salt FROM ledger.entry",
        "SELECT address FROM ledger.session",
        "SELECT size FROM ledger.head",
        "INSERT INTO ledger.checkpoint (log_id, size, t_ms, root, note) VALUES (1, 9, 1, '', '')",
        "UPDATE ledger.checkpoint SET note = 'x'",
        "UPDATE ledger.cosignature SET line = 'x'",
        "DELETE FROM ledger.cosignature",
        "UPDATE ledger.witness_alarm SET t_ms = 1",
        "DELETE FROM ledger.witness_alarm",
        "DELETE FROM ledger.tile",
        "SELECT 1 FROM rights.lookup",
        "SELECT 1 FROM identity.person",
    ],
)
def test_the_cosigner_reads_no_entry_and_takes_nothing_back(grown: Database, statement: str):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        grown.transaction("cosigner") as tx,
    ):
        tx.execute(statement)


@pytest.mark.parametrize("login", ["portals", "gateway", "auditor", "analyst", "signin"])
def test_nobody_else_writes_what_witnesses_say(grown: Database, login):
    for table in ("cosignature", "stamp", "witness_alarm"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            grown.transaction(login) as tx,
        ):
            tx.execute(f"INSERT INTO ledger.{table} SELECT * FROM ledger.{table}")
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            grown.transaction(login) as tx,
        ):
            tx.execute(f"DELETE FROM ledger.{table}")


def test_the_cosigner_sees_the_hashes_of_every_log(grown: Database):
    grow_log(grown, 300, log_id=2)
    with grown.transaction("cosigner") as tx:
        for table, rows in (("log", 2), ("checkpoint", 2), ("edge", 2), ("tile", 1)):
            assert tx.execute(f"SELECT count(*) FROM ledger.{table}").fetchone() == (rows,)


def test_the_pages_read_hashes_without_a_visitor_and_still_no_entry(grown: Database):
    with grown.transaction("portals") as tx:
        assert tx.execute("SELECT count(*) FROM ledger.edge").fetchone() == (1,)
        assert tx.execute("SELECT count(*) FROM ledger.entry").fetchone() == (0,)
