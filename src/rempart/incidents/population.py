"""Who can be concerned at all: members by their dates, families, minors, and the professionals.

Refuses to exclude anybody by a date that is not known, and to look at who anybody is.

Source: the notices of 2024 (S1 rules out who left before the agreement, S2 and S3 name dependants);
S51 (professionals were shown with other fields).
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rempart.disclosure.fields import Field
from rempart.incidents.coverage import Coverage
from rempart.incidents.exposure import Tier


class NotHeld(enum.StrEnum):
    """Why nothing of a person could be shown, whatever the logs say."""

    OTHER_OPERATOR = "other_operator"
    """No agreement with the person's insurer."""
    LEFT_BEFORE = "left_before"
    """The person had left before the agreement began: nothing was ever sent."""
    JOINED_AFTER = "joined_after"
    """The person joined after the window, or after the agreement had ended."""
    PURGED_BEFORE = "purged_before"
    """Everything about the person had been deleted before the window."""


class Reason(enum.StrEnum):
    """Why a person is in a tier."""

    LISTED = "listed"
    NOT_HELD = "not_held"
    HOLE = "hole"
    NOTHING_MISSING = "nothing_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """When an operator worked for an insurer.

    Args:
        insurer_id: The insurer.
        starts_on: The first day.
        ends_on: The day after the last one; None: it goes on.
        purged_on: The day from which nothing of that time was left; None: it is kept.
    """

    insurer_id: int
    starts_on: date
    ends_on: date | None = None
    purged_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """When a person was covered by an insurer, and until when anything about them was kept."""

    insurer_id: int
    starts_on: date
    ends_on: date | None = None
    purged_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person is told, and why."""

    tier: Tier
    reason: Reason
    not_held: NotHeld | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRecord:
    """What a portal could show an account of its owner's own."""

    has_email: bool = False
    has_phone: bool = False
    has_establishment: bool = False
    has_bank_details: bool = False


def decide_not_held(
    membership: Membership, agreements: Iterable[Agreement], *, first_day: date, last_day: date
) -> NotHeld | None:
    """Say why nothing of a membership could be shown in a window; None: it could.

    Args:
        membership: One time a person was covered.
        agreements: Those of the operator whose portal was entered.
        first_day: The window's first day.
        last_day: Its last day, included.

    Returns:
        The reason that holds for the agreement that comes nearest, in the order of `NotHeld`.
    """
    reasons = [
        _compare(membership, agreement, first_day, last_day)
        for agreement in agreements
        if agreement.insurer_id == membership.insurer_id
    ]
    if not reasons:
        return NotHeld.OTHER_OPERATOR
    if None in reasons:
        return None
    order = list(NotHeld)
    return max((reason for reason in reasons if reason), key=order.index)


def decide_answer(
    tier: Tier | None, not_held: NotHeld | None, coverage: Coverage, insurer_id: int
) -> Answer:
    """Say what one person is told.

    Args:
        tier: Their tier on the list; None: they are not on it.
        not_held: Why nothing of them could be shown, if it could not.
        coverage: Of the record the list was made from.
        insurer_id: Their insurer at the time.

    Returns:
        The list first: who is on it was shown. Then the dates, which need no log. Then the record:
        a hole that may hide them forbids D.
    """
    if tier is not None:
        return Answer(tier=tier, reason=Reason.LISTED)
    if not_held is not None:
        return Answer(tier=Tier.D, reason=Reason.NOT_HELD, not_held=not_held)
    if not coverage.covers(insurer_id):
        return Answer(tier=Tier.C, reason=Reason.HOLE)
    return Answer(tier=Tier.D, reason=Reason.NOTHING_MISSING)


def decide_owner_fields(record: OwnerRecord, *, is_portal: bool) -> Field:
    """Say what a session could see of its account's owner.

    Args:
        record: What there was to see.
        is_portal: Whether the session was of the pages; software is shown nothing of its owner.
    """
    if not is_portal:
        return Field(0)
    fields = Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_LOGIN
    for there, shown in (
        (record.has_email, Field.PROFESSIONAL_EMAIL),
        (record.has_phone, Field.PROFESSIONAL_PHONE),
        (record.has_establishment, Field.FINESS | Field.PROFESSIONAL_ADDRESS),
        (record.has_bank_details, Field.PROFESSIONAL_BANK_DETAILS),
    ):
        if there:
            fields |= shown
    return fields


def _compare(
    membership: Membership, agreement: Agreement, first_day: date, last_day: date
) -> NotHeld | None:
    if membership.ends_on is not None and membership.ends_on <= agreement.starts_on:
        return NotHeld.LEFT_BEFORE
    if agreement.ends_on is not None and membership.starts_on >= agreement.ends_on:
        return NotHeld.JOINED_AFTER
    if max(membership.starts_on, agreement.starts_on) > last_day:
        return NotHeld.JOINED_AFTER
    purges = [day for day in (membership.purged_on, agreement.purged_on) if day is not None]
    if purges and min(purges) <= first_day:
        return NotHeld.PURGED_BEFORE
    return None
