"""The schema comes forward from nothing, once, in the right hands."""

import pytest

from rempart.kernel.errors import SetupError
from rempart.storage.connect import Database
from rempart.storage.migrate import migrate
from rempart.storage.roles import PLANES, create_database, prepare_database
from rempart.storage.server import list_migrations, read_server_facts


@pytest.fixture
def empty(database: Database):
    empty = database.renamed(f"{database.name}_empty")
    with database.connect("admin", autocommit=True) as admin:
        assert create_database(admin, empty.name) is True
        assert create_database(admin, empty.name) is False
        with empty.connect("admin", autocommit=True) as inside:
            prepare_database(inside)
        yield empty
        admin.execute(f"DROP DATABASE {empty.name} WITH (FORCE)")


def test_migrations_go_from_empty_to_the_newest_and_then_rest(empty: Database):
    applied = migrate(empty)
    assert [name for name in applied if name.startswith("storage.")] == [
        f"storage.{name}" for name in list_migrations()
    ]
    assert migrate(empty) == []
    with empty.connect("admin") as admin:
        facts = read_server_facts(admin)
    assert facts.schema == list_migrations()[-1]
    assert facts.missing_migrations == ()
    assert facts.missing_roles == ()


def test_an_empty_database_says_what_it_lacks(empty: Database):
    with empty.connect("admin") as admin:
        facts = read_server_facts(admin)
    assert facts.schema is None
    assert facts.missing_migrations == tuple(list_migrations())


def test_the_owner_owns_every_plane_and_every_table(database: Database):
    with database.connect("admin") as admin:
        owners = admin.execute(
            "SELECT DISTINCT schemaname, tableowner FROM pg_catalog.pg_tables "
            "WHERE schemaname = ANY(%s)",
            [list(PLANES)],
        ).fetchall()
        schemas = admin.execute(
            "SELECT nspname FROM pg_catalog.pg_namespace "
            "WHERE pg_catalog.pg_get_userbyid(nspowner) = 'rempart_owner'"
        ).fetchall()
    assert {owner for _, owner in owners} == {"rempart_owner"}
    assert {name for (name,) in schemas} == set(PLANES)


def test_django_keeps_its_own_tables_in_the_accounts_plane(database: Database):
    with database.connect("admin") as admin:
        places = admin.execute(
            "SELECT schemaname FROM pg_catalog.pg_tables WHERE starts_with(tablename, 'django_')"
        ).fetchall()
    assert set(places) == {("accounts",)}


def test_the_portals_may_use_sessions_but_not_rewrite_the_history_of_migrations(
    database: Database,
):
    rights = (
        "SELECT has_table_privilege('accounts.django_session', 'INSERT'), "
        "has_table_privilege('accounts.django_migrations', 'SELECT, INSERT, UPDATE, DELETE')"
    )
    with database.transaction("portals") as transaction:
        assert transaction.execute(rights).fetchone() == (True, False)


def test_a_migration_that_fails_is_told_in_one_line(database: Database):
    with pytest.raises(SetupError, match=r"nowhere could not be brought forward: .*does not exist"):
        migrate(database.renamed("nowhere"))
