"""Sessions bound to a device, in the accounts plane: challenges used once, cookies that end soon.

Refuses to keep either: digests only.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal, NamedTuple, TypeAlias

from psycopg.types.json import Jsonb

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("session_devices")

DevicePurpose: TypeAlias = Literal["bind", "refresh"]


class DeviceSession(NamedTuple):
    """A live session, and the public key it is bound to; None when it is not."""

    session_ref: int
    actor_ref: int
    org_ref: int | None
    device_key: Mapping[str, str] | None


def save_challenge(
    tx: Transaction, session_ref: int, digest: bytes, *, purpose: DevicePurpose, lifetime: timedelta
) -> None:
    """Keep a challenge."""
    facts = {"session_ref": session_ref, "digest": digest, "purpose": purpose, "lifetime": lifetime}
    tx.execute(QUERIES.insert_challenge, facts)


def take_challenge(
    tx: Transaction, session_ref: int, digest: bytes, *, purpose: DevicePurpose
) -> bool:
    """Use a challenge up; False when it is not there to be used."""
    facts = {"session_ref": session_ref, "digest": digest, "purpose": purpose}
    return tx.execute(QUERIES.take_challenge, facts).fetchone() is not None


def lock_session(tx: Transaction, token_digest: bytes) -> DeviceSession | None:
    """Return a live session by its token's digest, locked; None when there is none."""
    row = tx.execute(QUERIES.lock_session, {"token_digest": token_digest}).fetchone()
    return None if row is None else DeviceSession(*row)


def bind(tx: Transaction, session_ref: int, device_key: Mapping[str, str]) -> bool:
    """Bind a session; False when it is bound already."""
    facts = {"session_ref": session_ref, "device_key": Jsonb(dict(device_key))}
    return tx.execute(QUERIES.bind, facts).fetchone() is not None


def save_cookie(tx: Transaction, session_ref: int, digest: bytes, *, lifetime: timedelta) -> None:
    """Keep a cookie for as long as it counts."""
    facts = {"session_ref": session_ref, "digest": digest, "lifetime": lifetime}
    tx.execute(QUERIES.insert_cookie, facts)
