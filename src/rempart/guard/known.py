"""The judgement of people an account already knows: answered, and what is learnt of them.

Whoever holds the access of a large practice would go through the people it knows. So while an
account is held, few of those it types in a day are answered; cards always are, and so is what its
software checks by itself. Refuses to count what comes from the account's own line when it was
caught elsewhere.
"""

from typing import Final

from rempart.guard.decisions import ANSWERED, Decision, Step
from rempart.guard.explain import explain_held
from rempart.guard.habits import BATCH_TEMPO, NOTHING_LEARNT, Habits, Learnt, fade, find_part
from rempart.guard.lookups import Lookup, find_day, find_hour
from rempart.guard.policy import Policy

_LEARNT: Final = Learnt(changed=True)


def has_news(habits: Habits, lookup: Lookup, *, teaches: bool) -> bool:
    """Say whether a look-up of a known face would change anything: `judge_known` is needed then.

    Args:
        habits: Of the account.
        lookup: The look-up.
        teaches: What `Learnt.teaches` said when the face was new.
    """
    today, day = habits.today, find_day(lookup.time_ms)
    if today.day != day or _is_counted(habits, lookup):
        return True
    if not teaches:
        return False
    if not today.hours >> find_hour(lookup.time_ms) & 1:
        return True
    ip, agent = habits.addresses.get(lookup.ip), habits.agents.get(lookup.user_agent)
    if ip is None or ip.last != day or agent is None or agent.last != day:
        return True
    return (
        not lookup.presence
        and not today.typed_known >> find_part(lookup.subject) & 1
        and _works_from(habits, lookup)
    )


def judge_known(
    habits: Habits, lookup: Lookup, *, teaches: bool, policy: Policy
) -> tuple[Decision, Learnt]:
    """Judge a look-up of a known face, and learn from it.

    It is answered, unless it is typed while the account is held and the day had its share: whoever
    holds the access of a large practice would go through the people it knows.

    Args:
        habits: Of the account, on the day of the look-up; changed.
        lookup: The look-up.
        teaches: What `Learnt.teaches` said when the face was new.
        policy: Fixed numbers.

    Returns:
        The decision, and what was learnt.
    """
    if not _is_counted(habits, lookup):
        return ANSWERED, _learn_known(habits, lookup, teaches=teaches)
    if _is_at_work(habits, lookup):
        return ANSWERED, _learn_known(habits, lookup, teaches=teaches)._replace(changed=True)
    if habits.count_held_known(lookup.subject, policy.held_known):
        # Nothing of where it came from: a thief would make his address usual.
        return ANSWERED, _LEARNT
    habits.today.refused += 1
    signals = (explain_held(habits, policy),)
    return Decision(False, Step(habits.step), False, 0.0, 0.0, signals), _LEARNT


def _learn_known(habits: Habits, lookup: Lookup, *, teaches: bool) -> Learnt:
    if not teaches:
        return NOTHING_LEARNT
    # Before its address is learnt: one of today is not its own line.
    is_news = (
        not lookup.presence
        and _works_from(habits, lookup)
        and habits.count_typed_known(lookup.subject)
    )
    learnt = habits.learn_place(
        lookup.ip, lookup.user_agent, find_hour(lookup.time_ms), habits.today.day
    )
    return learnt._replace(changed=True) if is_news else learnt


def _works_from(habits: Habits, lookup: Lookup) -> bool:
    """Say whether known people typed from an address speak for the account: its own, or before."""
    return habits.has_line(lookup.ip) or habits.checks_from(lookup.ip)


def _is_counted(habits: Habits, lookup: Lookup) -> bool:
    """Say whether a look-up of a known face is counted: typed, by an account that is held."""
    return bool(habits.step) and not lookup.presence


def _is_at_work(habits: Habits, lookup: Lookup) -> bool:
    """Say whether what an account that is held types is not counted.

    That is what its software checks by itself, from a place it worked at before today, and what
    comes from its own line when it was caught elsewhere.
    """
    before = fade(habits.held_burst, habits.held_burst_ms, lookup.time_ms)
    habits.held_burst = before + 1.0
    habits.held_burst_ms = max(lookup.time_ms, habits.held_burst_ms)
    place = habits.addresses.get(lookup.ip)
    if place is None or place.since >= habits.today.day:
        return False
    return before > BATCH_TEMPO or (habits.held_away and habits.has_line(lookup.ip))
