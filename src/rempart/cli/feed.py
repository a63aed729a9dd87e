"""`rempart feed`: import the insurers' feeds, see where they are, give one up."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from rempart.exchange.feed_file import PIECE_BYTES
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import BadValue, Language
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage.connect import Database, Transaction
from rempart.storage.feeds import FeedInsurer, FeedKind, list_versions
from rempart.storage.sealing import FileKms
from rempart.wiring.clock import today_in_paris as today_in_paris
from rempart.wiring.database import open_installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.register_insurers import (
    MOST_INSURERS,
    SINCE_EVER,
    peek_amc_number,
    read_insurers,
    register_insurers,
)
from rempart.workflows.accounts.register_organisation import register_insurer_organisations
from rempart.workflows.feeds.import_feed import (
    MAX_CLOSED_SHARE,
    MAX_REJECT_SHARE,
    FeedPublished,
    FeedRequest,
    FeedSecrets,
    FeedUnchanged,
    ImportOutcome,
    discard_feed,
    import_feed,
)
from rempart.workflows.feeds.import_feed import Progress as ImportProgress
from rempart.workflows.feeds.sweep_former_members import sweep_former_members

SMALL_FILE_BYTES = 16 << 20
DEFAULT_WORKERS = 2
FINDINGS_SHOWN = 10
VERSIONS_SHOWN = 20
INTERRUPTED = 130

_SHARE = click.FloatRange(0, 1)
_err = Console(stderr=True)


# A number of ours, which fits its column: no AMC number passes for one.
INSURER_NUMBER = click.IntRange(1, MOST_INSURERS)
_WHICH = "Number of the insurer, as the operator counts them; not its AMC number."


class Day(click.ParamType[date]):
    """A civil date typed on the command line."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the day."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} is not a date: write YYYY-MM-DD", param, ctx)


@click.group()
def feed() -> None:
    """Import insurers' feeds of rights."""


