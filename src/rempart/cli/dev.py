"""`rempart dev`: what a developer needs and a real installation never runs."""

import os
import signal
from pathlib import Path
from typing import cast, get_args

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from rempart.accounts.roles import OrganisationKind, Role
from rempart.cli.demo_claims import claims
from rempart.cli.demo_told import told
from rempart.kernel.errors import SetupError
from rempart.simulators.app import make_installed_simulator
from rempart.simulators.people import load_agent_rows
from rempart.simulators.psc import describe_addresses
from rempart.simulators.smtp import REPORTS_FOLDER, MailHandler, RelayController, bounce_some
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import open_installation
from rempart.wiring.home import Home
from rempart.wiring.providers import SIMULATED_COMPANY
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.settle_simulated_agents import (
    SimulatedAgent,
    invite_simulated_agents,
    link_simulated_agents,
)


@click.group()
def dev() -> None:
    """Simulate the outside world, on this machine only."""


@dev.command()
@click.option("--port", type=click.IntRange(1, 65535), help="[default: REMPART_PORT + 9]")
@click.option(
    "--professionals",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Who can sign in: a file as `rempart synth` writes it. [default: a few invented people]",
)
@click.option(
    "--agents",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The company's agents: a TOML file of [[agent]] tables (sub, name).",
)
@click.option("--approve", is_flag=True, help="Approve CIBA requests without a click.")
def psc(
    *, port: int | None, professionals: Path | None, agents: Path | None, approve: bool
) -> None:
    """Run a fake Pro Santé Connect and a fake company provider; Ctrl-C stops them."""
    os.environ["REMPART_DEV_PSC"] = "1"
    for name, value in {"PORT": port, "PROFESSIONALS": professionals, "AGENTS": agents}.items():
        if value is not None:
            os.environ[f"REMPART_DEV_PSC_{name}"] = str(value)
    settings = Settings.from_environment()
    # Built once here, so that what is wrong is said in one line and not by a worker.
    simulator = make_installed_simulator(settings, Home.open(settings.home))
    for title, address in describe_addresses(simulator):
        click.echo(f"{title}: {address}", err=True)
    Granian(
        f"rempart.simulators.app:{'create_approving_app' if approve else 'create_app'}",
        address="127.0.0.1",
        port=settings.dev_psc_port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
    ).serve()


dev.add_command(claims)
dev.add_command(told)


@dev.command()
@click.option("--port", type=click.IntRange(1, 65535), default=2525, show_default=True)
@click.option(
    "--folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where what is delivered is written down; reports go to its Maildir `reports`.",
)
@click.option(
    "--bounce-every",
    type=click.IntRange(2),
    help="Of so many addresses one does not exist: its message comes back.",
)
@click.option("--no-reports", is_flag=True, help="Offer no reports of delivery (RFC 3461).")
def smtp(*, port: int, folder: Path, bounce_every: int | None, no_reports: bool) -> None:
    """Run a mail relay that sends nothing anywhere; Ctrl-C stops it.

    An address whose name begins with unknown, later, bounce, hang_up, vanish, lose… fails that way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = MailHandler(folder=folder, reports=not no_reports)
    if bounce_every is not None:
        handler.script = bounce_some(bounce_every)
    controller = RelayController(handler, port=port)
    controller.start()
    click.echo(f"REMPART_SMTP=smtp+clear://localhost:{port}", err=True)
    click.echo(f"REMPART_BOUNCES={folder / REPORTS_FOLDER}", err=True)
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        controller.stop()


@dev.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def people(file: Path) -> None:
    """Give the simulated company's agents of FILE their roles, so that they sign in with one click.

    FILE is that of `--agents`, with role, kind and organisation in each table. Twice changes
    nothing.
    """
    settings = Settings.from_environment()
    if not settings.dev_psc:
        raise SetupError("set REMPART_DEV_PSC=1: simulated people are not for a real installation")
    agents = [_read_agent(row, file) for row in load_agent_rows(file)]
    with open_installation(settings) as installation:
        database = installation.database
        with database.transaction("registrar") as tx:
            invited = invite_simulated_agents(
                tx, agents, provider=SIMULATED_COMPANY, today=today_in_paris()
            )
        # A crash here leaves invitations that nobody uses; the next run makes new ones.
        with database.transaction("signin") as tx:
            link_simulated_agents(tx, invited, provider=SIMULATED_COMPANY)
    click.echo(f"{len(invited)} agents settled, {len(agents) - len(invited)} already there")


def _read_agent(row: dict[str, str], file: Path) -> SimulatedAgent:
    kind = row.get("kind", "")
    if kind not in get_args(OrganisationKind) or row.get("role") not in set(Role):
        raise SetupError(f"{file}: agent {row['sub']} needs a known role, kind and organisation")
    return SimulatedAgent(
        subject=row["sub"],
        name=row["name"],
        role=Role(row["role"]),
        org_kind=cast("OrganisationKind", kind),
        org_name=row.get("organisation", ""),
    )
