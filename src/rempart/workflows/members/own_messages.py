"""What a member's insurer wrote to them: each text written again from its facts, as it was sent.

Notes when a message is first opened, which proves that it came. Refuses to show a message before it
has left, and the code of the letter: whoever is signed in needs none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, cast

from rempart.accounts.permissions import Permission, check_can
from rempart.disclosure.fields import Field
from rempart.kernel.errors import NotFound
from rempart.kernel.findings import Language
from rempart.notices.assembly import Block, assemble_notice
from rempart.notices.facts import (
    Certainty,
    Departure,
    Doubt,
    KeptWhy,
    PersonFacts,
    Relation,
)
from rempart.notices.facts_json import read_facts
from rempart.notices.media import Medium, Variant
from rempart.storage import own_messages
from rempart.storage.connect import Transaction
from rempart.storage.own_messages import OwnMessage
from rempart.workflows.accounts.administer_organisation import Asker

# What only a letter or an e-mail needs: how to check that it is genuine.
_OF_PAPER: Final = frozenset({"authenticity"})
_NO_CODE: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message in a list.

    Args:
        number: Names it.
        kind: notice, correction, retraction or professional.
        sent_at: When it left, or when it was last heard of.
        channel, state: How it was sent, and where it is.
        is_new: Whether the member has not opened it here.
        case_reference: Of the incident.
        certainty: A to D.
        lost: What was read.
        starts_on, ends_on: Days of the theft.
        next_update_on: When the insurer writes next; None: it does not say.
    """

    number: int
    kind: str
    sent_at: datetime
    channel: str
    state: str
    is_new: bool
    exercise: bool
    case_reference: str
    certainty: Certainty
    lost: Field
    starts_on: date
    ends_on: date
    next_update_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message with its text, in the language and the print it was sent in."""

    received: Received
    language: Language
    variant: Variant
    former: int | None
    blocks: Sequence[Block] = field(repr=False)


def list_own_messages(tx: Transaction, asker: Asker) -> list[Received]:
    """Return what the member's insurer wrote to them, the newest first.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.READ_OWN_MESSAGES, now=asker.now)
    return [_describe(one) for one in own_messages.list_messages(tx)]


def read_own_message(tx: Transaction, asker: Asker, number: int) -> Letter:
    """Return one message with its text, and note that the member opened it.

    Raises:
        NotAllowed: they are no member.
        NotFound: nothing with this number was sent to them.
    """
    check_can(asker.visitor, Permission.READ_OWN_MESSAGES, now=asker.now)
    letter = _write(tx, asker, number)
    own_messages.note_opened(tx, number)
    return letter


def read_text(tx: Transaction, asker: Asker, number: int) -> str:
    """Return the text of one message, in lines; does not count as opening it.

    Raises:
        NotAllowed: they are no member.
        NotFound: nothing with this number was sent to them.
    """
    check_can(asker.visitor, Permission.READ_OWN_MESSAGES, now=asker.now)
    letter = _write(tx, asker, number)
    lines = (part for one in letter.blocks for part in (one.title, one.text, *one.items) if part)
    return "\n".join(lines)


def find_exposures(messages: Sequence[Received]) -> list[Received]:
    """Return what somebody is told to have lost, once for each incident: the last word counts."""
    last: dict[str, Received] = {}
    for one in messages:  # the newest first
        last.setdefault(one.case_reference, one)
    return [one for one in last.values() if one.certainty is not Certainty.EXCLUDED]


def write_own_text(message: OwnMessage, former: OwnMessage | None, *, recipient: str) -> Letter:
    """Return the text of a message, without what only paper needs.

    Args:
        message: The message.
        former: The one it corrects, when it was sent to the same person.
        recipient: The name of whoever reads.
    """
    language = cast("Language", message.language)
    departure = None
    if message.left_on and message.kept_until and message.kept_why:
        departure = Departure(
            left_on=message.left_on,
            kept_until=message.kept_until,
            kept_why=KeptWhy(message.kept_why),
        )
    relation = Relation(message.relation)
    about = PersonFacts(
        recipient=recipient,
        relation=relation,
        person=recipient if relation is Relation.MINOR else "",
        certainty=Certainty(message.certainty),
        doubt=None if message.doubt is None else Doubt(message.doubt),
        exposed=Field(message.fields),
        not_exposed=Field(message.not_exposed),
        departure=departure,
        authenticity_code=_NO_CODE,
        corrects=None if former is None else read_facts(former.facts).written_on,
    )
    notice = assemble_notice(
        read_facts(message.facts), about, medium=Medium.EMAIL, language=language
    )
    return Letter(
        received=_describe(message),
        language=language,
        variant=Variant(message.variant),
        former=message.former,
        blocks=tuple(one for one in notice.blocks if one.block_id not in _OF_PAPER),
    )


def _write(tx: Transaction, asker: Asker, number: int) -> Letter:
    mine = {one.number: one for one in own_messages.list_messages(tx)}
    found = mine.get(number)
    if found is None:
        raise NotFound("no such message")
    former = None if found.former is None else mine.get(found.former)
    return write_own_text(found, former, recipient=asker.visitor.display_name)


def _describe(message: OwnMessage) -> Received:
    facts = read_facts(message.facts)
    return Received(
        number=message.number,
        kind=message.kind,
        sent_at=message.state_at,
        channel=message.channel,
        state=message.state,
        is_new=message.opened_at is None,
        exercise=message.exercise,
        case_reference=facts.case_reference,
        certainty=Certainty(message.certainty),
        lost=Field(message.fields),
        starts_on=facts.starts_on,
        ends_on=facts.ends_on,
        next_update_on=facts.next_update_on,
    )
