"""Every table of the ledger is watched by a test of the audit, or said to be no evidence (I3)."""

import re
from pathlib import Path

from tests.ledger_samples import read_rows

from rempart.storage.connect import Database

# Tables of which each column is falsified, and the test that does it.
WATCHED = {
    **dict.fromkeys(
        ("entry", "tile", "checkpoint", "session", "head", "log", "edge", "insurer_counter"),
        "test_ledger_verify.py",
    ),
    **dict.fromkeys(
        ("statement", "erased", "segment", "cosignature"), "test_ledger_audit_segments.py"
    ),
    "log_key": "test_log_keys.py",
}
# What the audit does not look at, and why: docs/reference/ledger-format.md says the same.
NO_EVIDENCE = {
    "replay": "answers kept a day",
    "account_counter": "where numbers go on; the numbers themselves are in the entries",
    "stamp": "tokens, verified by whoever reads them",
    "witness_alarm": "what witnesses said, with the note they said it of",
}


def list_tables(database: Database) -> set[str]:
    rows = read_rows(
        database,
        "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'ledger' AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
    )
    return {name for (name,) in rows}


def find_forgotten(database: Database) -> set[str]:
    return list_tables(database) - WATCHED.keys() - NO_EVIDENCE.keys()


def test_no_table_of_the_ledger_is_forgotten(database: Database):
    assert find_forgotten(database) == set()
    assert WATCHED.keys() | NO_EVIDENCE.keys() <= list_tables(database)


def test_each_is_watched_where_it_is_said_to_be():
    for table, file in WATCHED.items():
        source = (Path(__file__).parent / file).read_text()
        assert re.search(rf"\"{table}\"|ledger\.{table}\b", source), table


def test_mutation_a_new_table_is_named(database: Database):
    with database.transaction("owner") as tx:
        tx.execute("CREATE TABLE ledger.fresh (log_id smallint)")
    assert find_forgotten(database) == {"fresh"}
