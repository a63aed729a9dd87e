"""The signs that a session is a thief's or its owner's: what is measured, against what, the points.

One function for each sign, so that a changed rule is one function and a new version. Refuses to add
them up: what the sums mean is `attribution`'s.

Source: S24, S25, S29 (decibans; Hoeffding's bound), S48.
"""

import enum
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rempart.incidents.evidence import Habit, SessionTally

# What an account without much past is presumed to do: one look-up in ten typed, one in sixteen
# finding nobody, weighing as much as twenty look-ups of its own.
USUAL_TYPED: Final = 0.10
USUAL_NOBODY: Final = 0.06
USUAL_WEIGHT: Final = 20
# A rhythm is only told from this many gaps on.
RHYTHM_GAPS: Final = 10
STEADY_SPREAD: Final = 0.3
FAST_RATIO: Final = 3.0
# One lawful look-up in four leads to no claim: quotes, admissions, care that is put off.
USUAL_UNCLAIMED: Final = 0.25
# An hour is unusual when it has less than a quarter of its even share of a past long enough.
HOURS_PAST: Final = 96
UNUSUAL_HOUR: Final = 1 / 96
# A list in order: up to three in a row come about by themselves (a family, a ward).
ORDERED_BY_CHANCE: Final = 3
# One person in twenty is of the account's own department, for somebody with a national list.
USUAL_LOCAL: Final = 0.05
# One person in fifty of a list is somebody the account knows, which is many.
USUAL_KNOWN: Final = 0.02
# Faster than an airliner.
IMPOSSIBLE_KMH: Final = 1_000.0


class Rule(enum.StrEnum):
    """A sign and the version of its rule; a changed rule takes the next number."""

    UNKNOWN_ADDRESS = "unknown_address/1"
    UNKNOWN_AGENT = "unknown_agent/1"
    TYPED_WITHOUT_CARD = "typed_without_card/1"
    SHARE_UNKNOWN = "share_unknown/1"
    PACE = "pace/1"
    REGULAR_PACE = "regular_pace/1"
    CONFIRMED_THEFT = "confirmed_theft/1"
    UNKNOWN_DEVICE = "unknown_device/1"
    ATTACK_ADDRESS = "attack_address/1"
    IMPOSSIBLE_TRAVEL = "impossible_travel/1"
    ORDERED = "ordered/1"
    UNUSUAL_HOURS = "unusual_hours/1"
    CLAIMS_MISSING = "claims_missing/1"
    USUAL_ADDRESS = "usual_address/1"
    USUAL_AGENT = "usual_agent/1"
    PRESENCE = "presence/1"
    KNOWN_FACES = "known_faces/2"
    KNOWN_DEVICE = "known_device/1"
    CLAIMS_FOLLOWED = "claims_followed/1"
    SAME_PLACE = "same_place/1"


