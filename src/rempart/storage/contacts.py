"""Where people are warned, and the warnings to send. An address is opened by the sender only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rempart.accounts.contacts import Channel
from rempart.accounts.events import SecurityEventKind
from rempart.storage.connect import Transaction
from rempart.storage.letterbox import Letterbox
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("contacts")
_LABEL: Final = b"rempart accounts: where somebody is warned"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose address it is: an organisation's or a person's."""

    org_ref: int | None
    actor_ref: int | None


@dataclass(frozen=True, slots=True)
class UnsentWarning:
    """One warning to send; the address is still sealed."""

    warning_ref: int
    contact_ref: int
    channel: Channel
    sealed: bytes = field(repr=False)
    kind: SecurityEventKind
    at: datetime
    details: Mapping[str, Any]
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class UnsentCode:
    """A code for an address somebody gave; both are still sealed."""

    contact_ref: int
    channel: Channel
    sealed: bytes = field(repr=False)
    sealed_code: bytes = field(repr=False)


def make_letterbox(master_key: bytes) -> Letterbox:
    """Return what seals and opens addresses in one home; each is bound to its contact_ref."""
    return Letterbox(master_key, _LABEL)


def warn(tx: Transaction, event_ref: int, *, since: datetime) -> int:
    """Write the warnings of an event; return how many addresses.

    Args:
        tx: The transaction of the act.
        event_ref: What to warn of.
        since: Addresses replaced, and roles lost, after this instant still count.
    """
    [row] = tx.execute(QUERIES.warn, {"event_ref": event_ref, "since": since}).fetchall()
    return int(row[0])


def find_owner(tx: Transaction, key: str) -> Owner | None:
    """Return whom a FINESS, SIRET or RPPS number names; None when nobody who can sign in."""
    row = tx.execute(QUERIES.find_owner, {"key": key}).fetchone()
    return None if row is None else Owner(*row)


def list_current(tx: Transaction, owner: Owner, channel: Channel) -> dict[int, bytes]:
    """Return the addresses in use of an owner, sealed, by reference."""
    values = {"org_ref": owner.org_ref, "actor_ref": owner.actor_ref, "channel": channel}
    return dict(tx.execute(QUERIES.list_current, values).fetchall())


def save_contact(
    tx: Transaction, owner: Owner, channel: Channel, *, contact_ref: int, sealed: bytes
) -> None:
    """Add an address."""
    tx.execute(
        QUERIES.insert_contact,
        {
            "contact_ref": contact_ref,
            "actor_ref": owner.actor_ref,
            "org_ref": owner.org_ref,
            "channel": channel,
            "sealed": sealed,
        },
    )


def replace_contacts(tx: Transaction, contact_refs: Sequence[int]) -> None:
    """Say that these addresses are replaced from now on."""
    tx.execute(QUERIES.replace_contacts, {"contact_refs": list(contact_refs)})


def take_unsent(tx: Transaction, *, after: int, most: int) -> list[UnsentWarning]:
    """Return warnings not yet sent, in the order of their references, that nobody else sends."""
    rows = tx.execute(QUERIES.take_unsent, {"after": after, "most": most}).fetchall()
    return [
        UnsentWarning(
            warning_ref=row[0],
            contact_ref=row[1],
            channel=row[2],
            sealed=row[3],
            kind=SecurityEventKind(row[4]),
            at=row[5],
            details=row[6],
            place=row[7],
            name=row[8],
        )
        for row in rows
    ]


def mark_sent(tx: Transaction, warning_refs: Sequence[int]) -> None:
    """Say that these warnings left."""
    tx.execute(QUERIES.mark_sent, {"warning_refs": list(warning_refs)})


def take_codes(tx: Transaction, *, most: int) -> list[UnsentCode]:
    """Return codes not yet sent, that nobody else sends."""
    rows = tx.execute(QUERIES.take_codes, {"most": most}).fetchall()
    return [UnsentCode(*row) for row in rows]


def mark_code_sent(tx: Transaction, contact_ref: int) -> None:
    """Say that a code left."""
    tx.execute(QUERIES.mark_code_sent, {"contact_ref": contact_ref})
