"""`rempart ledger cosign` and `stamp`: take checkpoints to witnesses and to a timestamp."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from rempart.kernel.errors import SetupError
from rempart.wiring.cosigning import Cosigning, describe_outcome
from rempart.wiring.database import open_installation
from rempart.wiring.settings import Settings

EXIT_ACCUSED = 3


def _say(line: str) -> None:
    click.echo(f"rempart: {line}", err=True)


@contextlib.contextmanager
def _open(settings: Settings) -> Iterator[Cosigning]:
    with open_installation(settings, _say) as installation:
        yield Cosigning.from_settings(settings, installation.database)


@click.command()
@click.option("--once/--watch", "once", default=True, help="One round, or one every ten seconds.")
@click.pass_context
def cosign(ctx: click.Context, once: bool) -> None:
    """Take the last checkpoint of every log to every witness, and keep what they sign.

    `rempart serve` does it by itself when REMPART_WITNESSES_FILE is set. Exits with 3 when a
    witness says that a log forked or went back.
    """
    settings = Settings.from_environment()
    if settings.witnesses_file is None:
        raise SetupError("set REMPART_WITNESSES_FILE to the file of your witnesses")
    with _open(settings) as cosigning:
        if not once:
            with contextlib.suppress(KeyboardInterrupt):
                cosigning.watch(threading.Event())
            return
        outcomes = cosigning.ask_witnesses()
        for outcome in outcomes:
            click.echo(describe_outcome(outcome))
    if any(outcome.result in ("fork", "rollback") for outcome in outcomes):
        ctx.exit(EXIT_ACCUSED)
    if any(outcome.result != "cosigned" for outcome in outcomes):
        ctx.exit(1)


@click.command()
@click.option("--url", help="The authority. [default: REMPART_TSA_URL]")
@click.option(
    "--roots",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM certificates it leads to. [default: REMPART_TSA_ROOTS_FILE]",
)
def stamp(url: str | None, roots: Path | None) -> None:
    """Have the last checkpoint of every log timestamped (RFC 3161), unless it is."""
    settings = Settings.from_environment()
    settings = replace(
        settings,
        tsa_url=url or settings.tsa_url,
        tsa_roots_file=roots or settings.tsa_roots_file,
    )
    if settings.tsa_url is None:
        raise SetupError("give --url, or set REMPART_TSA_URL")
    with _open(settings) as cosigning:
        for one in cosigning.ask_timestamps():
            click.echo(f"log {one.log_id}, {one.size} entries: timestamped")
