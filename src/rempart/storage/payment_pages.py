"""Lists of payments: the rows each visitor may see, by the database's own policies."""

from datetime import date, datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

PaymentColumn: TypeAlias = Literal["execution", "amount", "lines", "state"]
CallColumn: TypeAlias = Literal["call", "amount", "due", "state"]
RunColumn: TypeAlias = Literal["run", "day", "amount", "state"]
RunRemittanceColumn: TypeAlias = Literal["establishment", "amount", "state"]
SuspenseColumn: TypeAlias = Literal["day", "amount"]
BankFileColumn: TypeAlias = Literal["imported", "lines"]

_sql: Final = load_queries("payment_pages")


class StoredRemittance(NamedTuple):
    """A transfer of an establishment."""

    remittance_id: int
    cents: int
    lines: int
    execution_on: date | None
    paid_on: date | None
    returned_on: date | None
    return_code: str
    state: str
    last_digits: str
    working_days: int | None


class Payee(NamedTuple):
    """Whose a transfer is."""

    name: str
    finess: str
    siret: str
    establishment_ref: int


class StoredLine(NamedTuple):
    """One line of a transfer."""

    claim_ref: int
    lot: str
    invoice: str
    line: int
    insurer: str
    amc_number: str
    undone: bool
    billed_cents: int
    amo_cents: int
    amc_cents: int
    reste_a_charge_cents: int


class Waiting(NamedTuple):
    """What waits for an establishment."""

    cents: int
    lines: int
    owed_cents: int
    since: date | None
    holds: list[str]


class StoredCall(NamedTuple):
    """A call for funds."""

    call_id: int
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


class StoredShare(NamedTuple):
    """What of a transfer a call is for."""

    remittance_id: int
    cents: int
    lines: int
    returned: bool


class FundingSheet(NamedTuple):
    """How an insurer's funds come, and its mandate, if it gave one."""

    rule: str
    due_days: int
    fee_cents: int
    mandate: str
    mandate_digits: str
    signed_on: date | None


class RunRow(NamedTuple):
    """A run; a name is empty when nobody did, or the command line, or the asker may not know it."""

    run_id: int
    day: date
    state: str
    remittances: int
    cents: int
    planned_at: datetime | None
    first_by_name: str
    first_at: datetime | None
    second_by_name: str
    second_at: datetime | None
    refused_by_name: str
    reason: str
    sent_at: datetime | None
    first_by: int


class BareRun(NamedTuple):
    """A run as the command line lists it."""

    run_id: int
    day: date
    state: str
    remittances: int
    cents: int
    planned_at: datetime | None
    first_at: datetime | None
    second_at: datetime | None
    reason: str
    sent_at: datetime | None


class InsurerSum(NamedTuple):
    """What a run pays on behalf of one insurer."""

    insurer_id: int
    name: str
    cents: int
    remittances: int
    rule: str


class CarriedSum(NamedTuple):
    """What a run leaves for one reason."""

    reason: str
    establishments: int
    cents: int


class HeldRow(NamedTuple):
    """An establishment that a run does not pay, and why."""

    establishment_ref: int
    name: str
    city: str
    cents: int
    reason: str


class FileRow(NamedTuple):
    """A file of a run."""

    file_id: int
    kind: str
    payments: int
    cents: int
    execution_on: date
    written_at: datetime | None


class RunRemittance(NamedTuple):
    """One transfer of a run."""

    remittance_id: int
    name: str
    city: str
    cents: int
    lines: int
    last_digits: str
    state: str
    reason: str
    execution_on: date | None
    working_days: int | None


class SuspenseRow(NamedTuple):
    """A movement nobody explained."""

    line_id: int
    booked_on: date
    cents: int
    end_to_end: str
    bank_ref: str
    return_code: str


class BankFileRow(NamedTuple):
    """A file of the bank, and how many of its movements nobody explained."""

    bank_file_id: int
    kind: str
    statement_id: str
    booked_to: date | None
    imported_at: datetime
    lines: int
    suspense: int


def list_remittances(
    tx: Transaction, listing: Listing[PaymentColumn], establishment_ref: int, state: str | None
) -> tuple[list[StoredRemittance], int]:
    """Return one page of an establishment's transfers, and how many there are."""
    values = {"establishment_ref": establishment_ref, "state": state}
    return load_page(tx, _sql.list_remittances, listing, StoredRemittance, values)


def load_remittance(
    tx: Transaction, remittance_id: int, *, establishment_ref: int
) -> tuple[StoredRemittance, Payee] | None:
    """Return one transfer and whose it is; any establishment's for 0."""
    values = {"remittance_id": remittance_id, "establishment_ref": establishment_ref}
    row = tx.execute(_sql.load_remittance, values).fetchone()
    cut = len(StoredRemittance._fields)
    return None if row is None else (StoredRemittance(*row[:cut]), Payee(*row[cut:]))


