"""`rempart settlement`: plan a run, approve it, send it, take what the bank says, tell the paid."""

import json
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.table import Table

from rempart.exchange.bank_statement import BankFileRefused
from rempart.kernel.findings import BadValue
from rempart.kernel.iban import Iban
from rempart.kernel.listing import Listing
from rempart.kernel.money import format_euros
from rempart.settlement.references import format_message_id, format_reference
from rempart.storage import payment_pages
from rempart.storage.connect import Transaction
from rempart.storage.funds import FundingRule, MandateSeal
from rempart.storage.payment_pages import CallColumn, SuspenseColumn
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation, open_installation, open_transaction
from rempart.wiring.payments import load_payer, open_counter
from rempart.wiring.settings import Settings
from rempart.workflows.settlement import call_funds as funding
from rempart.workflows.settlement import import_bank_file as bank
from rempart.workflows.settlement.approve_run import approve_run, refuse_run
from rempart.workflows.settlement.close_run import begin_plan, plan_piece
from rempart.workflows.settlement.read_returns import ReturnForm, write_return
from rempart.workflows.settlement.read_runs import read_promise
from rempart.workflows.settlement.send_payments import send_run

_MONTH = timedelta(days=30)


@click.group()
def settlement() -> None:
    """Pay professionals: plan, approve, send, take what the bank says, tell each of it."""


@settlement.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="What is due until then.  [today]")
def plan(*, day: datetime | None) -> None:
    """Plan a run, and show what it would pay; nothing is paid before two people agree."""
    with _open() as at:
        with at.database.transaction("settler") as tx:
            run_id = begin_plan(tx, today_in_paris() if day is None else day.date())
        done = False
        while not done:
            with at.database.transaction("settler") as tx:
                done = plan_piece(tx, run_id).done
        with at.database.transaction("settler") as tx:
            _show(tx, run_id)


@settlement.command()
@click.argument("run", type=click.IntRange(1))
def show(*, run: int) -> None:
    """Show what a RUN pays on whose behalf, what it leaves and why, and its files."""
    with open_transaction("settler") as tx:
        _show(tx, run)


@settlement.command()
@click.argument("run", type=click.IntRange(1))
def approve(*, run: int) -> None:
    """Agree to a RUN as the command line: one person; the other agrees on a page."""
    with open_transaction("settler") as tx:
        state = approve_run(tx, None, run)
    said = "approved" if state == "approved" else "agreed to once: somebody agrees on a page too"
    click.echo(f"run {run} is {said}")


