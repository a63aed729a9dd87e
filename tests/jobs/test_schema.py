"""The queue's tables are those of the library that is installed."""

from pathlib import Path

import procrastinate
from tests.jobs.practice import ask_database

import rempart

VENDORED = Path(rempart.__file__).parent / "storage" / "schema" / "vendor"


def test_the_schema_we_ship_is_the_one_of_the_library_installed():
    """An upgrade of the library that changes its schema needs a migration of ours first."""
    published = Path(procrastinate.__file__).parent / "sql" / "schema.sql"
    [shipped] = VENDORED.glob("procrastinate_*.sql")
    assert procrastinate.__version__.replace(".", "_") in shipped.name
    assert shipped.read_text(encoding="utf-8").endswith(published.read_text(encoding="utf-8"))


def test_every_function_of_the_queue_knows_where_its_tables_are(database):
    loose = ask_database(
        database,
        "SELECT proname FROM pg_proc WHERE pronamespace = 'jobs'::regnamespace"
        " AND proconfig IS NULL",
    )
    assert loose == []


def test_nobody_but_the_owner_owns_a_table_of_the_queue(database):
    owners = ask_database(
        database, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'jobs'"
    )
    assert owners == [("rempart_owner",)]
