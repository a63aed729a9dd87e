"""`rempart incident clocks|report|export`: what is due, what authorities are given, other tools.

Writes files and never sends any: submitting is a person's act, recorded on the page. Refuses to
leave half a file under the name that was asked for.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import click
from rich.console import Console
from rich.table import Table

from rempart import __version__
from rempart.exchange.alert_ocsf import Producer
from rempart.exchange.answer_files import open_answer
from rempart.exchange.cnil_export import make_document, write_json, write_register
from rempart.exchange.complaint import Evidence
from rempart.exchange.dora_report import SUBMISSIONS
from rempart.exchange.dora_report import Phase as DoraPhase
from rempart.exchange.incident_summary import Reader, make_summary
from rempart.incidents.clocks import ClockState
from rempart.incidents.cnil_form import Phase as CnilPhase
from rempart.incidents.room import COMMAND_LINE, RoomAuthor
from rempart.kernel.errors import InvalidRequest
from rempart.kernel.instants import PARIS
from rempart.storage.connect import Transaction
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.settings import Settings
from rempart.workflows.incidents import notify_authority as acts
from rempart.workflows.incidents.case_file import Writer, read_case
from rempart.workflows.incidents.clocks import ClockRow, load_rows, remind
from rempart.workflows.incidents.export_incident import SUFFIXES, export_events, export_summary

EXIT_LATE: Final = 1
_KINDS: Final = ("cnil", "dora", "register", "complaint", "acpr", "anssi")
_number = click.argument("incident_id", metavar="N", type=click.IntRange(1))
_out = click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Write the file here, whole or not at all.",
)
_by = click.option(
    "--by", default=COMMAND_LINE.name, show_default=True, metavar="NAME", help="Who writes."
)


@click.command()
@click.argument("incident_id", metavar="[N]", type=click.IntRange(1), required=False)
@click.option("--all", "with_done", is_flag=True, help="Those that are met or not owed too.")
@click.option("--remind", "reminding", is_flag=True, help="Warn those who answer for what is due.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def clocks(
    ctx: click.Context,
    incident_id: int | None,
    *,
    with_done: bool,
    reminding: bool,
    as_json: bool,
) -> None:
    """Show what is due after incident N, or after every open one. Exits with 1 when some is late.

    With --remind, as the worker does every five minutes, warnings are written for `rempart warnings
    send`: a day, six hours and an hour before a limit, and when it is past; each once.
    """
    now = datetime.now(UTC)
    with open_installation(Settings.from_environment()) as installation:
        database = installation.database
        with database.transaction("analyst") as tx:
            rows = load_rows(tx, incident_id, now=now)
        if reminding:
            with database.transaction("analyst") as tx, database.transaction("registrar") as by:
                told = remind(tx, by, now=now)
            click.echo(f"{len(told)} reminders written", err=True)
    shown = [row for row in rows if with_done or row.clock.is_open]
    if as_json:
        click.echo(json.dumps([_tell(row, now) for row in shown], ensure_ascii=False, indent=2))
    else:
        _show(shown, now)
    ctx.exit(EXIT_LATE if any(row.clock.state is ClockState.MISSED for row in rows) else 0)


@click.command()
@_number
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="For whom.")
@click.option("--phase", default="initial", show_default=True, help="Of a CNIL or DORA report.")
@click.option(
    "--insurer",
    "insurers",
    type=click.IntRange(1),
    multiple=True,
    help="Whose; several for a DORA report. Without it, the operator's own.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["pdf", "json", "text"]),
    default="pdf",
    show_default=True,
    help="Of a notification or a summary. DORA and the register are JSON, a complaint is a ZIP.",
)
@click.option(
    "--evidence",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A file to put in the complaint's bundle, with its digest.",
)
@_out
@_by
def report(
    incident_id: int,
    *,
    kind: str,
    phase: str,
    insurers: tuple[int, ...],
    form: str,
    files: tuple[Path, ...],
    out: Path,
    by: str,
) -> None:
    """Write what an authority is given about incident N; gaps are told.

    A DORA report that its schema refuses is not written: exits with 1 and says why.
    """
    with _writing(by) as (_installation, tx, writer):
        gaps, content = _make(
            tx, writer, incident_id, kind, phase=phase, insurers=insurers, form=form, files=files
        )
    with open_answer(out) as file:
        file.write(content)
    for gap in gaps:
        click.echo(f"missing: {gap}", err=True)
    click.echo(f"{out}: {len(content)} bytes; submitting it is up to a person", err=True)


@click.command()
@_number
@click.option(
    "--format", "form", type=click.Choice(sorted(SUFFIXES)), required=True, help="For which tool."
)
@click.option("--customer", type=int, default=1, help="Of a DFIR-IRIS case: the customer there.")
@_out
@_by
def export(incident_id: int, *, form: str, customer: int, out: Path, by: str) -> None:
    """Write incident N for another tool.

    ciso-assistant, iris and iris-timeline hold counts; fhir and ocsf have a line for each person
    and session, by references of this installation: that reading is on record first.
    """
    with _writing(by) as (installation, tx, writer), open_answer(out) as file:
        if form in {"fhir", "ocsf"}:
            log = open_acts_log(installation.settings, installation.home, installation.database)
            producer = Producer(installation=installation.home.id, version=__version__)
            lines = export_events(
                tx,
                log,
                incident_id,
                cast("Any", form),
                by=writer,
                producer=producer,
                at=writer.now,
            )
            file.writelines(lines)
        else:
            _case, content = export_summary(
                tx, writer, incident_id, cast("Any", form), customer=customer
            )
            file.write(content)
    click.echo(f"{out} written", err=True)


REPORT_COMMANDS: Final[tuple[click.Command, ...]] = (clocks, report, export)


def _make(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    kind: str,
    *,
    phase: str,
    insurers: Sequence[int],
    form: str,
    files: Iterable[Path],
) -> tuple[Sequence[str], bytes]:
    """Return what is missing, and the file."""
    match kind:
        case "cnil":
            return _make_cnil(tx, writer, incident_id, phase, insurers, form)
        case "dora":
            return _make_dora(tx, writer, incident_id, phase, insurers)
        case "register":
            return (), write_register(acts.list_register(tx, writer))
        case "complaint":
            evidence = [_read_evidence(path) for path in files]
            return (), acts.make_complaint(tx, writer, incident_id, evidence)
        case _:
            case = read_case(tx, writer, incident_id)
            reader = cast("Reader", kind)
            _version, answers = acts.load_answers(tx, incident_id, None, report=reader, phase="")
            document = make_summary(case, reader, answers, zone=PARIS)
            if form == "pdf":
                return (), document.print_pdf(made_at=writer.now)
            return (), document.write_text().encode()


def _make_cnil(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    phase: str,
    insurers: Sequence[int],
    form: str,
) -> tuple[Sequence[str], bytes]:
    if phase not in acts.PHASES["cnil"] or len(insurers) > 1:
        raise InvalidRequest("a CNIL notification is initial or complementary, of one controller")
    notification = acts.prepare_notification(
        tx,
        writer,
        incident_id,
        insurers[0] if insurers else None,
        phase=cast("CnilPhase", phase),
    )
    gaps = [f"{one.label} ({one.who})" for one in notification.gaps]
    match form:
        case "json":
            return gaps, write_json(notification)
        case "text":
            return gaps, make_document(notification).write_text().encode()
        case _:
            return gaps, make_document(notification).print_pdf(made_at=writer.now)


def _make_dora(
    tx: Transaction, writer: Writer, incident_id: int, phase: str, insurers: Sequence[int]
) -> tuple[Sequence[str], bytes]:
    if phase not in SUBMISSIONS or not insurers:
        raise InvalidRequest(
            f"a DORA report has a phase ({', '.join(SUBMISSIONS)}) and one --insurer at least"
        )
    made = acts.prepare_dora(tx, writer, incident_id, insurers, phase=cast("DoraPhase", phase))
    if made.faults:
        raise InvalidRequest(
            "the schema refuses this report: "
            + "; ".join((*made.faults, *made.gaps))
            + ". Fill what is missing on the page of authorities, then run this again."
        )
    return made.gaps, made.write()


def _read_evidence(path: Path) -> Evidence:
    return Evidence(
        path=f"preuves/{path.name}",
        content=path.read_bytes(),
        what="fichier joint",
        source="fourni à la ligne de commande",
    )


@contextmanager
def _writing(by: str) -> Iterator[tuple[Installation, Transaction, Writer]]:
    """Open a transaction of role analyst for somebody at the machine."""
    author = RoomAuthor(name=by)
    writer = Writer(asker=None, name=author.name, now=datetime.now(UTC))
    with (
        open_installation(Settings.from_environment()) as installation,
        installation.database.transaction("analyst") as tx,
    ):
        yield installation, tx, writer


def _show(rows: Sequence[ClockRow], now: datetime) -> None:
    console = Console()
    table = Table("incident", "clock", "for", "state", "limit (Paris)", "left", "owner")
    for row in rows:
        told = _tell(row, now)
        mark = " (exercise)" if row.exercise else ""
        table.add_row(
            f"{row.incident_id}{mark}",
            told["title"],
            told["party"],
            told["state"],
            told["due"] or "no number",
            told["left"] or "",
            row.owner,
        )
    console.print(table if rows else "nothing is due")


def _tell(row: ClockRow, now: datetime) -> dict[str, Any]:
    clock = row.clock
    left = clock.remaining(now)
    hours = None if left is None else round(left.total_seconds() / 3600, 1)
    return {
        "incident": row.incident_id,
        "exercise": row.exercise,
        "clock": clock.rule.code,
        "title": clock.rule.en.title,
        "party": clock.party.name or "operator",
        "insurer_id": clock.party.insurer_id,
        "state": clock.state.value,
        "due": None
        if clock.due_at is None
        else clock.due_at.astimezone(PARIS).isoformat(timespec="minutes"),
        "left": None if hours is None else f"{hours} h",
        "owner": row.owner,
        "late": clock.rule.en.late,
        "source": clock.rule.source,
    }