def careful_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how carefully to import."""
    options = (
        click.option(
            "--max-reject-share",
            type=_SHARE,
            default=MAX_REJECT_SHARE,
            show_default=True,
            help="Refuse the feed above this share of rejected rows.",
        ),
        click.option(
            "--max-closed-share",
            type=_SHARE,
            default=MAX_CLOSED_SHARE,
            show_default=True,
            help="Refuse a feed that closes more than this share of the members.",
        ),
        click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", help="Of findings."),
        click.option(
            "--workers",
            type=click.IntRange(0, 64),
            help="Processes that prepare rows; default 2, none for a small file.",
        ),
        click.option("--today", type=Day(), hidden=True),
        click.option("--piece-bytes", type=click.IntRange(1), default=PIECE_BYTES, hidden=True),
    )
    for option in reversed(options):
        command = option(command)
    return command


@feed.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--insurer", type=INSURER_NUMBER, required=True, help=_WHICH)
@click.option("--kind", type=click.Choice(["full", "delta"]), help="Default: by the file's name.")
@click.option(
    "--findings",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: FILE.findings.csv, when there are findings.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and undo it all.")
@click.option("--again", is_flag=True, help="Apply once more a feed that a later one replaced.")
@click.option("--name", help="Register the insurer under this name.")
@click.option("--amc", help="With --name: its AMC number. Default: that of the first row.")
@click.option("--agreement-start", type=Day(), default=SINCE_EVER, help="With --name.")
@click.option("--agreement-end", type=Day(), default=OPEN_END, help="With --name.")
@careful_options
def import_command(
    *,
    files: tuple[Path, ...],
    insurer: int,
    kind: FeedKind | None,
    findings: Path | None,
    dry_run: bool,
    again: bool,
    name: str | None,
    amc: str | None,
    agreement_start: date,
    agreement_end: date,
    **careful: Any,
) -> None:
    """Import FILES, feeds of one insurer, one after the other.

    CSV (plain or gzip), Parquet, or FHIR R4B bundles. A feed is published whole or not at all;
    interrupted, it resumes with the same command.
    """
    if findings is not None and len(files) > 1:
        raise click.UsageError("--findings names one file: import one feed at a time with it")
    with _connected() as (connection, secrets, database):
        if name is not None:
            known = _read_insurer(insurer, name, amc, files[0], agreement_start, agreement_end)
            _register(connection, database, [known])
        for path in files:
            request = _make_request(path, insurer, kind, **careful)
            _import_one(
                connection, secrets, replace(request, dry_run=dry_run, again=again), findings
            )


@feed.command("import-all")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--deltas", is_flag=True, help="Also the deltas of DIRECTORY/deltas, afterwards.")
@careful_options
def import_all(*, directory: Path, deltas: bool, **careful: Any) -> None:
    """Register the insurers of DIRECTORY/insurers.csv and import every feed of DIRECTORY/feeds.

    What is imported already is left as it is, so the command may be run again.
    """
    insurers = read_insurers(directory / "insurers.csv")
    work = [
        (insurer, path)
        for folder in ("feeds", "deltas")[: 1 + deltas]
        for insurer in insurers
        for path in sorted((directory / folder).glob(f"{insurer.amc_number}*"))
        if not path.name.endswith(".part")
    ]
    if not work:
        raise FeedRefused(f"{directory / 'feeds'} has no feed of the insurers of insurers.csv")
    total = sum(path.stat().st_size for _, path in work)
    with _connected() as (connection, secrets, database), _progress() as bar:
        _register(connection, database, insurers)
        task, done = bar.add_task("", total=total, rows=""), 0
        tally = Tally()
        for insurer, path in work:
            size, before = path.stat().st_size, done

            def report(now: ImportProgress, size: int = size, before: int = before) -> None:
                bar.update(task, completed=before + now.share * size)

            bar.update(task, description=f"{path.name}  {insurer.name}")
            request = _make_request(path, insurer.insurer_id, None, **careful)
            findings = directory / "findings" / f"{path.name}.csv"
            tally.add(path, _import(connection, secrets, request, findings, report))
            done += size
        bar.update(task, completed=total)
    tally.print()
    sys.exit(1 if tally.refused else 0)


@feed.command()
@click.option("--insurer", type=INSURER_NUMBER, help="Only this insurer.")
def status(insurer: int | None) -> None:
    """List the last feeds: pending, published, discarded."""
    with _connected() as (connection, *_):
        versions = list_versions(connection, insurer, limit=VERSIONS_SHOWN)
    if not versions:
        click.echo("No feed was imported yet.")
        return
    titles = ("Insurer", "Feed", "Kind", "State", "Applied", "Rejected", "Started", "Published")
    table = Table(*titles, box=None)
    for row in versions:
        state = "published, current" if row["current"] else row["state"]
        if row["state"] == "pending":
            state = f"pending, {row['rows_done']} rows done"
        table.add_row(
            f"{row['insurer_id']} {row['name']}",
            *map(str, (row["feed_version"], row["kind"], state)),
            *map(str, (row["rows_applied"], row["rows_rejected"])),
            f"{row['started_at']:%Y-%m-%d %H:%M}",
            "" if row["published_at"] is None else f"{row['published_at']:%Y-%m-%d %H:%M}",
        )
    Console().print(table)


@feed.command()
@click.option("--insurer", type=INSURER_NUMBER, required=True, help=_WHICH)
def discard(insurer: int) -> None:
    """Give up the feed half loaded for an insurer. What is published stays."""
    with _connected() as (connection, *_):
        version = discard_feed(connection, insurer)
    click.echo(
        f"The {version.kind} feed {version.feed_version} ({version.rows_done} rows) is discarded."
    )


@feed.command()
@click.option("--today", type=Day(), hidden=True)
def sweep(today: date | None) -> None:
    """Take former members out of the gateway's reach; to be run every day after midnight."""
    with _connected() as (connection, *_), connection.transaction():
        swept = sweep_former_members(connection, today or today_in_paris())
    click.echo(f"{swept.people} former members left, with {swept.keys} look-up keys.")


class Tally:
    """What became of many feeds."""

    def __init__(self) -> None:
        self.published = self.unchanged = self.applied = self.rejected = 0
        self.refused: list[tuple[Path, FeedRefused]] = []

    def add(self, path: Path, outcome: ImportOutcome | FeedRefused) -> None:
        """Count one feed."""
        match outcome:
            case FeedPublished():
                self.published += 1
                self.applied += outcome.applied
                self.rejected += outcome.rejected
            case FeedUnchanged():
                self.unchanged += 1
            case FeedRefused():
                self.refused.append((path, outcome))

    def print(self) -> None:
        """Print the counts, and each refusal."""
        click.echo(
            f"{self.published} feeds published ({self.applied} rows, {self.rejected} rejected), "
            f"{self.unchanged} already there, {len(self.refused)} refused."
        )
        for path, refusal in self.refused:
            click.echo(f"  {path.name}: {refusal}", err=True)


@contextmanager
def _connected() -> Iterator[tuple[Transaction, FeedSecrets, Database]]:
    """Open the installation and a connection; turn Ctrl-C into a sentence."""
    try:
        with (
            open_installation(Settings.from_environment(), say=_err.print) as installation,
            installation.database.connect("feeds", autocommit=True) as connection,
        ):
            yield connection, _make_secrets(installation.home), installation.database
    except KeyboardInterrupt:
        _err.print(
            "Interrupted. Nothing of the feed shows yet: run the same command again to resume, or "
            "`rempart feed discard --insurer N`."
        )
        sys.exit(INTERRUPTED)


