"""Browser sessions and security events, in the accounts plane.

Refuses to find a session by anything but its token's digest: the ticket comes from there.
"""

from collections.abc import Mapping
from typing import Any, Final

from psycopg.types.json import Jsonb

from rempart.accounts.events import SecurityEvent
from rempart.accounts.roles import Role
from rempart.accounts.visitor import Visitor
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("web_sessions")
_FIELDS: Final = tuple(Visitor.__dataclass_fields__)


def enter(tx: Transaction, token_digest: bytes, device_digest: bytes | None) -> Visitor | None:
    """Give this transaction the ticket of a live session and return who it is; None if it is not.

    From here on, row-level security shows this transaction the rows of that visitor only.
    """
    cursor = tx.execute(QUERIES.enter, {"digest": token_digest, "device": device_digest})
    row = cursor.fetchone()
    if row is None:
        return None
    names = [column.name for column in cursor.description or ()]
    facts = dict(zip(names, row, strict=True))
    facts["role"] = Role(facts["role"])
    facts["org_name"] = facts["org_name"] or ""
    return Visitor(**{name: facts[name] for name in _FIELDS})


def save_session(tx: Transaction, facts: Mapping[str, Any]) -> None:
    """Insert a session; `facts` are the parameters of the query."""
    tx.execute(QUERIES.insert_session, facts)


def end_session(tx: Transaction, session_ref: int, *, reason: str) -> int | None:
    """End a session; return whose it was, None when there is none to end."""
    row = tx.execute(QUERIES.end_session, {"session_ref": session_ref, "reason": reason}).fetchone()
    return None if row is None else int(row[0])


def append_event(tx: Transaction, event: SecurityEvent, *, event_ref: int) -> None:
    """Write one security event."""
    facts = {name: getattr(event, name) for name in SecurityEvent.__dataclass_fields__}
    facts |= {"event_ref": event_ref, "details": Jsonb(dict(event.details))}
    tx.execute(QUERIES.insert_event, facts)
