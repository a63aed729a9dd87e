"""`rempart retention`: plan what is due, approve it, carry it out, prove it; hold and release.

Whoever types here counts as one person: another agrees on a page.
"""

import json
import sys
import uuid
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from rempart.cli.feed import INSURER_NUMBER
from rempart.cli.ledger_ask import ask_identifiers
from rempart.disclosure.acts import COMMAND_LINE
from rempart.disclosure.note import NoteRefused, NoteVerifier
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.kernel.instants import to_paris_day
from rempart.retention.certificate import read_signed_certificate
from rempart.retention.fields import Field
from rempart.retention.restoration import HEADING as RESTORATION
from rempart.retention.restoration import RestorationCertificate, read_signed_restoration
from rempart.retention.schedule import ScheduleRefused, parse_schedule
from rempart.rights.lookup import compute_lookup_key
from rempart.rights.portability import compute_portability_end
from rempart.storage import leaving, retention_runs
from rempart.storage.connect import Transaction
from rempart.wiring.acts import open_acts_log
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation, open_installation, open_transaction
from rempart.wiring.retention import load_certificate_signer, open_keeper, open_vault
from rempart.wiring.settings import Settings
from rempart.workflows.retention import hold_data, retention_schedules
from rempart.workflows.retention.approve_purge import approve_run, refuse_run
from rempart.workflows.retention.plan_retention import begin_plan, plan_all
from rempart.workflows.retention.read_archive import read_archive
from rempart.workflows.retention.run_retention import finish_purges, run_retention
from rempart.workflows.retention.try_schedule import compare_schedules, try_schedule

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def retention() -> None:
    """Keep what the law asks, forget the rest, and prove both."""


@retention.command()
@click.option("--day", type=_DAY, help="What is due on that day.  [today]")
def plan(*, day: datetime | None) -> None:
    """Plan what is due, and show it; nothing leaves before two people agree."""
    today = today_in_paris()
    planned_on = today if day is None else day.date()
    if planned_on > today:
        raise click.UsageError("nothing leaves before its time: --day is today at the latest")
    with _open() as at:
        finish_purges(open_keeper(at))
        with at.database.transaction("keeper") as tx:
            run_id = begin_plan(tx, planned_on)
        progress = plan_all(lambda: at.database.transaction("keeper"), run_id)
        if progress.state is None:
            click.echo("nothing is due")
            return
        with at.database.transaction("keeper") as tx:
            _show(tx, run_id)


@retention.command()
@click.argument("run", type=click.IntRange(1))
def show(*, run: int) -> None:
    """Show what a RUN takes out, by which rule, and what holds the rest."""
    with open_transaction("keeper") as tx:
        _show(tx, run)


@retention.command()
@click.argument("run", type=click.IntRange(1))
def approve(*, run: int) -> None:
    """Agree to a RUN as the command line: one person; the other agrees on a page."""
    with open_transaction("keeper") as tx:
        state = approve_run(tx, None, run)
    said = "approved" if state == "approved" else "agreed to once: somebody agrees on a page too"
    click.echo(f"run {run} is {said}")


