"""The late sign: people an account asked about and for whom no claim followed.

Judged once days have passed, over a week of new faces, against what is usual in the account's
profession and was usual of the account. Refuses to speak where nobody bills through here, and to
hold many at once: a channel of billing that stops is not a wave of thefts.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rempart.guard.lookups import Ref
from rempart.guard.policy import Policy

WINDOW_DAYS: Final = 7
PAST_DAYS: Final = 28
"""Days before the window that say what is usual of the account."""
# A profession says what is usual from so many people on, of whom so large a share was billed.
_LEAST_ASKED: Final = 100
_LEAST_SHARE: Final = 0.2
# How many people the profession's share is worth beside the account's own, and how sure both
# together can be: weeks differ more than chance makes them.
_PRIOR: Final = 20.0
_MOST_SURE: Final = 40.0
# The part of the budget of mistakes that is this sign's.
_PART: Final = 0.1


class Followed(NamedTuple):
    """The new faces of one account, and how many of them a claim followed.

    Attributes:
        account: The account.
        profession: Its profession.
        asked: People of the window.
        claimed: How many of them a claim followed in the days it has (`claim_follows_days`).
        past_asked: The same of the days before the window.
        past_claimed: How many of them.
    """

    account: Ref
    profession: str
    asked: int
    claimed: int
    past_asked: int
    past_claimed: int


class LateSign(NamedTuple):
    """An account to be held for what followed its look-ups.

    Attributes:
        account: The account.
        asked: People of the window.
        claimed: How many of them a claim followed.
        expected: How many were to be expected.
        chance: The chance of so few, if the account is what it was.
    """

    account: Ref
    asked: int
    claimed: int
    expected: float
    chance: float


def judge_late(accounts: Sequence[Followed], policy: Policy) -> list[LateSign]:
    """Return the accounts whose look-ups too few claims followed, the least likely first.

    Args:
        accounts: All that asked about somebody new in the window, each once.
        policy: The budget of mistakes: a tenth of it is this sign's, and no more accounts than it
            makes likely are returned, one at least.
    """
    budget = _PART * policy.false_containments / 1000
    shares = _find_shares(accounts)
    found = [
        sign
        for one in accounts
        if (share := shares.get(one.profession)) is not None
        and (sign := _judge(one, share)).chance < budget
    ]
    found.sort(key=lambda sign: (sign.chance, str(sign.account)))
    return found[: max(1, math.ceil(budget * len(accounts)))]


def compute_chance(claimed: int, asked: int, share: float, sureness: float) -> float:
    """Return the chance of at most so many claims among those asked about.

    Args:
        claimed: How many claims.
        asked: Of how many people.
        share: The usual share.
        sureness: How many people that share rests on: it is known no better (beta-binomial).
    """
    a, b = share * sureness, (1 - share) * sureness
    logs = [
        math.lgamma(asked + 1) - math.lgamma(one + 1) - math.lgamma(asked - one + 1)
        + _log_beta(one + a, asked - one + b) - _log_beta(a, b)
        for one in range(claimed + 1)
    ]  # fmt: skip
    return min(1.0, math.fsum(math.exp(one) for one in logs))


def _judge(one: Followed, share: float) -> LateSign:
    """Judge an account by its own past, leaning on its profession's window; the lower of both."""
    own = (share * _PRIOR + one.past_claimed) / (_PRIOR + one.past_asked)
    usual = min(max(min(own, share), 0.01), 0.99)
    sureness = min(_PRIOR + one.past_asked, _MOST_SURE)
    chance = compute_chance(one.claimed, one.asked, usual, sureness)
    return LateSign(one.account, one.asked, one.claimed, usual * one.asked, chance)


def _find_shares(accounts: Iterable[Followed]) -> dict[str, float]:
    """Return each profession's share in the window, where enough of it is billed through here."""
    asked: dict[str, int] = {}
    claimed: dict[str, int] = {}
    for one in accounts:
        # No account is more than a part of its profession: a loud thief would be the usual.
        scale = min(1.0, _LEAST_ASKED / 4 / one.asked) if one.asked else 0.0
        asked[one.profession] = asked.get(one.profession, 0) + round(scale * one.asked)
        claimed[one.profession] = claimed.get(one.profession, 0) + round(scale * one.claimed)
    return {
        name: claimed[name] / count
        for name, count in asked.items()
        if count >= _LEAST_ASKED and claimed[name] >= _LEAST_SHARE * count
    }


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
