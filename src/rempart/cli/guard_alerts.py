"""`rempart guard alerts`: what the guard and people did, for those who watch.

Refuses two processes that send to one destination, and a secret on the command line.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from random import SystemRandom

import click

from rempart import __version__
from rempart.cli.ledger_ask import Instant
from rempart.exchange.alert_delivery import Destination
from rempart.exchange.alert_files import FileWriter, LineWriter
from rempart.exchange.alert_ocsf import Producer
from rempart.exchange.alert_webhook import format_secret
from rempart.storage.connect import Transaction
from rempart.wiring.alerts import open_syslog, open_webhook
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.settings import Settings
from rempart.workflows.guard.export_alerts import (
    CursorStore,
    DatabaseCursor,
    Export,
    FileCursor,
    MemoryCursor,
    export_alerts,
)


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["ocsf"]),
    default="ocsf",
    show_default=True,
    help="OCSF detection findings, one JSON object each.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append JSON lines to this file.  [default: standard output]",
)
@click.option("--syslog", metavar="URL", help="tls://host:6514, tcp://host:601 or udp://host:514.")
@click.option("--webhook", metavar="URL", help="https://host/path: one signed POST each.")
@click.option("--to", metavar="URL", help="A syslog receiver or a webhook, by what the URL says.")
@click.option("--follow", is_flag=True, help="Go on as alerts come, until interrupted.")
@click.option("--from", "from_ms", type=Instant(), default=0, help="Leave out what came before.")
@click.option(
    "--cursor",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Go on where this file says, and keep it up to date.",
)
@click.option("--name", help="Of the destination, in the database.  [default: its address]")
@click.option("--show-secret", is_flag=True, help="Print the secret that signs webhooks, and stop.")
def alerts(
    *,
    form: str,  # noqa: ARG001
    out: Path | None,
    syslog: str | None,
    webhook: str | None,
    to: str | None,
    follow: bool,
    from_ms: int,
    cursor: Path | None,
    name: str | None,
    show_secret: bool,
) -> None:
    """Send alerts to those who watch: containments, canaries, refusals, releases, measures, rules.

    To a file or standard output, a cursor file says where to go on. To a syslog receiver or a
    webhook, the database remembers, and every alert arrives at least once under one identifier.
    """
    if to is not None:
        syslog, webhook = (None, to) if to.startswith(("http:", "https:")) else (to, webhook)
    if sum(one is not None for one in (out, syslog, webhook)) > 1:
        raise click.UsageError("give one of --out, --syslog, --webhook and --to")
    outside = syslog or webhook
    if cursor is not None and outside:
        raise click.UsageError("--cursor goes with a file: the database remembers the others")
    with open_installation(Settings.from_environment(), say) as installation:
        if show_secret:
            click.echo(format_secret(installation.home.key("alerts")))
            return
        destination = _open_destination(installation, out, syslog, webhook)
        store: CursorStore = MemoryCursor() if cursor is None else FileCursor(cursor)
        if outside:
            store = DatabaseCursor(name or destination.name)
        sent = export_alerts(
            Export(
                connect=_connecting(installation),
                store=store,
                destination=destination,
                producer=Producer(installation=installation.home.id, version=__version__),
                clock_ms=lambda: time.time_ns() // 1_000_000,
                wait=_stopping().wait,
                chance=SystemRandom(),
                say=say,
                from_ms=from_ms,
                follow=follow,
            )
        )
    say(f"{sent} alerts sent to {destination.name}")


def say(line: str) -> None:
    """Tell the operator, apart from what is sent."""
    click.echo(f"rempart: {line}", err=True)


def _open_destination(
    installation: Installation, out: Path | None, syslog: str | None, webhook: str | None
) -> Destination:
    if syslog is not None:
        return open_syslog(installation, syslog)
    if webhook is not None:
        return open_webhook(installation, webhook)
    return LineWriter(sys.stdout.buffer) if out is None else FileWriter(out)


def _connecting(installation: Installation) -> Callable[[], AbstractContextManager[Transaction]]:
    return lambda: installation.database.connect("forwarder", autocommit=True)


def _stopping() -> threading.Event:
    """Return what is set when somebody wants the command to end: after the batch under way."""
    event = threading.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: event.set())
    return event
