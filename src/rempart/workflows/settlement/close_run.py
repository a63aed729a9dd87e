"""Plan a day's run: what is due to each establishment becomes one remittance, a piece at a time.

A plan that was killed goes on where it was left: what is in a remittance is in no other. Two people
who plan at once plan one run. Refuses to pay: that takes two people, and another workflow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from rempart.accounts.bank_details import (
    AccountVersion,
    PaidAccount,
    PayeeCheck,
    decide_payment_account,
)
from rempart.kernel.errors import Conflict, NotFound
from rempart.settlement.remittances import Remittance, Run, close_run
from rempart.settlement.runs import RunState, check_step
from rempart.storage import settlement
from rempart.storage.connect import Transaction
from rempart.storage.settlement import NewRemittance, StoredRun, WaitingDue

PIECE: Final = 200
"""Establishments in one transaction of a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account an establishment is paid on, or why it is not.

    Args:
        change_ref: Which version; 0 for none.
        last_digits: Its last characters.
        verified: Whether its bank said that the name and the account match.
        held: Why nothing goes there; empty when something may.
    """

    change_ref: int = 0
    last_digits: str = ""
    verified: bool = False
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a plan is: `done` once nothing is left."""

    run_id: int
    remittances: int
    cents: int
    done: bool


def begin_plan(tx: Transaction, day: date) -> int:
    """Begin a run, or go on with the one whose plan was left; return its number.

    What a refused run held is let go first.

    Raises:
        Conflict: a run waits for approval: it is decided before another is planned.
    """
    settlement.release_refused(tx)
    run_id = settlement.open_run(tx, day)
    if run_id is not None:
        return run_id
    waiting = settlement.find_open_run(tx)
    run = None if waiting is None else settlement.load_run(tx, waiting)
    if run is None or run.sheet.state is not RunState.PLANNING:
        raise Conflict("a run waits for approval: approve or refuse it before another is planned")
    return run.sheet.run_id


def plan_piece(tx: Transaction, run_id: int, *, piece: int = PIECE) -> Progress:
    """Make the next remittances of a run, in this transaction; call again until it is done.

    Raises:
        Conflict: its plan is complete; or somebody took what waited meanwhile: try again.
    """
    run = _lock(tx, run_id)
    if run.sheet.state is not RunState.PLANNING:
        raise Conflict(f"this run is {run.sheet.state}: its plan is complete")
    day = run.sheet.day
    places = settlement.list_next_places(tx, day=day, after=run.planned_to, most=piece)
    if not places:
        check_step(run.sheet.state, RunState.PLANNED if run.sheet.remittances else RunState.EMPTY)
        settlement.set_planned(tx, run_id)
        return _tell(run, 0, 0, done=True)
    at = settlement.read_clock(tx)
    dues = settlement.list_dues(tx, day=day, places=places)
    accounts = find_accounts(tx, places, at=at)
    held = {place: one.held for place, one in accounts.items() if one.held}
    rules = Run(day=day, held=held, unfunded=settlement.list_unfunded(tx, day))
    closed = close_run((one.due for one in dues), rules)
    made = _make(closed.remittances, dues, accounts)
    if made and not settlement.save_remittances(tx, run_id, made):
        raise Conflict("somebody else took what waited: plan again")
    if closed.carried:
        settlement.save_carried(tx, run_id, closed.carried)
    cents = sum(one.cents for one in closed.remittances)
    settlement.note_progress(tx, run_id, to=places[-1], remittances=len(made), cents=cents)
    return _tell(run, len(made), cents, done=False)


def find_accounts(tx: Transaction, places: Sequence[int], *, at: datetime) -> dict[int, Account]:
    """Return the account each of these establishments is paid on at an instant, or why not."""
    versions = settlement.list_accounts(tx, places)
    holds = settlement.list_holds(tx, places)
    return {place: _judge(place, versions.get(place, ()), holds=holds, at=at) for place in places}


def _judge(
    place: int, versions: Iterable[AccountVersion], *, holds: set[tuple[int, int]], at: datetime
) -> Account:
    """Say where an establishment is paid: as its changes say, whether time was written or not."""
    versions = list(versions)
    decided = decide_payment_account(versions, at=at)
    if not isinstance(decided, PaidAccount):
        return Account(held="no_account")
    [version] = [one for one in versions if one.change_ref == decided.change_ref]
    held = ""
    # Somebody of the operator may approve a name that does not match; nobody did here.
    if version.payee_check is PayeeCheck.NO_MATCH and version.approved_by is None:
        held = "payee_no_match"
    if (place, version.change_ref) in holds:
        held = "returned"
    return Account(
        change_ref=version.change_ref,
        last_digits=version.last_digits,
        verified=version.payee_check is PayeeCheck.MATCH,
        held=held,
    )


def _make(
    remittances: Iterable[Remittance], dues: Iterable[WaitingDue], accounts: dict[int, Account]
) -> list[NewRemittance]:
    received: dict[int, date] = {}
    for one in dues:
        if one.due.cents > 0:
            place = one.due.establishment
            received[place] = min(received.get(place, one.received_on), one.received_on)
    return [
        NewRemittance(
            remittance=one,
            oldest_on=received[one.establishment],
            change_ref=accounts[one.establishment].change_ref,
            last_digits=accounts[one.establishment].last_digits,
            verified=accounts[one.establishment].verified,
        )
        for one in remittances
    ]


def _lock(tx: Transaction, run_id: int) -> StoredRun:
    run = settlement.load_run(tx, run_id, lock=True)
    if run is None:
        raise NotFound(f"there is no run {run_id}: see `rempart settlement status`")
    return run


def _tell(run: StoredRun, remittances: int, cents: int, *, done: bool) -> Progress:
    return Progress(
        run_id=run.sheet.run_id,
        remittances=run.sheet.remittances + remittances,
        cents=run.sheet.cents + cents,
        done=done,
    )
