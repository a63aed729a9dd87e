"""Why a look-up was held: each sign with what was seen and what was usual."""

from rempart.guard.decisions import Signal, SignalKind
from rempart.guard.habits import Habits
from rempart.guard.lookups import Lookup
from rempart.guard.policy import Policy
from rempart.guard.rules import Norms
from rempart.guard.weights import Weights, expected_at_hour, expected_from, expected_misses


def explain(
    habits: Habits, lookup: Lookup, weights: Weights, *, norms: Norms, hour: int, over: bool
) -> tuple[Signal, ...]:
    """Return the signs against a look-up, heaviest first, the spent allowance before them.

    Args:
        habits: Of the account, the look-up counted.
        lookup: The look-up.
        weights: Its weights.
        norms: Of the account's profession.
        hour: Its hour.
        over: Whether the day's allowance is spent.
    """
    department = lookup.subject_department
    usual = 0.0 if department is None else expected_from(habits, department, norms)
    missed = float(not lookup.found)
    new_insurer = float(lookup.insurer not in habits.insurers)
    pairs = (
        (SignalKind.NETWORK, float(lookup.ip not in habits.addresses), 0.0, weights.network),
        (SignalKind.AGENT, float(lookup.user_agent not in habits.agents), 0.0, weights.agent),
        (SignalKind.STRANGERS, float(weights.strangers > 0), 0.0, weights.strangers),
        (SignalKind.GEOGRAPHY, 1.0, usual, weights.geography),
        (SignalKind.INSURER, new_insurer, 0.0, weights.insurer),
        (SignalKind.MISSES, missed, expected_misses(habits, norms), weights.misses),
        (SignalKind.HOUR, float(hour), expected_at_hour(habits, hour), weights.hour),
        (SignalKind.BURST, habits.burst, habits.usual_burst, weights.burst),
    )
    against = [Signal(*pair) for pair in pairs if pair[3] > 0]
    against.sort(key=lambda signal: -signal.weight)
    if over:
        against.insert(0, _describe_flood(habits, presence=lookup.presence))
    return tuple(against)


def explain_held(habits: Habits, policy: Policy) -> Signal:
    """Return why a known face is not answered: the account is held, and typed its share of them."""
    typed = habits.today.held_known.bit_count()
    return Signal(SignalKind.KNOWN_FACES, typed, policy.held_known, 0.3)


def _describe_flood(habits: Habits, *, presence: bool) -> Signal:
    today = habits.today
    if presence:
        return Signal(SignalKind.CARD_FACES, today.card, today.card_allowance, 0.2)
    return Signal(SignalKind.TYPED_FACES, today.typed, today.typed_allowance, 0.3)
