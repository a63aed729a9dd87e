"""`rempart scope`: from any portal's logs to the persons exposed, by insurer. No server is needed.

Refuses to print a person: figures on the terminal, names in the folder.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rempart.cli.ledger_ask import Instant
from rempart.cli.scope_map import scope_map
from rempart.exchange.scope_inputs import ScopeRefused, read_addresses
from rempart.incidents.evidence import Window
from rempart.kernel.errors import RempartError
from rempart.storage.analytics import DEFAULT_THREADS, Means
from rempart.workflows.scope.accounts import Match
from rempart.workflows.scope.answer import Change
from rempart.workflows.scope.figures import Answer, Figures
from rempart.workflows.scope.scope_logs import CLAIM_DAYS, Request, Show, scope_logs

EXIT_WHOLE, EXIT_PARTIAL, EXIT_NO_ANSWER, EXIT_INTERRUPTED = 0, 1, 2, 130
DEFAULT_MEMORY: Final = "2GB"
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_PLACE: Final = click.Path(exists=True, path_type=Path)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_ANSWER: Final = "answer"


class ScopeGroup(click.Group):
    """A group whose command without a name is the answer itself."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the answer before arguments that name no command."""
        named = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args if named else [_ANSWER, *args])


@click.group(cls=ScopeGroup)
def scope() -> None:
    """Say who was exposed, from the logs of any portal (`rempart scope map`: describe a log)."""


scope.add_command(scope_map)


