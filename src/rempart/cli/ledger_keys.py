"""`rempart ledger rotate-key` and `recover`: another key for a log, another log after a loss."""

import time
from pathlib import Path

import click

from rempart.disclosure.acts import ACTS_LOG, MAX_TEXT
from rempart.disclosure.note import NoteSigner, NoteVerifier
from rempart.storage.log_opener import LogOpener
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.log_signers import format_origin, load_signers
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.change_log_key import change_log_key, give_up_log

_REASON_HELP = "Why, in one line that names nobody: it is kept for ever."


def _check_reason(_ctx: click.Context, _param: click.Parameter, reason: str) -> str:
    if not reason.strip() or len(reason) > MAX_TEXT or not reason.isprintable():
        raise click.BadParameter(f"write one line of at most {MAX_TEXT} characters")
    return reason.strip()


@click.command("rotate-key")
@click.option("--log", "log_id", type=click.IntRange(0, 32767), required=True, help="The log.")
@click.option("--reason", required=True, callback=_check_reason, help=_REASON_HELP)
def rotate_key(log_id: int, reason: str) -> None:
    """Give a log another key. Stop its gateway first."""
    with (
        open_installation(Settings.from_environment(), click.echo) as installation,
        installation.database.transaction("auditor") as tx,
    ):
        acts = _make_acts_opener(installation)
        changed = change_log_key(
            tx,
            log=acts if log_id == ACTS_LOG else _make_opener(installation, log_id),
            acts=acts,
            draw_key=lambda: _draw_key(installation, log_id),
            reason=reason,
        )
    click.echo(f"log {log_id}: sizes above {changed.from_size:,} are signed with another key")
    click.echo(f"act {changed.act_index} of log 0 says so; give the new key to whoever verifies:")
    click.echo(changed.vkey)


@click.command()
@click.option("--log", "log_id", type=click.IntRange(1, 32767), required=True, help="The log lost.")
@click.option(
    "--as", "successor", type=click.IntRange(1, 32767), required=True, help="A number never used."
)
@click.option("--reason", required=True, callback=_check_reason, help=_REASON_HELP)
@click.option(
    "--checkpoint",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A later signed checkpoint of the log, kept by a witness or in a receipt.",
)
def recover(log_id: int, successor: int, reason: str, checkpoint: Path | None) -> None:
    """After a loss, give a log up and go on as another. Stop its gateway first."""
    with (
        open_installation(Settings.from_environment(), click.echo) as installation,
        installation.database.transaction("auditor") as tx,
    ):
        act = give_up_log(
            tx,
            open_acts_log(installation.settings, installation.home, installation.database),
            log_id=log_id,
            successor=successor,
            reason=reason,
            note=None if checkpoint is None else checkpoint.read_text(encoding="utf-8"),
        )
    click.echo(f"log {log_id} is given up at {act.size:,} entries, root {act.root}")
    click.echo(f"start its gateway again with REMPART_LOG_ID={successor}")


def _make_acts_opener(installation: Installation) -> LogOpener:
    return open_acts_log(
        installation.settings, installation.home, installation.database
    ).make_opener()


def _make_opener(installation: Installation, log_id: int) -> LogOpener:
    return LogOpener(
        connection=installation.database.asyncpg_kwargs("gateway"),
        log_id=log_id,
        signers=load_signers(installation.home, log_id),
        clock_ms=lambda: time.time_ns() // 1_000_000,
        segment_bits=installation.settings.segment_bits,
    )


def _draw_key(installation: Installation, log_id: int) -> NoteVerifier:
    origin = format_origin(installation.home, log_id)
    return NoteSigner(origin, installation.home.draw_log_key(log_id)).verifier
