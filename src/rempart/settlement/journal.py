"""Double entry in whole cents: every event moves money between accounts, which add up to 0.

A positive posting is what somebody owes the operator or what its bank account holds; a negative one
is what the operator owes. Refuses an entry that does not balance, and any change of an entry that
was written: what was wrong is undone by another.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class AccountKind(enum.StrEnum):
    """Whose money an account follows."""

    PROFESSIONAL = "professional"
    """What is due to an establishment; above nought, what it owes back."""
    INSURER = "insurer"
    """What an insurer owes for what was paid on its behalf."""
    IN_FLIGHT = "in_flight"
    """Transfers sent that the bank has not confirmed."""
    BANK = "bank"
    """The account payments leave from."""
    FEES = "fees"
    """What the operator earns."""
    SUSPENSE = "suspense"
    """What came from the bank and is not explained yet."""


class Account(NamedTuple):
    """One account: a kind, and whose it is; 0 for the operator's own."""

    kind: AccountKind
    owner: int = 0


class Event(enum.StrEnum):
    """Why money moves."""

    ADJUDICATED = "adjudicated"
    UNDONE = "undone"
    """A claim is cancelled or rectified: what was due, or paid, is due back."""
    SENT = "sent"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    CALLED_FEES = "called_fees"
    FUNDS_RECEIVED = "funds_received"
    FUNDS_RETURNED = "funds_returned"
    """What was collected from an insurer is taken back by its bank."""
    REFUNDED = "refunded"
    """An establishment pays back what it was paid wrongly."""
    UNEXPLAINED = "unexplained"
    EXPLAINED = "explained"


class Posting(NamedTuple):
    """One side of an entry, in cents."""

    account: Account
    cents: int


class Entry(NamedTuple):
    """One event of the journal.

    Attributes:
        event: Why money moves.
        subject: What it is about: a claim line, a remittance, a bank line.
        postings: Its sides; they add up to 0 and none is 0.
    """

    event: Event
    subject: int
    postings: tuple[Posting, ...]


def make_entry(event: Event, subject: int, postings: Mapping[Account, int]) -> Entry:
    """Make an entry that balances; sides of nought are left out.

    Raises:
        ValueError: the sides do not add up to 0, or there is none.
    """
    sides = tuple(Posting(account, cents) for account, cents in postings.items() if cents)
    if not sides:
        raise ValueError("an entry moves money")
    if total := sum(side.cents for side in sides):
        raise ValueError(f"the sides of an entry add up to {total} cents, not to 0")
    return Entry(event, subject, sides)


def adjudicate(line: int, *, establishment: int, insurer: int, cents: int) -> Entry:
    """Owe an establishment what an insurer will bring, for one adjudicated line."""
    return make_entry(
        Event.ADJUDICATED,
        line,
        {
            Account(AccountKind.INSURER, insurer): cents,
            Account(AccountKind.PROFESSIONAL, establishment): -cents,
        },
    )


def undo(entry: Entry) -> Entry:
    """Take an adjudicated line back; what was paid becomes due from the establishment.

    Raises:
        ValueError: the entry is not that of an adjudicated line.
    """
    if entry.event is not Event.ADJUDICATED:
        raise ValueError("only an adjudicated line is undone")
    return make_entry(
        Event.UNDONE, entry.subject, {side.account: -side.cents for side in entry.postings}
    )


def send(remittance: int, *, establishment: int, cents: int) -> Entry:
    """Send a transfer: the establishment is owed no more, the bank has not confirmed yet."""
    return make_entry(
        Event.SENT,
        remittance,
        {
            Account(AccountKind.PROFESSIONAL, establishment): cents,
            Account(AccountKind.IN_FLIGHT): -cents,
        },
    )


def confirm(remittance: int, *, cents: int) -> Entry:
    """Take note that the bank paid a transfer."""
    return make_entry(
        Event.CONFIRMED,
        remittance,
        {Account(AccountKind.IN_FLIGHT): cents, Account(AccountKind.BANK): -cents},
    )


def take_back(remittance: int, *, establishment: int, cents: int, was_confirmed: bool) -> Entry:
    """Take note that a transfer came back: the establishment is owed again."""
    source = AccountKind.BANK if was_confirmed else AccountKind.IN_FLIGHT
    return make_entry(
        Event.RETURNED,
        remittance,
        {Account(source): cents, Account(AccountKind.PROFESSIONAL, establishment): -cents},
    )


def receive_funds(bank_line: int, *, insurer: int, cents: int) -> Entry:
    """Take note that an insurer paid a call for funds, in whole or in part."""
    return make_entry(
        Event.FUNDS_RECEIVED,
        bank_line,
        {Account(AccountKind.BANK): cents, Account(AccountKind.INSURER, insurer): -cents},
    )


def return_funds(bank_line: int, *, insurer: int, cents: int) -> Entry:
    """Take note that what was collected from an insurer went back to it."""
    return make_entry(
        Event.FUNDS_RETURNED,
        bank_line,
        {Account(AccountKind.INSURER, insurer): cents, Account(AccountKind.BANK): -cents},
    )


def suspend(bank_line: int, *, cents: int) -> Entry:
    """Take note of a movement nobody explained yet: above nought, it came in."""
    return make_entry(
        Event.UNEXPLAINED,
        bank_line,
        {Account(AccountKind.BANK): cents, Account(AccountKind.SUSPENSE): -cents},
    )


def explain(bank_line: int, *, to: Account, cents: int) -> Entry:
    """Say whose a suspended movement is: above nought, it came in."""
    return make_entry(
        Event.EXPLAINED, bank_line, {Account(AccountKind.SUSPENSE): cents, to: -cents}
    )


def charge_fees(call: int, *, insurer: int, cents: int) -> Entry:
    """Charge an insurer the operator's fees, in its call for funds."""
    return make_entry(
        Event.CALLED_FEES,
        call,
        {Account(AccountKind.INSURER, insurer): cents, Account(AccountKind.FEES): -cents},
    )


def split_sides(entry: Entry) -> tuple[Account, Account, int]:
    """Return who an entry of two sides takes from, who it gives to, and how much.

    Raises:
        ValueError: it has more sides: the journal's rows have two.
    """
    [one, other] = entry.postings
    debit, credit = (one, other) if one.cents > 0 else (other, one)
    return debit.account, credit.account, debit.cents


def add_balances(entries: Iterable[Entry]) -> dict[Account, int]:
    """Return what every account holds after these entries; accounts at 0 are left out."""
    balances: dict[Account, int] = {}
    for entry in entries:
        for account, cents in entry.postings:
            balances[account] = balances.get(account, 0) + cents
    return {account: cents for account, cents in balances.items() if cents}