@scope.command(_ANSWER, hidden=True)
@click.argument("logs", nargs=-1, required=True)
@click.option("--mapping", type=_FILE, required=True, help="What the logs mean, see `scope map`.")
@click.option("--accounts", type=_FILE, required=True, help="Stolen accounts, one on each line.")
@click.option("--out", type=_FOLDER, required=True, help="Folder of the answer.")
@click.option(
    "--registry",
    type=_PLACE,
    multiple=True,
    help="Feeds, or folders of feeds.  [default: persons as the logs name them]",
)
@click.option("--insurers", type=_FILE, help="Names, agreements, chains.  [default: beside feeds]")
@click.option("--contracts", type=_FILE, help="Contracts routed through the operator.")
@click.option("--claims", type=_FILE, help="Claims: account, person, date.")
@click.option("--from", "from_ms", type=Instant(), help="When the attack began.")
@click.option("--to", "to_ms", type=Instant(), help="When it ended, excluded.")
@click.option("--attack-address", "addresses", multiple=True, metavar="ADDRESS", help="Or network.")
@click.option("--accounts-checked", is_flag=True, help="Accounts not in the logs are spelt right.")
@click.option("--claim-days", type=click.IntRange(0, 366), default=CLAIM_DAYS, show_default=True)
@click.option("--since", type=_FOLDER, help="An answer before this one: what changed.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
@click.option("--work", type=_FOLDER, help="Keep here what was read.  [default: gone at the end]")
@click.option("--memory", default=DEFAULT_MEMORY, show_default=True, help="Bound of the engine.")
@click.option("--threads", type=click.IntRange(min=1), default=DEFAULT_THREADS, show_default=True)
@click.option("--spark", metavar="MASTER", help="A cluster reads the logs' facts.")
@click.option("--force", is_flag=True, help="Replace an answer that is there.")
@click.pass_context
def answer(ctx: click.Context, /, **options: Any) -> None:
    """Say who was exposed, from the logs of any portal.

    LOGS are files, folders or patterns, packed or not. Exits with 0 when there is an answer, 1 when
    there is one and something must be looked at, 2 when there is none. `rempart scope map`
    describes a log you have a sample of.
    """
    ctx.exit(_run(_make_request(options)))


def _make_request(options: dict[str, Any]) -> Request:
    from_ms, to_ms = options["from_ms"], options["to_ms"]
    if (from_ms is None) != (to_ms is None):
        raise click.UsageError("give --from and --to together, or neither")
    window = None
    if from_ms is not None:
        try:
            window = Window(starts_ms=from_ms, ends_ms=to_ms)
        except ValueError as wrong:
            raise click.UsageError("--to is not after --from") from wrong
    try:
        networks = read_addresses(options["addresses"])
    except ScopeRefused as refusal:
        raise click.UsageError(str(refusal)) from refusal
    out: Path = options["out"].resolve()
    return Request(
        logs=options["logs"],
        mapping=options["mapping"],
        accounts=options["accounts"],
        out=out,
        work=options["work"] or out.with_name(f".{out.name}.work"),
        keeps_work=options["work"] is not None,
        registry=options["registry"],
        insurers=options["insurers"],
        contracts=options["contracts"],
        claims=options["claims"],
        window=window,
        attack_addresses=networks,
        accounts_checked=options["accounts_checked"],
        since=options["since"],
        claim_days=options["claim_days"],
        means=Means(spark=options["spark"], memory=options["memory"], threads=options["threads"]),
        language=options["lang"],
        force=options["force"],
    )


def _run(request: Request) -> int:
    try:
        with _showing() as show:
            found, figures, changes = scope_logs(request, show)
    except RempartError as refusal:
        click.echo(f"rempart: {refusal} [{refusal.code}]", err=True)
        return EXIT_NO_ANSWER
    except KeyboardInterrupt:
        click.echo(
            "rempart: interrupted; no answer was written. Run the same command again: logs that "
            "were read are not read again",
            err=True,
        )
        return EXIT_INTERRUPTED
    _tell(found, figures, changes, request)
    careful = found.doubts or found.count_matches(Match.SAME) < len(found.matched)
    return EXIT_PARTIAL if careful else EXIT_WHOLE


@contextmanager
def _showing() -> Iterator[Show]:
    """Show on stderr what is being done; nothing when nobody watches."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns,
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        task = bar.add_task("starting", total=None)

        def show(what: str, share: float | None) -> None:
            bar.update(
                task,
                description=what,
                total=None if share is None else 1.0,
                completed=share or 0.0,
            )

        yield show


def _tell(found: Answer, figures: Figures, changes: Sequence[Change], request: Request) -> None:
    sessions = figures["sessions"]
    click.echo(
        f"{figures['logs']['lines']:,} lines of {figures['logs']['files']:,} files; "
        f"{sessions['judged']:,} sessions of suspect accounts: {sessions['thief']:,} a thief's, "
        f"{sessions['mixed']:,} mixed, {sessions['owner']:,} that look their owner's, "
        f"{sessions['undecided']:,} nothing tells whose."
    )
    for one in figures["insurers"]:
        tiers, ruled = one["tiers"], sum(one["cannot_be_concerned"].values())
        click.echo(
            f"{one['name'] or one['amc_number']}: A {tiers['A']:,}, B {tiers['B']:,}, "
            f"C {tiers['C']:,} ({one['named_c']:,} named), D {tiers['D']:,} "
            f"({ruled:,} cannot be concerned)."
        )
    strangers = figures["not_in_registry"]
    if any(strangers[tier] for tier in "ABC"):
        click.echo(
            f"In the logs, not in the registry: A {strangers['A']:,}, B {strangers['B']:,}, "
            f"C {strangers['C']:,}."
        )
    for doubt in figures["coverage"]["doubts"]:
        click.echo(f"NOBODY IS EXCLUDED BY THE LOGS: {doubt}.")
    for one in found.matched:
        if one.match is not Match.SAME:
            near = ", ".join(account.account for account in one.near)
            proposed = f"; nearly the same: {near}" if near else ""
            taken = f"; taken: {', '.join(one.logged)}" if one.logged else ""
            click.echo(f"Account of line {one.stolen.line}: {one.match}{taken}{proposed}.")
    if request.since is not None:
        counts = dict.fromkeys(("added", "removed", "raised", "lowered", "changed"), 0)
        for change in changes:
            counts[change.change] += 1
        told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
        click.echo(f"Since {request.since.name}: {told}.")
    click.echo(f"The answer is in {request.out}: report.html, report.pdf, insurers/, method.txt.")