SIGNS_OF_OWNER: Final = frozenset(
    {
        Rule.USUAL_ADDRESS,
        Rule.USUAL_AGENT,
        Rule.PRESENCE,
        Rule.KNOWN_FACES,
        Rule.KNOWN_DEVICE,
        Rule.CLAIMS_FOLLOWED,
        Rule.SAME_PLACE,
    }
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


def weigh_signs(tally: SessionTally, habit: Habit, *, from_attack: bool) -> tuple[Signal, ...]:
    """Weigh everything that is known of a session, against its account's own past.

    Args:
        tally: What the session did inside the window.
        habit: The account's past.
        from_attack: Whether it came from an address of the attack.

    Returns:
        The signs, those of weight nought included; a fact that nobody recorded gives none.
    """
    return (
        *_compare_origin(tally, habit),
        _weigh_typing(tally, habit),
        _weigh_misses(tally, habit),
        _weigh_pace(tally, habit),
        _weigh_regularity(tally),
        _weigh_presence(tally),
        _weigh_known_faces(tally),
        *_weigh_what_is_known(tally, habit, from_attack=from_attack),
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
        value=_share(tally.typed, tally.lookups),
        usual=usual,
        points=compute_surprise(tally.typed, tally.lookups, usual, cap=40),
    )


def _weigh_misses(tally: SessionTally, habit: Habit) -> Signal:
    """Weigh look-ups that found nobody beyond the habit: guesses and stale lists miss."""
    usual = _usual_share(habit.nobody, habit.lookups, USUAL_NOBODY)
    return Signal(
        rule=Rule.SHARE_UNKNOWN,
        value=_share(tally.nobody, tally.lookups),
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
    """Weigh persons the account had looked up before: regulars come back, lists do not.

    A short past knows few of them, so that a small share of a long session says much.
    """
    share = _share(tally.known_faces, tally.lookups)
    surprise = compute_surprise(tally.known_faces, tally.lookups, USUAL_KNOWN, cap=30)
    return Signal(
        rule=Rule.KNOWN_FACES, value=share, usual=USUAL_KNOWN, points=max(int(20 * share), surprise)
    )


def _weigh_what_is_known(
    tally: SessionTally, habit: Habit, *, from_attack: bool
) -> Iterator[Signal]:
    """Weigh the facts that not every record holds; one that is missing gives no sign."""
    if tally.confirmed_theft:
        yield Signal(rule=Rule.CONFIRMED_THEFT, value=1, points=40)
    yield from _weigh_device(tally, habit)
    yield from _weigh_places(tally, habit, from_attack=from_attack)
    if tally.ordered is not None:
        yield _weigh_order(tally.ordered)
    if tally.hours is not None and sum(habit.hours) >= HOURS_PAST:
        yield _weigh_hours(tally.hours, habit.hours)
    if tally.claims_known:
        yield from _weigh_claims(tally.claims_known, tally.claims_followed or 0, habit)
    if tally.placed:
        yield _weigh_neighbours(tally.placed, tally.local or 0)


def _weigh_device(tally: SessionTally, habit: Habit) -> Iterator[Signal]:
    """Weigh the key: one never used before is a sign and no more, since software is renewed.

    A key known from the past says nothing, because one software serves many accounts; only a
    device that its owner enrolled speaks for the owner.
    """
    key = tally.session.key
    if tally.known_device:
        yield Signal(rule=Rule.KNOWN_DEVICE, value=1, points=15)
    elif tally.known_device is False or (key and habit.keys and key not in habit.keys):
        yield Signal(rule=Rule.UNKNOWN_DEVICE, value=1, points=10)


def _weigh_places(tally: SessionTally, habit: Habit, *, from_attack: bool) -> Iterator[Signal]:
    """Weigh where it came from: the attack's addresses, and two places at once.

    Two places at once say that two people are there and not which one is the thief: it only weighs
    on the session that comes from an unusual address, as the attack's addresses do.
    """
    unusual = tally.session.address not in habit.addresses
    if unusual and from_attack:
        yield Signal(rule=Rule.ATTACK_ADDRESS, value=1, points=10)
    if tally.travel_kmh is not None:
        yield Signal(
            rule=Rule.IMPOSSIBLE_TRAVEL,
            value=tally.travel_kmh,
            usual=IMPOSSIBLE_KMH,
            points=15 if unusual and tally.travel_kmh > IMPOSSIBLE_KMH else 0,
        )


def _weigh_order(ordered: int) -> Signal:
    """Weigh identifiers that follow each other: a register is read in order, visitors are not."""
    points = min(20, max(0, 4 * (ordered - ORDERED_BY_CHANCE)))
    return Signal(rule=Rule.ORDERED, value=ordered, usual=ORDERED_BY_CHANCE, points=points)


def _weigh_hours(hours: Sequence[int], usual: Sequence[int]) -> Signal:
    """Weigh hours at which the account hardly ever works; one night on call must not convict."""
    total = sum(usual)
    rare = [hour for hour, count in enumerate(usual) if count / total < UNUSUAL_HOUR]
    share = (sum(usual[hour] for hour in rare) + 1) / (total + 2)
    hits, trials = sum(hours[hour] for hour in rare), sum(hours)
    return Signal(
        rule=Rule.UNUSUAL_HOURS,
        value=hits / trials if trials else 0,
        usual=share,
        points=compute_surprise(hits, trials, share, cap=5),
    )


def _weigh_claims(known: int, followed: int, habit: Habit) -> Iterator[Signal]:
    """Weigh claims, both ways: what was asked for was done, or nobody ever asked to be paid."""
    unclaimed = habit.claims_known - habit.claims_followed
    usual = _usual_share(unclaimed, habit.claims_known, USUAL_UNCLAIMED)
    yield Signal(
        rule=Rule.CLAIMS_MISSING,
        value=(known - followed) / known,
        usual=usual,
        points=compute_surprise(known - followed, known, usual, cap=30),
    )
    points = 30 if followed >= 3 else 20 if followed else 0
    yield Signal(rule=Rule.CLAIMS_FOLLOWED, value=followed, points=points)


def _weigh_neighbours(placed: int, local: int) -> Signal:
    """Weigh people of the account's own department: visitors come from near, a list does not."""
    return Signal(
        rule=Rule.SAME_PLACE,
        value=local / placed,
        usual=USUAL_LOCAL,
        points=compute_surprise(local, placed, USUAL_LOCAL, cap=10),
    )


def _share(hits: int, trials: int) -> float:
    """Compute a share; of nothing, nought."""
    return hits / trials if trials else 0.0


def _usual_share(hits: int, trials: int, presumed: float) -> float:
    """Compute the share a past makes expected, leaning on the presumed one when it is short."""
    return (hits + presumed * USUAL_WEIGHT) / (trials + USUAL_WEIGHT)
