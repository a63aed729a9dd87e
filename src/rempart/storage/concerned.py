"""What somebody is answered about themselves: by a code, or by an agent who answers their call.

Refuses to name anybody: a code leads to what was read, a call to a reference. Role: portals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from rempart.disclosure.fields import Field
from rempart.notices.answers import Answer
from rempart.notices.campaigns import CampaignKind, MessageState
from rempart.notices.contacts import Channel
from rempart.notices.facts import Certainty, Departure, Doubt, KeptWhy, Relation
from rempart.notices.facts_json import read_facts
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("concerned")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAddress:
    """Where the public page of an incident is."""

    amc_number: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAnswer:
    """A message to somebody who has a code.

    Args:
        is_this: Whether the code is on this message.
        is_last: Whether it is the last one to them about the incident.
        exercise: Whether nothing of it is real.
        kind: A notice, a correction or a retraction.
        channel: How it went.
        left_at: When it last moved.
        page: The incident's public page; None when there is none.
    """

    is_this: bool
    is_last: bool
    exercise: bool
    answer: Answer
    kind: CampaignKind
    channel: Channel
    left_at: datetime
    page: PageAddress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidMessage:
    """The last approved message to a caller, as an agent sees it."""

    number: int
    answer: Answer
    kind: CampaignKind
    channel: Channel
    state: MessageState
    reason: str
    state_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIncident:
    """What is known of a caller for one incident.

    Args:
        package_number: What the insurer was told last of it.
        hidden: How many more persons a hole of the record may hide; None: nobody can say.
        tier: Of the caller on that list; None: not on it.
        listed: Fields that were lost, as the list says.
        said: The last approved message; None: they were not written to.
    """

    incident_id: int
    title: str
    exercise: bool
    starts_ms: int
    ends_ms: int
    package_number: int
    sent_at: datetime
    hidden: int | None
    tier: Certainty | None
    listed: Field
    said: SaidMessage | None
    page: PageAddress | None


def answer_code(tx: Transaction, digest: bytes) -> list[CodeAnswer]:
    """Return what the message of a code says, and the last one to them when that is another."""
    return [_read_code(row) for row in tx.execute(QUERIES.answer_code, {"digest": digest})]


def find_caller(
    tx: Transaction, *, digest: bytes | None, serial: bytes | None, line: int
) -> int | None:
    """Return whom a code or a line of a card is about; None: nobody of the visitor's insurer."""
    values = {"digest": digest, "serial": serial, "line": line}
    [(person_ref,)] = tx.execute(QUERIES.find_caller, values).fetchall()
    return None if person_ref is None else int(person_ref)


def tell_caller(tx: Transaction, person_ref: int) -> list[CallerIncident]:
    """Return what is known of a caller, for each incident their insurer was told of."""
    return [
        _read_caller(row) for row in tx.execute(QUERIES.tell_caller, {"person_ref": person_ref})
    ]


def _read_code(row: tuple[Any, ...]) -> CodeAnswer:
    is_this, is_last, exercise, facts, kind, relation, certainty, doubt, fields, *rest = row
    not_exposed, *departure, channel, state_at, corrects, amc_number, number = rest
    return CodeAnswer(
        is_this=is_this,
        is_last=is_last,
        exercise=exercise,
        answer=_read_answer(
            facts, (relation, certainty, doubt), (fields, not_exposed), departure, corrects
        ),
        kind=CampaignKind(kind),
        channel=Channel(channel),
        left_at=state_at,
        page=_read_address(amc_number, number),
    )


def _read_caller(row: tuple[Any, ...]) -> CallerIncident:
    incident_id, title, exercise, starts_ms, ends_ms, package_number, sent_at, hidden, *rest = row
    tier, list_fields, *message, amc_number, page_number = rest
    return CallerIncident(
        incident_id=incident_id,
        title=title,
        exercise=exercise,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        package_number=package_number,
        sent_at=sent_at,
        hidden=hidden,
        tier=None if tier is None else Certainty(tier),
        listed=Field(list_fields),
        said=None if message[0] is None else _read_message(message),
        page=_read_address(amc_number, page_number),
    )


def _read_message(row: list[Any]) -> SaidMessage:
    number, kind, relation, certainty, doubt, fields, not_exposed, channel, *rest = row
    state, reason, state_at, *departure, corrects, facts = rest
    return SaidMessage(
        number=number,
        answer=_read_answer(
            facts, (relation, certainty, doubt), (fields, not_exposed), departure, corrects
        ),
        kind=CampaignKind(kind),
        channel=Channel(channel),
        state=MessageState(state),
        reason=reason,
        state_at=state_at,
    )


def _read_answer(
    facts: Mapping[str, Any],
    sure: tuple[str, str, str | None],
    read: tuple[int, int],
    departure: list[Any],
    corrects: date | None,
) -> Answer:
    relation, certainty, doubt = sure
    left_on, kept_until, kept_why = departure
    return Answer(
        facts=read_facts(facts),
        relation=Relation(relation),
        certainty=Certainty(certainty),
        doubt=None if doubt is None else Doubt(doubt),
        exposed=Field(read[0]),
        not_exposed=Field(read[1]),
        corrects=corrects,
        departure=None
        if left_on is None
        else Departure(left_on=left_on, kept_until=kept_until, kept_why=KeptWhy(kept_why)),
    )


def _read_address(amc_number: str | None, number: int | None) -> PageAddress | None:
    if amc_number is None or number is None:
        return None
    return PageAddress(amc_number=amc_number, number=number)
