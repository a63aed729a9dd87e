"""`rempart ledger audit`: recompute the disclosure ledger."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
import psycopg
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from rempart.disclosure.audit_source import LogState
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.note import NoteRefused, NoteVerifier
from rempart.kernel.errors import RempartError, Unavailable
from rempart.wiring.database import open_installation
from rempart.wiring.segments import open_segment_store
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.audit_ledger import LedgerVerdict, Trust, audit_ledger

EXIT_SOUND, EXIT_DIFFERENT, EXIT_NOT_VERIFIED = 0, 1, 2
DIFFERENCES_SHOWN = 50


@click.command()
@click.option("--log", "log_id", type=click.IntRange(0, 32767), help="Audit this log only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--vkey",
    "vkeys",
    multiple=True,
    help="A log's key as you received it from elsewhere; the database must show the same.",
)
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    help="A witness's key as you received it: its lines under checkpoints are verified.",
)
@click.pass_context
def audit(
    ctx: click.Context,
    log_id: int | None,
    as_json: bool,
    vkeys: tuple[str, ...],
    witnesses: tuple[str, ...],
) -> None:
    """Recompute the ledger from the database and the sealed files; say where a byte differs.

    Exits with 0 when it is sound, 1 when it differs, 2 when it could not be verified.
    """
    started = time.monotonic()
    try:
        verdict = _audit(log_id, _parse_trust(vkeys, witnesses))
    except RempartError as refusal:
        click.echo(f"rempart: {refusal} [{refusal.code}]", err=True)
        ctx.exit(EXIT_NOT_VERIFIED)
    if as_json:
        click.echo(json.dumps(describe_verdict(verdict)))
    else:
        print_verdict(verdict, time.monotonic() - started)
    ctx.exit(EXIT_SOUND if verdict.is_sound else EXIT_DIFFERENT)


def _audit(log_id: int | None, trust: Trust) -> LedgerVerdict:
    say = Console(stderr=True).print
    with (
        open_installation(Settings.from_environment(), say) as installation,
        _show_progress() as progress,
    ):
        bars = {}

        def advance(log: LogState, done: int) -> None:
            if log.log_id not in bars:
                bars[log.log_id] = progress.add_task(f"log {log.log_id}", total=log.size)
            progress.update(bars[log.log_id], completed=done)

        try:
            with installation.database.transaction("auditor") as tx:
                store = open_segment_store(installation.settings, installation.home)
                return audit_ledger(
                    tx, log_id=log_id, store=store, trust=trust, on_progress=advance
                )
        except psycopg.Error as failure:
            raise Unavailable(
                f"the database stopped the verification ({type(failure).__name__}): "
                "see its state with `rempart db status`, then audit again"
            ) from failure


@contextmanager
def _show_progress() -> Iterator[Progress]:
    """Show bars on stderr, and nothing when nobody watches."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("entries"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as progress:
        yield progress


def _parse_trust(vkeys: tuple[str, ...], witnesses: tuple[str, ...]) -> Trust:
    option = "--vkey"
    try:
        keys = [NoteVerifier.parse(vkey) for vkey in vkeys]
        option = "--witness"
        return Trust(keys=keys, witnesses=[CosignatureVerifier.parse(key) for key in witnesses])
    except NoteRefused as refusal:
        raise click.BadParameter(str(refusal), param_hint=option) from refusal


def describe_verdict(verdict: LedgerVerdict) -> dict[str, object]:
    """Return a verdict as plain JSON values."""
    return {
        "sound": verdict.is_sound,
        "logs": [asdict(log) for log in verdict.logs],
        "difference_count": verdict.count,
        "differences": [difference.to_json() for difference in verdict.differences],
        "unfinished": verdict.unfinished,
    }


def print_verdict(verdict: LedgerVerdict, duration_s: float) -> None:
    """Print a verdict for people: what was checked, then each difference and its place."""
    entries = sum(log.entries for log in verdict.logs)
    for log in verdict.logs:
        click.echo(
            f"log {log.log_id} ({log.origin}): {log.entries:,} entries, {log.tiles:,} tiles, "
            f"{log.checkpoints:,} checkpoints, {log.sessions:,} sessions, "
            f"{log.segments:,} sealed segments, {log.erased:,} openings erased"
        )
    for what in verdict.unfinished:
        click.echo(f"UNFINISHED {what}")
    if verdict.is_sound:
        rate = f"{entries / duration_s:,.0f} entries/s" if duration_s else "at once"
        click.echo(f"OK: the ledger is what was recorded ({duration_s:.1f} s, {rate})")
        return
    for difference in verdict.differences[:DIFFERENCES_SHOWN]:
        columns = f" [{', '.join(difference.columns)}]" if difference.columns else ""
        click.echo(f"DIFFERENT {difference.format_place()}{columns}: {difference.message}")
    if verdict.count > DIFFERENCES_SHOWN:
        click.echo(f"... and {verdict.count - DIFFERENCES_SHOWN:,} more (--json gives the first)")
    click.echo(f"NOT SOUND: {verdict.count:,} differences")
