"""Rows of the accounts plane. Stores digests of keys and tokens, never the secrets themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from rempart.accounts.client import ClientKind
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("accounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Establishment:
    """Where a professional works; `sealed_iban` can only be opened with the home's key."""

    establishment_ref: int
    finess: str
    siret: str
    name: str
    postcode: str
    city: str
    sealed_iban: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """The holder of an account."""

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


def save_establishment(tx: Transaction, establishment: Establishment) -> int:
    """Add an establishment or bring it up to date; return the reference it always had."""
    row = tx.execute(
        QUERIES.save_establishment,
        {
            "establishment_ref": establishment.establishment_ref,
            "finess": establishment.finess,
            "siret": establishment.siret,
            "name": establishment.name,
            "postcode": establishment.postcode,
            "city": establishment.city,
            "sealed_iban": establishment.sealed_iban,
        },
    )
    return int(_only(row.fetchone()))


def save_professional(tx: Transaction, professional: Professional) -> int:
    """Add a professional or bring them up to date; return the reference they always had."""
    row = tx.execute(
        QUERIES.save_professional,
        {
            "account_ref": professional.account_ref,
            "rpps": professional.rpps,
            "profession": professional.profession,
            "display_name": professional.display_name,
            "establishment_ref": professional.establishment_ref,
        },
    )
    return int(_only(row.fetchone()))


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


def _only(row: tuple[Any, ...] | None) -> Any:
    if row is None:
        raise RuntimeError("RETURNING gave no row")
    return row[0]
