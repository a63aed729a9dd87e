"""The judgement of one look-up: habits and a look-up give a decision and the next habits.

The same functions judge in a replay, where everything is in memory, and in the gateways, where
habits are read from a database and written back. Refuses to cut what an account lives on: people it
already knows are answered at every step.
"""

from typing import Final

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
from rempart.guard.habits import LEAST_BURST, NOTHING_LEARNT, Habits, Learnt, find_part
from rempart.guard.lookups import Lookup, find_day, find_hour
from rempart.guard.policy import Policy
from rempart.guard.rules import AccountDay, Rules, summarise_day
from rempart.guard.surroundings import Surroundings
from rempart.guard.weights import Weights, weigh

_MINUTE_MS: Final = 60_000
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
# One more look-up that does not look like its account, after the allowance is spent.
_OVER_GAIN: Final = 0.3
# Less evidence than this: what the account types from its own line looks like the account.
_QUIET: Final = 2.0
# An account that a review cleared starts with credit, and room for what it was contained for.
_CREDIT: Final = -4.0
_CLEARED_ROOM: Final = 30.0
# How much a typed person teaches of where people live when they live where few of them do.
_FAR_TEACHES: Final = 0.2
_LEARNT: Final = Learnt(changed=True)


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


def has_news(habits: Habits, lookup: Lookup, *, teaches: bool) -> bool:
    """Say whether a look-up of a known face would change anything: `meet_known` is needed then.

    Args:
        habits: Of the account.
        lookup: The look-up.
        teaches: What `Learnt.teaches` said when the face was new.
    """
    today, day = habits.today, find_day(lookup.time_ms)
    if today.day != day:
        return True
    if not teaches:
        return False
    ip, agent = habits.addresses.get(lookup.ip), habits.agents.get(lookup.user_agent)
    return (
        not today.hours >> find_hour(lookup.time_ms) & 1
        or (ip is None or ip.last != day)
        or (agent is None or agent.last != day)
        or (
            not lookup.presence
            and not today.typed_known >> find_part(lookup.subject) & 1
            and habits.has_line(lookup.ip)
        )
    )


def meet_known(habits: Habits, lookup: Lookup, *, teaches: bool) -> Learnt:
    """Learn from a look-up of a known face, which is always answered.

    Args:
        habits: Of the account, on the day of the look-up; changed.
        lookup: The look-up.
        teaches: What `Learnt.teaches` said when the face was new.
    """
    if not teaches:
        return NOTHING_LEARNT
    # Before its address is learnt: one of today is not its own line.
    is_news = (
        not lookup.presence
        and habits.has_line(lookup.ip)
        and habits.count_typed_known(lookup.subject)
    )
    learnt = habits.learn_place(
        lookup.ip, lookup.user_agent, find_hour(lookup.time_ms), habits.today.day
    )
    return learnt._replace(changed=True) if is_news else learnt


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
    if not lookup.presence:
        _count_burst(habits, lookup.time_ms)
    norms = rules.find_norms(habits.profession)
    weights = weigh(
        habits, lookup, surroundings=surroundings, norms=norms, hour=hour, is_young=is_young
    )
    # Before this one weighs: whether it is answered does not depend on whom it is about.
    at_ease = _is_at_ease(habits, lookup)
    if lookup.presence:
        over, evidence = _charge_card(habits, weights, policy)
        threshold = rules.card_evidence
    else:
        over, evidence = _charge_typed(habits, weights, policy, at_ease=at_ease)
        threshold = rules.evidence
    contains = evidence > threshold and not habits.step
    if contains:
        habits.step = Step.PRESENCE_ONLY
        habits.held_from = (lookup.ip, lookup.user_agent)
        _set_reach(habits, lookup)
    elif evidence > threshold and lookup.presence:
        habits.held_cards = True
    if over or contains or _is_held(habits, lookup, at_ease=at_ease):
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
    at_ease, today = _is_at_ease(habits, lookup), habits.today
    if _is_held(habits, lookup, at_ease=at_ease):
        return False
    if lookup.presence:
        return today.card < today.card_allowance
    return not _is_spent(habits, policy, at_ease=at_ease)


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
    habits.typed_evidence = habits.strange_evidence = habits.card_evidence = _CREDIT
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
    habits.typed.add(typed)
    habits.card.add(min(today.card, today.card_allowance))
    habits.week = ([0.0] * (nights - 1) + [typed, *habits.week])[: len(habits.week)]
    habits.active_days += 1
    if not habits.step:
        busiest = min(today.busiest, 1.5 * habits.usual_burst)
        habits.usual_burst = max(LEAST_BURST, 0.98 * habits.usual_burst, busiest)
    habits.typed_evidence *= _TYPED_KEPT**nights
    habits.strange_evidence *= _TYPED_KEPT**nights
    habits.card_evidence *= _CARD_KEPT**nights


