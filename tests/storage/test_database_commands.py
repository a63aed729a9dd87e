"""`rempart init` and `rempart db`, as an operator types them."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rempart.cli.main import main
from rempart.storage.cluster import ADMIN, Cluster
from rempart.storage.connect import Database
from rempart.storage.roles import LOGINS, PLANES, create_roles
from rempart.storage.server import list_migrations
from rempart.wiring.database import CLUSTERS, make_ready

Run = Callable[..., str]


@pytest.fixture
def run(
    reachable_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """A `rempart` with an empty home of its own; returns what it and its children printed."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("REMPART_HOME", str(reachable_path / "home"))

    def call(*arguments: str, expect: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["rempart", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = "".join(capfd.readouterr())
        assert (end.value.code or 0) == expect, printed
        return printed

    yield call
    monkeypatch.delenv("DATABASE_URL", raising=False)
    if (reachable_path / "home" / "id").exists():
        call("db", "stop")


def test_before_init_every_command_names_it(run: Run):
    for command in ("status", "migrate", "shell", "start", "stop"):
        told = run("db", command, expect=1)
        assert "run `rempart init`" in told
        assert "[setup_error]" in told


def test_the_life_of_an_embedded_database(run: Run, reachable_path: Path):
    newest = list_migrations()[-1]
    made = run("init")
    assert f"roles: {len(LOGINS) + len(PLANES)} created" in made
    assert f"storage.{newest}" in made
    again = run("init")
    assert "roles: all there" in again
    [host] = re.findall(r"host operator: organisation (\d+), created", made)
    assert f"host operator: organisation {host}\n" in again
    assert "schema: up to date" in again

    assert "stopped" in run("db", "status")
    assert "is up on 127.0.0.1:" in run("db", "start")
    status = json.loads(run("db", "status", "--json"))
    assert status["running"] is True
    assert (status["schema"], status["roles"]) == (newest, "all")
    assert (status["checksums"], status["synchronous_commit"], status["fsync"]) == ("on",) * 3
    assert "kept up by `rempart db start`" in status["server"]

    sql = ("-At", "-c", "SELECT current_user")
    assert run("db", "shell", "--", *sql) == "rempart_auditor\n"
    assert run("db", "shell", "--role", "gateway", "--", *sql) == "rempart_gateway\n"
    refused = run(
        *("db", "shell", "--role", "gateway", "--"),
        *("-c", "SELECT sealed FROM identity.person"),
        expect=1,
    )
    assert "permission denied for schema identity" in refused

    assert "up to date" in run("db", "migrate")
    assert json.loads(run("db", "status", "--json"))["running"] is True
    assert "is stopped" in run("db", "stop")
    assert "was not running" in run("db", "stop")


def test_a_backup_made_as_the_documentation_says_restores_data_and_rights(
    run: Run, reachable_path: Path
):
    run("init")
    run("db", "start")
    dump = str(reachable_path / "rempart.dump")
    owner = ("db", "shell", "--role", "owner", "--", "-At", "-c")
    run(*owner, "INSERT INTO accounts.professional VALUES (1, 'r', 'p', 'n', NULL)")
    run("db", "run", "pg_dump", "-Fc", "-f", dump)
    run(*owner, "DELETE FROM accounts.professional")
    run("db", "run", "pg_restore", "--clean", "--if-exists", "--exit-on-error", dump)
    assert run(*owner, "SELECT account_ref FROM accounts.professional") == "1\n"
    denied = run(
        *("db", "shell", "--role", "gateway", "--", "-c", "SELECT FROM identity.person"), expect=1
    )
    assert "permission denied" in denied


def test_a_server_of_your_own_gets_roles_and_database_and_is_never_stopped(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
):
    fresh = database.renamed(f"{database.name}_own")
    monkeypatch.setenv("DATABASE_URL", fresh.url())
    try:
        made = run("init")
        assert f"database {fresh.name}: created" in made
        status = json.loads(run("db", "status", "--json"))
        assert status["schema"] == list_migrations()[-1]
        for command in ("start", "stop"):
            assert "not ours to start or stop" in run("db", command, expect=1)
        with database.connect("admin") as admin:
            assert admin.execute("SELECT 1").fetchone() == (1,)
    finally:
        with database.connect("admin", autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {fresh.name} WITH (FORCE)")
            restore_passwords(database)


def test_an_address_without_a_user_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/rempart")
    assert "DATABASE_URL names no user" in run("init", expect=1)


def test_an_administrator_that_is_not_a_superuser_is_enough(durable_cluster: Cluster):
    """As hosted servers have: may create roles and databases, nothing more."""
    logins = {name: f"password of {name}" for name in ("admin", *LOGINS)}
    hosted = Database(
        address=durable_cluster.status().place.address,
        name="hosted",
        admin=ADMIN,
        passwords={**logins, "admin": durable_cluster.admin_password},
    )
    with hosted.renamed("postgres").connect("admin", autocommit=True) as superuser:
        superuser.execute(
            "CREATE ROLE manager LOGIN CREATEROLE CREATEDB PASSWORD 'password of admin'"
        )
    managed = replace(hosted, admin="manager", passwords=logins)
    make_ready(managed)
    make_ready(managed)
    with managed.transaction("gateway") as transaction:
        assert transaction.execute("SELECT count(*) FROM rights.lookup").fetchone() == (0,)


def restore_passwords(database: Database) -> None:
    """Give the shared server's logins back the passwords the other tests know."""
    with database.connect("admin", autocommit=True) as admin:
        create_roles(admin, database.passwords)


def test_cleaning_the_demo_leaves_neither_home_nor_cluster(run: Run, reachable_path: Path) -> None:
    run("init")
    home_id = (reachable_path / "home" / "id").read_text().strip()

    said = run("demo", "--clean")

    assert "removed" in said
    assert not (reachable_path / "home").exists()
    assert not (CLUSTERS / home_id).exists()
    assert "Nothing to clean" in run("demo", "--clean")
