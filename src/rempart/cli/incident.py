"""`rempart incident`: declare one, ask exactly who, show what changed, answer for a session.

Commands of the room, the packages and the reports live in modules of their own and are added here.
Refuses to print anybody: persons are counts, and references only in a file that is asked for.
"""

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from rempart.cli.incident_packages import packages
from rempart.cli.incident_person import person
from rempart.cli.incident_reports import REPORT_COMMANDS
from rempart.cli.incident_room import ROOM_COMMANDS
from rempart.cli.incident_suspects import suspect
from rempart.cli.ledger_ask import Instant
from rempart.disclosure.acts import COMMAND_LINE
from rempart.disclosure.fields import format_fields
from rempart.exchange.answer_files import open_answer
from rempart.incidents.changes import Change
from rempart.incidents.coverage import Coverage, Hole
from rempart.incidents.evidence import Window
from rempart.incidents.room import RoomAuthor
from rempart.kernel.errors import InvalidRequest
from rempart.kernel.instants import PARIS, from_ms
from rempart.portals.pseudonyms import format_account, format_session
from rempart.storage.connect import Transaction
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.segments import open_sealed_files
from rempart.wiring.settings import Settings
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.incidents.expose_persons import expose_persons, recount_exposure
from rempart.workflows.incidents.name_accounts import name_accounts
from rempart.workflows.incidents.overrule_session import CHOICES, overrule_session
from rempart.workflows.incidents.read_incident import (
    IncidentSheet,
    list_changes,
    list_incident_lines,
    read_at_the_machine,
)

_HEADER: Final = ("insurer_id", "person_ref", "change", "tier_before", "tier_after",
                  "fields_before", "fields_after")  # fmt: skip

number_argument = click.argument("incident_id", metavar="N", type=click.IntRange(1))
author_option = click.option(
    "--by", "author", default="command line", show_default=True, metavar="NAME", help="Who does it."
)


@click.group()
def incident() -> None:
    """Declare an incident, ask exactly who, answer for it."""


for _command in (*ROOM_COMMANDS, *REPORT_COMMANDS, packages, person, suspect):
    incident.add_command(_command)


@incident.command()
@click.option("--title", required=True, help="What people will call it.")
@click.option("--from", "from_ms", type=Instant(), required=True, help="First day or instant.")
@click.option("--to", "to_ms", type=Instant(), required=True, help="Its end, excluded.")
@click.option(
    "--accounts",
    type=click.File(encoding="utf-8-sig", errors="replace"),
    help="A CSV of RPPS, FINESS or SIRET numbers, or references; - for standard input.",
)
@click.option("--exercise", is_flag=True, help="A rehearsal: nothing of it reaches anybody real.")
@click.option("--words", default="", help="What was seen, and by whom.")
@author_option
def declare(
    *,
    title: str,
    from_ms: int,
    to_ms: int,
    accounts: io.TextIOBase | None,
    exercise: bool,
    words: str,
    author: str,
) -> None:
    """Declare an incident: suspicion is enough. Evidence of its window is kept from then on.

    Give a window as wide as the doubt. A list of accounts with a wrong line declares nothing: every
    wrong line is told, with what to do.
    """
    if to_ms <= from_ms:
        raise click.UsageError("--to comes after --from: check the two instants")
    with _analysing() as (_, tx):
        refs, findings = name_accounts(tx, accounts) if accounts is not None else ((), ())
        for one in findings:
            place = "whole list" if one.line is None else f"line {one.line}"
            click.echo(f"{place}: {one.message} {one.advice} [{one.rule}]", err=True)
        if findings:
            wrong = f"{len(findings)} lines of the list are wrong; nothing was declared"
            raise InvalidRequest(wrong, (("accounts", wrong),))
        incident_id = declare_incident(
            tx,
            title=title,
            window=Window(starts_ms=from_ms, ends_ms=to_ms),
            account_refs=refs,
            exercise=exercise,
            by=RoomAuthor(name=author),
            words=words,
        )
    click.echo(f"{incident_id} declared, {len(refs)} accounts under suspicion")
    click.echo(f"next: rempart incident analyse {incident_id}")


