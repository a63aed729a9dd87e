"""Show what an establishment was paid and what an insurer is called for.

Refuses acts and persons: a line is known by the biller's own invoice number. Whoever may not see a
transfer or a call learns as much as of one that does not exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.visitor import Visitor
from rempart.claims.references import format_reference as format_claim
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.settlement.promise import Promise, get_promised_days
from rempart.settlement.references import format_reference, read_reference
from rempart.settlement.returns import Party, Return, ReturnRow
from rempart.storage import payment_pages
from rempart.storage.connect import Transaction
from rempart.storage.payment_pages import (
    CallColumn,
    FundingSheet,
    Payee,
    PaymentColumn,
    StoredCall,
    StoredLine,
    StoredRemittance,
)
from rempart.tariffs.parameters import value_on
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["CallColumn", "FundingSheet", "PaymentColumn"]

_YEAR: Final = timedelta(days=365)
_UNKNOWN: Final = "there is no such transfer: its reference is on the bank's statement"
_LAST: Final = 2**63 - 1


class RemittanceReader(Protocol):
    """Where an establishment's transfers are read without a transaction of a visitor."""

    async def list_newest(
        self, establishment_ref: int, *, before: int, most: int
    ) -> Sequence[StoredRemittance]:
        """Return transfers with a lower number than `before`, the newest first."""
        ...

    async def find(
        self, remittance_id: int, *, establishment_ref: int
    ) -> tuple[StoredRemittance, Payee] | None:
        """Return a transfer and whose it is; None when it is not this establishment's."""
        ...

    async def list_lines(self, remittance_id: int) -> Sequence[StoredLine]:
        """Return the lines of a transfer that was found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RemittanceRow:
    """One transfer; `return_code` says why it came back (settlement.return_reasons)."""

    remittance_id: int
    reference: str
    cents: int
    lines: int
    execution_on: date | None
    paid_on: date | None
    returned_on: date | None
    return_code: str
    state: str
    last_digits: str
    working_days: int | None
    promised_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemittanceSheet:
    """One transfer, whose it is, and its lines."""

    row: RemittanceRow
    establishment: Party
    lines: tuple[ReturnRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSummary:
    """What waits for an establishment.

    Args:
        waiting_cents, waiting_lines: What is due and not sent.
        owed_cents: What is to be taken back.
        oldest_since: Since when the oldest of it waits.
        holds: Why transfers came back, while that holds payments.
        promise: How long transfers took, over a year.
    """

    waiting_cents: int
    waiting_lines: int
    owed_cents: int
    oldest_since: date | None
    holds: tuple[str, ...]
    promise: Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One call for funds: `state` is open, partly, overdue or paid."""

    call_id: int
    reference: str
    insurer_id: int
    insurer: str
    cents: int
    fees_cents: int
    called_at: datetime
    due_on: date
    received_cents: int
    received_on: date | None
    collected: bool
    reminders: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRow:
    """What of one transfer a call is for; below nought when it came back."""

    reference: str
    cents: int
    lines: int
    returned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSheet:
    """One call, and what it is for."""

    row: CallRow
    shares: tuple[ShareRow, ...]


def list_remittances(
    tx: Transaction, asker: Asker, listing: Listing[PaymentColumn], *, state: str | None = None
) -> tuple[list[RemittanceRow], int]:
    """Return one page of the transfers of the asker's establishment, and how many there are.

    Raises:
        NotAllowed: their role does not allow it.
    """
    check_can(asker.visitor, Permission.READ_PAYMENTS, now=asker.now)
    place = get_establishment(asker.visitor)
    rows, total = payment_pages.list_remittances(tx, listing, place, state)
    return [_make_row(row) for row in rows], total


def read_remittance(tx: Transaction, asker: Asker, reference: str) -> RemittanceSheet:
    """Return one transfer of the asker's establishment, line by line.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such transfer for them.
    """
    check_can(asker.visitor, Permission.READ_PAYMENTS, now=asker.now)
    place = get_establishment(asker.visitor)
    row, payee, lines = load_lines(tx, reference, establishment_ref=place)
    return RemittanceSheet(row=_make_row(row), establishment=payee, lines=lines)


def load_return(tx: Transaction, reference: str, *, establishment_ref: int) -> Return:
    """Return a transfer as it is told: to a file, or to software.

    Args:
        tx: A transaction that sees it.
        reference: Of the transfer.
        establishment_ref: Whose it must be; 0 for anybody's, on the machine.

    Raises:
        NotFound: there is no such transfer for them.
    """
    row, payee, lines = load_lines(tx, reference, establishment_ref=establishment_ref)
    return _make_return(row, payee, lines)


async def find_return(book: RemittanceReader, reference: str, *, establishment_ref: int) -> Return:
    """Return a transfer of an establishment as it is told to its software.

    Raises:
        NotFound: there is no such transfer of theirs.
        Unavailable: the database does not answer.
    """
    found = read_reference(reference)
    loaded = (
        await book.find(found[1], establishment_ref=establishment_ref)
        if found and found[0] == "remittance"
        else None
    )
    if found is None or loaded is None:
        raise NotFound(_UNKNOWN)
    row, payee = loaded
    lines = tuple(_make_line(line) for line in await book.list_lines(found[1]))
    return _make_return(row, Party(payee.name, payee.finess, payee.siret), lines)


async def list_newest_remittances(
    book: RemittanceReader, *, establishment_ref: int, before: int | None, most: int
) -> tuple[list[RemittanceRow], str | None]:
    """Return an establishment's transfers, the newest first, and where the next page begins.

    Args:
        book: Where they are.
        establishment_ref: Whose.
        before: The number of the transfer that the last page ended on; None for the first page.
        most: How many.

    Raises:
        Unavailable: the database does not answer.
    """
    first = _LAST if before is None else before
    rows = await book.list_newest(establishment_ref, before=first, most=most + 1)
    shown = [_make_row(row) for row in rows[:most]]
    return shown, shown[-1].reference if len(rows) > most else None


