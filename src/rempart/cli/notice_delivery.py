"""`rempart notice`: how far campaigns are, batches of letters, what comes back by post."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from rempart.exchange.postal_returns import MOST_BYTES
from rempart.notices.pace import compute_per_hour
from rempart.storage.notice_delivery import list_batches
from rempart.wiring.database import Installation, open_installation, open_transaction
from rempart.wiring.notices import load_envelope_key, open_office
from rempart.wiring.settings import Settings
from rempart.workflows.notices.pace_campaign import read_progress
from rempart.workflows.notices.print_letters import post_batch
from rempart.workflows.notices.read_post_returns import read_returns

_MOST_BATCHES = 1000


@click.command()
@click.argument("campaign", type=click.IntRange(1))
def progress(*, campaign: int) -> None:
    """Say how far a CAMPAIGN is, how fast it goes, and when it will have left."""
    with open_transaction("notifier") as tx:
        read = read_progress(tx, campaign)
    table = Table("Channel", "State", "Messages", box=None)
    for (channel, state), count in read.counts.items():
        table.add_row(channel, state, f"{count:,}")
    Console().print(table)
    click.echo(
        f"{read.speed.emails_per_s * 3600:,.0f} e-mails and {read.speed.letters_per_s * 3600:,.0f} "
        "letters an hour in the last ten minutes"
    )
    for what, when in (("e-mails", read.forecast.emails_by), ("letters", read.forecast.letters_by)):
        click.echo(f"{what}: {f'by {when:%Y-%m-%d %H:%M} UTC' if when else 'nobody can say when'}")


@click.command()
@click.option("--agents", type=click.IntRange(1), required=True, help="Who answer at one time.")
@click.option("--minutes", type=click.IntRange(1), default=6, show_default=True, help="Of a call.")
@click.option(
    "--calls",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="How many of a thousand people told will call.",
)
def pace(*, agents: int, minutes: int, calls: int) -> None:
    """Say how many people may be told in an hour, so that whoever calls reaches somebody."""
    click.echo(compute_per_hour(agents=agents, minutes_per_call=minutes, calls_per_thousand=calls))


@click.command()
def batches() -> None:
    """List the batches of letters, the latest first."""
    with open_transaction("notifier") as tx:
        rows = list_batches(tx, most=_MOST_BATCHES)
    table = Table("Campaign", "Batch", "Letters", "Pages", "State", "Made", "Digest", box=None)
    for row in rows:
        state = row.state if row.written_at else "not written yet"
        table.add_row(
            str(row.campaign_ref),
            str(row.number),
            f"{row.letters:,}",
            f"{row.pages:,}",
            state,
            f"{row.made_at:%Y-%m-%d %H:%M}",
            row.digest.hex()[:16],
        )
    Console().print(table)


@click.command()
@click.argument("campaign", type=click.IntRange(1))
@click.argument("batch", type=click.IntRange(1))
def posted(*, campaign: int, batch: int) -> None:
    """Say that the letters of a BATCH of a CAMPAIGN were handed to the post."""
    with open_transaction("notifier") as tx:
        letters = post_batch(tx, campaign, batch, by=0)
    click.echo(f"batch {batch}: {letters} letters posted")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def returned(*, file: Path) -> None:
    """Take a FILE (CSV: reference, reason) of letters that came back; twice changes nothing."""
    with file.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    with _open() as at:
        read = read_returns(open_office(at), content, load_envelope_key(at))
    for finding in read.findings:
        click.echo(f"{file}:{finding.line}: [{finding.rule}] {finding.message} {finding.advice}")
    click.echo(f"{read.returned} letters came back, {read.known} known already")
    if read.findings:
        sys.exit(1)


@contextmanager
def _open() -> Iterator[Installation]:
    with open_installation(Settings.from_environment()) as at:
        yield at
