"""Accounts that exist for one exercise, and what the guard keeps of them.

Refuses to touch an account of anybody: it opens those it is given, under numbers nobody has.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.guard import Changes
from rempart.storage.guard_state import insert_days
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("exercises")


class Double(NamedTuple):
    """A professional of an exercise: a number nobody was given, a profession, a name."""

    account_ref: int
    rpps: str
    profession: str
    display_name: str


class Holding(NamedTuple):
    """An account that the guard held, and when."""

    event_ref: int
    account_ref: int
    t_ms: int


def save_doubles(tx: Transaction, doubles: Sequence[Double]) -> int:
    """Open accounts; return how many: fewer when a number is taken. Role: registrar."""
    columns = [list(column) for column in zip(*doubles, strict=True)] or [[], [], [], []]
    names = ("account_refs", "rpps", "professions", "names")
    return tx.execute(QUERIES.insert_doubles, dict(zip(names, columns, strict=True))).rowcount


def save_past(tx: Transaction, past: Changes, professions: Mapping[int, str]) -> None:
    """Give accounts their past. Role: gateway.

    Args:
        tx: A transaction.
        past: What the guard keeps of them.
        professions: Of each account.
    """
    with tx.cursor() as cursor:
        cursor.executemany(
            QUERIES.insert_account,
            [
                {**one._asdict(), "profession": professions[one.account_ref]}
                for one in past.accounts
            ],
        )
        with cursor.copy(QUERIES.copy_faces.rstrip().rstrip(";")) as faces:
            for face in past.faces:
                faces.write_row(face)
        cursor.executemany(QUERIES.insert_address, [row._asdict() for row in past.addresses])
    insert_days(tx, past.days)


def list_holdings(tx: Transaction, account_refs: Sequence[int], *, after_ref: int) -> list[Holding]:
    """Return what the guard held since an event, oldest first. Role: registrar."""
    values = {"account_refs": list(account_refs), "after_ref": after_ref}
    return [Holding(*row) for row in tx.execute(QUERIES.list_holdings, values)]


def forget_accounts(tx: Transaction, account_refs: Sequence[int], *, log_id: int) -> None:
    """Take accounts, and a log, out of the guard. Role: gateway."""
    values = {"account_refs": list(account_refs), "log_id": log_id}
    tx.execute(QUERIES.forget_accounts, values)
