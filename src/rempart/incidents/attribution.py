"""In whose hands was a session: the owner's, a thief's, or both?

In January 2024 the owners of the stolen logins kept working. A question by account would name their
own patients with the thief's victims, so sessions are judged, never accounts. Two sums are made for
each session of a suspect account: the signs that a thief is in it and the signs that its owner is.
Both are kept with every value, so that anybody can redo the sum by hand.

Points are decibans, ten times the decimal logarithm of odds: 10 points mean "ten times likelier",
20 "a hundred times". Nothing uses an absolute speed or hour: a session is compared with its
account's own past, because a hospital's usual pace would be a robot's for a nurse.

Refuses to judge by account, to look at who the persons are, and to keep quiet about a sign.

Source: S24 (a genuine access has an explanation), S25 (find the intruder's sessions first, assume
more was taken unless the record proves otherwise), S29 (decibans).
"""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.incidents.evidence import Habit, SessionTally

RULES_VERSION: Final = "2026-11.1"
# A hundred to one: the sum from which a thief, or an owner, is held to have been there.
PRESENT_POINTS: Final = 20
# What an account without much past is presumed to do: one look-up in ten typed, one in sixteen
# finding nobody, weighing as much as twenty look-ups of its own.
USUAL_TYPED: Final = 0.10
USUAL_NOBODY: Final = 0.06
USUAL_WEIGHT: Final = 20
# A rhythm is only told from this many gaps on.
RHYTHM_GAPS: Final = 10
STEADY_SPREAD: Final = 0.3
FAST_RATIO: Final = 3.0


class Verdict(enum.StrEnum):
    """Whose session it was."""

    THIEF = "thief"
    MIXED = "mixed"
    OWNER = "owner"


class Rule(enum.StrEnum):
    """A sign and the version of its rule; a changed rule takes the next number."""

    UNKNOWN_ADDRESS = "unknown_address/1"
    UNKNOWN_AGENT = "unknown_agent/1"
    TYPED_WITHOUT_CARD = "typed_without_card/1"
    SHARE_UNKNOWN = "share_unknown/1"
    PACE = "pace/1"
    REGULAR_PACE = "regular_pace/1"
    USUAL_ADDRESS = "usual_address/1"
    USUAL_AGENT = "usual_agent/1"
    PRESENCE = "presence/1"
    KNOWN_FACES = "known_faces/1"


SIGNS_OF_OWNER: Final = frozenset(
    {Rule.USUAL_ADDRESS, Rule.USUAL_AGENT, Rule.PRESENCE, Rule.KNOWN_FACES}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One sign: what was measured, what the account's past made expected, and what it weighs."""

    rule: Rule
    value: float
    usual: float | None = None
    points: int

    @property
    def speaks_of_owner(self) -> bool:
        """Whether the sign shows the owner; otherwise it shows a thief."""
        return self.rule in SIGNS_OF_OWNER


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVerdict:
    """A verdict and all its reasons, signs of weight nought included."""

    session_ref: int
    account_ref: int
    verdict: Verdict
    signals: tuple[Signal, ...]

    @property
    def thief_points(self) -> int:
        """The weight of the signs that a thief is in the session."""
        return sum(signal.points for signal in self.signals if not signal.speaks_of_owner)

    @property
    def owner_points(self) -> int:
        """The weight of the signs that the owner is in the session."""
        return sum(signal.points for signal in self.signals if signal.speaks_of_owner)


def decide_verdict(tally: SessionTally, habit: Habit) -> SessionVerdict:
    """Say in whose hands a session of a suspect account was.

    Args:
        tally: What the session did inside the incident's window.
        habit: The same account's past before the window. An empty past (a new account) says nothing
            of addresses and software, neither for nor against.

    Returns:
        The verdict, decided in this order: both there, MIXED; only a thief, THIEF; only the owner,
        OWNER; neither shown, OWNER when the signs of the owner weigh as much or more, otherwise
        MIXED: what cannot be explained is not excluded.

    Raises:
        ValueError: tally and habit are of two accounts.
    """
    if tally.session.account_ref != habit.account_ref:
        raise ValueError("a session is judged against the past of its own account only")
    signals = (
        *_compare_origin(tally, habit),
        _weigh_typing(tally, habit),
        _weigh_misses(tally, habit),
        _weigh_pace(tally, habit),
        _weigh_regularity(tally),
        _weigh_presence(tally),
        _weigh_known_faces(tally),
    )
    thief = sum(signal.points for signal in signals if not signal.speaks_of_owner)
    owner = sum(signal.points for signal in signals if signal.speaks_of_owner)
    return SessionVerdict(
        session_ref=tally.session.session_ref,
        account_ref=habit.account_ref,
        verdict=_decide_from_sums(thief, owner),
        signals=signals,
    )


def compute_surprise(hits: int, trials: int, usual: float, *, cap: int) -> int:
    """Compute how surprising it is to see `hits` in `trials` when `usual` is the share expected.

    Args:
        hits: How many look-ups had the property.
        trials: How many look-ups there were.
        usual: The share the past makes expected, strictly between 0 and 1.
        cap: The most points the sign may give.

    Returns:
        Whole decibans, rounded down, 0 when the share is not above the usual one. They never
        overstate: the bound used is larger than the exact binomial tail.

    Source:
        S29: Chernoff's bound in Hoeffding's form, theorem 1.
    """
    if not 0 < usual < 1:
        raise ValueError("a usual share is strictly between 0 and 1")
    if trials == 0 or hits / trials <= usual:
        return 0
    share = hits / trials
    divergence = share * math.log(share / usual)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - usual))
    return min(cap, int(10 * trials * divergence / math.log(10)))


