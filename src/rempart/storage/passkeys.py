"""Passkeys, and the roles they open, as the role that recognises people sees them.

Refuses to hand out a key without its owner: a proof is judged with both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rempart.accounts.roles import OrganisationKind, Role
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("passkeys")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The key somebody shows: its owner, its public half, its counter."""

    actor_ref: int
    public_key: bytes
    sign_count: int
    usable: bool
    user_handle: bytes


@dataclass(frozen=True, slots=True)
class OpenRole:
    """One role in which an actor may sign in; a member's has no organisation of their own.

    `org_name` is the insurer's for a member.
    """

    membership_ref: int | None
    role: Role
    org_ref: int | None
    org_name: str
    org_kind: OrganisationKind | None
    accountable_ref: int | None


def load_for_proof(tx: Transaction, credential_id: bytes) -> StoredKey | None:
    """Return a key and lock it; None when there is none with this reference."""
    row = tx.execute(QUERIES.load_for_proof, {"credential_id": credential_id}).fetchone()
    return None if row is None else StoredKey(*row)


def list_usable(tx: Transaction, actor_ref: int) -> list[tuple[bytes, list[str]]]:
    """Return (reference, transports) of the keys an actor may prove, the oldest first."""
    rows = tx.execute(QUERIES.list_usable, {"actor_ref": actor_ref})
    return [(bytes(row[0]), row[1]) for row in rows]


def list_known(tx: Transaction, actor_ref: int) -> list[tuple[bytes, list[str]]]:
    """Return (reference, transports) of every key an actor ever had."""
    rows = tx.execute(QUERIES.list_known, {"actor_ref": actor_ref})
    return [(bytes(row[0]), row[1]) for row in rows]


def load_owner(tx: Transaction, actor_ref: int) -> tuple[bytes, str] | None:
    """Return (user handle, display name) of an actor who is not suspended, else None."""
    row = tx.execute(QUERIES.load_owner, {"actor_ref": actor_ref}).fetchone()
    return None if row is None else (bytes(row[0]), str(row[1]))


def save_passkey(tx: Transaction, facts: Mapping[str, Any]) -> bool:
    """Insert a key; False when it is known already."""
    return tx.execute(QUERIES.insert_passkey, facts).fetchone() is not None


def note_use(tx: Transaction, credential_id: bytes, *, sign_count: int, backed_up: bool) -> None:
    """Write down a good proof."""
    facts = {"credential_id": credential_id, "sign_count": sign_count, "backed_up": backed_up}
    tx.execute(QUERIES.note_use, facts)


def close_cloned(tx: Transaction, credential_id: bytes) -> None:
    """Close a key that exists twice, for good."""
    tx.execute(QUERIES.close_cloned, {"credential_id": credential_id})


def revoke_all(tx: Transaction, actor_ref: int) -> list[str]:
    """Revoke every usable key of an actor; return their names."""
    rows = tx.execute(QUERIES.revoke_all, {"actor_ref": actor_ref}).fetchall()
    return [str(row[0]) for row in rows]


def end_sessions(tx: Transaction, actor_ref: int) -> list[int]:
    """End every live session of an actor; return their references."""
    rows = tx.execute(QUERIES.end_sessions, {"actor_ref": actor_ref}).fetchall()
    return [int(row[0]) for row in rows]


def renew_session(
    tx: Transaction, session_ref: int, *, old_digest: bytes, new_digest: bytes
) -> bool:
    """Give a session a new token and note a fresh ceremony; False when it is over."""
    facts = {"session_ref": session_ref, "old_digest": old_digest, "new_digest": new_digest}
    return tx.execute(QUERIES.renew_session, facts).fetchone() is not None


def list_open_roles(tx: Transaction, actor_ref: int) -> list[OpenRole]:
    """Return the roles in which an actor may sign in today, by organisation then role."""
    rows = tx.execute(QUERIES.list_open_roles, {"actor_ref": actor_ref})
    return [OpenRole(row[0], Role(row[1]), *row[2:]) for row in rows]