@retention.command()
@click.argument("run", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why: kept with the run.")
def refuse(*, run: int, reason: str) -> None:
    """Refuse a RUN: what was due waits for the next one."""
    with open_transaction("keeper") as tx:
        refuse_run(tx, None, run, reason)
    click.echo(f"run {run} is refused")


@retention.command()
@click.argument("run", type=click.IntRange(1))
def run(*, run: int) -> None:
    """Carry out an approved RUN, from where it was left; print its certificate."""
    with _open() as at:
        ran = run_retention(
            open_keeper(at), run, check=lambda done: click.echo(f"{done} fields", err=True)
        )
    click.echo(
        f"run {run}: {ran.archived} fields archived, {ran.deleted} deleted, "
        f"{ran.kept} not due any more",
        err=True,
    )
    click.echo(ran.certificate, nl=False)


@retention.command()
@click.argument("run", type=click.IntRange(1))
def certificate(*, run: int) -> None:
    """Print the signed certificate of a RUN; the key that signs it goes to standard error."""
    with _open() as at:
        with at.database.transaction("keeper") as tx:
            note = retention_runs.load_certificate(tx, run)
        vkey = load_certificate_signer(at.home).verifier.vkey
    if note is None:
        raise NotFound(f"run {run} is not done: it has no certificate")
    click.echo(vkey, err=True)
    click.echo(note, nl=False)


@retention.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--key", "vkey", required=True, help="The public key, as `certificate` prints it.")
def verify(file: TextIO, vkey: str) -> None:
    """Check the certificate in FILE (- for standard input) with the public key alone.

    Of a run, or of a restoration (`rempart restore certificate`).

    Needs no installation, no database and no secret: anybody may do it anywhere.
    """
    try:
        note = file.read()
        if note.startswith(RESTORATION):
            _tell_restoration(read_signed_restoration(note, NoteVerifier.parse(vkey)))
            return
        signed = read_signed_certificate(note, NoteVerifier.parse(vkey))
    except UnicodeDecodeError:
        raise InvalidRequest("this is not a certificate: it is not text") from None
    except (NoteRefused, ValueError) as refused:
        raise InvalidRequest(
            f"not proven: {refused}. Take the file as it was downloaded, and the whole key"
        ) from None
    for name, count in sorted(signed.counts.items()):
        click.echo(f"{name:<24} {count:>10}")
    click.echo(f"root {signed.root.hex()}, schedule {signed.schedule.hex()}")
    click.echo(f"proven: run {signed.run} of {signed.day}, signed by this key", err=True)


def _tell_restoration(said: RestorationCertificate) -> None:
    for kind, (count, erased) in sorted(said.again.items()):
        click.echo(f"{kind:<24} {count:>10} purges, {erased} erased again")
    for one in said.runs:
        click.echo(f"run {one.run:<20} {one.departures:>10} left, root {one.root.hex()}")
    click.echo(
        f"proven: restoration from {said.backup} of {said.restored_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"purges {said.known + 1} to {said.last}, signed by this key",
        err=True,
    )


@retention.command()
def archive() -> None:
    """Count what the archive holds, by insurer and field."""
    with open_transaction("keeper") as tx:
        for insurer_id, field, count, since in leaving.count_archived(tx):
            click.echo(f"insurer {insurer_id}  {field:<10} {count:>10}  since {since}")


@retention.command()
@click.argument("person", type=int)
@click.option("--reason", required=True, help="Why: it is written in the ledger; name nobody.")
def read(*, person: int, reason: str) -> None:
    """Open what the archive holds of a PERSON; the reading is in the ledger first."""
    with _open() as at, at.database.transaction("keeper") as tx:
        values = read_archive(
            tx,
            open_vault(at.home),
            open_acts_log(at.settings, at.home, at.database),
            person,
            reason=reason,
            by=COMMAND_LINE,
            now_ms=int(datetime.now(UTC).timestamp() * 1000),
        )
    found = [{**asdict(one), "archived_on": one.archived_on.isoformat()} for one in values]
    click.echo(json.dumps(found, ensure_ascii=False, indent=1))


@retention.command()
def gone() -> None:
    """Say when somebody left the base: their identifiers are asked for, and not kept."""
    identifiers = ask_identifiers()
    with _open() as at:
        key = compute_lookup_key(at.home.key("lookup"), identifiers)
        digests = open_vault(at.home).digest_keys([uuid.UUID(bytes=key)])
        with at.database.transaction("keeper") as tx:
            rows = leaving.find_gone(tx, digests)
    for insurer_id, field, step, day in rows:
        click.echo(f"{day}  {step:<8} {field}  (insurer {insurer_id})")
    if not rows:
        click.echo("nothing of them ever left this base", err=True)
        sys.exit(1)


@retention.group()
def hold() -> None:
    """Keep data of a person or a contract beyond their time."""


@hold.command("place")
@click.option("--kind", type=click.Choice(hold_data.KINDS), required=True, help="Who needs it.")
@click.option("--insurer", type=INSURER_NUMBER, required=True)
@click.option("--person", type=int, help="Whose data, by reference.")
@click.option("--contract", type=int, help="Or of whoever this contract covers, by reference.")
@click.option("--field", "fields", multiple=True, type=click.Choice([f.value for f in Field]))
@click.option("--reason", required=True, help="Why; name nobody.")
def place(*, insurer: int, person: int | None, contract: int | None, **said: Any) -> None:
    """Place a hold; print its number."""
    request = hold_data.HoldRequest(
        kind=said["kind"],
        insurer_id=insurer,
        person_ref=person,
        contract_ref=contract,
        fields=[Field(one) for one in said["fields"]],
        reason=said["reason"],
    )
    with open_transaction("keeper") as tx:
        click.echo(hold_data.place_hold(tx, request, by=None))


@hold.command("release")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why.")
def release(*, number: int, reason: str) -> None:
    """Release the hold NUMBER: what was due goes with the next run."""
    with open_transaction("keeper") as tx:
        hold_data.release_hold(tx, number, reason=reason, by=None)
    click.echo(f"hold {number} is released")


@hold.command("list")
def list_command() -> None:
    """List the holds in force, and since when."""
    with open_transaction("keeper") as tx:
        for one, since in hold_data.list_holds(tx):
            fields = ", ".join(one.fields) or "everything"
            click.echo(
                f"{one.kind} {one.hold_ref}  insurer {one.insurer_id}  since "
                f"{to_paris_day(since)}  {fields}: {one.reason}"
            )


@retention.command("tell")
@click.argument("kind", type=click.Choice(hold_data.EVENTS))
@click.option("--insurer", type=INSURER_NUMBER, required=True)
@click.option("--person", type=int, required=True, help="Whose periods, by reference.")
@click.option("--from", "starts", type=_DAY, required=True, help="The day; of a job, its first.")
@click.option("--to", "ends", type=_DAY, help="Last day; of a job, its last.")
@click.option("--reason", required=True, help="Why; name nobody.")
def tell(
    *,
    kind: hold_data.EventKind,
    insurer: int,
    person: int,
    starts: datetime,
    ends: datetime | None,
    reason: str,
) -> None:
    """Say what interrupts or suspends the actions of a PERSON, or extends their cover.

    For portability, --from and --to are those of the work contract that ended.
    """
    last = None if ends is None else ends.date()
    if kind == "portability":
        if last is None:
            raise click.UsageError("portability counts from a contract that ended: give --to")
        if last < starts.date():
            raise click.UsageError("the last day of the work contract comes before its first")
        last = compute_portability_end(starts.date(), last)
    with open_transaction("keeper") as tx:
        hold_data.tell_event(
            tx,
            kind,
            insurer_id=insurer,
            person_ref=person,
            starts_on=starts.date(),
            ends_on=last,
            reason=reason,
        )
    click.echo("told" if last is None else f"told, until {last}")


@retention.group()
def schedule() -> None:
    """How long what is kept: read it, try another, propose it."""


@schedule.command("show")
def show_schedule() -> None:
    """Print the schedule in force, to edit it."""
    with open_transaction("keeper") as tx:
        click.echo(retention_schedules.read_text_in_force(tx), nl=False)


@schedule.command("try")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def try_file(*, file: Path) -> None:
    """Say what the schedule of FILE would take out today, beside the one in force."""
    then = _parse(file)
    with _open() as at:
        with at.database.transaction("keeper") as tx:
            now = retention_schedules.read_in_force(tx)
        effect, looked = compare_schedules(
            lambda: at.database.transaction("keeper"), now, then, today_in_paris()
        )
    names = sorted({*effect["now"], *effect["then"]})
    for name in names:
        click.echo(f"{name:<24} {effect['now'].get(name, 0):>10} {effect['then'].get(name, 0):>10}")
    click.echo(f"{looked} subjects looked at; now, then", err=True)


@schedule.command("propose")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--note", required=True, help="Why: whoever approves reads it.")
def propose(*, file: Path, note: str) -> None:
    """Propose the schedule of FILE; somebody else approves it on a page."""
    _parse(file)
    with _open() as at:
        with at.database.transaction("keeper") as tx:
            ref = retention_schedules.propose_schedule(tx, None, file.read_text("utf-8"), note=note)
        try_schedule(lambda: at.database.transaction("keeper"), ref, today_in_paris())
    click.echo(ref)


def _parse(file: Path) -> Any:
    try:
        return parse_schedule(file.read_text("utf-8"))
    except ScheduleRefused as refused:
        for finding in refused.findings:
            click.echo(f"{file}: {finding.field}: {finding.message} {finding.advice}", err=True)
        sys.exit(1)


def _show(tx: Transaction, run_id: int) -> None:
    row = retention_runs.load_run(tx, run_id)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    click.echo(f"run {run_id} of {row.day}: {row.state}, {row.items} fields of {row.people} people")
    for one in retention_runs.list_tally(tx, run_id):
        held = f"  held by {one.held_by}" if one.held_by else ""
        click.echo(
            f"insurer {one.insurer_id}  {one.step:<8} {one.field:<10} {one.planned:>8}  "
            f"{one.rule}, since {one.oldest}  done {one.done}, kept {one.kept}{held}"
        )


def _open() -> AbstractContextManager[Installation]:
    return open_installation(Settings.from_environment())
