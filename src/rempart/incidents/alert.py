"""What those who watch are told: what happened, to which account, by which rules.

Refuses to carry anybody who was looked up: an account, a place and a software are references, and
a person is not there at all.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from rempart.guard import Signal, Step


class AlertKind(enum.StrEnum):
    """What happened."""

    CONTAINED = "contained"
    """An account did what its owner does not do, and is held."""
    CANARY = "canary"
    """An account asked for a planted person, and is held."""
    LATE = "late"
    """An account is held for what shows after the fact, or by hand."""
    RELEASED = "released"
    """A review cleared an account."""
    REFUSALS = "refusals"
    """An account was refused twenty new persons or more within an hour."""
    RULES_RENEWED = "rules_renewed"
    """Accounts are judged by newer rules from some day on."""
    STEP_ASKED = "step_asked"
    """Somebody asks for a measure, which waits for a second person."""
    STEP_STARTED = "step_started"
    """A measure holds."""
    STEP_ENDED = "step_ended"
    """A measure is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the guard saw.

    Args:
        event_ref: Its record.
        opened_by: The record that began what this one ends; itself when it ends nothing.
        establishment_ref: Where the account works, if known.
        client_ref: The software it came through; 0 for the portal.
        step: How far the account is held.
        presence: Whether the person was shown to be there.
        evidence: The account's weighed evidence.
        threshold: Above it, an account is held.
        signals: Why, heaviest first.
        rules_day: The day of the rules it was judged by.
        enforced: Whether the decision was followed; otherwise the guard only watched.
    """

    event_ref: int
    opened_by: int
    establishment_ref: int | None
    client_ref: int
    step: Step
    presence: bool
    evidence: float
    threshold: float
    signals: Sequence[Signal]
    rules_day: int
    enforced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A measure that people took.

    Args:
        measure_ref: Its record.
        step: Which.
        target: What kind of thing it holds.
        target_ref: Which one, unless it is a profession.
        profession: Which profession, if it is one.
        reason: Why.
        review_at: When somebody looks again.
        ends_at: When it ends by itself, if it does.
        end_reason: Why it ended, if it did.
        exercise: Whether it is one.
    """

    measure_ref: int
    step: str
    target: str
    target_ref: int | None
    profession: str | None
    reason: str
    review_at: datetime
    ends_at: datetime | None
    end_reason: str | None
    exercise: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRules:
    """Rules that hold from a day on.

    Args:
        day: Days since 1970.
        account_days: How many days of accounts they rest on.
        width: How wide the band of the usual is.
        evidence: Above it, an account is held.
        false_containments: The budget they were computed for, per 1 000 account-days.
    """

    day: int
    account_days: int
    width: float
    evidence: float
    false_containments: float


About: TypeAlias = Seen | Held | NewRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to tell.

    Args:
        alert_ref: Its number: one more than those before, some numbers being nobody's.
        t_ms: When it happened, Unix milliseconds.
        kind: What happened.
        account_ref: The account, if it is about one.
        profession: Of that account, or empty.
        about: What is known of it.
    """

    alert_ref: int
    t_ms: int
    kind: AlertKind
    account_ref: int | None
    profession: str
    about: About
