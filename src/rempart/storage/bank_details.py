"""Rows of bank details: versions, steps, and who may take them. Never an IBAN: it stays sealed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from rempart.accounts.bank_details import AccountVersion, ChangeState, PayeeCheck
from rempart.accounts.events import SecurityEventKind
from rempart.accounts.permissions import Permission
from rempart.accounts.second_person import Entitled
from rempart.storage import standing
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("bank_details")


class FirstAccount(NamedTuple):
    """The first account of an establishment, in the order of its columns."""

    change_ref: int
    establishment_ref: int
    sealed_iban: bytes
    last_digits: str


@dataclass(frozen=True, slots=True)
class Place:
    """An establishment as its own people name it; `org_ref` is None when nobody signs in there."""

    name: str
    city: str
    org_ref: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a change of account; `name` is empty when the asker may not know whose it is."""

    event_ref: int
    at: datetime
    kind: SecurityEventKind
    change_ref: int
    actor_ref: int | None
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change under way, as the operator sees it."""

    change_ref: int
    establishment_ref: int
    name: str
    city: str
    last_digits: str
    old_digits: str
    state: ChangeState
    proposed_by: str
    proposed_at: datetime
    active_from: datetime | None
    payee_check: PayeeCheck | None


def lock(tx: Transaction, establishment_ref: int) -> None:
    """Wait until no other step of this establishment is under way; holds to the end."""
    tx.execute(QUERIES.lock, {"establishment_ref": establishment_ref})


def read_clock(tx: Transaction) -> datetime:
    """Return the present instant, by the one clock that decides."""
    [row] = tx.execute(QUERIES.read_clock).fetchall()
    instant: datetime = row[0]
    return instant


def load_history(tx: Transaction, establishment_ref: int) -> list[AccountVersion]:
    """Return all accounts of an establishment, oldest first."""
    cursor = tx.execute(QUERIES.list_versions, {"establishment_ref": establishment_ref})
    names = [column.name for column in cursor.description or ()]
    return [_make_version(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def find_establishment(tx: Transaction, change_ref: int) -> int | None:
    """Return whose change this is; None when there is none, or not for this asker."""
    row = tx.execute(QUERIES.find_establishment, {"change_ref": change_ref}).fetchone()
    return None if row is None else int(row[0])


def load_place(tx: Transaction, establishment_ref: int) -> Place | None:
    """Return what an establishment is called; None when there is none for this asker."""
    row = tx.execute(QUERIES.load_place, {"establishment_ref": establishment_ref}).fetchone()
    return None if row is None else Place(*row)


def list_entitled(tx: Transaction, establishment_ref: int) -> list[Entitled]:
    """Return who may change the account of an establishment, or could before."""
    place = load_place(tx, establishment_ref)
    if place is None or place.org_ref is None:
        return []
    return standing.list_entitled(tx, place.org_ref, Permission.APPROVE_BANK_DETAILS)


def save_version(
    tx: Transaction, version: AccountVersion, *, sealed_iban: bytes, payee_provider: str
) -> None:
    """Insert a change just proposed."""
    tx.execute(
        QUERIES.insert_version,
        {
            **_list_values(version),
            "sealed_iban": sealed_iban,
            "payee_provider": payee_provider,
        },
    )


def update_version(tx: Transaction, version: AccountVersion, *, before: ChangeState) -> bool:
    """Write what a step changed; False when the change had left the state it was read in."""
    values = {**_list_values(version), "before": before.value}
    return tx.execute(QUERIES.update_version, values).fetchone() is not None


def list_due(tx: Transaction, *, most: int) -> list[int]:
    """Return establishments with a change whose cooling-off period is over."""
    return [int(ref) for (ref,) in tx.execute(QUERIES.list_due, {"most": most}).fetchall()]


def list_steps(tx: Transaction, org_ref: int) -> list[Step]:
    """Return the events of an organisation's changes of account, oldest first."""
    rows = tx.execute(QUERIES.list_steps, {"org_ref": org_ref}).fetchall()
    return [Step(ref, at, SecurityEventKind(kind), *rest) for ref, at, kind, *rest in rows]


def count_warnings(tx: Transaction, event_refs: Sequence[int]) -> dict[int, int]:
    """Return how many addresses were warned of each event; those with none are left out."""
    rows = tx.execute(QUERIES.count_warnings, {"event_refs": list(event_refs)}).fetchall()
    return {int(ref): int(count) for ref, count in rows}


def list_pending(tx: Transaction, *, most: int) -> list[PendingChange]:
    """Return the changes under way that the asker may see, the oldest first."""
    cursor = tx.execute(QUERIES.list_pending, {"most": most})
    names = [column.name for column in cursor.description or ()]
    pending = []
    for row in cursor.fetchall():
        facts = dict(zip(names, row, strict=True))
        check = facts["payee_check"]
        facts["state"] = ChangeState(facts["state"])
        facts["payee_check"] = None if check is None else PayeeCheck(check)
        pending.append(PendingChange(**facts))
    return pending


def list_without_account(tx: Transaction, establishment_refs: Collection[int]) -> list[int]:
    """Return those of these establishments that have neither an account nor a change under way."""
    rows = tx.execute(
        QUERIES.list_without_account, {"establishment_refs": list(establishment_refs)}
    ).fetchall()
    return [int(ref) for (ref,) in rows]


def save_first_accounts(tx: Transaction, rows: Sequence[FirstAccount]) -> None:
    """Insert first accounts, paid at once."""
    columns = {name: [row[n] for row in rows] for n, name in enumerate(FirstAccount._fields)}
    tx.execute(QUERIES.insert_first_accounts, columns)


def _make_version(facts: dict[str, Any]) -> AccountVersion:
    check = facts.pop("payee_check")
    return AccountVersion(
        **(facts | {"state": ChangeState(facts["state"])}),
        payee_check=None if check is None else PayeeCheck(check),
    )


def _list_values(version: AccountVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in AccountVersion.__dataclass_fields__}