@incident.command("list")
def list_all() -> None:
    """List the incidents, the newest first."""
    with _analysing() as (_, tx):
        lines = list_incident_lines(tx)
    table = Table(
        "incident", Column("title", overflow="fold"), "declared",
        *(Column(name, justify="right") for name in ("accounts", "A", "B", "C", "analyses")),
    )  # fmt: skip
    for one in lines:
        table.add_row(
            str(one.incident_id),
            f"{one.title} (exercise)" if one.exercise else one.title,
            f"{one.declared_at.astimezone(PARIS):%Y-%m-%d %H:%M}",
            *(str(count) for count in (one.accounts, one.persons_a, one.persons_b, one.persons_c)),
            str(one.analyses or 0),
        )
    Console().print(table)


@incident.command()
@number_argument
@click.option("--check", is_flag=True, help="Compute the list a second time, look-up by look-up.")
@author_option
def analyse(*, incident_id: int, check: bool, author: str) -> None:
    """Judge the sessions of an incident and list whom they were shown; say what changed.

    May be interrupted, and run again at any time: the list before stays whole until the new one is.
    """
    with _analysing() as (installation, tx), _showing() as say:
        settings, home = installation.settings, installation.home
        acts = open_acts_log(settings, home, installation.database)
        files = open_sealed_files(settings, home)
        answer = expose_persons(
            tx, incident_id, files, acts=acts, by=COMMAND_LINE, author=RoomAuthor(name=author),
            say=say,
        )  # fmt: skip
        if check:
            say("the list again, look-up by look-up")
            recount_exposure(tx, answer, files, acts=acts, by=COMMAND_LINE)
    bounds = answer.bounds
    at_most = "nobody can say" if bounds.upper is None else f"{bounds.upper} at most"
    click.echo(
        f"analysis {answer.analysis}: {bounds.lower} persons confirmed (A), {bounds.best} with the "
        f"probable ones (A+B), {at_most} (A+B+C and what holes may hide)"
    )
    click.echo(f"{answer.changed} persons' lines changed; list {answer.list_digest.hex()[:16]}")
    for line in describe_coverage(answer.coverage):
        click.echo(line)


@incident.command()
@number_argument
@click.option("--diff", is_flag=True, help="Only what the last analysis changed.")
@click.option("--sessions", is_flag=True, help="The sessions judged, and why: for `overrule`.")
@click.option(
    "--persons", type=click.Path(dir_okay=False, path_type=Path),
    help="With --diff: write each person's reference and change here, as CSV.",
)  # fmt: skip
def show(*, incident_id: int, diff: bool, sessions: bool, persons: Path | None) -> None:
    """Show whose data, how surely, per insurer; or what the last analysis changed."""
    if persons is not None and not diff:
        raise click.UsageError("--persons goes with --diff")
    with _analysing() as (installation, tx):
        acts = open_acts_log(installation.settings, installation.home, installation.database)
        sheet = read_at_the_machine(tx, acts, incident_id, by=COMMAND_LINE)
        if persons is not None and sheet.analyses:
            _write_changes(tx, acts_of=installation, sheet=sheet, path=persons)
    console = Console()
    console.print(f"{sheet.title}{' (exercise)' if sheet.exercise else ''}", markup=False)
    if not sheet.analyses:
        console.print(f"not analysed yet: rempart incident analyse {incident_id}")
        return
    if diff or sessions:
        (_print_changes if diff else _print_sessions)(console, sheet)
        return
    _print_exposure(console, sheet)
    coverage = sheet.coverage
    for line in describe_coverage(coverage) if coverage else ():
        console.print(line, markup=False)


@incident.command()
@number_argument
@click.argument("session_ref", metavar="SESSION", type=int)
@click.option("--as", "verdict", type=click.Choice(CHOICES), required=True,
              help="Whose session it was; sums: the rules have the word again.")  # fmt: skip
@click.option("--reason", required=True, help="Why, in writing; name nobody who was looked up.")
@click.option("--by", "author", required=True, metavar="NAME", help="Who answers for it.")
def overrule(*, incident_id: int, session_ref: int, verdict: str, reason: str, author: str) -> None:
    """Answer for SESSION instead of the sums. The next analysis shows what it changes."""
    with _analysing() as (_, tx):
        overrule_session(
            tx, incident_id, session_ref, verdict=verdict, reason=reason,
            by=RoomAuthor(name=author),
        )  # fmt: skip
    click.echo(f"written; next: rempart incident analyse {incident_id}")


def describe_coverage(coverage: Coverage) -> Iterator[str]:
    """Say what the record covers, and who may be told that they are not concerned."""
    if coverage.is_whole:
        yield "record whole: whoever is on no list may be told so, with the proof (D)"
        return
    yield "record with holes: nobody they may hide may be told that they are not concerned"
    for hole in coverage.holes:
        yield f"  {_describe_hole(hole)}"


