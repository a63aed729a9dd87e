"""Where somebody is warned, as they manage it themselves. No address is opened here."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from rempart.accounts.contacts import Channel
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("own_addresses")


class OwnAddress(NamedTuple):
    """An address in use; no hint: the operator loaded it."""

    contact_ref: int
    channel: Channel
    hint: str
    added_at: datetime


class WaitingAddress(NamedTuple):
    """An address that waits for its code."""

    contact_ref: int
    channel: Channel
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRequest:
    """An address somebody gave, sealed, and the code sent there."""

    contact_ref: int
    actor_ref: int
    channel: Channel
    hint: str
    sealed: bytes = field(repr=False)
    code_digest: bytes = field(repr=False)
    sealed_code: bytes = field(repr=False)
    lifetime: timedelta


def list_own(tx: Transaction, actor_ref: int) -> list[OwnAddress]:
    """Return the addresses in use of a person, the oldest first."""
    rows = tx.execute(QUERIES.list_own, {"actor_ref": actor_ref})
    return [OwnAddress(*row) for row in rows]


def lock_own(tx: Transaction, actor_ref: int) -> list[OwnAddress]:
    """Return the same, locked until the end of the transaction."""
    rows = tx.execute(QUERIES.lock_own, {"actor_ref": actor_ref})
    return [OwnAddress(*row) for row in rows]


def list_waiting(tx: Transaction, actor_ref: int, *, most: int) -> list[WaitingAddress]:
    """Return the addresses that wait for a code which can still be tried."""
    rows = tx.execute(QUERIES.list_waiting, {"actor_ref": actor_ref, "most": most})
    return [WaitingAddress(*row) for row in rows]


def lock_given(tx: Transaction, actor_ref: int) -> int:
    """Return how many addresses of a person were sent a code that nobody gave back yet.

    Nobody else gives one for them until the end of the transaction.
    """
    facts = {"actor_ref": actor_ref}
    tx.execute(QUERIES.lock_giving, facts)
    row = tx.execute(QUERIES.count_given, facts).fetchone()
    return 0 if row is None else int(row[0])


def save_request(tx: Transaction, request: AddressRequest) -> None:
    """Keep an address until its code comes back."""
    facts = {name: getattr(request, name) for name in AddressRequest.__dataclass_fields__}
    tx.execute(QUERIES.insert_request, facts)


def count_code(tx: Transaction, actor_ref: int, contact_ref: int, *, most: int) -> bytes | None:
    """Count one try; return the digest of the right code, None when there is nothing to try."""
    facts = {"actor_ref": actor_ref, "contact_ref": contact_ref, "most": most}
    row = tx.execute(QUERIES.count_code, facts).fetchone()
    return None if row is None else bytes(row[0])


def keep_confirmed(tx: Transaction, actor_ref: int, contact_ref: int) -> str | None:
    """Warn there from now on; return the channel, None when it waits no more."""
    facts = {"actor_ref": actor_ref, "contact_ref": contact_ref}
    row = tx.execute(QUERIES.keep_confirmed, facts).fetchone()
    return None if row is None else str(row[0])


def remove_own(tx: Transaction, actor_ref: int, contact_ref: int) -> str | None:
    """Stop using an address; return the channel, None when it is not one of theirs."""
    facts = {"actor_ref": actor_ref, "contact_ref": contact_ref}
    row = tx.execute(QUERIES.remove_own, facts).fetchone()
    return None if row is None else str(row[0])
