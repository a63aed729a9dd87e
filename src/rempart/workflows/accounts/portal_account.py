"""What the professional portal reads of whoever is signed in, besides who they are."""

from rempart.accounts.visitor import Visitor
from rempart.storage import portal_account
from rempart.storage.connect import Transaction


def read_profession(tx: Transaction, visitor: Visitor) -> str:
    """Return the profession of whoever answers for the care: the visitor, or who they work for.

    Returns:
        A code of the professions; empty when nobody of the kind is visible to the visitor.
    """
    answerable = visitor.accountable_ref or visitor.actor_ref
    return portal_account.load_profession(tx, answerable) or ""
