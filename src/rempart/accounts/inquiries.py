"""What the host operator asks about a person by name, and what it shows a person later: two people.

Refuses what one person decides alone, and what has no end.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rempart.accounts.second_person import Entitled, are_apart
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound

INQUIRY_LIFETIME: Final = timedelta(days=7)
HOLD_LIMIT: Final = timedelta(days=365)
HOLD_ACCOUNTS: Final = 100


class InquiryPurpose(enum.StrEnum):
    """Why a person is asked about. A closed list: the names are stored."""

    ACCESS = "access"  # the person asks what is known (GDPR article 15)
    COMPLAINT = "complaint"  # the person disputes something
    INCIDENT = "incident"  # an incident is being answered
    JUDICIAL = "judicial"  # a judicial authority requires it
    CONTROL = "control"  # internal control of an agent or an account


class InquiryState(enum.StrEnum):
    """What may become of a question."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


class HoldState(enum.StrEnum):
    """What may become of a delay of display; an approved one ends by itself."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A question about one person. Whom it is about is not here: references stay in the database.

    `decided_at` and `asked_at` are by the database's clock.
    """

    inquiry_ref: int
    insurer_id: int
    insurer: str
    purpose: InquiryPurpose
    reason: str
    asked_by: int
    asked_by_name: str
    asked_at: datetime
    state: InquiryState
    decided_by: int | None
    decided_by_name: str
    decided_at: datetime | None

    @property
    def ends_at(self) -> datetime | None:
        """From when it is answered no more; None before it is approved."""
        if self.state is not InquiryState.APPROVED or self.decided_at is None:
            return None
        return self.decided_at + INQUIRY_LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayHold:
    """Entries of some accounts over a period that the people they are about see later."""

    hold_ref: int
    authority: str
    reference: str
    account_refs: tuple[int, ...]
    from_ms: int
    to_ms: int
    ends_at: datetime
    asked_by: int
    asked_by_name: str
    asked_at: datetime
    state: HoldState
    decided_by_name: str
    decided_at: datetime | None
    lifted_at: datetime | None


def check_second_person(
    visitor: Visitor,
    *,
    asked_by: int,
    asked_at: datetime,
    people: Sequence[Entitled],
    at: datetime,
) -> None:
    """Let a visitor approve what a colleague asked, or refuse them.

    Raises:
        NotAllowed: they asked themselves, or the two do not count as two.
    """
    check_is_host(visitor)
    if not are_apart(people, asked_by, visitor.actor_ref, asked_at=asked_at, at=at):
        raise NotAllowed(
            "another person approves: settled for a month, neither brought by the other"
        )


def check_is_host(visitor: Visitor) -> None:
    """Refuse whoever is not of the operator that runs the installation.

    Raises:
        NotFound: they are not.
    """
    if not visitor.is_host:
        raise NotFound("there are no inquiries here")


def check_can_answer(inquiry: Inquiry, *, at: datetime) -> None:
    """Let an inquiry be answered, or refuse.

    Raises:
        NotAllowed: nobody approved it, somebody refused it, or it is over.
    """
    if inquiry.ends_at is None:
        raise NotAllowed("this inquiry is not approved: a colleague approves it in the console")
    if at >= inquiry.ends_at:
        raise NotAllowed("this inquiry is over after seven days: ask again, with a new reason")


def check_is_open(state: InquiryState | HoldState) -> None:
    """Refuse to decide twice.

    Raises:
        Conflict: it was decided already.
    """
    if state not in {InquiryState.ASKED, HoldState.ASKED}:
        raise Conflict("this was decided already")


def check_hold(
    *, account_refs: Sequence[int], from_ms: int, to_ms: int, ends_at: datetime, now: datetime
) -> None:
    """Refuse a delay of display without accounts, without a period, without an end, or too long.

    Raises:
        InvalidRequest: says which.
    """
    if not 0 < len(account_refs) <= HOLD_ACCOUNTS:
        raise InvalidRequest(f"accounts: name 1 to {HOLD_ACCOUNTS} of them")
    if from_ms >= to_ms:
        raise InvalidRequest("period: it ends before it begins")
    if not now < ends_at <= now + HOLD_LIMIT:
        raise InvalidRequest("until: at most a year from now; ask again before it ends")
