"""`rempart serve`: everything on one port, or one part of it."""

import contextlib
from dataclasses import replace

import click

from rempart.wiring.processes import What
from rempart.wiring.processes import serve as serve_parts
from rempart.wiring.settings import Settings


@click.command()
@click.argument("what", type=click.Choice(["all", "gateway", "portals"]), default="all")
@click.option(
    "--gateways",
    "--logs",
    type=click.IntRange(1, 64),
    help="Gateway processes, each with a log of its own. [default: REMPART_GATEWAYS, else 1]",
)
def serve(what: What, gateways: int | None) -> None:
    """Start the database, the gateway and the portals, all on one port; Ctrl-C stops them.

    With `gateway` or `portals`, start that part alone on its own port.
    """
    settings = Settings.from_environment()
    if gateways is not None:
        settings = replace(settings, gateways=gateways)
    serve_parts(settings, what, _say)


def _say(line: str) -> None:
    # What it says may go to a file, and the file's disk be full: that is no reason to end.
    with contextlib.suppress(OSError):
        click.echo(f"rempart: {line}", err=True)
