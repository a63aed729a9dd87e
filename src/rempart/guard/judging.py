"""The judgement of one look-up: habits and a look-up give a decision and the next habits.

The same functions judge in a replay, where everything is in memory, and in the gateways, where
habits are read from a database and written back. Refuses to cut what an account lives on: people it
already knows are judged in `known`, and answered.
"""

import math
from typing import Final, NamedTuple

from rempart.guard.allowance import (
    CARD_SPREAD,
    TYPED_SPREAD,
    compute_card_allowance,
    compute_deviation,
    compute_expected,
    compute_price,
    compute_typed_allowance,
)
from rempart.guard.decisions import ANSWERED, Decision, Signal, SignalKind, Step
from rempart.guard.explain import explain
from rempart.guard.habits import BATCH_TEMPO, LEAST_BURST, Habits, Learnt, Today, fade
from rempart.guard.lookups import Lookup, find_day, find_hour
from rempart.guard.policy import Policy
from rempart.guard.rules import AccountDay, Rules, summarise_day
from rempart.guard.surroundings import Surroundings
from rempart.guard.weights import Weights, weigh

MOST_EVIDENCE: Final = 25.0
# What a night takes away from the evidence of the day before.
_TYPED_KEPT: Final = 0.8
_CARD_KEPT: Final = 0.6
_MOST_NIGHTS: Final = 7
# A look-up's evidence is a part of its weights, since look-ups are less than independent: more of
# whom it is about, which each one tells anew, less of where it comes from, which they share; and a
# little is forgotten each time, as in a sequential test that starts again (CUSUM).
_LOOKUP_GAIN: Final = 0.5
_PLACE_GAIN: Final = 0.25
_DRIFT: Final = 0.1
# One more look-up from a stranger's address, after the allowance is spent.
_OVER_GAIN: Final = 0.3
# Less evidence than this: what the account types from its own line looks like the account.
_QUIET: Final = 2.0
# The most a sum of evidence reaches grows with the logarithm of how much is added: so does what a
# batch may reach.
_BATCH_SLACK: Final = 0.5
_BATCH_UNIT: Final = 3.0
# An account that a review cleared starts with credit, and room for what it was contained for.
_CREDIT: Final = -4.0
_CLEARED_ROOM: Final = 30.0
# How much a typed person teaches of where people live when they live where few of them do.
_FAR_TEACHES: Final = 0.2
_LEARNT: Final = Learnt(changed=True)


class _Stand(NamedTuple):
    """Where a look-up stands before it is weighed.

    Attributes:
        at_own_line: Whether it is typed from the account's own line.
        in_batch: Whether it is typed faster than people type.
        at_ease: Whether what is typed there, at that pace, looks like the account so far.
    """

    at_own_line: bool
    in_batch: bool
    at_ease: bool


_COUNTER: Final = _Stand(at_own_line=False, in_batch=False, at_ease=False)


def begin_day(habits: Habits, day: int, rules: Rules) -> AccountDay | None:
    """Close an account's last day and set the allowances of another.

    Args:
        habits: Of the account; changed.
        day: The day that begins, later than `habits.today.day`.
        rules: In force that day.

    Returns:
        The day that is over; None before the first.
    """
    past = summarise_day(habits)
    if past is not None:
        _close_day(habits, min(day - past.day, _MOST_NIGHTS))
    _plan_day(habits, day, rules)
    return past


