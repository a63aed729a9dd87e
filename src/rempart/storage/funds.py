"""Rows of calls for funds and mandates. An insurer's account is sealed, as an establishment's."""

from collections.abc import Collection
from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.iban import Iban
from rempart.storage.connect import Transaction
from rempart.storage.letterbox import Letterbox
from rempart.storage.queries import load_queries

FundingRule: TypeAlias = Literal["advance", "wait"]

_sql: Final = load_queries("funds")
_LABEL: Final = b"rempart settlement: bank account of an insurer"


class MandateSeal:
    """Seals the accounts that insurers' funds are collected from, and opens them again.

    Args:
        master_key: The home's master key, 32 bytes; a key for this one use is derived from it.
    """

    def __init__(self, master_key: bytes) -> None:
        self._letterbox = Letterbox(master_key, _LABEL)

    def close(self, iban: Iban, *, insurer_id: int) -> bytes:
        """Seal an IBAN, bound to its insurer."""
        return self._letterbox.slot.close(iban.format(), bound_to=insurer_id)

    def open(self, sealed: bytes, *, insurer_id: int) -> Iban:
        """Open a sealed IBAN.

        Raises:
            cryptography.exceptions.InvalidTag: it was changed, moved, or sealed by another home.
        """
        return Iban.parse(self._letterbox.open(sealed, bound_to=insurer_id))


class ToCall(NamedTuple):
    """What an insurer is to be called for, and how its funds come."""

    insurer_id: int
    cents: int
    lines: int
    due_days: int
    fee_cents: int
    mandate_id: int | None


class DebitRow(NamedTuple):
    """One direct debit of a file, its account sealed; `follows`: it is not the mandate's first."""

    call_id: int
    insurer_id: int
    name: str
    cents: int
    mandate: str
    signed_on: date
    sealed_iban: bytes
    follows: bool


class Reminder(NamedTuple):
    """A call that is overdue: how much of it, and the how many-th time it is said."""

    call_id: int
    insurer_id: int
    open_cents: int
    due_on: date
    number: int


def lock_calls(tx: Transaction) -> None:
    """Wait until nobody else calls for funds; holds to the end."""
    tx.execute(_sql.lock_calls)


def list_to_call(tx: Transaction, *, due_days: int) -> list[ToCall]:
    """Return what each insurer is to be called for."""
    return [ToCall(*row) for row in tx.execute(_sql.list_to_call, {"due_days": due_days})]


def save_call(tx: Transaction, wanted: ToCall, *, fees_cents: int, due_on: date) -> int:
    """Write a call; return its number.

    Raises:
        ValueError: what it is for changed since it was read.
    """
    [row] = tx.execute(
        _sql.insert_call,
        {
            "insurer_id": wanted.insurer_id,
            "cents": wanted.cents + fees_cents,
            "fees_cents": fees_cents,
            "due_on": due_on,
            "mandate_id": wanted.mandate_id,
        },
    ).fetchall()
    call_id = int(row[0])
    values = {"call_id": call_id, "insurer_id": wanted.insurer_id}
    [taken] = tx.execute(_sql.take_shares, values).fetchall()
    if taken[0] != wanted.cents:
        raise ValueError("what an insurer is called for changed meanwhile")
    return call_id


def list_to_collect(tx: Transaction, *, most: int) -> list[tuple[int, int]]:
    """Return calls to be collected that are in no file, and their sums."""
    return [
        (int(ref), int(cents)) for ref, cents in tx.execute(_sql.list_to_collect, {"most": most})
    ]


def set_collected(tx: Transaction, calls: Collection[int], *, file_id: int) -> None:
    """Write that calls are in a file."""
    tx.execute(_sql.set_collected, {"calls": list(calls), "file_id": file_id})


def list_debits(tx: Transaction, file_id: int) -> list[DebitRow]:
    """Return the direct debits of a file, in order."""
    return [DebitRow(*row) for row in tx.execute(_sql.list_debits, {"file_id": file_id})]


def save_funding(
    tx: Transaction, insurer_id: int, rule: FundingRule, *, due_days: int, fee_cents: int
) -> None:
    """Write how an insurer's funds come from now on."""
    values = {"insurer_id": insurer_id, "rule": rule, "due_days": due_days, "fee_cents": fee_cents}
    tx.execute(_sql.save_funding, values)


def save_mandate(
    tx: Transaction,
    insurer_id: int,
    *,
    reference: str,
    signed_on: date,
    iban: Iban,
    seal: MandateSeal,
) -> int:
    """Write an insurer's mandate in the place of the one it had; return its number."""
    tx.execute(_sql.end_mandate, {"insurer_id": insurer_id})
    [row] = tx.execute(
        _sql.insert_mandate,
        {
            "insurer_id": insurer_id,
            "reference": reference,
            "signed_on": signed_on,
            "sealed_iban": seal.close(iban, insurer_id=insurer_id),
            "last_digits": iban.number[-4:],
        },
    ).fetchall()
    return int(row[0])


def end_mandate(tx: Transaction, insurer_id: int) -> bool:
    """End an insurer's mandate, and what it had still to collect; False when it has none."""
    about = {"insurer_id": insurer_id}
    tx.execute(_sql.release_calls, about)
    return tx.execute(_sql.end_mandate, about).rowcount == 1


def find_insurer(tx: Transaction, amc_number: str) -> tuple[int, str] | None:
    """Return an insurer's number and name by its AMC number."""
    row = tx.execute(_sql.find_insurer, {"amc_number": amc_number}).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def remind(tx: Transaction, *, day: date, days: int) -> list[Reminder]:
    """Note a reminder of each overdue call that had none lately; return them."""
    return [Reminder(*row) for row in tx.execute(_sql.remind, {"day": day, "days": days})]
