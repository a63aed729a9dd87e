"""What the portal does around one sign-in: greet the professional, end their key at the end."""

from rempart.accounts.keys import compute_key_digest
from rempart.kernel.errors import NotFound
from rempart.storage import portal_account
from rempart.storage.connect import Transaction
from rempart.storage.portal_account import GreetedProfessional

__all__ = ["GreetedProfessional", "end_portal_key", "read_professional"]


def read_professional(tx: Transaction, account_ref: int) -> GreetedProfessional:
    """Return how to greet the holder of an account.

    Raises:
        NotFound: the account was removed between the link and its use.
    """
    professional = portal_account.load_professional(tx, account_ref)
    if professional is None:
        raise NotFound("this account no longer exists: ask the operator")
    return professional


def end_portal_key(tx: Transaction, key: str) -> None:
    """End the key of a browser that signs out. Doing it twice changes nothing."""
    portal_account.revoke_key(tx, compute_key_digest(key))
