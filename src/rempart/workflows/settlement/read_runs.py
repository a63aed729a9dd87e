"""Show the operator what is to be paid, what was, and what the bank said: in sums, no act.

Refuses agents of hosted operators: this installation's money is not theirs.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.second_person import are_apart
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.settlement.promise import Promise, get_promised_days
from rempart.settlement.references import format_message_id
from rempart.storage import payment_pages, settlement
from rempart.storage.connect import Transaction
from rempart.storage.payment_pages import (
    BankFileColumn,
    BankFileRow,
    CarriedSum,
    FileRow,
    HeldRow,
    InsurerSum,
    RunColumn,
    RunRemittance,
    RunRemittanceColumn,
    RunRow,
    SuspenseColumn,
    SuspenseRow,
)
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host

__all__ = [
    "BankFileColumn",
    "BankFileRow",
    "CarriedSum",
    "FileRow",
    "HeldRow",
    "InsurerSum",
    "RunColumn",
    "RunRemittance",
    "RunRemittanceColumn",
    "RunRow",
    "SuspenseColumn",
    "SuspenseRow",
    "format_message_id",
]

MOST_HELD: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPreview:
    """A run before and after it is decided.

    Args:
        row: The run.
        insurers: What it pays on behalf of each.
        carried: What it leaves, by reason.
        held: The establishments it does not pay, the most money first; MOST_HELD of them.
        files: What was sent to the bank.
        may_approve: Whether the asker may agree to it now.
        unverified: How many transfers go to accounts whose bank did not confirm the name.
    """

    row: RunRow
    insurers: tuple[InsurerSum, ...]
    carried: tuple[CarriedSum, ...]
    held: tuple[HeldRow, ...]
    files: tuple[FileRow, ...]
    may_approve: bool
    unverified: int


def list_runs(
    tx: Transaction, asker: Asker, listing: Listing[RunColumn], *, state: str | None = None
) -> tuple[list[RunRow], int]:
    """Return one page of the runs, and how many there are.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: they are not of the host operator.
    """
    _check(asker)
    return payment_pages.list_runs(tx, listing, state=state)


def read_run(tx: Transaction, asker: Asker, run_id: int) -> RunPreview:
    """Return what a run pays, on whose behalf, and what it leaves.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such run for them.
    """
    _check(asker)
    one: Listing[RunColumn] = Listing(sort="run")
    rows, _ = payment_pages.list_runs(tx, one, run_id=run_id)
    if not rows:
        raise NotFound("no such run")
    return RunPreview(
        row=rows[0],
        insurers=tuple(payment_pages.sum_insurers(tx, run_id)),
        carried=tuple(payment_pages.sum_carried(tx, run_id)),
        held=tuple(payment_pages.list_held(tx, run_id, most=MOST_HELD)),
        files=tuple(payment_pages.list_files(tx, run_id)),
        may_approve=_may_approve(tx, asker, rows[0]),
        unverified=payment_pages.count_unverified(tx, run_id),
    )


def list_run_remittances(
    tx: Transaction, asker: Asker, run_id: int, listing: Listing[RunRemittanceColumn]
) -> tuple[list[RunRemittance], int]:
    """Return one page of the transfers of a run, and how many there are."""
    _check(asker)
    return payment_pages.list_run_remittances(tx, run_id, listing)


def list_suspense(
    tx: Transaction, asker: Asker, listing: Listing[SuspenseColumn]
) -> tuple[list[SuspenseRow], int]:
    """Return one page of the movements nobody explained, and how many there are."""
    _check(asker)
    return payment_pages.list_suspense(tx, listing)


def list_bank_files(
    tx: Transaction, asker: Asker, listing: Listing[BankFileColumn]
) -> tuple[list[BankFileRow], int]:
    """Return one page of the bank's files, and how many there are."""
    _check(asker)
    return payment_pages.list_bank_files(tx, listing)


def read_promise(tx: Transaction, asker: Asker | None, *, since: date) -> Promise:
    """Return how many working days transfers took since a day.

    Args:
        tx: A transaction of the asker's, or of the role settler.
        asker: Somebody of the host operator; None for the command line.
        since: The first day the bank executed some.
    """
    if asker is not None:
        _check(asker)
    counts = payment_pages.count_promise(tx, since=since)
    return Promise(days=get_promised_days(since), remittances=counts)


def _may_approve(tx: Transaction, asker: Asker, row: RunRow) -> bool:
    visitor = asker.visitor
    grant = GRANTS[Permission.APPROVE_RUN]
    if row.state != "planned" or visitor.role not in grant.roles or visitor.org_ref is None:
        return False
    if row.first_at is None or not row.first_by:
        return True
    people = list_entitled(tx, visitor.org_ref, Permission.APPROVE_RUN)
    at: datetime = settlement.read_clock(tx)
    return are_apart(people, row.first_by, visitor.actor_ref, asked_at=row.first_at, at=at)


def _check(asker: Asker) -> None:
    check_can_as_host(asker, Permission.READ_RUNS)
