"""`rempart witness`: run a witness, for this installation's logs or anybody else's."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from rempart.disclosure.note import NoteRefused
from rempart.wiring.http_server import serve as serve_http
from rempart.witness.app import DIRECTORY
from rempart.witness.keys import create_key, load_key
from rempart.witness.store import WitnessStore

_dir = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the witness keeps its key and what it has seen.",
)


@click.group()
def witness() -> None:
    """Watch logs that others run: cosign what only ever grows."""


@witness.command()
@_dir
@click.option("--name", required=True, help="Name of the witness, such as witness.example/w1.")
def keygen(directory: Path, name: str) -> None:
    """Draw the witness's key and print its verifier key, to give to those who run logs."""
    click.echo(create_key(directory, name).verifier.vkey)


@witness.command("add-log")
@_dir
@click.argument("vkey")
def add_log(directory: Path, vkey: str) -> None:
    """Follow a log, by the verifier key its holder published; again for each later key of it."""
    load_key(directory)
    try:
        verifier = WitnessStore(directory).add_key(vkey)
    except NoteRefused as refusal:
        raise click.BadParameter(str(refusal), param_hint="VKEY") from refusal
    click.echo(f"follows {verifier.name}")


@witness.command()
@_dir
def evidence(directory: Path) -> None:
    """Print what accuses the logs: signed checkpoints that contradict what was cosigned."""
    load_key(directory)
    found = WitnessStore(directory).list_evidence()
    for one in found:
        when = datetime.fromtimestamp(one.time_s, UTC).isoformat()
        click.echo(f"{when} {one.origin}: {one.reason}")
        click.echo(f"--- cosigned before\n{one.seen_note or 'nothing'}\n--- sent\n{one.request}")
    click.echo(f"{len(found)} contradictions")


@witness.command()
@_dir
@click.option("--listen", default="127.0.0.1:8090", show_default=True, help="HOST:PORT.")
def serve(directory: Path, listen: str) -> None:
    """Answer `add-checkpoint` until Ctrl-C. Put TLS before it."""
    vkey = load_key(directory).verifier.vkey
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter("write HOST:PORT", param_hint="--listen")
    os.environ[DIRECTORY] = str(directory.absolute())  # the server's worker reads it
    click.echo(f"rempart: witness {vkey} on http://{listen}", err=True)
    serve_http("asgi", "rempart.witness.app:create_app", host.strip("[]"), int(port))
