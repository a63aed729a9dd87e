"""The rules of a day: thresholds from a budget of mistakes, and what is usual in each profession.

Computed from days nobody labelled. Rules of a day rest on the days up to the one before yesterday,
so that there is a whole day to compute them and every gateway changes them at midnight. Days of
accounts that are contained and not cleared are left out; those of accounts cleared by a review are
kept: they are what the budget is about. Refuses to let one bad week move a threshold far, because a
wave of thefts is a bad week too.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from rempart.guard.allowance import compute_needed_width
from rempart.guard.habits import Habits
from rempart.guard.policy import Policy

NARROWEST: Final = 1.5
WIDEST: Final = 8.0
LOWEST_THRESHOLD: Final = 6.0
LOWEST_CARD_THRESHOLD: Final = 6.0
# Rules of a day rest on days at least so much older.
LAG_DAYS: Final = 2
# In a day, the width and the threshold move by this at most.
_WIDTH_STEP: Final = 0.2
_THRESHOLD_STEP: Final = 0.25
# Days of an account before its own are counted.
_LEAST_ACTIVE_DAYS: Final = 3
# How far beyond the largest value the threshold lies when less than one mistake is accepted.
_BEYOND: Final = 1.1
# One account's day weighs no more than this in its profession's mean, in price.
_MOST_TYPED: Final = 60.0
_MOST_CARD: Final = 300.0


class Norms(NamedTuple):
    """What is usual in one profession.

    Attributes:
        typed: Price of typed new faces of a day.
        card: Price of new faces with a card of a day.
        local: Share of people who live where the account works.
        missed: Share of answers about nobody.
    """

    typed: float
    card: float
    local: float
    missed: float


# Wide, and worth three account-days or ten answers: soon outweighed.
FIRST_NORMS: Final = Norms(typed=1.0, card=4.0, local=0.8, missed=0.1)
_FIRST_DAYS: Final = 3.0
_FIRST_ANSWERS: Final = 10.0


class AccountDay(NamedTuple):
    """One day of one account, once it is over.

    Attributes:
        day: The day.
        profession: The account's.
        typed: Price of its typed new faces, refused ones included.
        typed_count: How many they were.
        typed_expected: Price of a usual day.
        typed_deviation: How far days strayed from it.
        typed_allowance: What it was allowed.
        week: Price of the six days before.
        card: Price of its new faces with a card.
        card_count: How many they were.
        card_allowance: What it was allowed.
        refused: Look-ups refused.
        local_count: New faces answered that live where it works.
        placed_count: New faces answered of whom it is known where they live.
        missed_count: Answers about nobody.
        answered_count: New faces answered, nobodies included.
        evidence: The most evidence of its typed new faces while not contained.
        card_evidence: The same, of its new faces with a card.
        active_days: The account's age in active days.
        suspect: Whether it ended contained and not cleared.
        typed_doubted: Price spent when a typed look-up came that only the allowance lets through.
    """

    day: int
    profession: str
    typed: float
    typed_count: int
    typed_expected: float
    typed_deviation: float
    typed_allowance: float
    week: float
    card: float
    card_count: int
    card_allowance: float
    refused: int
    local_count: int
    placed_count: int
    missed_count: int
    answered_count: int
    evidence: float
    card_evidence: float
    active_days: int
    suspect: bool
    typed_doubted: float


class Rules(NamedTuple):
    """One version of the rules.

    Attributes:
        day: The day they hold from.
        width: How far above the usual a day may go, in deviations.
        evidence: Of typed new faces: above it, an account is contained.
        card_evidence: The same with a card.
        account_days: On how many account-days they rest; 0 for the first ones.
        norms: Of each profession.
    """

    day: int
    width: float
    evidence: float
    card_evidence: float
    account_days: int
    norms: Mapping[str, Norms]

    def find_norms(self, profession: str) -> Norms:
        """Return what is usual in a profession; the first norms for one nobody worked in yet."""
        return self.norms.get(profession, FIRST_NORMS)


def first_rules(policy: Policy) -> Rules:
    """Return the rules before there is any day to compute them from."""
    return Rules(
        -1,
        policy.first_width,
        policy.first_threshold,
        policy.first_threshold,
        0,
        MappingProxyType({}),
    )


def summarise_day(habits: Habits) -> AccountDay | None:
    """Return an account's last day as it stands; None when it has none."""
    today = habits.today
    if today.day < 0:
        return None
    return AccountDay(
        day=today.day,
        profession=habits.profession,
        typed=today.typed,
        typed_count=today.typed_count,
        typed_expected=today.typed_expected,
        typed_deviation=today.typed_deviation,
        typed_allowance=today.typed_allowance,
        week=sum(habits.week),
        card=today.card,
        card_count=today.card_count,
        card_allowance=today.card_allowance,
        refused=today.refused,
        local_count=today.local_count,
        placed_count=today.placed_count,
        missed_count=today.missed_count,
        answered_count=today.answered_count,
        evidence=today.most_evidence,
        card_evidence=today.most_card_evidence,
        active_days=habits.active_days,
        suspect=bool(habits.step) and not habits.reviewed,
        typed_doubted=today.typed_doubted,
    )


