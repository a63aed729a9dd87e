"""`rempart ledger seal|cool|drop|erase`: what takes openings out of the database, and away."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import click
from rich.console import Console

from rempart.disclosure.erasure import ErasureRequest
from rempart.disclosure.segment import SegmentRow
from rempart.storage import erasures
from rempart.wiring.database import open_installation
from rempart.wiring.segments import open_archive
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.option("--log", "log_id", type=click.IntRange(0, 32767), help="This log only.")
@click.option("--segment", type=click.IntRange(0), help="This segment only.")
def seal(log_id: int | None, segment: int | None) -> None:
    """Write every complete segment to files that lead to its root.

    What was sealed before is left alone. Can be stopped and run again.
    """
    if segment is not None and log_id is None:
        raise click.UsageError("--segment needs --log: every log counts its own segments")
    with _open_archive() as archive:
        _tell("sealed", seal_segments(archive, log_id=log_id, segment=segment))


@click.command()
@click.option("--before", type=_DAY, help="Segments that ended before this day (UTC).")
@click.option("--keep-hot", type=click.IntRange(1), metavar="DAYS", help="Keep these days hot.")
def cool(before: datetime | None, keep_hot: int | None) -> None:
    """Take sealed segments out of the database; their files are verified again first."""
    if (before is None) == (keep_hot is None):
        raise click.UsageError("say which: --before DATE or --keep-hot DAYS")
    limit = before or datetime.now(UTC) - timedelta(days=keep_hot or 0)
    with _open_archive() as archive:
        _tell("cooled", cool_segments(archive, before_ms=_to_ms(limit)))


@click.command()
@click.option("--before", type=_DAY, required=True, help="Segments that ended before it (UTC).")
@click.option("--ground", required=True, help="The rule that says how long entries are kept.")
@click.confirmation_option(prompt="The openings of these segments go for ever. Go on?")
def drop(before: datetime, ground: str) -> None:
    """Drop segments whose time is over: openings go, hashes and proofs stay."""
    with _open_archive() as archive:
        _tell("dropped", drop_segments(archive, before_ms=_to_ms(before), ground=ground))


@click.group()
def erase() -> None:
    """Erase single openings that two people decided to erase."""


@erase.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each request.")
def list_requests(as_json: bool) -> None:
    """Show the requests, oldest first, and what became of them."""
    with (
        open_installation(Settings.from_environment(), _say) as installation,
        installation.database.transaction("archivist") as tx,
    ):
        requests = erasures.list_requests(tx)
    for request in requests:
        click.echo(json.dumps(_describe(request)) if as_json else _format(request))


@erase.command()
def run() -> None:
    """Carry out every approved request. Can be stopped and run again."""
    with _open_archive() as archive:
        done = list(run_erasures(archive))
    for one in done:
        act = "nothing was left to erase" if one.act is None else f"act {one.act}"
        click.echo(
            f"request {one.request.request_ref}: {one.erased:,} openings erased, "
            f"{one.rewritten} segments sealed again ({act})"
        )
    if not done:
        click.echo("no approved request waits")


@contextmanager
def _open_archive() -> Iterator[Archive]:
    settings = Settings.from_environment()
    with open_installation(settings, _say) as installation:
        yield open_archive(installation, _show)


def _show(log_id: int, segment: int, done: int) -> None:
    if done % (1 << 20) == 0:
        _say(f"log {log_id}, segment {segment}: {done:,} entries read back")


def _tell(what: str, rows: Iterator[SegmentRow]) -> None:
    count = 0
    for row in rows:
        count += 1
        last = datetime.fromtimestamp(row.last_ms / 1000, UTC).date()
        click.echo(f"{what} log {row.log_id}, segment {row.segment} (ends {last})")
    if not count:
        click.echo(f"nothing to be {what}")


def _to_ms(limit: datetime) -> int:
    return int(limit.replace(tzinfo=UTC).timestamp() * 1000)


def _describe(request: ErasureRequest) -> dict[str, object]:
    return {
        "request": request.request_ref,
        "log": request.log_id,
        "openings": len(request.indexes),
        "ground": request.ground.value,
        "case": request.case_number,
        "state": request.state.value,
        "asked_at": request.asked_at.isoformat(),
    }


def _format(request: ErasureRequest) -> str:
    asked: date = request.asked_at.date()
    return (
        f"{request.request_ref}  {asked}  log {request.log_id}  {len(request.indexes):>7,} openings"
        f"  {request.ground.value:<9} {request.case_number:<20} {request.state.value}"
    )


def _say(message: str) -> None:
    Console(stderr=True).print(message)
