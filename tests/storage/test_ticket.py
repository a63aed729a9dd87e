"""The ticket of a transaction cannot be made, kept, lent or replayed by the pages' login."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors, sql
from tests.storage.attack import attack
from tests.storage.tenant_rows import plant_world
from tests.storage.tenants import World

from rempart.storage.connect import Database, Transaction
from rempart.storage.roles import LOGINS, PLANES, plane_name, role_name

SEEN = "SELECT count(*) FROM accounts.organisation"
WHO = "SELECT accounts.my_actor()"
TICKET = "SELECT current_setting('rempart.ticket', true)"
CARRY = "SELECT set_config('rempart.ticket', %s, %s)"
ENTER = "SELECT actor_ref FROM accounts.enter_session(%s)"


@pytest.fixture
def world(database: Database) -> World:
    """A database with rows of several tenants."""
    return plant_world(database)


def ask(tx: Transaction, statement: str, *values: object) -> object:
    row = tx.execute(sql.SQL(statement), values).fetchone()  # type: ignore[arg-type]
    return None if row is None else row[0]


def test_the_ticket_is_the_hmac_of_its_facts_its_backend_and_its_instant(world: World):
    with world.database.connect("portals") as tx:
        assert ask(tx, ENTER, world.digests["holder A"]) == world.actors["holder A"]
        ticket = str(ask(tx, TICKET))
        instant = ask(tx, "SELECT extract(epoch FROM transaction_timestamp())::text")
        backend = tx.info.backend_pid
    with world.database.connect("owner") as owner:
        pads = owner.execute("SELECT inner_key, outer_key FROM accounts.ticket_secret").fetchone()
    assert pads is not None
    key = bytes(byte ^ 0x36 for byte in pads[0])
    assert key == bytes(byte ^ 0x5C for byte in pads[1])
    assert key[32:] == bytes(32)
    code, facts = ticket[:64], ticket[65:]
    signed = f"{facts}|{backend}|{instant}".encode()
    assert hmac.new(key, signed, hashlib.sha256).hexdigest() == code
    assert json.loads(facts)["establishment_ref"] == world.establishments["A"]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_pooled_connection_forgets_who_asked_with_the_transaction(world: World, end: str):
    with world.database.pool("portals", max_size=1) as pool:
        with pool.connection() as tx:
            ask(tx, ENTER, world.digests["host admin"])
            assert ask(tx, SEEN) == len(world.orgs)
            tx.execute(sql.SQL(end))  # type: ignore[arg-type]
        with pool.connection() as tx:
            assert ask(tx, WHO) is None
            assert ask(tx, SEEN) == 0


@pytest.mark.parametrize("local", [True, False])
def test_a_ticket_is_worthless_in_the_next_transaction_of_its_connection(world: World, local: bool):
    with world.database.connect("portals") as tx:
        ask(tx, ENTER, world.digests["host admin"])
        ticket = ask(tx, TICKET)
        tx.commit()
        ask(tx, CARRY, ticket, local)
        assert ask(tx, WHO) is None
        assert ask(tx, SEEN) == 0


def test_a_ticket_is_worthless_on_another_connection_at_the_same_time(world: World):
    with world.database.connect("portals") as first, world.database.connect("portals") as second:
        ask(first, ENTER, world.digests["host admin"])
        ask(second, CARRY, ask(first, TICKET), True)
        assert ask(second, SEEN) == 0
        assert ask(first, SEEN) == len(world.orgs)


def forge_nothing(_ticket: str) -> str:
    return ""


def forge_facts_alone(ticket: str) -> str:
    return ticket[65:]


def forge_a_host(ticket: str) -> str:
    return ticket.replace('"is_host": false', '"is_host": true')


def forge_an_insurer(ticket: str) -> str:
    return ticket.replace('"insurers": []', '"insurers": [1, 2]')


def forge_another_code(ticket: str) -> str:
    return secrets.token_hex(32) + ticket[64:]


def forge_one_digit(ticket: str) -> str:
    return ("0" if ticket[0] != "0" else "1") + ticket[1:]


def forge_upper_case(ticket: str) -> str:
    return ticket[:64].upper() + ticket[64:]


def forge_a_longer_one(ticket: str) -> str:
    return ticket + "|1"


def forge_what_is_not_json(ticket: str) -> str:
    return ticket[:65] + "{"


@pytest.mark.parametrize(
    "forge",
    [
        forge_nothing,
        forge_facts_alone,
        forge_a_host,
        forge_an_insurer,
        forge_another_code,
        forge_one_digit,
        forge_upper_case,
        forge_a_longer_one,
        forge_what_is_not_json,
    ],
)
def test_a_forged_ticket_opens_nothing(world: World, forge: Callable[[str], str]):
    def become(tx: Transaction, who: str) -> None:
        ask(tx, ENTER, world.digests[who])
        ticket = str(ask(tx, TICKET))
        assert forge(ticket) != ticket
        ask(tx, CARRY, forge(ticket), True)

    tables = ["accounts.organisation", "accounts.actor", "accounts.session", "ledger.entry"]
    outcome = attack(world, tables=tables, visitors=["holder A"], become=become, as_nobody=True)
    assert outcome.is_clean, outcome.leaks


def test_mutation_a_ticket_read_without_its_code_lets_forgers_in(world: World):
    with world.database.connect("owner", autocommit=True) as owner:
        owner.execute(
            "CREATE OR REPLACE FUNCTION accounts.read_ticket() RETURNS jsonb LANGUAGE sql STABLE"
            " AS $$ SELECT substr(current_setting('rempart.ticket', true), 66)::jsonb $$"
        )
    with world.database.connect("portals") as tx:
        ask(tx, ENTER, world.digests["holder A"])
        ask(tx, CARRY, forge_a_host(str(ask(tx, TICKET))), True)
        assert ask(tx, SEEN) == len(world.orgs)


@pytest.mark.parametrize("bound", ["''", "'|' || pg_backend_pid()"])
def test_mutation_a_code_not_bound_to_its_instant_is_replayed(world: World, bound: str):
    with world.database.connect("owner", autocommit=True) as owner:
        owner.execute(
            sql.SQL(
                "CREATE OR REPLACE FUNCTION accounts.sign_ticket(facts text) RETURNS text"
                " LANGUAGE sql STABLE SECURITY DEFINER AS $$"
                " SELECT encode(sha256(outer_key || sha256(inner_key ||"
                " convert_to(facts || {}, 'UTF8'))), 'hex') FROM accounts.ticket_secret $$"
            ).format(sql.SQL(bound))  # type: ignore[arg-type]
        )
    with world.database.connect("portals") as tx:
        ask(tx, ENTER, world.digests["host admin"])
        ticket = ask(tx, TICKET)
        tx.commit()
        ask(tx, CARRY, ticket, True)
        assert ask(tx, SEEN) == len(world.orgs)


def test_a_session_refused_leaves_no_ticket_of_the_one_before(world: World):
    with world.database.connect("portals") as tx:
        ask(tx, ENTER, world.digests["host admin"])
        assert ask(tx, ENTER, secrets.token_bytes(32)) is None
        assert ask(tx, SEEN) == 0


def test_a_ticket_given_up_by_a_savepoint_is_given_up(world: World):
    with world.database.connect("portals") as tx:
        with tx.transaction(force_rollback=True):
            ask(tx, ENTER, world.digests["host admin"])
            assert ask(tx, SEEN) == len(world.orgs)
        assert ask(tx, SEEN) == 0


def test_a_digest_is_neither_guessed_nor_read_anywhere(world: World):
    with world.database.connect("portals") as tx:
        for _ in range(1000):
            assert ask(tx, ENTER, secrets.token_bytes(32)) is None
        assert ask(tx, ENTER, b"") is None
        assert ask(tx, ENTER, None) is None
        # Half of a digest is no digest.
        assert ask(tx, ENTER, world.digests["host admin"][:20]) is None
        ask(tx, ENTER, world.digests["host admin"])
        with pytest.raises(errors.InsufficientPrivilege):
            tx.execute("SELECT token_digest FROM accounts.session")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT accounts.sign_ticket('{}')",
        "SELECT accounts.read_ticket()",
        "SELECT * FROM accounts.ticket_secret",
        "UPDATE accounts.ticket_secret SET inner_key = outer_key",
        "COPY accounts.ticket_secret TO STDOUT",
        "ALTER TABLE accounts.session DISABLE ROW LEVEL SECURITY",
        "DROP POLICY seen ON accounts.session",
        "CREATE POLICY all_mine ON accounts.session USING (true)",
        "CREATE FUNCTION accounts.my_actor() RETURNS bigint LANGUAGE sql RETURN 1",
        "CREATE OR REPLACE FUNCTION accounts.is_host() RETURNS boolean LANGUAGE sql RETURN true",
        "ALTER FUNCTION accounts.is_host() SECURITY INVOKER",
        "CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE sql RETURN true",
        "CREATE TEMPORARY TABLE loot (n int)",
        "CREATE SCHEMA mine",
        "CREATE VIEW accounts.everybody AS SELECT * FROM accounts.actor",
        "ALTER ROLE rempart_portals BYPASSRLS",
        "ALTER ROLE rempart_portals SUPERUSER",
        "GRANT rempart_plane_accounts TO rempart_portals",
        "SET SESSION AUTHORIZATION rempart_owner",
        "SET session_replication_role = replica",
        "SELECT pg_read_file('/etc/hostname')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE EXTENSION postgres_fdw",
        "SELECT lo_import('/etc/hostname')",
        "SELECT stavalues1 FROM pg_catalog.pg_statistic",
        *(f"SET ROLE {role_name(login)}" for login in LOGINS if login != "portals"),
        *(f"SET ROLE {plane_name(plane)}" for plane in PLANES),
    ],
)
def test_the_pages_login_cannot_go_around(database: Database, statement: str):
    with database.connect("portals") as tx, pytest.raises(errors.InsufficientPrivilege):
        tx.execute(sql.SQL(statement))  # type: ignore[arg-type]


def test_switching_row_security_off_is_refused_by_every_table(world: World):
    with world.database.connect("portals") as tx:
        ask(tx, ENTER, world.digests["holder A"])
        tx.execute("SET row_security = off")
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            tx.execute("SELECT * FROM accounts.organisation")


def test_another_search_path_changes_nothing_of_who_is_asking(world: World):
    with world.database.connect("portals") as tx:
        tx.execute("SET search_path = pg_temp, public, accounts")
        ask(tx, ENTER, world.digests["holder A"])
        assert ask(tx, WHO) == world.actors["holder A"]
        assert ask(tx, SEEN) == 1


def test_statistics_tell_nothing_of_rows_under_policies(world: World):
    with world.database.connect("owner", autocommit=True) as owner:
        owner.execute("ANALYZE accounts.actor")
        assert ask(owner, "SELECT count(*) FROM pg_stats WHERE tablename = 'actor'") != 0
    with world.database.connect("portals") as tx:
        ask(tx, ENTER, world.digests["host admin"])
        assert ask(tx, "SELECT count(*) FROM pg_stats WHERE tablename = 'actor'") == 0


def test_transactions_sent_in_one_message_share_their_instant_and_their_visitor(world: World):
    # Known and harmless: whoever composes the message holds the session already. The next message
    # of the same connection has another instant.
    with psycopg.connect(world.database.dsn("portals"), autocommit=True) as connection:
        digest = world.digests["holder A"].hex()
        connection.execute(
            sql.SQL(
                "BEGIN; SELECT accounts.enter_session({}); SELECT set_config('rempart.kept',"
                " current_setting('rempart.ticket'), false); COMMIT; BEGIN;"
                " SELECT set_config('rempart.ticket', current_setting('rempart.kept'), false);"
                " SELECT set_config('rempart.was', accounts.my_actor()::text, false); COMMIT"
            ).format(sql.Literal(bytes.fromhex(digest)))
        )
        was = connection.execute("SELECT current_setting('rempart.was')").fetchone()
        now = connection.execute(sql.SQL(WHO)).fetchone()
    assert was == (str(world.actors["holder A"]),)
    assert now == (None,)