def _plan_day(habits: Habits, day: int, rules: Rules) -> None:
    """Set a day's allowances and start its counts."""
    today, norms = habits.today, rules.find_norms(habits.profession)
    today.day, today.hours = day, 0
    today.typed = today.card = today.busiest = today.typed_doubted = 0.0
    today.batch_count = today.typed_known = 0
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


def _is_at_ease(habits: Habits, lookup: Lookup) -> bool:
    """Say whether what comes is typed from the account's own line and looks like it so far."""
    return not lookup.presence and habits.typed_evidence < _QUIET and habits.has_line(lookup.ip)


def _is_held(habits: Habits, lookup: Lookup, *, at_ease: bool) -> bool:
    """Say whether the account's step refuses a new face: cards pass at the counter, or care stops.

    Cards leak too, but whoever holds a list of them is not where the account works; and whoever
    was caught elsewhere is not at the account's own line.
    """
    if habits.step != Step.PRESENCE_ONLY:
        return habits.step > Step.NONE
    if lookup.presence:
        return habits.held_cards and not habits.works_at(lookup.ip)
    return not (habits.held_away and at_ease)


def _is_spent(habits: Habits, policy: Policy, *, at_ease: bool) -> bool:
    """Say whether the day's allowance of what is typed is spent, and the room for a batch too."""
    today = habits.today
    if today.typed < today.typed_allowance:
        return False
    known = today.typed_known.bit_count()
    return not at_ease or today.batch_count >= policy.batch_room + policy.batch_per_known * known


def _charge_typed(
    habits: Habits, weights: Weights, policy: Policy, *, at_ease: bool
) -> tuple[bool, float]:
    """Take a typed new face off the allowance; say whether it was spent, and the evidence."""
    total, today = weights.total, habits.today
    over = _is_spent(habits, policy, at_ease=at_ease)
    if not at_ease:
        today.typed_doubted = max(today.typed_doubted, today.typed)
    elif not over and today.typed >= today.typed_allowance:
        today.batch_count += 1
    today.typed += compute_price(total, policy.least_price)
    today.typed_count += 1
    gain = _LOOKUP_GAIN * max(-2.0, min(2.5, weights.of_person)) - _DRIFT
    if over and total > 0 and weights.network > 0:
        gain += _OVER_GAIN
    # What comes from a strange place is weighed apart too: the owner's own work would dilute it.
    if weights.is_from_a_strange_place:
        gain += _PLACE_GAIN * max(0.0, weights.of_place)
        habits.strange_evidence = _add(habits.strange_evidence, gain)
    # While it is held, who is elsewhere is refused, and no evidence against its own line.
    if not (habits.step and weights.is_from_a_strange_place):
        habits.typed_evidence = _add(habits.typed_evidence, gain)
    evidence = max(habits.typed_evidence, habits.strange_evidence)
    if not habits.step:
        today.most_evidence = max(today.most_evidence, evidence)
    return over, evidence


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

    A far person who was typed teaches little, and nothing of where people live beyond the
    allowance: a thief at the desk would teach where his list lives.
    """
    much = 1.0
    if weights.geography > 0 and not lookup.presence:
        today = habits.today
        much = _FAR_TEACHES if today.typed <= today.typed_allowance else 0.0
    habits.learn_person(lookup.subject_department, lookup.insurer, lookup.found, much)


def _accept(habits: Habits, lookup: Lookup, hour: int, *, is_young: bool, teaches: bool) -> Learnt:
    habits.count_answer(lookup.subject_department, lookup.found)
    if not lookup.presence:
        habits.today.busiest = max(habits.today.busiest, habits.burst)
    elif is_young or lookup.ip in habits.addresses:
        learnt = habits.learn_place(lookup.ip, lookup.user_agent, hour, habits.today.day)
        return Learnt(changed=True, new_address=learnt.new_address, teaches=teaches)
    return Learnt(changed=True, teaches=teaches)


def _count_burst(habits: Habits, time_ms: int) -> None:
    passed = max(0, time_ms - habits.burst_ms) / _MINUTE_MS
    habits.burst = max(0.0, habits.burst - passed) + 1.0
    habits.burst_ms = max(time_ms, habits.burst_ms)
