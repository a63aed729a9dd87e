"""Measures that hold an account or many: which there are, what each stops, and who may decide.

Refuses to touch anything but rights: no step here stops claims, payments or a page of one's own.
What the guard does by itself is not decided here (`rempart.guard`); only who may undo it is.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Final

from rempart.accounts.permissions import is_stepped_up
from rempart.accounts.visitor import SignInMethod, Visitor
from rempart.kernel.errors import AccessDenied, InvalidRequest, NotAllowed, TooManyRequests

# One person alone holds at most so many accounts in a day.
ALONE_ACCOUNTS: Final = 50
ALONE_DURING: Final = timedelta(hours=24)
LONGEST_REVIEW: Final = timedelta(days=30)
LONGEST_EXERCISE: Final = timedelta(minutes=30)
# An owner lets their own account go once in so long; then an operator looks.
OWN_RELEASE_EVERY: Final = timedelta(days=7)
# Where requests are slowed, an account makes one in so long.
SLOW_EVERY_S: Final = 10


class MeasureStep(enum.StrEnum):
    """What is done, mildest first. The names are stored: add, never rename."""

    ASK_AGAIN = "ask_again"
    """Whoever asks shows again who they are; then all goes on."""
    SLOW = "slow"
    """One check in ten seconds for each account."""
    NO_TYPED = "no_typed"
    """A person never seen with presence is shown present: card, code or Vitale reading."""
    PRESENCE_ONLY = "presence_only"
    """Everybody is shown present, known or not."""
    SUSPEND = "suspend"
    """No check at all."""


class MeasureTarget(enum.StrEnum):
    """Whom it touches. An insurer, a way in and everything are cuts: `rights/cuts.py`."""

    ACCOUNT = "account"
    ESTABLISHMENT = "establishment"
    SOFTWARE = "software"
    PROFESSION = "profession"


class MeasureReason(enum.StrEnum):
    """Why, as the professional reads it."""

    SUSPECTED_THEFT = "suspected_theft"
    UNUSUAL_USE = "unusual_use"
    OWNER_REQUEST = "owner_request"
    SOFTWARE_FAULT = "software_fault"
    PRECAUTION = "precaution"


class EndReason(enum.StrEnum):
    """Why a measure is ended or an account released."""

    CLEARED = "cleared"
    """It was its owner."""
    GIVEN_BACK = "given_back"
    """A thief used it; its owner has it again, by other keys."""
    MISTAKE = "mistake"
    OVER = "over"
    """What it was for is over."""
    WITHDRAWN = "withdrawn"
    """It never began."""


class Stopped(enum.StrEnum):
    """What can no longer be done."""

    CHECKS_OF_OLD_SESSIONS = "checks_of_old_sessions"
    FAST_CHECKS = "fast_checks"
    TYPED_NEW_FACES = "typed_new_faces"
    TYPED_CHECKS = "typed_checks"
    CHECKS = "checks"


class StillOpen(enum.StrEnum):
    """What goes on under a measure."""

    AFTER_SIGN_IN = "after_sign_in"
    CARDS = "cards"
    TYPED_KNOWN_FACES = "typed_known_faces"
    OFFLINE_CARDS = "offline_cards"
    CLAIMS = "claims"
    PAYMENTS = "payments"
    OWN_PAGES = "own_pages"


_STOPPED: Final[Mapping[MeasureStep, Stopped]] = MappingProxyType(
    {
        MeasureStep.ASK_AGAIN: Stopped.CHECKS_OF_OLD_SESSIONS,
        MeasureStep.SLOW: Stopped.FAST_CHECKS,
        MeasureStep.NO_TYPED: Stopped.TYPED_NEW_FACES,
        MeasureStep.PRESENCE_ONLY: Stopped.TYPED_CHECKS,
        MeasureStep.SUSPEND: Stopped.CHECKS,
    }
)
_OPEN: Final[Mapping[MeasureStep, tuple[StillOpen, ...]]] = MappingProxyType(
    {
        MeasureStep.ASK_AGAIN: (StillOpen.AFTER_SIGN_IN,),
        MeasureStep.SLOW: (StillOpen.CARDS, StillOpen.TYPED_KNOWN_FACES),
        MeasureStep.NO_TYPED: (StillOpen.CARDS, StillOpen.TYPED_KNOWN_FACES),
        MeasureStep.PRESENCE_ONLY: (StillOpen.CARDS,),
        MeasureStep.SUSPEND: (),
    }
)
_ALWAYS_OPEN: Final = (
    StillOpen.OFFLINE_CARDS,
    StillOpen.CLAIMS,
    StillOpen.PAYMENTS,
    StillOpen.OWN_PAGES,
)
# When somebody looks at it again, unless they say otherwise.
USUAL_REVIEW: Final[Mapping[MeasureStep, timedelta]] = MappingProxyType(
    {
        MeasureStep.ASK_AGAIN: timedelta(days=7),
        MeasureStep.SLOW: timedelta(days=1),
        MeasureStep.NO_TYPED: timedelta(days=1),
        MeasureStep.PRESENCE_ONLY: timedelta(hours=12),
        MeasureStep.SUSPEND: timedelta(hours=4),
    }
)


class SignInAgain(AccessDenied):
    """The token or the session is older than a measure: a fresh one is needed."""

    code: ClassVar[str] = "sign_in_again"


class ChecksSuspended(NotAllowed):
    """An operator suspended the checks of this account, place or software; the rest goes on."""

    code: ClassVar[str] = "checks_suspended"


class SlowedDown(TooManyRequests):
    """An operator slowed this account, place or software."""

    code: ClassVar[str] = "slowed_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure, as whoever enforces it knows it.

    Args:
        step: What is done.
        target: To whom.
        target_ref: Which account, establishment or software.
        profession: Which profession; the one or the other.
        starts_ms: Since when, Unix milliseconds, included.
        ends_ms: When it ends by itself, excluded; None when somebody must end it.
    """

    step: MeasureStep
    target: MeasureTarget
    starts_ms: int
    target_ref: int | None = None
    profession: str | None = None
    ends_ms: int | None = None

    def __post_init__(self) -> None:
        of_many = self.target is MeasureTarget.PROFESSION
        if of_many is (self.profession is None) or of_many is (self.target_ref is not None):
            raise ValueError("a profession is named by its code, everything else by a reference")

    def lasts(self, now_ms: int) -> bool:
        """Tell whether it is in force at an instant."""
        return self.starts_ms <= now_ms and (self.ends_ms is None or now_ms < self.ends_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnContainment:
    """What the guard holds an account for, when its owner asks to go on.

    Args:
        is_contained: Whether it holds it at all.
        needs_operator: Whether it was held for a canary, or for something outside its look-ups.
        last_own_release: When its owner last released it.
    """

    is_contained: bool
    needs_operator: bool
    last_own_release: datetime | None


class OwnRelease(enum.StrEnum):
    """What becomes of an owner's wish to release their own account, in the order tested."""

    NOTHING_HELD = "nothing_held"
    OPERATOR_FIRST = "operator_first"
    """An operator looks first; why is not said: a thief would learn from it."""
    CEREMONY_FIRST = "ceremony_first"
    ALLOWED = "allowed"


def list_still_open(step: MeasureStep) -> tuple[StillOpen, ...]:
    """Say what goes on under a step, what is nearest to care first."""
    return (*_OPEN[step], *_ALWAYS_OPEN)


def name_stopped(step: MeasureStep) -> Stopped:
    """Say what can no longer be done under a step."""
    return _STOPPED[step]


def needs_second_person(target: MeasureTarget, *, accounts: int, alone_today: int = 0) -> bool:
    """Say whether a colleague must agree before a measure begins.

    Args:
        target: Whom it touches.
        accounts: How many accounts that is.
        alone_today: How many accounts its author holds alone by other measures of the last day.
    """
    if target in (MeasureTarget.SOFTWARE, MeasureTarget.PROFESSION):
        return True
    return accounts + alone_today > ALONE_ACCOUNTS


def check_times(
    *, now: datetime, review_at: datetime, ends_at: datetime | None, is_exercise: bool
) -> None:
    """Let the times of a measure be, or refuse.

    Raises:
        InvalidRequest: the review is past or too far, the end is past, or an exercise has no end
            within the half hour.
    """
    if not now < review_at <= now + LONGEST_REVIEW:
        raise InvalidRequest(f"review: within {LONGEST_REVIEW.days} days from now")
    if ends_at is not None and ends_at <= now:
        raise InvalidRequest("end: after now")
    if is_exercise and (ends_at is None or ends_at > now + LONGEST_EXERCISE):
        minutes = LONGEST_EXERCISE.total_seconds() / 60
        raise InvalidRequest(f"an exercise ends by itself, within {minutes:.0f} minutes")


def check_not_held(measures: Iterable[Measure], *, proved_ms: int, now_ms: int) -> bool:
    """Let somebody ask, or refuse; say whether they are slowed.

    Args:
        measures: Those that touch them, any order.
        proved_ms: When they last proved who they are, Unix milliseconds: the issue of a software's
            token, the last ceremony of a browser session.
        now_ms: The instant.

    Raises:
        ChecksSuspended: one of them suspends.
        SignInAgain: one of them began after they proved who they are.
    """
    steps = {one.step: one for one in measures if one.lasts(now_ms)}
    if MeasureStep.SUSPEND in steps:
        raise ChecksSuspended("an operator suspended these checks: see « Mon compte est limité »")
    asked_ms = [
        one.starts_ms for one in measures if one.step is MeasureStep.ASK_AGAIN and one.lasts(now_ms)
    ]
    if asked_ms and proved_ms < max(asked_ms):
        raise SignInAgain("sign in again, then ask again")
    return MeasureStep.SLOW in steps


def decide_own_release(held: OwnContainment, visitor: Visitor, *, now: datetime) -> OwnRelease:
    """Say whether an owner may release their own account now.

    Only what the guard did by itself, not for a canary, once in seven days, and minutes after a
    ceremony of Pro Santé Connect or a passkey. What an operator decided, an operator ends.
    """
    if not held.is_contained:
        return OwnRelease.NOTHING_HELD
    last = held.last_own_release
    if held.needs_operator or (last is not None and now - last < OWN_RELEASE_EVERY):
        return OwnRelease.OPERATOR_FIRST
    if visitor.method not in _STRONG or not is_stepped_up(visitor, now=now):
        return OwnRelease.CEREMONY_FIRST
    return OwnRelease.ALLOWED


_STRONG: Final[frozenset[SignInMethod]] = frozenset({"psc", "passkey"})