def load_lines(
    tx: Transaction, reference: str, *, establishment_ref: int
) -> tuple[StoredRemittance, Party, tuple[ReturnRow, ...]]:
    """Return a transfer, whose it is, and its lines.

    Raises:
        NotFound: there is no such transfer for them.
    """
    found = read_reference(reference)
    loaded = (
        payment_pages.load_remittance(tx, found[1], establishment_ref=establishment_ref)
        if found and found[0] == "remittance"
        else None
    )
    if found is None or loaded is None:
        raise NotFound(_UNKNOWN)
    row, payee = loaded
    lines = tuple(_make_line(line) for line in payment_pages.list_return_lines(tx, found[1]))
    return row, Party(payee.name, payee.finess, payee.siret), lines


def summarise_payments(tx: Transaction, asker: Asker) -> PaymentSummary:
    """Return what waits for the asker's establishment, and how long transfers took.

    Raises:
        NotAllowed: their role does not allow it.
    """
    check_can(asker.visitor, Permission.READ_PAYMENTS, now=asker.now)
    place = get_establishment(asker.visitor)
    waiting = payment_pages.sum_waiting(tx, place)
    since = asker.now.date() - _YEAR
    counts = payment_pages.count_promise(tx, since=since, establishment_ref=place)
    return PaymentSummary(
        waiting_cents=waiting.cents,
        waiting_lines=waiting.lines,
        owed_cents=waiting.owed_cents,
        oldest_since=waiting.since,
        holds=tuple(waiting.holds),
        promise=Promise(days=get_promised_days(asker.now.date()), remittances=counts),
    )


def list_calls(
    tx: Transaction, asker: Asker, listing: Listing[CallColumn], *, insurer_id: int | None = None
) -> tuple[list[CallRow], int]:
    """Return one page of the calls for funds the asker sees, and how many there are.

    Raises:
        NotAllowed: their role does not allow it.
    """
    _check_calls(asker)
    rows, total = payment_pages.list_calls(tx, listing, insurer_id=insurer_id)
    return [_make_call(row, asker.now.date()) for row in rows], total


def read_call(tx: Transaction, asker: Asker, reference: str) -> CallSheet:
    """Return one call, and what it is for.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such call for them.
    """
    _check_calls(asker)
    found = read_reference(reference)
    if found is None or found[0] != "call":
        raise NotFound("there is no such call for funds")
    one: Listing[CallColumn] = Listing(sort="call")
    rows, _ = payment_pages.list_calls(tx, one, call_id=found[1])
    if not rows:
        raise NotFound("there is no such call for funds")
    shares = tuple(
        ShareRow(
            reference=format_reference("remittance", share.remittance_id),
            cents=share.cents,
            lines=share.lines,
            returned=share.returned,
        )
        for share in payment_pages.list_shares(tx, found[1])
    )
    return CallSheet(row=_make_call(rows[0], asker.now.date()), shares=shares)


def read_funding(tx: Transaction, asker: Asker, insurer_id: int) -> FundingSheet:
    """Return how an insurer's funds come.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such insurer for them.
    """
    _check_calls(asker)
    due_days = value_on("call_due_days", asker.now.date())
    sheet = payment_pages.load_funding(tx, insurer_id, due_days=due_days)
    if sheet is None:
        raise NotFound("there is no such insurer")
    return sheet


def get_establishment(visitor: Visitor) -> int:
    """Return the establishment somebody acts for.

    Raises:
        NotAllowed: they act for none.
    """
    if visitor.establishment_ref is None:
        raise NotAllowed("payments are an establishment's: sign in for one")
    return visitor.establishment_ref


def _check_calls(asker: Asker) -> None:
    """Let insurers and the host in; the database shows each what is theirs."""
    permission = Permission.READ_RUNS if asker.visitor.is_host else Permission.READ_CALLS
    check_can(asker.visitor, permission, now=asker.now)


def _make_row(row: StoredRemittance) -> RemittanceRow:
    promised = get_promised_days(row.execution_on or date.max)
    return RemittanceRow(
        reference=format_reference("remittance", row.remittance_id),
        promised_days=promised,
        **row._asdict(),
    )


def _make_return(row: StoredRemittance, payee: Party, lines: tuple[ReturnRow, ...]) -> Return:
    return Return(
        reference=format_reference("remittance", row.remittance_id),
        state=row.state,
        execution_on=row.execution_on,
        account_digits=row.last_digits,
        cents=row.cents,
        payee=payee,
        rows=lines,
    )


def _make_line(line: StoredLine) -> ReturnRow:
    return ReturnRow(
        claim=format_claim(line.claim_ref),
        lot=line.lot,
        invoice=line.invoice,
        line=line.line,
        insurer=line.insurer,
        amc_number=line.amc_number,
        kind="taken_back" if line.undone else "payment",
        billed_cents=line.billed_cents,
        amo_cents=line.amo_cents,
        amc_cents=line.amc_cents,
        reste_a_charge_cents=line.reste_a_charge_cents,
        paid_cents=-line.amc_cents if line.undone else line.amc_cents,
    )


def _make_call(row: StoredCall, today: date) -> CallRow:
    state = "open"
    if row.received_cents >= row.cents:
        state = "paid"
    elif row.due_on < today:
        state = "overdue"
    elif row.received_cents > 0:
        state = "partly"
    return CallRow(reference=format_reference("call", row.call_id), state=state, **row._asdict())