def _describe_hole(hole: Hole) -> str:
    hidden = "nobody can say how many" if hole.hidden is None else f"{hole.hidden} at most"
    whose = "anybody" if hole.insurers is None else f"insurers {sorted(hole.insurers)}"
    return (
        f"{hole.kind} in {hole.source or 'no log'}, {_tell(hole.from_ms)} to {_tell(hole.to_ms)}: "
        f"{hidden}, of {whose}"
    )


def _tell(t_ms: int) -> str:
    return f"{from_ms(t_ms).astimezone(PARIS):%Y-%m-%d %H:%M:%S}"


def _print_exposure(console: Console, sheet: IncidentSheet) -> None:
    last = sheet.analyses[0]
    table = Table(
        "insurer", *(Column(name, justify="right") for name in ("A", "B", "C")), "shown at most",
        title=f"analysis {last.number}, rules {last.rules}, {last.list_digest[:16]}",
        title_justify="left",
    )  # fmt: skip
    for row in sheet.exposure:
        counts = (row.persons_a, row.persons_b, row.persons_c)
        name = row.insurer or f"insurer {row.insurer_id}"
        table.add_row(name, *map(str, counts), ", ".join(format_fields(row.fields, "en")))
    console.print(table)
    upper = last.counts.get("upper")
    at_most = "no upper bound" if upper is None else f"{upper} at most"
    console.print(f"{last.counts['lower']} confirmed, {last.counts['best']} held to be, {at_most}")
    if sheet.professionals:
        console.print(f"{len(sheet.professionals)} professionals whose account was entered")


def _print_sessions(console: Console, sheet: IncidentSheet) -> None:
    """Print each session on lines of its own, by its number and as the pages name it."""
    for account in sheet.accounts:
        for one in account.sessions:
            opened = "" if one.opened_ms is None else f", opened {_tell(one.opened_ms)}"
            console.print(
                f"session {one.session_ref}: {one.verdict}, {format_session(one.session_ref)}, "
                f"account {format_account(one.account_ref)}{opened}",
                markup=False,
                soft_wrap=True,
            )
            for sign in one.reasons:
                if sign["points"]:
                    line = f"  {sign['points']:>3} shows the {sign['shows']}: {sign['rule']}"
                    console.print(line, markup=False)
    if not any(account.sessions for account in sheet.accounts):
        console.print("the suspects did nothing in the window")


def _print_changes(console: Console, sheet: IncidentSheet) -> None:
    counts: dict[str, dict[str, int]] = {}
    for one in sheet.changes:
        name = one.insurer or f"insurer {one.insurer_id}"
        counts.setdefault(name, {})[one.change] = one.persons
    table = Table(
        "insurer", *(Column(change.value, justify="right") for change in Change),
        title=f"what analysis {sheet.analyses[0].number} changed", title_justify="left",
    )  # fmt: skip
    for name, changed in counts.items():
        table.add_row(name, *(str(changed.get(change.value, 0)) for change in Change))
    console.print(table if counts else "nobody's line changed")
    for moved in sheet.moved:
        before, after = moved.before or "not judged", moved.after or "not judged"
        console.print(f"session {moved.session_ref}: {before} -> {after}", markup=False)


def _write_changes(
    tx: Transaction, *, acts_of: Installation, sheet: IncidentSheet, path: Path
) -> None:
    acts = open_acts_log(acts_of.settings, acts_of.home, acts_of.database)
    changes = list_changes(tx, acts, sheet.incident_id, sheet.analyses[0].number, by=COMMAND_LINE)
    with open_answer(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(_HEADER)
        for one in changes:
            row: Mapping[str, object] = {name: getattr(one, name) for name in _HEADER}
            writer.writerow(["" if value is None else value for value in row.values()])
        text.flush()
        text.detach()


@contextmanager
def _analysing() -> Iterator[tuple[Installation, Transaction]]:
    """Open a transaction of the role `analyst`: committed at the end, or rolled back."""
    with (
        open_installation(Settings.from_environment()) as installation,
        installation.database.transaction("analyst") as tx,
    ):
        yield installation, tx


@contextmanager
def _showing() -> "Iterator[_Say]":
    """Show the step under way; quiet when nobody watches."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as progress:
        yield _Say(progress)


class _Say:
    """Tells the step under way."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def __call__(self, step: str) -> None:
        """Tell a step."""
        self._progress.update(self._task, description=step)
