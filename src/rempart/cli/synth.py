"""`rempart synth`: invented insurers' feeds and professionals, always the same for one seed."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from rempart.synth import DEFAULT_TODAY, FeedFormat, Parameters, write_data_set

_MAX_JOBS = 4


@click.command()
@click.option("--members", type=click.IntRange(min=1), required=True, help="People in all feeds.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other people.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory to write in; a run that was stopped goes on where it was.",
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    default=DEFAULT_TODAY.isoformat(),
    show_default=True,
    help="The day the feeds are written.",
)
@click.option("--gzip", "feed_format", flag_value=FeedFormat.GZIP.value, help="Gzipped CSV.")
@click.option("--parquet", "feed_format", flag_value=FeedFormat.PARQUET.value, help="Parquet.")
@click.option("--insurers", default=100, show_default=True, help="How many insurers.")
@click.option(
    "--professionals",
    type=int,
    default=None,
    help="How many.  [default: 300 for 100 000 members, at least 300]",
)
@click.option("--delta", is_flag=True, help="Also the delta of a month later, in OUT/deltas.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=min(_MAX_JOBS, os.cpu_count() or 1),
    show_default=True,
    help="Processes; changes nothing in the files.",
)
@click.option("--force", is_flag=True, help="Replace another data set found in OUT.")
def synth(
    *,
    members: int,
    seed: int,
    out: Path,
    today: datetime,
    feed_format: str | None,
    insurers: int,
    professionals: int | None,
    delta: bool,
    jobs: int,
    force: bool,
) -> None:
    """Write synthetic feeds and professionals.

    Nobody real is in them and no identifier can be anybody's. The same options give the same
    bytes.
    """
    try:
        parameters = Parameters(
            members=members,
            seed=seed,
            today=today.date(),
            insurers=insurers,
            professionals=professionals,
            feed_format=FeedFormat(feed_format or FeedFormat.CSV),
            delta=delta,
        )
    except ValueError as impossible:
        raise click.UsageError(str(impossible)) from None
    with _make_bar() as bar:
        task = bar.add_task("members", total=members)
        truth = write_data_set(
            parameters, out, lambda count: bar.advance(task, count), jobs=jobs, force=force
        )
    _show(truth, out)


def _make_bar() -> Progress:
    return Progress(
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


def _show(truth: dict[str, Any], out: Path) -> None:
    totals, insurers = truth["totals"], truth["insurers"]
    professionals = truth["parameters"]["professionals"]
    click.echo(
        f"{totals['people']:,} people in {totals['lines']:,} lines of {len(insurers)} feeds: "
        f"{totals['current']:,} covered today, {totals['suspended']:,} of them suspended, "
        f"{totals['former']:,} former, {totals['future']:,} to come. "
        f"{professionals:,} professionals."
    )
    click.echo(f"Written in {out}: feeds/, insurers.csv, professionals.csv, truth.json")
