"""`rempart guard renew|rebuild|export|forget|rules`: the guard's jobs and what it rests on."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from rempart.guard.policy import Policy
from rempart.guard.rules import Rules
from rempart.kernel.errors import NotFound
from rempart.kernel.rpps import Rpps
from rempart.storage.connect import Database
from rempart.storage.guard_state import find_account, list_budgets, list_rules
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import open_installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.guard.export_guard_events import export_guard_events
from rempart.workflows.guard.forget_faces import KEPT_DAYS, LEAST_DAYS, Forgotten, forget_faces
from rempart.workflows.guard.rebuild_guard import Rebuilder, rebuild_guard
from rempart.workflows.guard.renew_guard_rules import renew_guard_rules, set_budget

_DAY_S: Final = 86_400
_EXIT_INTERRUPTED: Final = 130

_err: Final = Console(stderr=True)
quiet = click.option("--quiet", is_flag=True, help="Say nothing when all went well.")


@contextmanager
def _installation() -> Iterator[tuple[Database, Home]]:
    with open_installation(Settings.from_environment()) as installation:
        yield installation.database, installation.home


@click.command()
@quiet
def renew(*, quiet: bool) -> None:
    """Compute the rules of tomorrow, if nobody did. The worker does it every day."""
    with _installation() as (database, _), database.transaction("gateway") as tx:
        rules = renew_guard_rules(tx, Policy(), now_ms=time.time_ns() // 1_000_000)
    if quiet:
        return
    if rules is None:
        click.echo("another process is computing them")
        return
    click.echo(f"rules of {_format_day(rules.day)}, from {rules.account_days} account-days")


@click.command()
@click.option("--account", "rpps", metavar="RPPS", help="One account, lost or not.")
@click.option("--all", "everybody", is_flag=True, help="Every account, lost or not.")
@click.option("--after", metavar="REF", type=int, default=0, help="With --all: go on after it.")
@quiet
@click.pass_context
def rebuild(
    ctx: click.Context, *, rpps: str | None, everybody: bool, after: int, quiet: bool
) -> None:
    """Rebuild habits that were lost or damaged, from the ledger.

    Until then these accounts show presence for new faces. Stop it as you like and run it again.
    """
    with _installation() as (database, home):
        rebuilder = Rebuilder(home.key("lookup"), Policy())
        if rpps is not None:
            with database.transaction("gateway") as tx:
                account_ref = find_account(tx, Rpps.parse(rpps).number)
                if account_ref is None or not rebuilder.rebuild(tx, account_ref):
                    raise NotFound("the guard knows no account of this professional")
            click.echo("rebuilt")
            return
        columns = (TextColumn("rebuilding"), BarColumn(), MofNCompleteColumn())
        last_ref, hidden = after, quiet or not _err.is_terminal
        with Progress(*columns, console=_err, transient=True, disable=hidden) as shown:
            task = shown.add_task("", total=None)
            count = 0
            try:
                for step in rebuild_guard(
                    lambda: database.transaction("gateway"),
                    rebuilder,
                    everybody=everybody,
                    after=after,
                ):
                    shown.update(task, completed=step.done, total=step.wanted)
                    count, last_ref = step.done, step.last_ref
            except KeyboardInterrupt:
                go_on = f"--all --after {last_ref}" if everybody else ""
                click.echo(f"{count} rebuilt; go on with rempart guard rebuild {go_on}", err=True)
                ctx.exit(_EXIT_INTERRUPTED)
    if not quiet:
        click.echo(f"{count} accounts rebuilt")


@click.command()
@click.argument("path", metavar="FILE.parquet", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "since", type=click.DateTime(["%Y-%m-%d"]), required=True,
              help="The first day (UTC).")  # fmt: skip
@click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), required=True,
              help="The last day, included.")  # fmt: skip
def export(*, path: Path, since: datetime, until: datetime) -> None:
    """Write the look-ups of a period for `rempart guard replay`; accounts and canaries beside.

    References and digests only: nobody's name, number or address. The ledger says that it was done.
    """
    from_ms = int(since.replace(tzinfo=UTC).timestamp() * 1000)
    to_ms = int((until.replace(tzinfo=UTC).timestamp() + _DAY_S) * 1000)
    if to_ms <= from_ms:
        raise click.UsageError("--to is before --from")
    with _installation() as (database, home), database.transaction("gateway") as tx:
        acts = open_acts_log(Settings.from_environment(), home, database)
        exported = export_guard_events(
            tx, acts, path, lookup_secret=home.key("lookup"), from_ms=from_ms, to_ms=to_ms
        )
    click.echo(
        f"{exported.lookups} look-ups, {exported.accounts} accounts, {exported.canaries} canaries"
    )


@click.command()
@click.option("--days", type=click.IntRange(min=LEAST_DAYS), default=KEPT_DAYS, show_default=True,
              help="Not asked about for so long.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do it; without, only count.")
def forget(*, days: int, yes: bool) -> None:
    """Forget whom accounts have not asked about for long: such a person is a new face once."""
    now_ms = time.time_ns() // 1_000_000
    done = Forgotten(0, 0)
    with _installation() as (database, _):
        steps = forget_faces(
            lambda: database.transaction("gateway"), days=days, now_ms=now_ms, preview=not yes
        )
        try:
            for step in steps:
                done = step
        except KeyboardInterrupt:
            _err.print(f"interrupted after {done.accounts} accounts; run it again to go on")
            sys.exit(_EXIT_INTERRUPTED)
    click.echo(f"{done.faces} faces of {done.accounts} accounts{' forgotten' if yes else ''}")
    if not yes:
        click.echo("nothing was done: --yes forgets them")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rules(*, as_json: bool) -> None:
    """List the versions of the rules, the newest first."""
    with _installation() as (database, _), database.transaction("gateway") as tx:
        versions = list_rules(tx)
    if as_json:
        described = [
            {**_describe(one.rules), "false_containments": one.false_containments}
            for one in versions
        ]
        click.echo(json.dumps(described))
        return
    table = Table("from", "account-days", "budget", "width", "evidence", "with cards", box=None)
    for one in versions:
        table.add_row(
            *(_format_day(one.rules.day), str(one.rules.account_days)),
            *(f"{one.false_containments:g} per 1 000", f"{one.rules.width:.2f}"),
            *(f"{one.rules.evidence:.2f}", f"{one.rules.card_evidence:.2f}"),
        )
    Console().print(table)


@click.command()
@click.option("--false-containments", type=float, help="Accepted, per 1 000 account-days.")
@click.option("--days-over", type=float, help="Accepted share of days beyond the allowance.")
@click.option("--reason", help="Why; kept beside it, and names nobody.")
def budget(
    *, false_containments: float | None, days_over: float | None, reason: str | None
) -> None:
    """Show the accepted mistakes and who changed them when; with options, change them.

    Rules follow from the next ones computed on (those of a day are made the day before).
    """
    wanted = (false_containments, days_over) != (None, None)
    if wanted != (reason is not None):
        raise click.UsageError("another budget comes with --reason, and --reason with a budget")
    with _installation() as (database, _), database.transaction("gateway") as tx:
        if reason is not None:
            set_budget(
                tx, Policy(), reason=reason,
                by_days_over=days_over, by_false_containments=false_containments,
            )  # fmt: skip
        versions, first = list_budgets(tx), Policy()
    table = Table("since", "false containments", "days over", "why", box=None)
    for one in versions:
        table.add_row(
            f"{one.set_at:%Y-%m-%d %H:%M}", f"{one.false_containments:g} per 1 000",
            f"{one.days_over:.2%}", one.reason,
        )  # fmt: skip
    table.add_row(
        "", f"{first.false_containments:g} per 1 000", f"{first.days_over:.2%}", "default"
    )
    Console().print(table)


def _describe(one: Rules) -> dict[str, object]:
    norms = {profession: norms._asdict() for profession, norms in one.norms.items()}
    return {**one._asdict(), "from": _format_day(one.day), "norms": norms}


def _format_day(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_S, UTC).date().isoformat()
