"""Warn everybody an act concerns, at every address known, old ones included; send the warnings.

A warning is written in the transaction of its act, so neither exists without the other. It is
marked after it was sent: a crash between the two sends it twice, and never loses it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidTag

from rempart.exchange.warning_text import OutgoingWarning, WarningSender
from rempart.storage import bank_details, contacts
from rempart.storage.connect import Transaction
from rempart.storage.contacts import UnsentWarning
from rempart.storage.letterbox import Letterbox
from rempart.tariffs.parameters import value_on

BATCH: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What one batch did.

    Args:
        sent: Warnings that left.
        unreadable: Warnings whose address this home cannot open; they stay to be sent.
        last_ref: Where the next batch begins; None when this was the last.
    """

    sent: int
    unreadable: int
    last_ref: int | None


def warn_contacts(tx: Transaction, event_ref: int, *, at: datetime) -> int:
    """Write the warnings of an event; return how many addresses will be warned.

    Concerned are the event's organisation, the person whose account acted, and those who hold or
    manage the establishment, or did so lately: whatever a thief changed first, somebody is told.

    Args:
        tx: The transaction of the act.
        event_ref: The event, just written in this transaction.
        at: Now.
    """
    kept = timedelta(days=value_on("contact_kept_days", at.date()))
    return contacts.warn(tx, event_ref, since=at - kept)


def warn_now(tx: Transaction, event_ref: int) -> int:
    """Write the warnings of an event that happens at this very moment, by the database's clock."""
    return warn_contacts(tx, event_ref, at=bank_details.read_clock(tx))


def send_warnings(
    tx: Transaction, sender: WarningSender, *, letterbox: Letterbox, after: int = 0
) -> Sent:
    """Send one batch of warnings and mark them.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        sender: Takes each to its address.
        letterbox: Opens the addresses.
        after: The last reference of the batch before.

    Raises:
        OSError: one did not leave; none of this batch is marked.
    """
    batch = contacts.take_unsent(tx, after=after, most=BATCH)
    sent, unreadable = [], 0
    for warning in batch:
        try:
            address = letterbox.open(warning.sealed, bound_to=warning.contact_ref)
        except InvalidTag:
            unreadable += 1
            continue
        sender.send(_address(warning, address))
        sent.append(warning.warning_ref)
    # A crash here leaves warnings sent and not marked: the next run sends them again.
    contacts.mark_sent(tx, sent)
    last = batch[-1].warning_ref if len(batch) == BATCH else None
    return Sent(sent=len(sent), unreadable=unreadable, last_ref=last)


def send_codes(tx: Transaction, sender: WarningSender, *, letterbox: Letterbox) -> int:
    """Send the codes that confirm new addresses, and mark them; return how many left.

    A code sealed by another home is never sent: its hour passes, and its owner asks again.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        sender: Takes each to its address.
        letterbox: Opens addresses and codes.

    Raises:
        OSError: one did not leave; none of this batch is marked.
    """
    sent = 0
    for code in contacts.take_codes(tx, most=BATCH):
        try:
            address = letterbox.open(code.sealed, bound_to=code.contact_ref)
            digits = letterbox.open(code.sealed_code, bound_to=code.contact_ref)
        except InvalidTag:
            continue
        sender.send_code(code.contact_ref, code.channel, address, digits)
        contacts.mark_code_sent(tx, code.contact_ref)
        sent += 1
    return sent


def _address(warning: UnsentWarning, address: str) -> OutgoingWarning:
    return OutgoingWarning(
        warning_ref=warning.warning_ref,
        channel=warning.channel,
        address=address,
        kind=warning.kind,
        at=warning.at,
        place=warning.place,
        name=warning.name,
        facts={name: _read(value) for name, value in warning.details.items()},
    )


def _read(value: Any) -> str:
    return value if isinstance(value, str) else ""
