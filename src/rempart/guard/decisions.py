"""What the guard decides of a look-up, and the evidence it decides on."""

import enum
from typing import Final, NamedTuple


class Step(enum.IntEnum):
    """How far an account is held, mildest first.

    Known faces with a card are answered at every step; typed, a few a day while it is held.
    """

    NONE = 0
    """Everything is answered."""
    SHOW_PRESENCE = 1
    """Not contained: the day's allowance is spent, and this person, new to it, needs a card."""
    PRESENCE_ONLY = 2
    """Contained until a review: a new face needs a card; `held_away` and `held_cards` say where."""
    KNOWN_FACES_ONLY = 3
    """Held by a person: nobody new to the account is answered, card or not."""


class SignalKind(enum.StrEnum):
    """What a look-up or a day may have against it."""

    NETWORK = "network"
    AGENT = "agent"
    STRANGERS = "strangers"
    GEOGRAPHY = "geography"
    INSURER = "insurer"
    MISSES = "misses"
    HOUR = "hour"
    BURST = "burst"
    TYPED_FACES = "typed_faces"
    CARD_FACES = "card_faces"
    KNOWN_FACES = "known_faces"
    CANARY = "canary"


class Signal(NamedTuple):
    """One piece of evidence.

    Attributes:
        kind: What it is about.
        observed: What was seen, in the unit of its kind.
        expected: What this account, or its profession, lets expect.
        weight: Natural logarithm of how much likelier it is of a thief; negative speaks for the
            owner.
    """

    kind: SignalKind
    observed: float
    expected: float
    weight: float


class Decision(NamedTuple):
    """What becomes of one look-up.

    Attributes:
        answer: Whether the answer may leave.
        step: Where the account stands after it; SHOW_PRESENCE when only this one is refused.
        contains: Whether this look-up is the one that contained the account.
        evidence: The account's weighed evidence after it: what is compared with `threshold`.
        threshold: Above it, an account is contained.
        signals: Why, heaviest first; empty when there is nothing to explain.
    """

    answer: bool
    step: Step
    contains: bool
    evidence: float
    threshold: float
    signals: tuple[Signal, ...]


# A known face, or a day within its allowance: by far the most frequent decision.
ANSWERED: Final = Decision(True, Step.NONE, False, 0.0, 0.0, ())
