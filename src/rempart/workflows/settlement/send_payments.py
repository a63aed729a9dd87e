"""Send an approved run: its files are decided, written, and told to be sent. In that order.

Killed anywhere, it goes on: what is in a file is sent and nothing of it is decided again; the file
is written again under the same name, with the same bytes, and a bank takes a message once. So
nothing is paid twice and nothing is lost. Refuses an account that is not the one that was approved.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from rempart.claims.states import ClaimEvent
from rempart.exchange.sepa_files import (
    Debit,
    Message,
    Payer,
    Transfer,
    write_debits,
    write_transfers,
)
from rempart.exchange.whole_file import write_whole
from rempart.kernel.errors import Conflict, NotFound
from rempart.settlement.journal import send
from rempart.settlement.promise import compute_execution_day, count_working_days
from rempart.settlement.references import format_message_id, format_reference
from rempart.settlement.runs import RunState
from rempart.storage import funds, settlement
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.funds import MandateSeal
from rempart.storage.iban_seal import IbanSeal
from rempart.storage.settlement import PaymentFile, PlannedRemittance
from rempart.tariffs.parameters import value_on
from rempart.tariffs.working_days import Calendar
from rempart.workflows.settlement.close_run import Account, find_accounts

_SENDS: Final = frozenset({RunState.APPROVED, RunState.SENDING})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Counter:
    """What it takes to write files to the bank.

    Args:
        payer: The account payments leave from.
        directory: Where files go: the bank's channel takes them from there.
        seal: Opens the accounts of establishments.
        mandates: Opens the accounts of insurers.
        calendar: The civil clock of Paris.
    """

    payer: Payer
    directory: Path
    seal: IbanSeal
    mandates: MandateSeal
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRun:
    """What of a run was sent now: files and transfers; those `held` wait for another run."""

    files: int
    transfers: int
    cents: int
    held: int


def send_run(
    open_transaction: OpenTransaction,
    counter: Counter,
    run_id: int,
    *,
    check: Callable[[], None] = lambda: None,
) -> SentRun:
    """Send everything of an approved run that is not sent yet.

    Args:
        open_transaction: Opens transactions of the role settler.
        counter: What writes files.
        run_id: The run.
        check: Called between files: stops by raising.

    Raises:
        NotFound: there is no such run.
        Conflict: it is not approved, or everything of it was sent.
    """
    files = transfers = cents = held = 0
    with open_transaction() as tx:
        _begin(tx, run_id)
    while True:
        check()
        with open_transaction() as tx:
            # A crash after this leaves a file that is decided and on no disk: written below.
            decided, refused = _decide_file(tx, run_id, counter)
        held += refused
        written = write_files(open_transaction, counter, kind="transfer", run_id=run_id)
        files += len(written)
        transfers += sum(one.payments for one in written)
        cents += sum(one.cents for one in written)
        if not decided:
            break
    with open_transaction() as tx:
        settlement.set_sent(tx, run_id)
    return SentRun(files=files, transfers=transfers, cents=cents, held=held)


def is_sent(tx: Transaction, run_id: int) -> bool:
    """Say whether nothing of a run is left to send."""
    run = settlement.load_run(tx, run_id)
    return run is not None and run.sheet.state is RunState.SENT


def write_files(
    open_transaction: OpenTransaction, counter: Counter, *, kind: str, run_id: int = 0
) -> list[PaymentFile]:
    """Write the files that were decided and are on no disk; return them."""
    written: list[PaymentFile] = []
    while True:
        with open_transaction() as tx:
            file = settlement.find_unwritten_file(tx, kind=kind, run_id=run_id)
            if file is None:
                return written
            # The only place where accounts are opened, and for as long as the file is made.
            content = _make_file(tx, counter, file)
        with write_whole(counter.directory / f"{format_message_id(file.file_id)}.xml") as stream:
            stream.write(content)
        # A crash here leaves a file that is on the disk and not noted: written again, the same.
        with open_transaction() as tx:
            settlement.set_written(tx, file.file_id, hashlib.sha256(content).digest())
        written.append(file)


def _begin(tx: Transaction, run_id: int) -> None:
    run = settlement.load_run(tx, run_id, lock=True)
    if run is None:
        raise NotFound(f"there is no run {run_id}: see `rempart settlement status`")
    if run.sheet.state not in _SENDS:
        raise Conflict(
            f"run {run_id} is {run.sheet.state}: only one that two people approved is sent"
        )
    if run.sheet.state is RunState.APPROVED:
        settlement.set_sending(tx, run_id)


def _decide_file(tx: Transaction, run_id: int, counter: Counter) -> tuple[bool, int]:
    """Put the next transfers of a run in a file; return whether there was any, and how many held.

    Two operators at once wait for each other here, and take different ones.
    """
    settlement.load_run(tx, run_id, lock=True)
    at = settlement.read_clock(tx)
    local = at.astimezone(counter.calendar.zone).date()
    planned = settlement.list_planned(
        tx,
        run_id,
        most=value_on("transfers_per_file", local),
        lines=value_on("lines_per_file", local),
    )
    if not planned:
        return False, 0
    accounts = find_accounts(tx, [one.establishment_ref for one in planned], at=at)
    refused = {
        one.remittance_id: reason
        for one in planned
        if (reason := _find_reason(one, accounts[one.establishment_ref]))
    }
    if refused:
        settlement.hold_remittances(tx, refused)
    ready = [one for one in planned if one.remittance_id not in refused]
    if ready:
        _send(tx, run_id, ready, at=at, calendar=counter.calendar)
    return True, len(refused)


def _send(
    tx: Transaction,
    run_id: int,
    ready: Sequence[PlannedRemittance],
    *,
    at: datetime,
    calendar: Calendar,
) -> None:
    """Write that transfers are sent: the file, the journal and the claims, in one transaction."""
    execution_on = compute_execution_day(at, calendar)
    file_id = settlement.save_file(
        tx,
        kind="transfer",
        run_id=run_id,
        created_at=at,
        execution_on=execution_on,
        amounts=[one.cents for one in ready],
    )
    days = {
        one.remittance_id: count_working_days(one.oldest_on, execution_on, calendar)
        for one in ready
    }
    settlement.send_remittances(tx, days, file_id=file_id, execution_on=execution_on)
    settlement.write_journal(
        tx,
        [
            send(one.remittance_id, establishment=one.establishment_ref, cents=one.cents)
            for one in ready
        ],
    )
    settlement.move_claims(tx, ClaimEvent.REMIT, list(days))


def _find_reason(planned: PlannedRemittance, account: Account) -> str:
    """Return why a transfer is not sent; empty when it is."""
    if account.held:
        return account.held
    # Two people approved a payment to another account than this one.
    return "" if account.change_ref == planned.change_ref else "account_changed"


def _make_file(tx: Transaction, counter: Counter, file: PaymentFile) -> bytes:
    message = Message(
        message_id=format_message_id(file.file_id),
        created_at=file.created_at.astimezone(counter.calendar.zone),
        execution_on=file.execution_on,
    )
    if file.kind == "debit":
        return write_debits(
            counter.payer,
            message,
            [
                Debit(
                    reference=format_reference("call", row.call_id),
                    name=row.name,
                    iban=counter.mandates.open(row.sealed_iban, insurer_id=row.insurer_id),
                    cents=row.cents,
                    mandate=row.mandate,
                    signed_on=row.signed_on,
                    follows=row.follows,
                )
                for row in funds.list_debits(tx, file.file_id)
            ],
        )
    return write_transfers(
        counter.payer,
        message,
        [
            Transfer(
                reference=format_reference("remittance", row.remittance_id),
                name=row.name,
                iban=counter.seal.open(row.sealed_iban, establishment_ref=row.establishment_ref),
                cents=row.cents,
            )
            for row in settlement.list_transfers(tx, file.file_id)
        ],
    )