def judge_new(
    habits: Habits,
    lookup: Lookup,
    *,
    surroundings: Surroundings,
    rules: Rules,
    policy: Policy,
    is_canary: bool = False,
) -> tuple[Decision, Learnt]:
    """Judge a look-up of somebody the account was never answered about.

    Args:
        habits: Of the account, on the day of the look-up; changed.
        lookup: The look-up.
        surroundings: What others did from its address.
        rules: In force that day.
        policy: Fixed numbers.
        is_canary: Whether the person was planted: whoever asks for one is contained.

    Returns:
        The decision, and what was learnt; when it answers, the person is a known face from then on.
    """
    if is_canary:
        return _catch(habits, lookup, rules), _LEARNT
    is_young = habits.active_days < policy.learning_days
    hour = find_hour(lookup.time_ms)
    # Before this one weighs: whether it is answered does not depend on whom it is about.
    stand = _find_stand(habits, lookup)
    if not lookup.presence:
        _count_burst(habits, lookup.time_ms)
    norms = rules.find_norms(habits.profession)
    weights = weigh(
        habits, lookup, surroundings=surroundings, norms=norms, hour=hour, is_young=is_young
    )
    if lookup.presence:
        over, evidence = _charge_card(habits, weights, policy)
        threshold = rules.card_evidence
    else:
        over, evidence = _charge_typed(habits, weights, policy, stand)
        threshold = rules.evidence
    contains = evidence > threshold and not habits.step
    if contains:
        habits.step = Step.PRESENCE_ONLY
        habits.held_from = (lookup.ip, lookup.user_agent)
        _set_reach(habits, lookup)
    elif evidence > threshold and lookup.presence:
        habits.held_cards = True
    if over or contains or _is_held(habits, lookup, stand):
        habits.today.refused += 1
        step = Step(habits.step) if habits.step else Step.SHOW_PRESENCE
        signals = explain(habits, lookup, weights, norms=norms, hour=hour, over=over)
        return Decision(False, step, contains, evidence, threshold, signals), _LEARNT
    teaches = is_young or not weights.is_from_a_strange_place
    if teaches:
        _learn_person(habits, lookup, weights)
    return ANSWERED, _accept(habits, lookup, hour, is_young=is_young, teaches=teaches)


def contain(habits: Habits, step: Step) -> None:
    """Hold an account for a reason the guard did not see; a review will clear it, or not."""
    habits.step = max(habits.step, step)
    habits.held_away, habits.held_cards = False, True
    habits.reviewed = False


def would_answer(habits: Habits, lookup: Lookup, policy: Policy) -> bool:
    """Say whether the account's step and allowances let a stranger be answered, whoever it is."""
    stand, today = _find_stand(habits, lookup), habits.today
    if _is_held(habits, lookup, stand):
        return False
    if lookup.presence:
        return today.card < today.card_allowance
    return _has_room(today, policy, stand) or not _is_spent(today, stand)


def release(habits: Habits, *, keep_allowance: bool = False) -> None:
    """Take note that a review cleared an account: it was its owner.

    Args:
        habits: Of the account, on the day of the review; changed.
        keep_allowance: Learn nothing of it but that it is over: its days and the place it was
            held from are not shown to be the owner's.
    """
    held_from, habits.held_from = habits.held_from, None
    habits.step = Step.NONE
    habits.reviewed = True
    habits.typed_evidence = habits.batch_evidence = _CREDIT
    habits.strange_evidence = habits.card_evidence = _CREDIT
    if keep_allowance:
        return
    if held_from is not None:
        habits.learn_place(*held_from, hour=None, day=habits.today.day)
    habits.tolerance += _CLEARED_ROOM
    habits.today.typed_allowance += _CLEARED_ROOM + habits.today.typed
    habits.today.card_allowance += 3 * _CLEARED_ROOM + habits.today.card


def find_lookup_day(habits: Habits, lookup: Lookup) -> int:
    """Return the day a look-up counts on: a clock that steps back does not open a day again.

    A clock that was far ahead and came back leaves its day with what was spent on it: changes
    `habits.today.day` then, so that the next midnight begins a day.
    """
    day, today = find_day(lookup.time_ms), habits.today
    if today.day > day + 1:
        today.day = day
    return max(day, today.day)


def _close_day(habits: Habits, nights: int) -> None:
    today = habits.today
    # What was refused teaches nothing: a thief cannot stretch the habits of an account.
    typed = min(today.typed, today.typed_allowance)
    # Nor do days on which it was held: a thief who shows cards at the counter goes on.
    if not habits.step:
        # Nor does a machine stretch what people may type.
        habits.typed.add(min(today.typed - today.typed_in_batch, today.typed_allowance))
        habits.card.add(min(today.card, today.card_allowance))
    habits.week = ([0.0] * (nights - 1) + [typed, *habits.week])[: len(habits.week)]
    habits.active_days += 1
    if not habits.step:
        busiest = min(today.busiest, 1.5 * habits.usual_burst)
        habits.usual_burst = max(LEAST_BURST, 0.98 * habits.usual_burst, busiest)
    habits.typed_evidence *= _TYPED_KEPT**nights
    habits.batch_evidence *= _TYPED_KEPT**nights
    habits.strange_evidence *= _TYPED_KEPT**nights
    habits.card_evidence *= _CARD_KEPT**nights


