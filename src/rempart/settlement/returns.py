"""What a professional is told of a transfer: the lines it pays, and those it takes back.

With the keys they reconcile by: lot, invoice, line, transfer reference, and who pays what of it.
Refuses identity and acts: an invoice number is theirs, and leads to both in their own software.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

ReturnKind: TypeAlias = Literal["payment", "taken_back"]


class Party(NamedTuple):
    """An establishment as its transfer names it."""

    name: str
    finess: str
    siret: str


class ReturnRow(NamedTuple):
    """One line of a transfer: what one contract pays of one act, or takes back.

    Attributes:
        claim: The claim's reference, as the gateway writes it.
        lot, invoice, line: The biller's own numbers; the lot is empty when there was none.
        insurer, amc_number: On whose behalf.
        kind: Paid, or taken back.
        billed_cents, amo_cents, reste_a_charge_cents: Of the whole act.
        amc_cents: What this contract pays of it.
        paid_cents: What the transfer holds of it; below nought when taken back.
    """

    claim: str
    lot: str
    invoice: str
    line: int
    insurer: str
    amc_number: str
    kind: ReturnKind
    billed_cents: int
    amo_cents: int
    amc_cents: int
    reste_a_charge_cents: int
    paid_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """One transfer and its lines.

    Args:
        reference: Of the transfer: what the bank's statement of the payee shows.
        state: Where the transfer is: sent, paid, returned; refunded for what was paid back.
        execution_on: When the bank executes it; None for what was paid back.
        account_digits: The last characters of the account.
        cents: Its amount: the sum of its lines.
    """

    reference: str
    state: str
    execution_on: date | None
    account_digits: str
    cents: int
    payee: Party
    rows: tuple[ReturnRow, ...]

    def __post_init__(self) -> None:
        if sum(row.paid_cents for row in self.rows) != self.cents:
            raise ValueError("the lines of a transfer add up to its amount")


def sum_kinds(rows: Iterable[ReturnRow]) -> dict[ReturnKind, int]:
    """Return what is paid and what is taken back."""
    sums: dict[ReturnKind, int] = {"payment": 0, "taken_back": 0}
    for row in rows:
        sums[row.kind] += row.paid_cents
    return sums
