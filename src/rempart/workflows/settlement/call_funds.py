"""Call insurers for the funds of what was sent on their behalf, collect them, and remind.

Each part of a transfer is in one call, or in none; what came back is taken off the next. Where an
insurer gave a mandate its funds are collected by direct debit. Refuses to call for nothing: an
insurer that is owed money waits for its next call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.kernel.iban import Iban
from rempart.settlement.journal import charge_fees
from rempart.settlement.promise import compute_execution_day
from rempart.storage import funds, settlement
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.funds import FundingRule, MandateSeal, Reminder
from rempart.storage.settlement import PaymentFile
from rempart.tariffs.parameters import value_on
from rempart.tariffs.working_days import Calendar
from rempart.workflows.settlement.send_payments import Counter, write_files

MOST_DUE_DAYS: Final = 90
MOST_FEE_CENTS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call that was made."""

    call_id: int
    insurer_id: int
    cents: int
    due_on: date
    collected: bool


def call_funds(tx: Transaction, *, today: date) -> list[Called]:
    """Call each insurer for what was sent and never called for.

    Args:
        tx: A transaction of the role settler.
        today: Paris civil date: what calls are due from.
    """
    funds.lock_calls(tx)
    made = []
    for wanted in funds.list_to_call(tx, due_days=value_on("call_due_days", today)):
        fees = wanted.fee_cents * wanted.lines
        due_on = today + timedelta(days=wanted.due_days)
        call_id = funds.save_call(tx, wanted, fees_cents=fees, due_on=due_on)
        if fees:
            entry = charge_fees(call_id, insurer=wanted.insurer_id, cents=fees)
            settlement.write_journal(tx, [entry])
        made.append(
            Called(
                call_id=call_id,
                insurer_id=wanted.insurer_id,
                cents=wanted.cents + fees,
                due_on=due_on,
                collected=wanted.mandate_id is not None,
            )
        )
    return made


def has_to_collect(tx: Transaction) -> bool:
    """Say whether a direct debit waits for its file, or a file of them for the disk."""
    return bool(funds.list_to_collect(tx, most=1)) or (
        settlement.find_unwritten_file(tx, kind="debit") is not None
    )


def collect_funds(
    open_transaction: OpenTransaction,
    counter: Counter,
    *,
    check: Callable[[], None] = lambda: None,
) -> list[PaymentFile]:
    """Write files of direct debits for the calls whose insurers gave a mandate.

    Decided before it is written, like a file of transfers: killed anywhere, it goes on.
    """
    while True:
        check()
        with open_transaction() as tx:
            at = settlement.read_clock(tx)
            most = value_on("transfers_per_file", at.date())
            calls = funds.list_to_collect(tx, most=most)
            if calls:
                _decide(tx, calls, counter.calendar)
        if not calls:
            return write_files(open_transaction, counter, kind="debit")


def remind_funds(tx: Transaction, *, today: date) -> list[Reminder]:
    """Note which calls are overdue and were not reminded lately; return them."""
    return funds.remind(tx, day=today, days=value_on("call_reminder_days", today))


def set_funding(
    tx: Transaction, amc_number: str, rule: FundingRule, *, due_days: int, fee_cents: int = 0
) -> str:
    """Say how an insurer's funds come from now on; return its name.

    Raises:
        NotFound: no insurer has this AMC number.
        InvalidRequest: a number is out of bounds.
    """
    if not 0 <= due_days <= MOST_DUE_DAYS or not 0 <= fee_cents <= MOST_FEE_CENTS:
        raise InvalidRequest(
            f"days: 0 to {MOST_DUE_DAYS}; fee: 0 to {MOST_FEE_CENTS} cents for each line"
        )
    insurer_id, name = _find(tx, amc_number)
    funds.save_funding(tx, insurer_id, rule, due_days=due_days, fee_cents=fee_cents)
    return name


def give_mandate(
    tx: Transaction,
    amc_number: str,
    *,
    reference: str,
    signed_on: date,
    iban: Iban,
    seal: MandateSeal,
) -> str:
    """Write the mandate an insurer gave, in the place of the one it had; return its name.

    Raises:
        NotFound: no insurer has this AMC number.
    """
    insurer_id, name = _find(tx, amc_number)
    funds.save_mandate(
        tx, insurer_id, reference=reference, signed_on=signed_on, iban=iban, seal=seal
    )
    return name


def end_mandate(tx: Transaction, amc_number: str) -> str:
    """End an insurer's mandate; return its name. What is not in a file is transferred by it.

    Raises:
        NotFound: no insurer has this AMC number, or it gave none.
    """
    insurer_id, name = _find(tx, amc_number)
    if not funds.end_mandate(tx, insurer_id):
        raise NotFound("this insurer gave no mandate")
    return name


def _decide(tx: Transaction, calls: list[tuple[int, int]], calendar: Calendar) -> None:
    at = settlement.read_clock(tx)
    file_id = settlement.save_file(
        tx,
        kind="debit",
        run_id=None,
        created_at=at,
        execution_on=compute_execution_day(at + timedelta(days=1), calendar),
        amounts=[cents for _, cents in calls],
    )
    funds.set_collected(tx, [call_id for call_id, _ in calls], file_id=file_id)


def _find(tx: Transaction, amc_number: str) -> tuple[int, str]:
    found = funds.find_insurer(tx, amc_number)
    if found is None:
        raise NotFound("no insurer has this AMC number")
    return found