@settlement.command()
@click.argument("run", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why: kept with the run.")
def refuse(*, run: int, reason: str) -> None:
    """Refuse a RUN: what it held waits for the next one."""
    with open_transaction("settler") as tx:
        refuse_run(tx, None, run, reason)
    click.echo(f"run {run} is refused")


@settlement.command()
@click.argument("run", type=click.IntRange(1))
def send(*, run: int) -> None:
    """Write the files of an approved RUN to REMPART_PAYMENTS_TO; goes on where it was left."""
    with _open() as at:
        counter = open_counter(at)
        sent = send_run(lambda: at.database.transaction("settler"), counter, run)
    click.echo(
        f"run {run}: {sent.transfers} transfers, {format_euros(sent.cents, 'en')}, "
        f"in {sent.files} files; {sent.held} held"
    )


@settlement.command()
def call() -> None:
    """Call insurers for the funds of what was sent; collect them where there is a mandate."""
    with _open() as at:
        with at.database.transaction("settler") as tx:
            calls = funding.call_funds(tx, today=today_in_paris())
            # Of another time too, when it was stopped between its calls and their file.
            collects = funding.has_to_collect(tx)
        if collects:
            funding.collect_funds(lambda: at.database.transaction("settler"), open_counter(at))
    for one in calls:
        how = "collected" if one.collected else f"due on {one.due_on}"
        reference = format_reference("call", one.call_id)
        click.echo(f"{reference} insurer {one.insurer_id}: {format_euros(one.cents, 'en')}, {how}")
    click.echo(f"{len(calls)} insurers called", err=True)


@settlement.command()
def remind() -> None:
    """Say which calls are overdue, each every few days."""
    with open_transaction("settler") as tx:
        reminders = funding.remind_funds(tx, today=today_in_paris())
    for one in reminders:
        click.echo(
            f"{format_reference('call', one.call_id)} insurer {one.insurer_id}: "
            f"{format_euros(one.open_cents, 'en')} since {one.due_on}, reminder {one.number}"
        )
    click.echo(f"{len(reminders)} calls are overdue", err=True)


@settlement.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def import_command(*, files: tuple[Path, ...]) -> None:
    """Take the bank's FILES (camt.053, camt.054), one after the other, each once."""
    with _open() as at:
        payer = load_payer(at)
        for path in files:
            try:
                with at.database.transaction("settler") as tx:
                    taken = bank.import_bank_file(tx, path, account=payer.iban)
            except BankFileRefused as refused:
                for finding in refused.findings:
                    click.echo(
                        f"{path}: {finding.field}: {finding.message} {finding.advice}", err=True
                    )
                sys.exit(1)
            told = ", ".join(f"{count} {state}" for state, count in sorted(taken.states.items()))
            click.echo(f"{taken.statement_id}: {told or 'nothing'}")
            if taken.gap:
                click.echo(f"{path}: a statement before it is missing", err=True)


@settlement.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Show runs, open calls, what nobody explained, the journal, and how the promise was kept."""
    with open_transaction("settler") as tx:
        runs = payment_pages.list_runs_bare(tx, most=10)
        calls: Listing[CallColumn] = Listing(sort="state", descending=False, limit=20)
        suspense: Listing[SuspenseColumn] = Listing(sort="day", descending=False, limit=20)
        open_calls = [
            one for one in payment_pages.list_calls(tx, calls)[0] if one.received_cents < one.cents
        ]
        lines, waiting = payment_pages.list_suspense(tx, suspense)
        journal = payment_pages.sum_journal(tx)
        promise = read_promise(tx, None, since=today_in_paris() - _MONTH)
    if as_json:
        click.echo(_to_json(runs, open_calls, lines, waiting, journal, promise.total, promise.late))
        return
    table = Table("Run", "Day", "State", "Transfers", "Amount", box=None)
    for run in runs:
        amount = format_euros(run.cents, "en")
        table.add_row(str(run.run_id), str(run.day), run.state, str(run.remittances), amount)
    Console().print(table)
    for one in open_calls:
        left = format_euros(one.cents - one.received_cents, "en")
        click.echo(f"call {format_reference('call', one.call_id)}: {left} due on {one.due_on}")
    for line in lines:
        click.echo(f"unexplained {line.line_id}: {line.booked_on} {format_euros(line.cents, 'en')}")
    click.echo(f"{waiting} movements wait for an explanation")
    for kind, cents in journal.items():
        click.echo(f"{kind}: {format_euros(cents, 'en')}")
    click.echo(
        f"{promise.total} transfers in 30 days, {promise.late} after {promise.days} working days; "
        f"half within {promise.find_quantile(5000)}, most within {promise.find_quantile(9000)}"
    )


@settlement.command()
@click.argument("reference")
@click.option("--form", type=click.Choice(get_args(ReturnForm)), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="A file.  [default: standard output]")
def returns(*, reference: str, form: ReturnForm, out: Path | None) -> None:
    """Write what a transfer pays, line by line, as its professional is told."""
    with open_transaction("settler") as tx:
        file = write_return(tx, None, reference, form, made_at=datetime.now(UTC))
    if out is not None:
        out.write_bytes(file.content)
        return
    sys.stdout.buffer.write(file.content)


@settlement.group()
def explain() -> None:
    """Say what a movement was that nothing explained."""


@explain.command("funds")
@click.argument("line", type=click.IntRange(1))
@click.option("--call", "reference", required=True, help="The call's reference.")
@click.option("--note", required=True, help="Why, for whoever reads it later.")
def explain_funds(*, line: int, reference: str, note: str) -> None:
    """Say that movement LINE is an insurer's funds, for a call."""
    with open_transaction("settler") as tx:
        bank.explain_as_funds(tx, line, call=reference, note=note)


@explain.command("insurer")
@click.argument("line", type=click.IntRange(1))
@click.option("--amc", required=True, help="The insurer's AMC number.")
@click.option("--note", required=True, help="Why, for whoever reads it later.")
def explain_insurer(*, line: int, amc: str, note: str) -> None:
    """Say that movement LINE is an insurer's, for no call."""
    with open_transaction("settler") as tx:
        bank.explain_as_insurer(tx, line, amc_number=amc, note=note)


@explain.command("refund")
@click.argument("line", type=click.IntRange(1))
@click.option("--establishment", type=int, required=True, help="Its reference.")
@click.option("--note", required=True, help="Why, for whoever reads it later.")
def explain_refund(*, line: int, establishment: int, note: str) -> None:
    """Say that with movement LINE an establishment paid back all that it owed."""
    with open_transaction("settler") as tx:
        bank.explain_as_refund(tx, line, establishment_ref=establishment, note=note)


@explain.command("fees")
@click.argument("line", type=click.IntRange(1))
@click.option("--note", required=True, help="Why, for whoever reads it later.")
def explain_fees(*, line: int, note: str) -> None:
    """Say that movement LINE is the operator's own: what its bank takes or gives."""
    with open_transaction("settler") as tx:
        bank.explain_as_fees(tx, line, note=note)


@settlement.command()
@click.argument("establishment", type=int)
def lift(*, establishment: int) -> None:
    """Let the account of an ESTABLISHMENT be tried again after transfers came back."""
    with open_transaction("settler") as tx:
        lifted = bank.lift_holds(tx, establishment)
    click.echo(f"{lifted} holds lifted")


@settlement.command()
@click.argument("amc")
@click.option("--rule", type=click.Choice(get_args(FundingRule)), required=True)
@click.option("--due-days", type=int, required=True, help="Days an insurer has to send its funds.")
@click.option("--fee-cents", type=int, default=0, show_default=True, help="For each line paid.")
def funds(*, amc: str, rule: FundingRule, due_days: int, fee_cents: int) -> None:
    """Say how the funds of the insurer AMC come: advance pays whatever it owes, wait does not."""
    with open_transaction("settler") as tx:
        name = funding.set_funding(tx, amc, rule, due_days=due_days, fee_cents=fee_cents)
    click.echo(f"{name}: {rule}, {due_days} days")


@settlement.command()
@click.argument("amc")
@click.option("--reference", help="The mandate's own reference.")
@click.option("--signed", type=click.DateTime(["%Y-%m-%d"]), help="The day it was signed.")
@click.option("--end", is_flag=True, help="It ends: nothing is collected any more.")
def mandate(*, amc: str, reference: str | None, signed: datetime | None, end: bool) -> None:
    """Write the mandate of the insurer AMC; its IBAN is read from standard input."""
    with _open() as at:
        if end:
            with at.database.transaction("settler") as tx:
                name = funding.end_mandate(tx, amc)
            click.echo(f"{name}: its mandate ended")
            return
        if reference is None or signed is None:
            raise click.UsageError("write --reference and --signed, or --end")
        try:
            iban = Iban.parse(sys.stdin.readline().strip())
        except BadValue as refused:
            raise click.UsageError(str(refused)) from None
        with at.database.transaction("settler") as tx:
            name = funding.give_mandate(
                tx,
                amc,
                reference=reference,
                signed_on=signed.date(),
                iban=iban,
                seal=MandateSeal(at.home.key("master")),
            )
    click.echo(f"{name}: its funds are collected")


def _show(tx: Transaction, run_id: int) -> None:
    for one in payment_pages.sum_insurers(tx, run_id):
        amount = format_euros(one.cents, "en")
        click.echo(f"{one.name}: {amount} in {one.remittances} transfers ({one.rule})")
    for left in payment_pages.sum_carried(tx, run_id):
        amount = format_euros(left.cents, "en")
        click.echo(f"left: {amount}, {left.establishments} establishments: {left.reason}")
    if unverified := payment_pages.count_unverified(tx, run_id):
        click.echo(f"{unverified} transfers go to accounts whose bank did not confirm the name")
    for file in payment_pages.list_files(tx, run_id):
        written = "written" if file.written_at else "to be written"
        click.echo(f"{format_message_id(file.file_id)}.xml: {file.payments} transfers, {written}")
    runs = [one for one in payment_pages.list_runs_bare(tx, most=100) if one.run_id == run_id]
    for run in runs:
        amount = format_euros(run.cents, "en")
        click.echo(
            f"run {run.run_id} of {run.day}: {run.remittances} transfers, {amount}, {run.state}"
        )


def _to_json(
    runs: list[payment_pages.BareRun],
    calls: list[payment_pages.StoredCall],
    lines: list[payment_pages.SuspenseRow],
    suspense: int,
    journal: dict[str, int],
    transfers: int,
    late: int,
) -> str:
    told = {
        "runs": [one._asdict() for one in runs],
        "open_calls": [one._asdict() for one in calls],
        "unexplained": [one._asdict() for one in lines],
        "unexplained_count": suspense,
        "journal_cents": journal,
        "transfers_30_days": transfers,
        "late_30_days": late,
    }
    return json.dumps(told, default=str)


def _open() -> AbstractContextManager[Installation]:
    return open_installation(Settings.from_environment())
