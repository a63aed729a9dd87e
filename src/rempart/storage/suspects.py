"""Whom an incident suspects, and what else is known of their sessions. Roles: analyst, portals.

Refuses to judge: what points to accounts is kept as it was said, and looked up again each time.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.incidents.evidence import Window
from rempart.incidents.suspicion import Doubt, DoubtKind, HeldMoment, How
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("suspects")


@dataclass(frozen=True, slots=True)
class SaidDoubt:
    """Something that points to accounts, and who said it."""

    doubt: Doubt
    author: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that takes what is added to it."""

    incident_id: int
    title: str
    exercise: bool


def name_accounts(
    tx: Transaction, incident_id: int, account_refs: Iterable[int], *, how: How
) -> frozenset[int]:
    """Name accounts; return those that were not suspects of that kind before."""
    values = {
        "incident_id": incident_id,
        "account_refs": sorted(set(account_refs)),
        "how": how.value,
    }
    return frozenset(int(row[0]) for row in tx.execute(QUERIES.name_accounts, values))


def add_doubt(tx: Transaction, incident_id: int, doubt: Doubt, *, author: str) -> bool:
    """Keep a doubt; False when it was said already."""
    values = {
        "incident_id": incident_id,
        "kind": doubt.kind.value,
        "value": doubt.value,
        "author": author,
    }
    return tx.execute(QUERIES.insert_doubt, values).fetchone() is not None


def list_doubts(tx: Transaction, incident_id: int) -> list[SaidDoubt]:
    """Return what points to accounts, in the order it was said."""
    return [
        SaidDoubt(Doubt(kind=DoubtKind(kind), value=value), author, said_at)
        for kind, value, author, said_at in tx.execute(
            QUERIES.list_doubts, {"incident_id": incident_id}
        )
    ]


def list_how(tx: Transaction, incident_id: int) -> dict[int, How]:
    """Return how each account came to be looked at."""
    rows = tx.execute(QUERIES.list_how, {"incident_id": incident_id})
    return {account_ref: How(how) for account_ref, how in rows}


def is_known(tx: Transaction, doubt: Doubt) -> bool:
    """Say whether a place or a software is one of ours; an address may be anybody's."""
    values = {"kind": doubt.kind.value, "value": doubt.value}
    row = tx.execute(QUERIES.is_known, values).fetchone()
    return row is not None and bool(row[0])


def reach_doubted(tx: Transaction, incident_id: int, window: Window) -> int:
    """Look up the accounts that doubts point to, in the place of the last ones; count them."""
    tx.execute(QUERIES.delete_doubted, {"incident_id": incident_id})
    values = {"incident_id": incident_id, "ends_ms": window.ends_ms}
    return tx.execute(QUERIES.insert_doubted, values).rowcount


def list_held(tx: Transaction, incident_id: int, window: Window) -> list[HeldMoment]:
    """Return when the guard held the accounts established as stolen."""
    values = {
        "incident_id": incident_id,
        "starts_ms": window.starts_ms,
        "ends_ms": window.ends_ms,
    }
    return [
        HeldMoment(account_ref=account_ref, t_ms=t_ms, key=key)
        for account_ref, t_ms, key in tx.execute(QUERIES.list_held, values)
    ]


def list_enrolled(tx: Transaction, session_refs: Collection[int], window: Window) -> frozenset[int]:
    """Return which sessions were opened with a key that their owner had enrolled before."""
    values = {"session_refs": sorted(session_refs), "starts_ms": window.starts_ms}
    return frozenset(int(row[0]) for row in tx.execute(QUERIES.list_enrolled, values))


def list_open_incidents(tx: Transaction) -> list[OpenIncident]:
    """Return the incidents that are not closed, the newest first."""
    return [OpenIncident(*row) for row in tx.execute(QUERIES.list_open_incidents)]