def renew_rules(policy: Policy, previous: Rules, days: Iterable[AccountDay], day: int) -> Rules:
    """Compute the rules that hold from a day on.

    Args:
        policy: The budget.
        previous: The rules in force.
        days: Account-days, in any order; those too old or too recent are not counted.
        day: The day the rules hold from.

    Returns:
        The new rules. Their norms are new as soon as there is one day; their thresholds stay the
        first ones until there are `learning_days` of days.
    """
    newest = day - LAG_DAYS
    oldest = newest - policy.calibration_days
    window = [one for one in days if oldest < one.day <= newest and not one.suspect]
    if not window:
        return previous._replace(day=day)
    norms = _compute_norms(window)
    counted = [one for one in window if one.active_days >= _LEAST_ACTIVE_DAYS]
    if len({one.day for one in window}) < policy.learning_days or not counted:
        return previous._replace(day=day, norms=norms)
    width = _take(
        [
            compute_needed_width(
                one.typed_doubted, one.typed_expected, one.typed_deviation, one.week
            )
            for one in counted
            if one.typed_doubted
        ],
        policy.days_over * len(counted),
    )
    # Half of the mistakes for what is typed, half for what comes with a card.
    mistakes = policy.false_containments / 1000 * len(counted) / 2
    evidence = _take([one.evidence for one in counted], mistakes)
    card_evidence = _take([one.card_evidence for one in counted], mistakes)
    is_first = previous.account_days == 0
    return Rules(
        day,
        _move(previous.width, min(max(width, NARROWEST), WIDEST), _WIDTH_STEP, is_free=is_first),
        _move_threshold(previous.evidence, max(evidence, LOWEST_THRESHOLD), is_free=is_first),
        _move_threshold(
            previous.card_evidence, max(card_evidence, LOWEST_CARD_THRESHOLD), is_free=is_first
        ),
        len(counted),
        norms,
    )


def _compute_norms(days: Sequence[AccountDay]) -> Mapping[str, Norms]:
    by_profession: dict[str, list[AccountDay]] = {}
    for one in days:
        by_profession.setdefault(one.profession, []).append(one)
    return MappingProxyType({name: _average(some) for name, some in by_profession.items()})


def _average(days: Sequence[AccountDay]) -> Norms:
    count = _FIRST_DAYS + len(days)
    typed = sum(min(one.typed, one.typed_allowance, _MOST_TYPED) for one in days)
    card = sum(min(one.card, one.card_allowance, _MOST_CARD) for one in days)
    placed = _FIRST_ANSWERS + sum(one.placed_count for one in days)
    answered = _FIRST_ANSWERS + sum(one.answered_count for one in days)
    local = sum(one.local_count for one in days)
    missed = sum(one.missed_count for one in days)
    return Norms(
        (_FIRST_DAYS * FIRST_NORMS.typed + typed) / count,
        (_FIRST_DAYS * FIRST_NORMS.card + card) / count,
        (_FIRST_ANSWERS * FIRST_NORMS.local + local) / placed,
        (_FIRST_ANSWERS * FIRST_NORMS.missed + missed) / answered,
    )


def _take(values: list[float], count: float) -> float:
    """Return the value that so many of the next ones will exceed, if they are like these; or 0.

    The k-th largest of n values is exceeded by k of the next n, on average (order statistics). When
    less than one is accepted, the value lies beyond the largest.
    """
    if not values:
        return 0.0
    if count < 1:
        return max(values) * _BEYOND
    return heapq.nlargest(min(int(count), len(values)), values)[-1]


def _move_threshold(now: float, wanted: float, *, is_free: bool) -> float:
    return _move(now, wanted, _THRESHOLD_STEP, is_free=is_free)


def _move(now: float, wanted: float, step: float, *, is_free: bool) -> float:
    return wanted if is_free else min(max(wanted, now - step), now + step)
