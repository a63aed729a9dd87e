"""Who may read and write what: asked of the database itself, role by role.

Each promise stands beside the grant that would break it: the same check, on a database where
somebody granted too much, must fail. A check that cannot fail proves nothing.
"""

import psycopg
import pytest
from psycopg import errors, sql

from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.connect import Database, Login, Transaction
from rempart.storage.roles import LOGINS, PLANES, create_roles, role_name

TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = %s ORDER BY tablename"
FUNCTIONS = """
    SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = %s ORDER BY 1
"""
# The owner runs migrations; no process works as the owner.
PROCESSES = [login for login in LOGINS if login != "owner"]
# Everything else in the ledger's schema is evidence.
OPERATIONAL = {"head", "edge", "insurer_counter", "replay"}


def test_the_gateway_reads_no_table_of_identity(database: Database):
    assert list_tables(database, "identity")
    assert readable_tables(database, "gateway", "identity") == []


@pytest.mark.parametrize(
    "mistake",
    [
        "GRANT SELECT ON identity.person TO rempart_gateway",
        "GRANT SELECT (person_ref) ON identity.person TO PUBLIC",
        "GRANT SELECT ON identity.person TO rempart_plane_ledger",
    ],
)
def test_mutation_a_grant_on_identity_is_noticed(database: Database, mistake: str):
    run_as_admin(database, f"GRANT USAGE ON SCHEMA identity TO PUBLIC; {mistake}")
    assert readable_tables(database, "gateway", "identity") == ["person"]


def test_the_gateway_runs_no_function_of_identity(database: Database):
    run_as_owner(database, "CREATE FUNCTION identity.peek() RETURNS int LANGUAGE sql RETURN 1")
    assert callable_functions(database, "gateway", "identity") == []


def test_mutation_a_function_opened_to_everybody_is_noticed(database: Database):
    run_as_owner(database, "CREATE FUNCTION identity.peek() RETURNS int LANGUAGE sql RETURN 1")
    run_as_admin(database, "GRANT EXECUTE ON FUNCTION identity.peek TO PUBLIC")
    assert callable_functions(database, "gateway", "identity") == ["identity.peek()"]


def test_only_feeds_the_keeper_and_the_owner_enter_identity(database: Database):
    entering = [login for login in LOGINS if readable_tables(database, login, "identity")]
    assert entering == ["owner", "feeds", "keeper"]


@pytest.mark.parametrize("login", PROCESSES)
def test_nobody_rewrites_or_erases_evidence(database: Database, login: Login):
    run_as_admin(database, "SELECT ledger.ensure_segment(1::smallint, 0)")
    assert rewritable_tables(database, login, "ledger") <= OPERATIONAL


@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_mutation_a_right_to_rewrite_evidence_is_noticed(database: Database, right: str):
    run_as_admin(database, f"GRANT {right} ON ledger.entry TO rempart_plane_ledger")
    assert "entry" in rewritable_tables(database, "gateway", "ledger")


def test_the_gateway_rewrites_only_what_the_ledger_calls_operational(database: Database):
    assert rewritable_tables(database, "gateway", "ledger") == OPERATIONAL


def test_the_gateway_never_sees_a_name_or_an_address_of_an_account(database: Database):
    readable = readable_tables(database, "gateway", "accounts")
    assert "software" in readable
    assert not {"django_session", "passkey", "invitation"} & set(readable)
    for column in (
        "software.label",
        "establishment.city",
        "bank_details.sealed_iban",
        "professional.display_name",
        "actor.display_name",
        "session.address",
        "session.token_digest",
    ):
        table, name = column.split(".")
        with pytest.raises(errors.InsufficientPrivilege), database.transaction("gateway") as tx:
            tx.execute(f"SELECT {name} FROM accounts.{table}")


def test_the_auditor_reads_the_ledger_and_nothing_else(database: Database):
    assert readable_tables(database, "auditor", "ledger") == list_tables(database, "ledger")
    # A question to the ledger about somebody rests on an approved inquiry, which is looked up.
    assert readable_outside_the_ledger(database) == {"accounts.inquiry"}


def test_mutation_one_more_table_for_the_auditor_is_noticed(database: Database):
    run_as_admin(database, "GRANT SELECT (person_ref) ON accounts.member TO rempart_auditor")
    assert "accounts.member" in readable_outside_the_ledger(database)


def test_no_process_writes_outside_the_planes(database: Database):
    for login in PROCESSES:
        with pytest.raises(errors.InsufficientPrivilege), database.transaction(login) as tx:
            tx.execute("CREATE TABLE public.loot (n int)")


def test_only_bulk_work_makes_temporary_tables(database: Database):
    allowed = []
    for login in LOGINS:
        with database.connect(login) as tx:
            row = tx.execute(
                "SELECT has_database_privilege(current_database(), 'TEMPORARY')"
            ).fetchone()
            allowed += [login] if row == (True,) else []
    assert allowed == ["owner", "feeds", "analyst"]