def list_return_lines(tx: Transaction, remittance_id: int) -> list[StoredLine]:
    """Return the lines of a transfer."""
    rows = tx.execute(_sql.list_return_lines, {"remittance_id": remittance_id})
    return [StoredLine(*row) for row in rows]


def sum_waiting(tx: Transaction, establishment_ref: int) -> Waiting:
    """Return what waits for an establishment."""
    [row] = tx.execute(_sql.sum_waiting, {"establishment_ref": establishment_ref}).fetchall()
    return Waiting(*row)


def count_promise(tx: Transaction, *, since: date, establishment_ref: int = 0) -> dict[int, int]:
    """Return how many transfers took how many working days."""
    values = {"since": since, "establishment_ref": establishment_ref}
    return {int(days): int(count) for days, count in tx.execute(_sql.count_promise, values)}


def list_calls(
    tx: Transaction,
    listing: Listing[CallColumn],
    *,
    insurer_id: int | None = None,
    call_id: int | None = None,
) -> tuple[list[StoredCall], int]:
    """Return one page of the calls the asker sees, and how many there are."""
    values = {"insurer_id": insurer_id, "call_id": call_id}
    return load_page(tx, _sql.list_calls, listing, StoredCall, values)


def list_shares(tx: Transaction, call_id: int) -> list[StoredShare]:
    """Return what a call is for."""
    return [StoredShare(*row) for row in tx.execute(_sql.list_shares, {"call_id": call_id})]


def load_funding(tx: Transaction, insurer_id: int, *, due_days: int) -> FundingSheet | None:
    """Return how an insurer's funds come; None when the asker sees no such insurer."""
    values = {"insurer_id": insurer_id, "due_days": due_days}
    row = tx.execute(_sql.load_funding, values).fetchone()
    return None if row is None else FundingSheet(*row)


def list_runs(
    tx: Transaction,
    listing: Listing[RunColumn],
    *,
    state: str | None = None,
    run_id: int | None = None,
) -> tuple[list[RunRow], int]:
    """Return one page of the runs, and how many there are."""
    values = {"state": state, "run_id": run_id}
    return load_page(tx, _sql.list_runs, listing, RunRow, values)


def list_runs_bare(tx: Transaction, *, most: int) -> list[BareRun]:
    """Return the newest runs, without names."""
    return [BareRun(*row) for row in tx.execute(_sql.list_runs_bare, {"most": most})]


def sum_insurers(tx: Transaction, run_id: int) -> list[InsurerSum]:
    """Return what a run pays on behalf of each insurer."""
    return [InsurerSum(*row) for row in tx.execute(_sql.sum_insurers, {"run_id": run_id})]


def sum_carried(tx: Transaction, run_id: int) -> list[CarriedSum]:
    """Return what a run leaves, by reason."""
    rows = tx.execute(_sql.sum_carried, {"run_id": run_id})
    return [CarriedSum(reason, int(count), int(cents)) for reason, count, cents in rows]


def list_held(tx: Transaction, run_id: int, *, most: int) -> list[HeldRow]:
    """Return the establishments a run does not pay."""
    values = {"run_id": run_id, "most": most}
    return [HeldRow(*row) for row in tx.execute(_sql.list_held, values)]


def list_files(tx: Transaction, run_id: int) -> list[FileRow]:
    """Return the files of a run."""
    return [FileRow(*row) for row in tx.execute(_sql.list_files, {"run_id": run_id})]


def count_unverified(tx: Transaction, run_id: int) -> int:
    """Return how many transfers of a run go to accounts that no bank confirmed."""
    [row] = tx.execute(_sql.count_unverified, {"run_id": run_id}).fetchall()
    return int(row[0])


def list_run_remittances(
    tx: Transaction, run_id: int, listing: Listing[RunRemittanceColumn]
) -> tuple[list[RunRemittance], int]:
    """Return one page of the transfers of a run, and how many there are."""
    return load_page(tx, _sql.list_run_remittances, listing, RunRemittance, {"run_id": run_id})


def list_suspense(
    tx: Transaction, listing: Listing[SuspenseColumn]
) -> tuple[list[SuspenseRow], int]:
    """Return one page of the movements nobody explained, and how many there are."""
    return load_page(tx, _sql.list_suspense, listing, SuspenseRow, {})


def list_bank_files(
    tx: Transaction, listing: Listing[BankFileColumn]
) -> tuple[list[BankFileRow], int]:
    """Return one page of the bank's files, and how many there are."""
    return load_page(tx, _sql.list_bank_files, listing, BankFileRow, {})


def sum_journal(tx: Transaction) -> dict[str, int]:
    """Return what every kind of account holds; the sum of all is nought."""
    return {str(kind): int(cents) for kind, cents in tx.execute(_sql.sum_journal)}
