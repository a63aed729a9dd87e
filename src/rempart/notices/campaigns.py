"""Campaigns: who is told what, what changed since they were told, and the steps of sending it.

Refuses to tell the same thing twice, to take back what the record cannot exclude, and to let one
person decide alone.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from rempart.disclosure.fields import FIELD_LABELS, Field
from rempart.kernel.errors import Conflict
from rempart.notices.facts import NO_FIELD, Certainty, Departure, Doubt, KeptWhy

OPERATOR: Final = 0
"""In the place of an insurer: the operator, which tells professionals what was theirs."""
REIMBURSEMENT_YEARS: Final = 2
ACCOUNTING_YEARS: Final = 10


class CampaignKind(enum.StrEnum):
    """What a campaign, and each of its messages, is."""

    NOTICE = "notice"
    CORRECTION = "correction"
    RETRACTION = "retraction"
    PROFESSIONAL = "professional"


class CampaignState(enum.StrEnum):
    """How far a campaign is."""

    DRAFT = "draft"
    PREPARING = "preparing"
    PREPARED = "prepared"
    PROPOSED = "proposed"
    APPROVED = "approved"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"


class MessageState(enum.StrEnum):
    """Where one person's message is."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    BOUNCED = "bounced"
    PRINTED = "printed"
    POSTED = "posted"
    RETURNED = "returned"
    HELD = "held"
    DROPPED = "dropped"


class Step(enum.StrEnum):
    """What somebody, or the machine, does with a campaign."""

    PREPARE = "prepare"
    READY = "ready"
    FAIL = "fail"
    CHANGE = "change"
    PROPOSE = "propose"
    SEND_BACK = "send_back"
    APPROVE = "approve"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    STOP = "stop"


_C = CampaignState
CAMPAIGN_STEPS: Final[Mapping[CampaignState, Mapping[Step, CampaignState]]] = MappingProxyType(
    {
        _C.DRAFT: {Step.PREPARE: _C.PREPARING, Step.STOP: _C.STOPPED},
        _C.PREPARING: {Step.READY: _C.PREPARED, Step.FAIL: _C.DRAFT, Step.STOP: _C.STOPPED},
        _C.PREPARED: {Step.CHANGE: _C.DRAFT, Step.PROPOSE: _C.PROPOSED, Step.STOP: _C.STOPPED},
        _C.PROPOSED: {
            Step.SEND_BACK: _C.DRAFT,
            Step.APPROVE: _C.APPROVED,
            Step.STOP: _C.STOPPED,
        },
        _C.APPROVED: {Step.START: _C.SENDING, Step.PAUSE: _C.PAUSED, Step.STOP: _C.STOPPED},
        _C.SENDING: {Step.PAUSE: _C.PAUSED, Step.FINISH: _C.DONE, Step.STOP: _C.STOPPED},
        _C.PAUSED: {Step.RESUME: _C.SENDING, Step.STOP: _C.STOPPED},
        _C.DONE: {},
        _C.STOPPED: {},
    }
)
ENDED: Final = frozenset({_C.DONE, _C.STOPPED})


def move(state: CampaignState, step: Step) -> CampaignState:
    """Return the state after a step.

    Raises:
        Conflict: a campaign in this state does not take it.
    """
    following = CAMPAIGN_STEPS[state].get(step)
    if following is None:
        raise Conflict(f"a campaign that is {state} cannot be taken to this step: read it again")
    return following


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one person: how surely, which fields were lost, which were shown."""

    certainty: Certainty
    lost: Field
    shown: Field


@dataclass(frozen=True, slots=True)
class FormerMessage:
    """What somebody was told last: by which message, on which day, how surely, which fields."""

    number: int
    written_on: date
    certainty: Certainty
    fields: Field


@dataclass(frozen=True, slots=True)
class Saying:
    """What a message says of one person; the doubt is None where it is sure."""

    kind: CampaignKind
    certainty: Certainty
    exposed: Field
    not_exposed: Field
    doubt: Doubt | None


class Untold(enum.StrEnum):
    """Why somebody on a list gets no message now."""

    TOLD_ALREADY = "told_already"
    NOT_CONCERNED = "not_concerned"
    CANNOT_EXCLUDE = "cannot_exclude"
    """They were told too much, and a hole of the record forbids saying that nothing was read."""


# What people fear most; listed as not read only where the record proves it. Not what a thief types
# to ask: it was known to whoever asked.
FEARED: Final = (
    Field.BANK_DETAILS
    | Field.BILLED_ACTS
    | Field.TRANSPORT_INVOICE
    | Field.POSTAL_ADDRESS
    | Field.EMAIL
    | Field.PHONE
)
_NAMED: Final = Field(sum(FIELD_LABELS))


def decide_saying(
    known: Known | None,
    former: FormerMessage | None,
    *,
    is_whole: bool,
    is_professional: bool = False,
) -> Saying | Untold:
    """Say what one person is told now.

    Args:
        known: As the latest list says; None: not concerned.
        former: What they were told last, and may have read; None: nothing.
        is_whole: Whether nothing about those who are told can be missing from the record.
        is_professional: What was not read is not listed then: an address that is gone since may
            have been shown.
    """
    if known is None:
        if former is None:
            return Untold.NOT_CONCERNED
        if former.certainty is Certainty.EXCLUDED:
            return Untold.TOLD_ALREADY
        if not is_whole:
            return Untold.CANNOT_EXCLUDE
        return Saying(CampaignKind.RETRACTION, Certainty.EXCLUDED, NO_FIELD, NO_FIELD, None)
    exposed = name_lost(known)
    if former is not None and (former.certainty, former.fields) == (known.certainty, exposed):
        return Untold.TOLD_ALREADY
    first = CampaignKind.PROFESSIONAL if is_professional else CampaignKind.NOTICE
    is_proved = is_whole and not is_professional
    return Saying(
        kind=first if former is None else CampaignKind.CORRECTION,
        certainty=known.certainty,
        exposed=exposed,
        not_exposed=FEARED & ~known.shown & ~exposed if is_proved else NO_FIELD,
        doubt=decide_doubt(known.certainty, is_whole=is_whole),
    )


def name_lost(known: Known) -> Field:
    """Return the fields a person is told of: those lost, or, of nothing new, those shown."""
    return Field((known.lost or known.shown) & _NAMED)


def decide_doubt(certainty: Certainty, *, is_whole: bool) -> Doubt | None:
    """Say why it is not sure, as far as a package tells."""
    match certainty:
        case Certainty.PROBABLE:
            return Doubt.SHARED_SESSION
        case Certainty.POSSIBLE:
            return Doubt.EXPLAINED if is_whole else Doubt.EXPLAINED_OR_HOLE
        case _:
            return None


def decide_departure(left_on: date, *, today: date) -> Departure | None:
    """Say until when, and why, the data of somebody who left are kept.

    Returns:
        The period that runs on this day; None: none does, and somebody has to say why they are
        there.

    Source:
        S94: two years to ask for a reimbursement; ten years for accounting records.
    """
    until = _add_years(left_on, REIMBURSEMENT_YEARS)
    if until >= today:
        return Departure(left_on=left_on, kept_until=until, kept_why=KeptWhy.REIMBURSEMENTS)
    until = _add_years(left_on, ACCOUNTING_YEARS)
    if until >= today:
        return Departure(left_on=left_on, kept_until=until, kept_why=KeptWhy.ACCOUNTING)
    return None


def _add_years(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)
