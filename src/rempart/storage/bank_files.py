"""Rows of what the bank said, and of what it was about."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.settlement.bank_matching import BankFile, Books, Called, Match, Sent, SentFile
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

Explanation: TypeAlias = Literal["insurer", "refund", "fees"]

_sql: Final = load_queries("bank_files")


class Returned(NamedTuple):
    """A transfer that came back: whose, how much, and the account it went to."""

    establishment_ref: int
    cents: int
    change_ref: int


class Suspended(NamedTuple):
    """A movement nobody explained."""

    line_id: int
    cents: int
    booked_on: date


class OpenCall(NamedTuple):
    """A call that is not paid in full."""

    call_id: int
    insurer_id: int
    open_cents: int


def lock_imports(tx: Transaction) -> None:
    """Wait until nobody else imports; holds to the end."""
    tx.execute(_sql.lock_imports)


def find_same(tx: Transaction, file: BankFile) -> bool | None:
    """Say whether a file was taken: True for the same bytes, False for the same name, None."""
    values = {"digest": file.digest, "kind": file.kind, "statement_id": file.statement_id}
    row = tx.execute(_sql.find_same, values).fetchone()
    return None if row is None else bool(row[1])


def find_last_closing(tx: Transaction, booked_to: date | None) -> int | None:
    """Return what the newest statement up to a day closed with; None when there is none."""
    row = tx.execute(_sql.find_last_closing, {"booked_to": booked_to}).fetchone()
    return None if row is None else row[0]


def load_books(
    tx: Transaction, mentions: Collection[tuple[str, int]], refs: Collection[str]
) -> Books:
    """Return what movements may be about, locked until the transaction ends."""
    numbers: dict[str, list[int]] = {"remittance": [], "call": [], "file": []}
    for kind, number in set(mentions):
        numbers[kind].append(number)
    sent = [Sent(*row) for row in tx.execute(_sql.list_sent, {"refs": numbers["remittance"]})]
    calls = [Called(*row) for row in tx.execute(_sql.list_called, {"refs": numbers["call"]})]
    files = [SentFile(*row) for row in tx.execute(_sql.list_files, {"refs": numbers["file"]})]
    known = tx.execute(_sql.list_known_refs, {"refs": list(refs)})
    return Books(
        sent={one.remittance_id: one for one in sent},
        calls={one.call_id: one for one in calls},
        files={one.file_id: one for one in files},
        known_refs={row[0] for row in known},
    )


def list_of_file(tx: Transaction, file_id: int) -> list[Sent]:
    """Return the transfers of a file that nobody confirmed."""
    return [Sent(*row) for row in tx.execute(_sql.list_of_file, {"file_id": file_id})]


def list_calls_of_file(tx: Transaction, file_id: int) -> list[OpenCall]:
    """Return the calls of a file of direct debits that are not paid in full."""
    return [OpenCall(*row) for row in tx.execute(_sql.list_calls_of_file, {"file_id": file_id})]


def save_bank_file(tx: Transaction, file: BankFile) -> int:
    """Write that a file is taken; return its number."""
    [row] = tx.execute(
        _sql.insert_bank_file,
        {
            "kind": file.kind,
            "digest": file.digest,
            "statement_id": file.statement_id,
            "booked_to": file.booked_to,
            "opening_cents": file.opening_cents,
            "closing_cents": file.closing_cents,
            "lines": len(file.movements),
        },
    ).fetchall()
    return int(row[0])


def save_lines(tx: Transaction, bank_file_id: int, matches: Sequence[Match]) -> dict[int, int]:
    """Write movements and what each is; return their numbers by their place in the file."""
    columns: dict[str, list[Any]] = {
        "position": [one.movement.position for one in matches],
        "booked_on": [one.movement.booked_on for one in matches],
        "cents": [one.movement.cents for one in matches],
        "end_to_end": [one.movement.end_to_end for one in matches],
        "bank_ref": [one.movement.bank_ref for one in matches],
        "return_code": [one.movement.return_code for one in matches],
        "state": [one.state for one in matches],
        "remittance_id": [one.remittance_id for one in matches],
        "call_id": [one.call_id for one in matches],
        "file_id": [one.file_id for one in matches],
        "insurer_id": [one.insurer_id for one in matches],
    }
    rows = tx.execute(_sql.insert_lines, {"bank_file_id": bank_file_id, **columns})
    return {int(position): int(line_id) for position, line_id in rows}


def confirm_remittances(tx: Transaction, days: dict[int, date]) -> list[tuple[int, int]]:
    """Write that the bank paid transfers; return those it is new of, and their amounts."""
    values = {"remittance": list(days), "day": list(days.values())}
    return [(int(ref), int(cents)) for ref, cents in tx.execute(_sql.confirm_remittances, values)]


def return_remittance(
    tx: Transaction, remittance_id: int, *, day: date, code: str
) -> Returned | None:
    """Write that a transfer came back, and let what it held wait; None when that is not new."""
    about = {"remittance_id": remittance_id}
    values = {**about, "day": day, "code": code}
    row = tx.execute(_sql.return_remittance, values).fetchone()
    if row is None:
        return None
    tx.execute(_sql.keep_returned, about)
    tx.execute(_sql.free_returned, about)
    tx.execute(_sql.give_back_shares, about)
    return Returned(*row)


def save_hold(tx: Transaction, returned: Returned, *, remittance_id: int, code: str) -> None:
    """Write that nothing goes to an account any more."""
    tx.execute(
        _sql.insert_hold,
        {
            "establishment_ref": returned.establishment_ref,
            "change_ref": returned.change_ref,
            "remittance_id": remittance_id,
            "code": code,
        },
    )


def lift_holds(tx: Transaction, establishment_ref: int, *, by: int | None) -> int:
    """Let an account be tried again; return how many holds were lifted."""
    values = {"establishment_ref": establishment_ref, "by": by}
    return tx.execute(_sql.lift_holds, values).rowcount


def receive_funds(tx: Transaction, call_id: int, *, cents: int, day: date) -> None:
    """Write that funds of a call came; below nought, that they went back."""
    tx.execute(_sql.receive_funds, {"call_id": call_id, "cents": cents, "day": day})


def load_suspended(tx: Transaction, line_id: int) -> Suspended | None:
    """Return a movement nobody explained, locked; None when there is none."""
    row = tx.execute(_sql.load_suspended, {"line_id": line_id}).fetchone()
    return None if row is None else Suspended(*row)


def explain_line(
    tx: Transaction,
    line_id: int,
    *,
    explanation: Explanation,
    note: str,
    insurer_id: int | None = None,
    call_id: int | None = None,
    remittance_id: int | None = None,
) -> None:
    """Write what a movement was."""
    tx.execute(
        _sql.explain_line,
        {
            "line_id": line_id,
            "as": explanation,
            "insurer_id": insurer_id,
            "call_id": call_id,
            "remittance_id": remittance_id,
            "by": None,
            "note": note,
        },
    )


def save_refund(tx: Transaction, establishment_ref: int, cents: int) -> int | None:
    """Set what an establishment paid back against what it owed, when both are the same.

    Returns:
        The remittance the other way round that holds it; None when it owes another sum.
    """
    about = {"establishment_ref": establishment_ref}
    row = tx.execute(_sql.insert_refund, {**about, "cents": -cents}).fetchone()
    if row is None:
        return None
    remittance = {"remittance_id": int(row[0])}
    taken = tx.execute(_sql.take_refunded, {**about, **remittance}).fetchall()
    if sum(amount for _, amount in taken) != -cents:
        raise ValueError("what an establishment owes changed meanwhile")
    tx.execute(_sql.save_refund_shares, remittance)
    return int(row[0])
