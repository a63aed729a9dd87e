"""Each process enters the database with its own login, whichever driver it uses."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import asyncpg
import psycopg
import pytest

from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.connect import Database
from rempart.storage.roles import LOGINS, await_turn
from rempart.wiring.database import make_roles

PASSWORDS = {"admin": "a", **dict.fromkeys(LOGINS, "b")}
WHO = "SELECT current_user::text"


@pytest.mark.parametrize("login", LOGINS)
def test_every_process_enters_with_its_own_login(database: Database, login: str):
    with database.transaction(login) as transaction:
        assert transaction.execute(WHO).fetchone() == (f"rempart_{login}",)
    with database.pool(login) as pool, pool.connection() as connection:
        assert connection.execute(WHO).fetchone() == (f"rempart_{login}",)


@pytest.mark.parametrize("extra", [{}, {"connect_timeout": "5", "channel_binding": "prefer"}])
def test_asyncpg_enters_the_same_way(database: Database, extra: dict[str, str]):
    async def ask() -> str:
        address = {**database.address, **extra}
        arguments = replace(database, address=address).asyncpg_kwargs("gateway")
        connection = await asyncpg.connect(**arguments)
        try:
            return await connection.fetchval(WHO)
        finally:
            await connection.close()

    assert asyncio.run(ask()) == "rempart_gateway"


def test_a_url_of_ours_leads_back_to_the_same_database(database: Database):
    again = Database.from_url(database.url(), database.passwords)
    assert again == database
    with again.connect("admin") as admin:
        assert admin.execute("SELECT current_database()").fetchone() == (database.name,)


def test_a_transaction_is_kept_whole_or_not_at_all(database: Database):
    insert = "INSERT INTO accounts.professional VALUES (%s, %s, 'p', 'n', NULL)"
    with database.transaction("owner") as transaction:
        transaction.execute(insert, [1, "one"])

    def insert_two_and_fail() -> None:
        with database.transaction("owner") as transaction:
            transaction.execute(insert, [2, "two"])
            transaction.execute(insert, [1, "three"])

    with pytest.raises(psycopg.errors.UniqueViolation):
        insert_two_and_fail()
    with database.transaction("owner") as transaction:
        kept = transaction.execute("SELECT account_ref FROM accounts.professional").fetchall()
    assert kept == [(1,)]


@pytest.mark.parametrize(
    ("url", "name", "address"),
    [
        ("postgresql://a:p@db:5433/care", "care", {"host": "db", "port": "5433"}),
        ("postgresql://a:p@db/", "rempart", {"host": "db"}),
        ("postgres://a@/postgres?host=/run/pg", "rempart", {"host": "/run/pg"}),
        (
            "postgresql://a:p%40s@one,two/care?sslmode=verify-full&target_session_attrs=read-write",
            "care",
            {"host": "one,two", "sslmode": "verify-full", "target_session_attrs": "read-write"},
        ),
    ],
)
def test_an_administrator_s_address_is_read(url: str, name: str, address: dict[str, str]):
    database = Database.from_url(url, PASSWORDS)
    assert (database.name, database.address, database.admin) == (name, address, "a")
    assert "password=b" in database.dsn("gateway")
    assert "user=rempart_gateway" in database.dsn("gateway")


@pytest.mark.parametrize("url", ["postgresql://db/care", "postgresql://a@db/care?nonsense=1"])
def test_an_address_that_cannot_be_used_is_refused(url: str):
    with pytest.raises(SetupError, match="write postgresql://admin:password@host"):
        Database.from_url(url, PASSWORDS)


def test_a_password_is_never_shown_nor_put_on_a_command_line():
    database = Database.from_url("postgresql://a:secret@db/care", dict.fromkeys(LOGINS, "secret"))
    assert "secret" not in repr(database)
    assert "secret" not in database.dsn_without_password("gateway")


def test_a_login_that_does_not_exist_is_a_bug_and_says_so(database: Database):
    with pytest.raises(ValueError, match="intruder is not a login: use one of admin, owner"):
        database.dsn("intruder")


def test_a_server_that_is_not_there_is_unavailable_without_its_password():
    database = Database.from_url("postgresql://a:secret@127.0.0.1:9/care", PASSWORDS)
    with pytest.raises(Unavailable, match="care does not answer as rempart_gateway") as refusal:
        database.connect("gateway")
    assert "secret" not in str(refusal.value)


def test_a_server_that_went_without_a_word_is_noticed_in_seconds():
    database = Database.from_url("postgresql://a:p@db/care?tcp_user_timeout=500", PASSWORDS)
    assert "keepalives_idle=5" in database.dsn("portals")
    assert "tcp_user_timeout=500" in database.dsn("portals")  # what is written wins
    assert "target_session_attrs" not in database.dsn("portals")


def test_of_several_hosts_the_one_that_takes_writes_is_meant():
    database = Database.from_url("postgresql://a:p@one,two/care", PASSWORDS)
    assert "target_session_attrs=read-write" in database.dsn("portals")
    arguments = database.asyncpg_kwargs("gateway")
    assert (arguments["host"], arguments["port"]) == (["one", "two"], [5432, 5432])
    assert "target_session_attrs=read-write" in arguments["dsn"]
    assert "keepalives" not in arguments["dsn"]
    ported = Database.from_url("postgresql://a:p@one:5433,two:5434/care", PASSWORDS)
    assert ported.asyncpg_kwargs("gateway")["port"] == [5433, 5434]


def test_after_a_failover_nobody_is_lent_a_dead_connection(database: Database):
    with database.pool("portals", min_size=2) as pool:
        pool.wait()
        with database.connect("admin", autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'rempart_portals' AND datname = current_database()"
            )
        for _ in range(3):
            with pool.connection() as connection:
                assert connection.execute(WHO).fetchone() == ("rempart_portals",)


def test_a_pool_begins_again_soon_after_it_gave_up(database: Database):
    """Left alone it waits twice as long each time: half a minute for an outage of twenty s."""
    assert database.pool("portals").reconnect_timeout <= 2


def test_machines_that_start_together_make_the_server_ready_one_after_the_other(
    database: Database,
):
    said: list[str] = []
    server = database.renamed("postgres")
    with server.connect("admin", autocommit=True) as admin, ThreadPoolExecutor() as pool:
        with await_turn(admin):
            second = pool.submit(make_roles, database, said.append)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.5)
            assert said == []
        second.result(timeout=30)
    assert said == ["roles: all there, passwords set"]