def _plan_day(habits: Habits, day: int, rules: Rules) -> None:
    """Set a day's allowances and start its counts."""
    today, norms = habits.today, rules.find_norms(habits.profession)
    today.day, today.hours = day, 0
    today.typed = today.typed_elsewhere = today.typed_in_batch = today.typed_doubted = 0.0
    today.card = today.busiest = 0.0
    today.batch_count = today.typed_known = today.held_known = 0
    today.line_days = max((known.days for known in habits.addresses.values()), default=0)
    today.most_evidence = today.most_card_evidence = 0.0
    today.typed_count = today.card_count = today.refused = 0
    today.local_count = today.placed_count = today.missed_count = today.answered_count = 0
    expected = compute_expected(habits.typed, norms.typed)
    deviation = compute_deviation(expected, habits.typed, TYPED_SPREAD)
    today.typed_expected, today.typed_deviation = expected, deviation
    today.typed_allowance = habits.tolerance + compute_typed_allowance(
        expected, deviation, sum(habits.week), rules.width
    )
    expected = compute_expected(habits.card, norms.card)
    deviation = compute_deviation(expected, habits.card, CARD_SPREAD)
    today.card_allowance = 3 * habits.tolerance + compute_card_allowance(expected, deviation)
    if habits.step and habits.card_evidence > rules.card_evidence:
        # Held for a flood of cards: the counter goes on at its usual pace, until the review.
        today.card_allowance = min(today.card_allowance, expected)


def _catch(habits: Habits, lookup: Lookup, rules: Rules) -> Decision:
    contains = not habits.step
    if contains:
        _set_reach(habits, lookup)
    habits.step = max(habits.step, Step.PRESENCE_ONLY)
    habits.today.refused += 1
    signal = Signal(SignalKind.CANARY, 1.0, 0.0, MOST_EVIDENCE)
    return Decision(False, Step(habits.step), contains, MOST_EVIDENCE, rules.evidence, (signal,))


def _set_reach(habits: Habits, lookup: Lookup) -> None:
    """Hold no more than what the look-up that contains an account convicts."""
    habits.held_away = not habits.works_at(lookup.ip)
    habits.held_cards = lookup.presence


def _find_stand(habits: Habits, lookup: Lookup) -> _Stand:
    if lookup.presence:
        return _COUNTER
    in_batch = _find_burst(habits, lookup.time_ms) > BATCH_TEMPO
    if not (habits.has_line(lookup.ip) or (in_batch and habits.checks_from(lookup.ip))):
        return _Stand(at_own_line=False, in_batch=in_batch, at_ease=False)
    evidence = _find_batch_evidence(habits) if in_batch else habits.typed_evidence
    return _Stand(at_own_line=True, in_batch=in_batch, at_ease=evidence < _QUIET)


def _is_held(habits: Habits, lookup: Lookup, stand: _Stand) -> bool:
    """Say whether the account's step refuses a new face: cards pass at the counter, or care stops.

    Cards leak too, but whoever holds a list of them is not where the account works; and whoever
    was caught elsewhere is not at the account's own line.
    """
    if habits.step != Step.PRESENCE_ONLY:
        return habits.step > Step.NONE
    if lookup.presence:
        return habits.held_cards and not habits.works_at(lookup.ip)
    return not (habits.held_away and stand.at_ease)


def _has_room(today: Today, policy: Policy, stand: _Stand) -> bool:
    """Say whether the day has room for one more that looks like its account.

    A batch has some, and more for each known person met in it. What comes at a human pace has room
    for one for each of those, once the allowance is spent.
    """
    if not stand.at_ease:
        return False
    known = today.typed_known.bit_count()
    if stand.in_batch:
        return today.batch_count < policy.batch_room + policy.batch_per_known * known
    return today.batch_count < known and _is_spent(today, stand)


def _find_spent(today: Today, stand: _Stand) -> float:
    """Return the price spent: what came from elsewhere spends none of the own line's allowance."""
    return today.typed - today.typed_elsewhere if stand.at_own_line else today.typed


def _is_spent(today: Today, stand: _Stand) -> bool:
    """Say whether the day's allowance of what is typed is spent."""
    return _find_spent(today, stand) >= today.typed_allowance


def _charge_typed(
    habits: Habits, weights: Weights, policy: Policy, stand: _Stand
) -> tuple[bool, float]:
    """Take a typed new face off the room of a batch, or off the allowance.

    Returns:
        Whether both were spent, and the evidence.
    """
    today, over = habits.today, False
    if _has_room(today, policy, stand):
        today.batch_count += 1
    else:
        over = _is_spent(today, stand)
        today.typed_doubted = max(today.typed_doubted, _find_spent(today, stand))
        price = compute_price(weights.priced, policy.least_price)
        today.typed += price
        if not stand.at_own_line:
            today.typed_elsewhere += price
        if stand.in_batch:
            today.typed_in_batch += price
    today.typed_count += 1
    evidence = _weigh_typed(habits, weights, over=over, in_batch=stand.in_batch)
    if not habits.step:
        today.most_evidence = max(today.most_evidence, evidence)
    return over, evidence


