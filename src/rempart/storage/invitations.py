"""Invitations, found by the digest of their code and used up once.

Refuses to be searched by anything but a code's digest.
"""

from dataclasses import dataclass
from typing import Final, Literal

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("invitations")


@dataclass(frozen=True, slots=True)
class StoredInvitation:
    """An invitation; `waiting`: neither used, revoked nor expired. No organisation: a member's."""

    invitation_ref: int
    kind: Literal["enrolment", "recovery"]
    actor_ref: int
    org_ref: int | None
    waiting: bool


def load_invitation(tx: Transaction, code_digest: bytes) -> StoredInvitation | None:
    """Return the invitation of a code, None when there is none."""
    row = tx.execute(QUERIES.load_invitation, {"code_digest": code_digest}).fetchone()
    return None if row is None else StoredInvitation(*row)


def use_up(tx: Transaction, invitation_ref: int) -> bool:
    """Use an invitation up; False when somebody did before, or it is over."""
    row = tx.execute(QUERIES.use_up, {"invitation_ref": invitation_ref}).fetchone()
    return row is not None