def _make_secrets(home: Home) -> FeedSecrets:
    return FeedSecrets(
        lookup_key=home.key("lookup"),
        contract_key=home.key("blind"),
        kms=FileKms(home.key("master")),
    )


def _make_request(
    path: Path,
    insurer_id: int,
    kind: FeedKind | None,
    *,
    max_reject_share: float,
    max_closed_share: float,
    lang: Language,
    workers: int | None,
    today: date | None,
    piece_bytes: int,
) -> FeedRequest:
    guessed: FeedKind = "delta" if "delta" in path.name.lower() else "full"
    if workers is None:
        workers = DEFAULT_WORKERS if path.stat().st_size > SMALL_FILE_BYTES else 0
    return FeedRequest(
        path=path,
        insurer_id=insurer_id,
        kind=kind or guessed,
        today=today or today_in_paris(),
        max_reject_share=max_reject_share,
        max_closed_share=max_closed_share,
        language=lang,
        workers=workers,
        piece_bytes=piece_bytes,
    )


def _read_insurer(
    insurer_id: int,
    name: str,
    amc: str | None,
    path: Path,
    starts: date,
    ends: date,
) -> FeedInsurer:
    try:
        amc_number = peek_amc_number(path) if amc is None else AmcNumber.parse(amc).number
    except BadValue as bad:
        raise click.UsageError(f"{bad.refusal.en} {bad.refusal.advice_en}") from bad
    return FeedInsurer(
        insurer_id=insurer_id, amc_number=amc_number, name=name, agreement=Period(starts, ends)
    )


def _register(connection: Transaction, database: Database, insurers: Sequence[FeedInsurer]) -> None:
    with connection.transaction():
        register_insurers(connection, insurers)
    # A crash here leaves insurers without organisation: nobody can be invited there before the
    # next import, which gives them theirs.
    with database.transaction("registrar") as tx:
        register_insurer_organisations(tx, insurers)


def _import_one(
    connection: Transaction, secrets: FeedSecrets, request: FeedRequest, findings: Path | None
) -> None:
    """Import one feed with its own progress bar, and say what became of it."""
    findings = findings or request.path.with_name(f"{request.path.name}.findings.csv")
    with _progress() as bar:
        task = bar.add_task(request.path.name, total=1.0)

        def report(now: ImportProgress) -> None:
            name = request.path.name if now.stage == "read" else "publishing"
            bar.update(task, completed=now.share, description=f"{name}  {now.rows} rows")

        outcome = import_feed(
            connection, secrets, replace(request, findings_path=findings), report=report
        )
    _print_outcome(request, outcome, findings)


def _import(
    connection: Transaction,
    secrets: FeedSecrets,
    request: FeedRequest,
    findings: Path,
    report: Callable[[ImportProgress], None],
) -> ImportOutcome | FeedRefused:
    """Import one of many feeds: a refused one does not stop the others."""
    findings.parent.mkdir(exist_ok=True)
    try:
        return import_feed(
            connection, secrets, replace(request, findings_path=findings), report=report
        )
    except FeedRefused as refusal:
        return refusal


def _print_outcome(request: FeedRequest, outcome: ImportOutcome, findings: Path) -> None:
    if isinstance(outcome, FeedUnchanged):
        click.echo(
            f"{request.path.name}: already published as feed {outcome.feed_version} on "
            f"{outcome.published_at:%Y-%m-%d %H:%M}; nothing changed."
            + (" Later feeds came since: --again would undo them." if outcome.superseded else "")
        )
        return
    done = "would be published" if outcome.dry_run else "published"
    resumed = f", resumed after {outcome.resumed_from} rows" if outcome.resumed_from else ""
    click.echo(
        f"{request.path.name}: {done} as feed {outcome.feed_version}: {outcome.applied} rows "
        f"applied, {outcome.rejected} rejected, {outcome.closed} members closed{resumed}."
    )
    if outcome.findings:
        for rule, count in outcome.findings.items():
            click.echo(f"  {count:>9}  {rule}", err=True)
        for line in _first_lines(findings):
            click.echo(f"  {line}", err=True)
        click.echo(f"All findings: {findings}", err=True)


def _first_lines(findings: Path) -> list[str]:
    with findings.open(encoding="utf-8") as file:
        lines = [
            line.rstrip("\n") for _, line in zip(range(FINDINGS_SHOWN + 1), file, strict=False)
        ]
    return lines[1:]


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_err, transient=True)