def test_a_stranger_cannot_enter_the_database(database: Database):
    run_as_admin(database, "DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN PASSWORD 'x'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(
            **{**database.address, "user": "stranger", "password": "x", "dbname": database.name}
        )


def test_no_role_is_more_than_a_role(database: Database):
    powers = """
        SELECT rolname FROM pg_catalog.pg_roles WHERE starts_with(rolname, 'rempart_')
        AND rolname <> current_user
        AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
    """
    with database.connect("admin") as admin:
        assert admin.execute(powers).fetchall() == []
        logins = admin.execute(
            "SELECT rolname FROM pg_catalog.pg_roles "
            "WHERE rolcanlogin AND starts_with(rolname, 'rempart_') AND rolname <> current_user"
        )
        assert {name for (name,) in logins} == {role_name(login) for login in LOGINS}


def test_creating_roles_again_repairs_passwords_and_powers(database: Database):
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("ALTER ROLE rempart_auditor CREATEDB PASSWORD 'forgotten'")
        with pytest.raises(Unavailable, match="rempart_auditor"):
            database.connect("auditor")
        assert create_roles(admin, database.passwords) == []
    with database.connect("auditor") as auditor:
        row = auditor.execute(
            "SELECT rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False,)


def test_creating_roles_again_takes_a_login_out_of_what_it_no_longer_belongs_to(database: Database):
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("GRANT rempart_plane_accounts, rempart_signin TO rempart_portals")
        assert memberships(database, "portals") == ["rempart_plane_accounts", "rempart_signin"]
        create_roles(admin, database.passwords)
    assert memberships(database, "portals") == []
    planes = ["rempart_plane_employers", "rempart_plane_identity", "rempart_plane_rights"]
    assert memberships(database, "feeds") == planes


def test_a_missing_database_says_how_to_make_it(database: Database):
    with pytest.raises(SetupError, match="rempart init"):
        database.renamed("nowhere").connect("auditor")


def list_tables(database: Database, schema: str) -> list[str]:
    with database.connect("admin") as admin:
        return [name for (name,) in admin.execute(TABLES, [schema])]


def readable_tables(database: Database, login: Login, schema: str) -> list[str]:
    """Tables of a schema of which the login can read at least one column: by trying."""
    readable = []
    with database.connect(login) as connection:
        for table in list_tables(database, schema):
            name = sql.Identifier(schema, table)
            attempts = [
                sql.SQL("SELECT {} FROM {} LIMIT 0").format(column, name)
                for column in columns_of(database, schema, table)
            ]
            readable += [table] if any(works(connection, one) for one in attempts) else []
    return readable


def readable_outside_the_ledger(database: Database) -> set[str]:
    return {
        f"{plane}.{table}"
        for plane in PLANES
        if plane != "ledger"
        for table in readable_tables(database, "auditor", plane)
    }


def columns_of(database: Database, schema: str, table: str) -> list[sql.Identifier]:
    with database.connect("admin") as admin:
        names = admin.execute(
            "SELECT attname FROM pg_catalog.pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [f"{schema}.{table}"],
        ).fetchall()
    return [sql.Identifier(name) for (name,) in names]


def rewritable_tables(database: Database, login: Login, schema: str) -> set[str]:
    """Tables of a schema that the login can update, delete from or empty: by trying."""
    rewritable = set()
    with database.connect(login) as connection:
        for table in list_tables(database, schema):
            name = sql.Identifier(schema, table)
            attempts = [
                sql.SQL("UPDATE {} SET {} = DEFAULT WHERE false").format(name, column)
                for column in columns_of(database, schema, table)
            ]
            attempts.append(sql.SQL("DELETE FROM {} WHERE false").format(name))
            attempts.append(sql.SQL("TRUNCATE {} CASCADE").format(name))
            if any(works(connection, one) for one in attempts):
                rewritable.add(table)
    return rewritable


def callable_functions(database: Database, login: Login, schema: str) -> list[str]:
    with database.connect("admin") as admin:
        functions = [name for (name,) in admin.execute(FUNCTIONS, [schema])]
        return [
            name
            for name in functions
            if admin.execute(
                "SELECT has_function_privilege(%s, %s, 'EXECUTE')", [role_name(login), name]
            ).fetchone()
            == (True,)
        ]


def memberships(database: Database, login: Login) -> list[str]:
    with database.connect("admin") as admin:
        rows = admin.execute(
            "SELECT g.rolname FROM pg_catalog.pg_auth_members AS m"
            " JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid"
            " WHERE m.member = %s::regrole ORDER BY 1",
            [role_name(login)],
        )
        return [name for (name,) in rows]


def works(connection: Transaction, statement: sql.Composed) -> bool:
    """Try a statement, then undo it."""
    try:
        connection.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    finally:
        connection.rollback()
    return True


def run_as_admin(database: Database, statements: str) -> None:
    with database.connect("admin", autocommit=True) as admin:
        admin.execute(statements)


def run_as_owner(database: Database, statements: str) -> None:
    with database.transaction("owner") as owner:
        owner.execute(statements)