def format_signals(signals: Sequence[Signal]) -> list[dict[str, object]]:
    """Write signs as plain data, the heaviest first, to be stored beside the verdict."""
    ordered = sorted(signals, key=lambda signal: (-signal.points, signal.rule))
    return [
        {
            "rule": str(signal.rule),
            "shows": "owner" if signal.speaks_of_owner else "thief",
            "value": round(signal.value, 3),
            "usual": None if signal.usual is None else round(signal.usual, 3),
            "points": signal.points,
        }
        for signal in ordered
    ]


def _decide_from_sums(thief: int, owner: int) -> Verdict:
    if thief >= PRESENT_POINTS:
        return Verdict.MIXED if owner >= PRESENT_POINTS else Verdict.THIEF
    if owner >= PRESENT_POINTS or owner >= thief:
        return Verdict.OWNER
    return Verdict.MIXED


def _compare_origin(tally: SessionTally, habit: Habit) -> tuple[Signal, ...]:
    """Compare address and software with the account's past.

    One lawful session in ten comes from an address never seen (mobile networks, locums, a new
    line); browsers change often and are shared by everybody, so software weighs half.
    """
    return (
        _compare(
            tally.session.address,
            habit.addresses,
            unknown=Rule.UNKNOWN_ADDRESS,
            usual=Rule.USUAL_ADDRESS,
            points=10,
        ),
        _compare(
            tally.session.agent,
            habit.agents,
            unknown=Rule.UNKNOWN_AGENT,
            usual=Rule.USUAL_AGENT,
            points=5,
        ),
    )


def _compare(
    seen: str, usual_ones: frozenset[str], *, unknown: Rule, usual: Rule, points: int
) -> Signal:
    if not usual_ones:
        return Signal(rule=unknown, value=0, points=0)
    return Signal(rule=usual if seen in usual_ones else unknown, value=1, points=points)


def _weigh_typing(tally: SessionTally, habit: Habit) -> Signal:
    """Weigh typing beyond the account's habit: a list is typed, a visitor shows a card."""
    usual = _usual_share(habit.typed, habit.lookups, USUAL_TYPED)
    return Signal(
        rule=Rule.TYPED_WITHOUT_CARD,
        value=tally.typed / tally.lookups,
        usual=usual,
        points=compute_surprise(tally.typed, tally.lookups, usual, cap=40),
    )


def _weigh_misses(tally: SessionTally, habit: Habit) -> Signal:
    """Weigh look-ups that found nobody beyond the habit: guesses and stale lists miss."""
    usual = _usual_share(habit.nobody, habit.lookups, USUAL_NOBODY)
    return Signal(
        rule=Rule.SHARE_UNKNOWN,
        value=tally.nobody / tally.lookups,
        usual=usual,
        points=compute_surprise(tally.nobody, tally.lookups, usual, cap=20),
    )


def _weigh_pace(tally: SessionTally, habit: Habit) -> Signal:
    """Weigh how many times faster than its account's past the session asked."""
    if min(tally.gaps, habit.gaps) < RHYTHM_GAPS or habit.gap_ms == 0:
        return Signal(rule=Rule.PACE, value=0, points=0)
    mean_gap = max(tally.last_ms - tally.first_ms, 1) / tally.gaps
    ratio = (habit.gap_ms / habit.gaps) / mean_gap
    points = int(10 * math.log10(ratio)) if ratio >= FAST_RATIO else 0
    return Signal(rule=Rule.PACE, value=ratio, usual=1, points=min(15, points))


def _weigh_regularity(tally: SessionTally) -> Signal:
    """Weigh a metronome: people's gaps are as spread as their mean (1), a plain robot's are not."""
    span = tally.last_ms - tally.first_ms
    if tally.gaps < RHYTHM_GAPS or span == 0:
        return Signal(rule=Rule.REGULAR_PACE, value=1, usual=1, points=0)
    mean = span / tally.gaps
    spread = math.sqrt(max(tally.gap_squares / tally.gaps - mean * mean, 0)) / mean
    return Signal(
        rule=Rule.REGULAR_PACE, value=spread, usual=1, points=10 if spread <= STEADY_SPREAD else 0
    )


def _weigh_presence(tally: SessionTally) -> Signal:
    """Weigh cards: a code of a hundred random bits that finds somebody was on a card at hand."""
    points = 30 if tally.presences >= 3 else 20 if tally.presences else 0
    return Signal(rule=Rule.PRESENCE, value=tally.presences, points=points)


def _weigh_known_faces(tally: SessionTally) -> Signal:
    """Weigh persons the account had looked up before: regulars come back, lists do not."""
    share = tally.known_faces / tally.lookups
    return Signal(rule=Rule.KNOWN_FACES, value=share, points=int(20 * share))


def _usual_share(hits: int, trials: int, presumed: float) -> float:
    """Compute the share a past makes expected, leaning on the presumed one when it is short."""
    return (hits + presumed * USUAL_WEIGHT) / (trials + USUAL_WEIGHT)
