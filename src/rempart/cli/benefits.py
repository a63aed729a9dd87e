"""`rempart benefits`: check files of benefit tables, propose, approve, try them before."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from rempart.claims.benefit_table import BenefitTable
from rempart.exchange.regression_file import read_regression_pack
from rempart.kernel.findings import Language
from rempart.kernel.money import format_euros
from rempart.storage.benefit_tables import find_insurer
from rempart.tariffs.care import ACTS
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import open_transaction
from rempart.workflows.claims import benefit_tables
from rempart.workflows.claims.benefit_tables import Proposal

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_IN_LANGUAGE: Final[Callable[[Any], Any]] = click.option(
    "--language",
    type=click.Choice(["fr", "en"]),
    default="fr",
    show_default=True,
    help="Of what is found.",
)


@click.group()
def benefits() -> None:
    """Check, try, propose and approve what insurers' contracts pay."""


@benefits.command()
@click.argument("file", type=_FILE)
@_IN_LANGUAGE
def check(*, file: Path, language: Language) -> None:
    """Check a FILE of benefit tables; nothing is kept.

    What a responsible contract may not do is told, and refuses nothing.
    """
    read = benefit_tables.read_benefit_tables(file.read_bytes(), language)
    for finding in read.findings:
        click.echo(f"{finding.field}: {finding.message} {finding.advice} [{finding.rule}]")
    if read.findings:
        raise SystemExit(1)
    for table in read.tables:
        click.echo(f"{table.code}: {len(table.benefits)} rows from {table.period.starts_on}")
    for choice in read.choices:
        click.echo(f"{choice.convention_type} {choice.csr or '*'} -> {choice.table}")
    _warn(read.tables, language)


@benefits.command()
@click.argument("file", type=_FILE)
@click.option("--insurer", required=True, help="Its AMC number.")
@click.option("--note", default="", help="Why, for whoever approves.")
@click.option("--first", is_flag=True, help="In force at once: the insurer has no table yet.")
@_IN_LANGUAGE
def load(*, file: Path, insurer: str, note: str, first: bool, language: Language) -> None:
    """Propose a FILE for an insurer; somebody of the insurer approves it in its pages."""
    content = file.read_bytes()
    with open_transaction("settler") as tx:
        proposal = Proposal(insurer_id=find_insurer(tx, insurer), content=content, note=note)
        if first:
            file_ref = benefit_tables.install_benefits(tx, proposal)
        else:
            file_ref = benefit_tables.propose_benefits(tx, None, proposal)
    click.echo(f"file {file_ref}: {'in force' if first else 'waits for a second person'}")
    _warn(benefit_tables.read_benefit_tables(content).tables, language)


@benefits.command()
@click.argument("file_ref", type=click.IntRange(1))
def approve(*, file_ref: int) -> None:
    """Be the second person of what somebody of the insurer proposed in its pages."""
    with open_transaction("settler") as tx:
        benefit_tables.approve_benefits(tx, None, file_ref, now=datetime.now(UTC))
    click.echo(f"file {file_ref}: in force")


@benefits.command("list")
@click.option("--insurer", help="Only of this AMC number.")
def list_command(*, insurer: str | None) -> None:
    """List files of benefit tables, the newest first."""
    with open_transaction("settler") as tx:
        insurer_id = None if insurer is None else find_insurer(tx, insurer)
        rows = benefit_tables.list_benefit_files(tx, insurer_id)
    table = Table("File", "Insurer", "State", "Proposed", "Decided", "Note", box=None)
    for row in rows:
        decided = "" if row.decided_at is None else f"{row.decided_at:%Y-%m-%d %H:%M}"
        cells = (f"{row.proposed_at:%Y-%m-%d %H:%M}", decided, row.note)
        table.add_row(str(row.file_ref), str(row.insurer_id), row.state, *cells)
    Console().print(table)


@benefits.command()
@click.argument("file", type=_FILE)
@click.argument("pack", type=_FILE)
@click.option("--insurer", required=True, help="Its AMC number.")
@click.option("--all", "everything", is_flag=True, help="Also lines that nothing changes.")
@_IN_LANGUAGE
def simulate(*, file: Path, pack: Path, insurer: str, everything: bool, language: Language) -> None:
    """Try a FILE on the cases of a regression PACK: what is paid now, what would be, line by line.

    Ends with 1 when a case does not give what the pack expects.
    """
    content, cases = file.read_bytes(), read_regression_pack(pack.read_bytes())
    with open_transaction("settler") as tx:
        book = benefit_tables.load_book(tx, find_insurer(tx, insurer))
    tried = benefit_tables.simulate_benefits(book, content, cases, now=datetime.now(UTC))
    table = Table("Case", "Line", "Now", "Then", "Expected", "", box=None)
    for one in tried:
        if everything or one.differs or not one.is_right:
            sums = map(_format, (one.now_cents, one.then_cents, one.expected_cents))
            table.add_row(one.case, str(one.line), *sums, "" if one.is_right else "wrong")
    Console().print(table)
    wrong = sum(not one.is_right for one in tried)
    click.echo(f"{len(tried)} lines, {sum(one.differs for one in tried)} differ, {wrong} wrong")
    _warn(benefit_tables.read_benefit_tables(content).tables, language)
    if wrong:
        raise SystemExit(1)


def _warn(tables: Iterable[BenefitTable], language: Language) -> None:
    """Print what a responsible contract may not do; it refuses nothing."""
    found = benefit_tables.judge_tables(tables, today=today_in_paris(), language=language)
    for one in found.wrong:
        for (message, advice, rule), acts in one.faults.items():
            click.echo(f"{one.table.code} from {one.table.period.starts_on}: {message}")
            click.echo(f"  {advice} [{rule}]")
            click.echo("  " + ", ".join(f"{act} ({ACTS[act].label(language)})" for act in acts))
    if found.unknown:
        click.echo(
            f"responsible: {found.unknown} tables hold on no day from 2021 to 2099, not asked"
        )
    if found.judged:
        many = f"{found.total} findings in {len(found.wrong)} of {len(found.judged)} tables"
        click.echo(f"responsible: {many}; nothing is refused, the insurer decides")
    elif not found.unknown:
        click.echo("responsible: no table calls itself responsible, none was asked")


def _format(cents: int | None) -> str:
    return "-" if cents is None else format_euros(cents, "en")
