"""Whoever answers an insurer's telephone: what an incident means for the person who calls.

The caller gives the code of a letter, or the number of a card and a line: never a social security
number. Refuses to show anything before it is on record that it is read, and what the letter does
not say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import NotFound
from rempart.notices.codes import digest_code
from rempart.rights.card import CardSerial
from rempart.storage import concerned
from rempart.storage.concerned import CallerIncident, SaidMessage
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.ledger.read_on_record import Readings

__all__ = ["Caller", "CallerIncident", "SaidMessage"]

PURPOSE: Final = "an insurer answers a call about an incident"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Caller:
    """What a caller says to be found: a letter's code, or a card's number and a line of it."""

    code: str = ""
    card: str = ""
    line: int = 1

    def __repr__(self) -> str:
        return "<Caller>"


def answer_call(
    tx: Transaction, readings: Readings, asker: Asker, caller: Caller, *, by: Author
) -> Sequence[CallerIncident]:
    """Return what is known of a caller for each incident, once it is on record that it is read.

    Args:
        tx: A transaction with the asker's ticket.
        readings: Where the reading is recorded.
        asker: An agent of the caller's insurer.
        caller: What they said.
        by: The asker, as the author of the reading.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: no member of theirs has this code or this line; nothing is recorded.
        LedgerUnavailable: it cannot be recorded: nothing is shown.
    """
    check_can(asker.visitor, Permission.ANSWER_CALLS, now=asker.now)
    insurer_id = asker.visitor.insurer_id
    serial = CardSerial.parse(caller.card) if caller.card else None
    person_ref = concerned.find_caller(
        tx,
        digest=digest_code(caller.code) if caller.code else None,
        serial=None if serial is None else serial.value,
        line=caller.line,
    )
    if person_ref is None or insurer_id is None:
        raise NotFound("no member of yours has this code or this card")
    now_ms = int(asker.now.timestamp() * 1000)
    # A crash after this leaves a reading on record that showed nothing: too much is said.
    readings.record(
        LedgerRead(
            question="concerned",
            purpose=PURPOSE,
            from_ms=now_ms,
            to_ms=now_ms,
            about=About(kind="persons", count=1),
        ),
        by=by,
        subject=Subject(person_ref, insurer_id),
    )
    return concerned.tell_caller(tx, person_ref)
