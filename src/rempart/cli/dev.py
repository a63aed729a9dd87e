"""`rempart dev`: what a developer needs and a real installation never runs."""

import os
from pathlib import Path

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from rempart.simulators.app import make_installed_simulator
from rempart.simulators.psc import describe_addresses
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


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
