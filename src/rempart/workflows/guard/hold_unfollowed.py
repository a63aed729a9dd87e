"""Hold accounts whose look-ups no claim followed: seen late, and by nothing else.

Refuses to hold twice for the same days: an account that was held so, or released since they began,
is not judged of them again.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from rempart.guard.decisions import Step
from rempart.guard.late import (
    PAST_DAYS,
    WINDOW_DAYS,
    Followed,
    LateSign,
    judge_late,
)
from rempart.guard.lookups import DAY_MS
from rempart.guard.policy import Policy
from rempart.storage.connect import OpenTransaction
from rempart.storage.guard_state import hold, list_accounts_after, list_followed
from rempart.tariffs.parameters import value_on
from rempart.workflows.guard.renew_guard_rules import follow_budget

_ACCOUNTS: Final = 200


def hold_unfollowed(
    open_transaction: OpenTransaction,
    policy: Policy,
    *,
    now_ms: int,
    follow: Callable[[int], None] = lambda _: None,
) -> list[LateSign]:
    """Judge the week of new faces whose claims had their time, and hold whom it is against.

    Reads some accounts at a time, each time in a transaction of its own. A kill between two holds
    leaves the others to the next run.

    Args:
        open_transaction: Opens one of the role gateway, committed at its end.
        policy: The budget of mistakes, unless an operator set another.
        now_ms: The instant, Unix milliseconds.
        follow: Called with how many accounts are read; may raise to stop.

    Returns:
        Who is held now for it, the least likely first.
    """
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    claim_days = value_on("claim_follows_days", today)
    end_ms = now_ms - claim_days * DAY_MS
    window_ms = end_ms - WINDOW_DAYS * DAY_MS
    found: list[Followed] = []
    after, read = -1, 0
    while True:
        with open_transaction() as tx:
            refs = list_accounts_after(tx, after=after, most=_ACCOUNTS)
            if not refs:
                break
            found += list_followed(
                tx,
                refs,
                past_ms=window_ms - PAST_DAYS * DAY_MS,
                window_ms=window_ms,
                end_ms=end_ms,
                claim_days=claim_days,
            )
        after, read = refs[-1], read + len(refs)
        follow(read)
    with open_transaction() as tx:
        policy = follow_budget(tx, policy)
    signs = []
    for sign in judge_late(found, policy):
        with open_transaction() as tx:
            if hold(tx, int(sign.account), Step.PRESENCE_ONLY, now_ms):
                signs.append(sign)
    return signs
