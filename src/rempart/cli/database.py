"""`rempart init` and `rempart db`: make the home and its database, look at them, open them."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar, get_args

import click

from rempart.disclosure.acts import ACTS_LOG
from rempart.storage.connect import Login
from rempart.storage.server import ServerFacts, read_server_facts
from rempart.wiring.database import (
    find_program,
    hold_database,
    locate_cluster,
    locate_database,
    make_ready,
    open_installation,
    pin_cluster,
    pin_file,
    release_cluster,
)
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.register_organisation import ensure_host

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.command()
@click.option(
    "--logs",
    type=click.IntRange(1, 64),
    help="Gateways there will be, on all machines: the keys of logs 1 to N are drawn now. "
    "[default: those of this machine]",
)
def init(logs: int | None) -> None:
    """Create the home: keys, database, roles, schema. Run again, it completes what is missing."""
    settings = Settings.from_environment()
    home = Home.create(settings.home)
    own = range(settings.log_id, settings.log_id + settings.gateways)
    home.draw_seeds([ACTS_LOG, *(own if logs is None else range(1, logs + 1))])
    click.echo(f"home: {home.path} (id {home.id})")
    with hold_database(settings, home, click.echo) as database:
        make_ready(database, click.echo)
        with database.transaction("registrar") as tx:
            host, created = ensure_host(tx)
    click.echo(f"host operator: organisation {host}{', created' if created else ''}")
    click.echo("ready: `rempart serve` starts everything")


@click.group()
def db() -> None:
    """Look after the database: status, migrate, shell, start, stop."""


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Say what the database is and how it is doing. Starts nothing."""
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    report = describe_server(settings, home)
    if report["running"]:
        with locate_database(settings, home).transaction("admin") as transaction:
            report |= describe_database(read_server_facts(transaction))
    if as_json:
        click.echo(json.dumps(report))
        return
    del report["running"]  # the line about the server says it in words
    width = max(len(name) for name in report)
    for name, value in report.items():
        click.echo(f"{name.ljust(width)}  {value}")


@db.command()
def migrate() -> None:
    """Create the roles and bring the schema forward to what this version needs."""
    with open_installation(Settings.from_environment(), click.echo) as installation:
        make_ready(installation.database, click.echo)


def _accepting_role(default: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--role",
        type=click.Choice(get_args(Login)),
        default=default,
        show_default=True,
        help="Whose rights it has.",
    )


@db.command(context_settings={"ignore_unknown_options": True})
@_accepting_role("auditor")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def shell(role: Login, arguments: tuple[str, ...]) -> None:
    """Open psql; arguments after `--` go to it."""
    _run_program("psql", role, arguments)


@db.command(context_settings={"ignore_unknown_options": True})
@_accepting_role("admin")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(role: Login, program: str, arguments: tuple[str, ...]) -> None:
    """Run one of PostgreSQL's own programs (pg_dump, pg_restore...) on the database."""
    _run_program(program, role, arguments)


@db.command()
def start() -> None:
    """Start the embedded database and keep it up after the commands that use it."""
    settings = Settings.from_environment()
    pin_cluster(settings, Home.open(settings.home), click.echo)


@db.command()
def stop() -> None:
    """Stop the embedded database, unless a command is using it."""
    settings = Settings.from_environment()
    release_cluster(settings, Home.open(settings.home), click.echo)


def describe_server(settings: Settings, home: Home) -> dict[str, Any]:
    """Say what can be said without entering the server."""
    report: dict[str, Any] = {"home": str(home.path)}
    if settings.database_url:
        return {**report, "server": "the one DATABASE_URL names", "running": True}
    cluster = locate_cluster(settings, home)
    now = cluster.status()
    pinned = " (kept up by `rempart db start`)" if pin_file(home).exists() else ""
    running = f"running, process {now.pid}{pinned}"
    return {
        **report,
        "server": running if now.running else "stopped (`rempart db start` starts it)",
        "programs": cluster.find_binaries().describe(),
        "listens on": now.place.describe() if now.running else "-",
        "data": str(now.place.data) if now.initialised else "none yet (run `rempart init`)",
        "log": str(now.place.log),
        "running": now.running,
    }


def describe_database(facts: ServerFacts) -> dict[str, Any]:
    """Say what the server answered."""
    missing = ", ".join(facts.missing_migrations)
    return {
        "version": facts.version,
        "size": f"{facts.size_bytes / 1_000_000:,.1f} MB",
        "schema": (facts.schema or "none")
        + (f"; not applied: {missing} (run `rempart db migrate`)" if missing else ""),
        "roles": "missing: " + ", ".join(facts.missing_roles) if facts.missing_roles else "all",
        "checksums": facts.checksums,
        "synchronous_commit": facts.synchronous_commit,
        "fsync": facts.fsync,
    }


def _run_program(name: str, role: Login, arguments: Sequence[str]) -> NoReturn:
    """Run a PostgreSQL client on our database, then exit as it did."""
    settings = Settings.from_environment()
    with open_installation(settings, click.echo) as installation:
        database = installation.database
        program = find_program(name, settings, installation.home)
        # Ctrl-C cancels the query in psql; it must not end us, and the database with us.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            done = subprocess.run(
                [program, *("-d", database.dsn_without_password(role)), *arguments],
                env={**os.environ, "PGPASSWORD": database.passwords[role]},
                check=False,
            )
        finally:
            signal.signal(signal.SIGINT, before)
    raise SystemExit(done.returncode)
