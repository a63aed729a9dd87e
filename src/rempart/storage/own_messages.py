"""What a member's insurer wrote to them, and how they want to be written to."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("own_messages")


class StoredPreference(NamedTuple):
    """How somebody wants to be written to."""

    channel: str | None
    language: str
    variant: str
    set_at: datetime


class OwnMessage(NamedTuple):
    """One message: the facts its text is written from, where it is, when it was opened."""

    number: int
    kind: str
    former: int | None
    relation: str
    certainty: str
    doubt: str | None
    fields: int
    not_exposed: int
    left_on: date | None
    kept_until: date | None
    kept_why: str | None
    language: str
    variant: str
    channel: str
    state: str
    state_at: datetime
    facts: Mapping[str, Any]
    exercise: bool
    opened_at: datetime | None

    def __repr__(self) -> str:
        return f"<OwnMessage {self.number}>"


def load_preference(
    tx: Transaction, *, insurer_id: int, person_ref: int
) -> StoredPreference | None:
    """Return how the visitor wants to be written to; None when they never said."""
    values = {"insurer_id": insurer_id, "person_ref": person_ref}
    row = tx.execute(_sql.load_preference, values).fetchone()
    return None if row is None else StoredPreference(*row)


def save_preference(tx: Transaction, **values: Any) -> None:
    """Say how the visitor wants to be written to."""
    tx.execute(_sql.save_preference, values)


def list_messages(tx: Transaction) -> list[OwnMessage]:
    """Return the messages that were sent to the visitor, the newest first."""
    return [OwnMessage(*row) for row in tx.execute(_sql.list_messages)]


def note_opened(tx: Transaction, number: int) -> None:
    """Note that the visitor opened one of their messages; once is enough."""
    tx.execute(_sql.note_opened, {"number": number})
