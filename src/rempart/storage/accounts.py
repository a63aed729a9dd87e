"""Rows of the accounts plane. Stores digests of keys and tokens, never the secrets themselves."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from rempart.accounts.client import ClientKind
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("accounts")


class Establishment(NamedTuple):
    """Where professionals work, in the order of its columns."""

    establishment_ref: int
    finess: str | None
    siret: str
    name: str
    postcode: str
    city: str


class Professional(NamedTuple):
    """The holder of an account, in the order of its columns."""

    account_ref: int
    rpps: str
    profession: str
    display_name: str
    establishment_ref: int | None


@dataclass(frozen=True, slots=True)
class ListedClient:
    """One line of the list of clients."""

    client_ref: int
    rpps: str
    display_name: str
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def lock_load(tx: Transaction) -> None:
    """Wait until no other load of professionals runs; holds until the transaction ends."""
    tx.execute(QUERIES.lock_load)


def list_establishment_keys(tx: Transaction) -> dict[str, int]:
    """Return establishments by FINESS number, or by SIRET for those without one."""
    return dict(tx.execute(QUERIES.list_establishment_keys).fetchall())


def list_professional_keys(tx: Transaction) -> dict[str, int]:
    """Return accounts by RPPS number."""
    return dict(tx.execute(QUERIES.list_professional_keys).fetchall())


def save_establishments(tx: Transaction, rows: Collection[Establishment]) -> None:
    """Add establishments or bring them up to date, by reference."""
    tx.execute(QUERIES.save_establishments, _transpose(rows, Establishment._fields))


def save_professionals(tx: Transaction, rows: Collection[Professional]) -> None:
    """Add professionals or bring them up to date, by reference."""
    tx.execute(QUERIES.save_professionals, _transpose(rows, Professional._fields))


def find_account(tx: Transaction, rpps: str) -> int | None:
    """Return the account of a professional, None when nobody has this number."""
    row = tx.execute(QUERIES.find_account, {"rpps": rpps}).fetchone()
    return None if row is None else int(row[0])


def save_client(
    tx: Transaction,
    *,
    client_ref: int,
    account_ref: int,
    kind: ClientKind,
    label: str,
    key_digest: bytes,
    lifetime: timedelta | None,
) -> None:
    """Add a client; `lifetime` None means until revoked."""
    tx.execute(
        QUERIES.insert_client,
        {
            "client_ref": client_ref,
            "account_ref": account_ref,
            "kind": kind,
            "label": label,
            "key_digest": key_digest,
            "lifetime": lifetime,
        },
    )


def list_clients(tx: Transaction) -> list[ListedClient]:
    """Return the clients made by hand, newest first."""
    return [ListedClient(*row) for row in tx.execute(QUERIES.list_clients)]


def revoke_client(tx: Transaction, client_ref: int) -> bool:
    """End a client; False when there is none with this reference."""
    return tx.execute(QUERIES.revoke_client, {"client_ref": client_ref}).fetchone() is not None


def save_sign_in_link(
    tx: Transaction, *, token_digest: bytes, account_ref: int | None, lifetime: timedelta
) -> None:
    """Add a one-time link and forget those long dead."""
    tx.execute(QUERIES.delete_dead_links)
    tx.execute(
        QUERIES.insert_sign_in_link,
        {"token_digest": token_digest, "account_ref": account_ref, "lifetime": lifetime},
    )


@dataclass(frozen=True, slots=True)
class RedeemedLink:
    """A link that was good, now used up; no account means the operator."""

    account_ref: int | None


def redeem_sign_in_link(tx: Transaction, token_digest: bytes) -> RedeemedLink | None:
    """Use a link up; None when it is unknown, used or expired."""
    tx.execute(QUERIES.delete_dead_portal_clients)
    row = tx.execute(QUERIES.redeem_sign_in_link, {"token_digest": token_digest}).fetchone()
    return None if row is None else RedeemedLink(row[0])


def _transpose(rows: Collection[tuple[Any, ...]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
