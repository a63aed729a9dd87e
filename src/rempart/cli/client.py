"""`rempart client`: professionals, the keys of their software, and one-time sign-in links."""

import sys
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from rempart.kernel.findings import BadValue, Finding
from rempart.kernel.rpps import Rpps
from rempart.storage.iban_seal import IbanSeal
from rempart.wiring.database import open_installation
from rempart.wiring.settings import Settings
from rempart.workflows.create_client import (
    ListedClient,
    create_client,
    list_clients,
    revoke_client,
)
from rempart.workflows.load_professionals import LoadReport, load_professionals
from rempart.workflows.open_sign_in_link import open_sign_in_link

FINDINGS_SHOWN = 20


class RppsNumber(click.ParamType[Rpps]):
    """An RPPS number typed on the command line."""

    name = "RPPS"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Rpps:
        """Read the number, or say what is wrong with it."""
        try:
            return Rpps.parse(value)
        except BadValue as wrong:
            self.fail(f"{wrong.refusal.en} {wrong.refusal.advice_en}", param, ctx)


@click.group()
def client() -> None:
    """Load professionals, create and revoke clients, print sign-in links."""


@client.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(file: Path) -> None:
    """Load the professionals of FILE (CSV with `;`); loading again brings them up to date.

    Exits with 1 when rows were refused; the others are loaded all the same.
    """
    with (
        open_installation(Settings.from_environment()) as installation,
        file.open(encoding="utf-8-sig", newline="") as lines,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("professionals", total=None)
        with installation.database.transaction("registrar") as tx:
            report = load_professionals(
                tx,
                lines,
                seal=IbanSeal(installation.home.key("master")),
                on_progress=lambda done: progress.update(task, completed=done),
                language="en",
            )
    _print_report(report)
    sys.exit(1 if report.refused else 0)


@client.command()
@click.option("--rpps", type=RppsNumber(), required=True, help="The professional it acts for.")
@click.option("--label", required=True, help="What this software is called in the list.")
@click.option("--expires", type=click.IntRange(min=1), help="Days after which the key is dead.")
def create(rpps: Rpps, label: str, expires: int | None) -> None:
    """Create a client and print its key, the only time it is shown."""
    lifetime = None if expires is None else timedelta(days=expires)
    with (
        open_installation(Settings.from_environment()) as installation,
        installation.database.transaction("registrar") as tx,
    ):
        made = create_client(tx, rpps=rpps, label=label, lifetime=lifetime)
    # Printed once the client is committed: a key that was shown works.
    click.echo(f"client {made.client_ref}: keep this key, it is not shown again", err=True)
    click.echo(made.key)


@client.command("list")
def list_() -> None:
    """List the clients, newest first."""
    with (
        open_installation(Settings.from_environment()) as installation,
        installation.database.transaction("registrar") as tx,
    ):
        clients = list_clients(tx)
    # Never cut: these two are copied into other commands.
    keys = (Column("client", min_width=19), Column("RPPS", min_width=11))
    table = Table(*keys, "professional", "label", "good", box=None)
    for one in clients:
        life = _describe_life(one)
        table.add_row(str(one.client_ref), one.rpps, one.display_name, one.label, life)
    Console().print(table)


@client.command()
@click.argument("client_ref", type=int)
def revoke(client_ref: int) -> None:
    """End a client: within five seconds its key opens nothing."""
    with (
        open_installation(Settings.from_environment()) as installation,
        installation.database.transaction("registrar") as tx,
    ):
        revoke_client(tx, client_ref)
    click.echo(f"client {client_ref} is revoked")


@client.command("login-link")
@click.option("--rpps", type=RppsNumber(), help="The professional who signs in.")
@click.option("--operator", is_flag=True, help="The operator's console instead.")
@click.option("--base-url", help="Where the portals answer. [default: this installation's port]")
def login_link(rpps: Rpps | None, base_url: str | None, *, operator: bool) -> None:
    """Print a link that signs one browser in, once, within 15 minutes."""
    if operator == (rpps is not None):
        raise click.UsageError("give --rpps NUMBER or --operator")
    settings = Settings.from_environment()
    with (
        open_installation(settings) as installation,
        installation.database.transaction("registrar") as tx,
    ):
        token = open_sign_in_link(tx, rpps=rpps)
    base = base_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"{base.rstrip('/')}/connexion/{token}")


def _print_report(report: LoadReport) -> None:
    for finding in report.findings[:FINDINGS_SHOWN]:
        click.echo(_format_finding(finding), err=True)
    if len(report.findings) > FINDINGS_SHOWN:
        click.echo(f"... and {len(report.findings) - FINDINGS_SHOWN} more", err=True)
    click.echo(f"{report.loaded} professionals loaded, {report.refused} rows refused")


def _format_finding(finding: Finding) -> str:
    return f"line {finding.line}, {finding.field}: {finding.message} {finding.advice}"


def _describe_life(one: ListedClient) -> str:
    if one.revoked_at is not None:
        return f"revoked {one.revoked_at:%Y-%m-%d}"
    return "until revoked" if one.expires_at is None else f"until {one.expires_at:%Y-%m-%d}"