def _weigh_typed(habits: Habits, weights: Weights, *, over: bool, in_batch: bool) -> float:
    """Add a typed new face to the evidence; return the evidence.

    A batch is weighed apart from what people type: the hundreds a software checks by night say
    nothing of who sits there by day, and would hide them.
    """
    person = weights.of_person
    gain = _LOOKUP_GAIN * (-2.0 if person < -2.0 else min(person, 2.5)) - _DRIFT
    if over and weights.network > 0 and weights.total > 0:
        gain += _OVER_GAIN
    # What comes from a strange place is weighed apart too: the owner's own work would dilute it.
    if weights.is_from_a_strange_place:
        gain += _PLACE_GAIN * max(0.0, weights.of_place)
        habits.strange_evidence = _add(habits.strange_evidence, gain)
    # While it is held, who is elsewhere is refused, and no evidence against its own line.
    if not (habits.step and weights.is_from_a_strange_place):
        if in_batch:
            habits.batch_evidence = _add(habits.batch_evidence, gain)
        else:
            habits.typed_evidence = _add(habits.typed_evidence, gain)
    evidence = max(habits.typed_evidence, habits.strange_evidence)
    if habits.batch_evidence > evidence:
        evidence = max(evidence, _find_batch_evidence(habits))
    return evidence


def _find_batch_evidence(habits: Habits) -> float:
    """Return the evidence of what a machine typed, its size allowed for."""
    return habits.batch_evidence - _BATCH_SLACK * math.log1p(habits.today.batch_count / _BATCH_UNIT)


def _charge_card(habits: Habits, weights: Weights, policy: Policy) -> tuple[bool, float]:
    """Take a new face with a card off its allowance: a strange place or a flood counts."""
    today, come = habits.today, weights.network + weights.agent
    over = today.card >= today.card_allowance
    if not weights.is_from_a_strange_place:
        # From elsewhere evidence bounds it: a thief does not spend what the counter needs.
        today.card += compute_price(weights.total, policy.least_price)
    today.card_count += 1
    gain = -0.02
    if come > 0.5:
        gain = 0.2 * min(2.5, come + 0.5 * (weights.geography + weights.hour))
    gain += 0.2 if over else 0.0
    evidence = habits.card_evidence = _add(habits.card_evidence, gain)
    if not habits.step:
        today.most_card_evidence = max(today.most_card_evidence, evidence)
    return over, evidence


def _add(before: float, gain: float) -> float:
    """Add to an evidence: never below nothing, unless a review gave credit, which is used up."""
    return min(MOST_EVIDENCE, max(min(0.0, before), before + gain))


def _learn_person(habits: Habits, lookup: Lookup, weights: Weights) -> None:
    """Learn from whom it was answered about.

    A far person who was typed teaches little of their department, and nothing beyond the allowance:
    a thief at the desk would teach where his list lives.
    """
    much, is_far = 1.0, weights.geography > 0
    if is_far and not lookup.presence:
        today = habits.today
        much = _FAR_TEACHES if today.typed <= today.typed_allowance else 0.0
    habits.learn_person(
        lookup.subject_department, lookup.insurer, lookup.found, much=much, is_far=is_far
    )


def _accept(habits: Habits, lookup: Lookup, hour: int, *, is_young: bool, teaches: bool) -> Learnt:
    habits.count_answer(lookup.subject_department, lookup.found)
    if not lookup.presence:
        habits.today.busiest = max(habits.today.busiest, habits.burst)
    elif is_young or lookup.ip in habits.addresses:
        learnt = habits.learn_place(lookup.ip, lookup.user_agent, hour, habits.today.day)
        return Learnt(changed=True, new_address=learnt.new_address, teaches=teaches)
    return Learnt(changed=True, teaches=teaches)


def _find_burst(habits: Habits, time_ms: int) -> float:
    """Return how many new faces were typed just before, one forgotten a minute."""
    return fade(habits.burst, habits.burst_ms, time_ms)


def _count_burst(habits: Habits, time_ms: int) -> None:
    habits.burst = _find_burst(habits, time_ms) + 1.0
    habits.burst_ms = max(time_ms, habits.burst_ms)
