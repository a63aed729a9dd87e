"""Give software a key to act for one professional, list the keys, take one back.

Refuses to show a key twice: it is returned once and only its digest is stored.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from rempart.accounts.client import ClientKind
from rempart.accounts.keys import SECRET_BYTES, compute_key_digest, format_client_key
from rempart.kernel.errors import NotFound
from rempart.kernel.rpps import Rpps
from rempart.storage import accounts
from rempart.storage.accounts import ListedClient
from rempart.storage.connect import Transaction

__all__ = [
    "ListedClient",
    "NewClient",
    "create_client",
    "list_clients",
    "mint_key",
    "revoke_client",
]


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client and its key, in the only moment the key is known."""

    client_ref: int
    key: str

    def __repr__(self) -> str:
        return f"<NewClient {self.client_ref}>"


def create_client(
    tx: Transaction, *, rpps: Rpps, label: str, lifetime: timedelta | None = None
) -> NewClient:
    """Create a client for software that a professional uses.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        rpps: The professional the software acts for.
        label: What the people who will read the list call this software.
        lifetime: How long the key works; None until it is revoked.

    Raises:
        NotFound: no professional has this RPPS number.
    """
    account_ref = find_account(tx, rpps)
    return mint_key(tx, account_ref=account_ref, kind="software", label=label, lifetime=lifetime)


def find_account(tx: Transaction, rpps: Rpps) -> int:
    """Return the account of a professional.

    Raises:
        NotFound: no professional has this RPPS number.
    """
    account_ref = accounts.find_account(tx, rpps.number)
    if account_ref is None:
        raise NotFound("no professional has this RPPS number: load them with `rempart client load`")
    return account_ref


def mint_key(
    tx: Transaction,
    *,
    account_ref: int,
    kind: ClientKind,
    label: str,
    lifetime: timedelta | None,
) -> NewClient:
    """Draw a key for an account and store its digest."""
    key = format_client_key(secrets.token_bytes(SECRET_BYTES))
    client = NewClient(draw_ref(), key)
    accounts.save_client(
        tx,
        client_ref=client.client_ref,
        account_ref=account_ref,
        kind=kind,
        label=label,
        key_digest=compute_key_digest(key),
        lifetime=lifetime,
    )
    return client


def draw_ref() -> int:
    """Draw a random positive 64-bit reference."""
    return secrets.randbits(63) or 1


def list_clients(tx: Transaction) -> list[ListedClient]:
    """List the clients made by hand, newest first; those of signed-in browsers are not shown."""
    return accounts.list_clients(tx)


def revoke_client(tx: Transaction, client_ref: int) -> None:
    """End a client: within five seconds its key opens nothing. Doing it twice changes nothing.

    Raises:
        NotFound: there is no such client.
    """
    if not accounts.revoke_client(tx, client_ref):
        raise NotFound(f"there is no client {client_ref}: see `rempart client list`")
