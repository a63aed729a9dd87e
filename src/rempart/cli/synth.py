"""`rempart synth`: invented feeds, professionals and look-ups, always the same for one seed."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from rempart.synth import DEFAULT_TODAY, FeedFormat, Parameters, write_data_set

_MAX_JOBS = 4


@click.group(invoke_without_command=True)
@click.option("--members", type=click.IntRange(min=1), help="People in all feeds.  [required]")
@click.option("--seed", default=1, show_default=True, help="Another seed, other people.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write in; a run that was stopped goes on where it was.  [required]",
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
@click.pass_context
def synth(
    ctx: click.Context,
    *,
    members: int | None,
    seed: int,
    out: Path | None,
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
    bytes. `rempart synth traffic` writes a month of look-ups for the guard instead.
    """
    if ctx.invoked_subcommand is not None:
        return
    if members is None or out is None:
        raise click.UsageError("--members and --out are needed")
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


@synth.command()
@click.option("--accounts", default=5_000, show_default=True, help="How many accounts.")
@click.option("--days", default=28, show_default=True, help="How many days, from a Monday.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other people.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory to write in; files of an earlier month are replaced.",
)
@click.option("--attack-day", default=21, show_default=True, help="First thefts, from 0.")
@click.option("--per-kind", default=12, show_default=True, help="Stolen accounts of each kind.")
@click.option("--per-pace", default=8, show_default=True, help="The same of each patient pace.")
@click.option("--distributed", default=40, show_default=True, help="Accounts of one hand.")
@click.option(
    "--moved",
    default=1.0,
    show_default=True,
    help="Multiply every figure by one between 1/MOVED and MOVED: other streams than usual.",
)
@click.option(
    "--local-victims",
    default=0.0,
    show_default=True,
    help="Share of a thief's list that lives where the stolen account works.",
)
@click.option("--at-the-workstation", is_flag=True, help="Thieves use the owner's own address.")
@click.option("--asks-again", is_flag=True, help="Thieves ask about everybody twice.")
def traffic(*, out: Path, **figures: Any) -> None:
    """Write a month of look-ups, with stolen accounts and the truth about them (Parquet).

    Nobody real is in it: people are numbers. The same options give the same look-ups. Memory is
    about 100 MB for a million look-ups.
    """
    # Loads numpy and Arrow, which feeds do without.
    from rempart.synth.traffic import write_traffic
    from rempart.synth.traffic_parameters import TrafficParameters

    try:
        parameters = TrafficParameters(**figures)
    except ValueError as impossible:
        raise click.UsageError(str(impossible)) from None
    with _make_bar() as bar:
        task = bar.add_task("accounts", total=parameters.accounts)
        written = write_traffic(parameters, out, lambda count: bar.advance(task, count))
    click.echo(
        f"{written['lookups']:,} look-ups of {written['accounts']:,} accounts in "
        f"{parameters.days} days; {written['stolen_accounts']:,} accounts are stolen, and "
        f"{written['stolen_lookups']:,} look-ups are their thieves'."
    )
    click.echo(f"Written in {out}: events, accounts, canaries and truth (.parquet)")


@synth.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="A directory written by `rempart synth`.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory to write in; claims found there are replaced.",
)
@click.option("--claims", "count", default=10_000, show_default=True, help="How many claims.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other claims.")
@click.option("--days", default=365, show_default=True, help="Days over which rights were checked.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    default=None,
    help="Last day claims are sent.  [default: the day of the data set]",
)
def claims(
    *, data: Path, out: Path, count: int, seed: int, days: int, until: datetime | None
) -> None:
    """Write claims that follow checks of rights, some of them wrong, and the truth about them.

    People and professionals are those of a data set. The same options give the same claims.
    """
    from rempart.synth.claims import ClaimParameters, write_claims

    try:
        parameters = ClaimParameters(
            claims=count, seed=seed, days=days, until=until.date() if until else None
        )
    except ValueError as impossible:
        raise click.UsageError(str(impossible)) from None
    with _make_bar() as bar:
        task = bar.add_task("claims", total=count)
        written = write_claims(parameters, data, out, lambda some: bar.advance(task, some))
    wrong = written["claims"] - written.get("right", 0)
    click.echo(
        f"{written['claims']:,} claims of {written['lines']:,} lines; {wrong:,} have a fault."
    )
    click.echo(f"Written in {out}: claims.jsonl, lots/, claims-truth.csv")


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
