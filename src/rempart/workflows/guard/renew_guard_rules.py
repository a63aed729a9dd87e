"""Renew the guard's rules: those of tomorrow, from the days that are over.

Idempotent: a day has one version, whoever computes it. Refuses to run twice at a time. A crash
leaves nothing, and the next run does it all.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from rempart.guard.lookups import find_day
from rempart.guard.policy import Policy
from rempart.guard.rules import LAG_DAYS, AccountDay, Rules, first_rules, renew_rules, summarise_day
from rempart.kernel.errors import InconsistentRecord, InvalidRequest
from rempart.storage.connect import Transaction
from rempart.storage.guard_habits import decode_habits
from rempart.storage.guard_state import (
    follow_moves,
    insert_budget,
    insert_days,
    insert_rules,
    list_budgets,
    list_days,
    list_open_days,
    list_rules,
    try_job,
)
from rempart.workflows.guard.memory import RulesBook
from rempart.workflows.guard.sitting import follow_order

# After a longer pause, the rules of the days before this many are not made up for.
_MOST_MISSED: Final = 30
MAX_REASON: Final = 200

_log = logging.getLogger("rempart.guard")


def renew_guard_rules(tx: Transaction, policy: Policy, *, now_ms: int) -> Rules | None:
    """Compute the rules of the days up to tomorrow that have none.

    Args:
        tx: Open transaction of the role gateway; the caller commits it.
        policy: The budget of mistakes, unless an operator set another.
        now_ms: The instant, Unix milliseconds.

    Returns:
        The newest rules; None while another process computes them.
    """
    if not try_job(tx, "renew"):
        return None
    tomorrow = find_day(now_ms) + 1
    versions = [one.rules for one in list_rules(tx)]
    newest = versions[0] if versions else first_rules(policy)
    if newest.day >= tomorrow:
        return newest
    policy = follow_budget(tx, policy)
    follow_moves(tx)
    book = RulesBook(policy, versions)
    insert_days(tx, _close_days(tx, book, last=tomorrow - LAG_DAYS))
    first = tomorrow if newest.day < 0 else max(newest.day + 1, tomorrow - _MOST_MISSED)
    oldest = first - LAG_DAYS - policy.calibration_days
    days = list_days(tx, first=oldest, last=tomorrow - LAG_DAYS)
    for day in range(first, tomorrow + 1):
        newest = renew_rules(policy, newest, days, day)
        insert_rules(tx, newest, policy)
    return newest


def follow_budget(tx: Transaction, policy: Policy) -> Policy:
    """Return the policy with the budget of mistakes an operator set, if one did."""
    newest = list_budgets(tx, most=1)
    if not newest:
        return policy
    [budget] = newest
    return replace(policy, false_containments=budget.false_containments, days_over=budget.days_over)


def set_budget(
    tx: Transaction,
    policy: Policy,
    *,
    reason: str,
    by_days_over: float | None = None,
    by_false_containments: float | None = None,
) -> Policy:
    """Accept other mistakes, from the next rules on; what is not given stays.

    Args:
        tx: Open transaction of the role gateway; the caller commits it.
        policy: Where nothing was set.
        reason: Why, in one line that names nobody.
        by_days_over: Share of account-days.
        by_false_containments: Per 1 000 account-days.

    Raises:
        InvalidRequest: no reason, or a budget that means nothing.
    """
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        raise InvalidRequest(f"say why, in one line of at most {MAX_REASON} characters")
    now = follow_budget(tx, policy)
    try:
        wanted = replace(
            now,
            days_over=now.days_over if by_days_over is None else by_days_over,
            false_containments=(
                now.false_containments if by_false_containments is None else by_false_containments
            ),
        )
    except ValueError as wrong:
        raise InvalidRequest(str(wrong)) from wrong
    insert_budget(tx, wanted, reason=reason.strip())
    return wanted


def _close_days(tx: Transaction, book: RulesBook, *, last: int) -> Iterator[tuple[int, AccountDay]]:
    """Return the last days of accounts that did not come back, as those days ended."""
    for one in list_open_days(tx, last=last):
        try:
            habits = decode_habits(one.habits)
        except InconsistentRecord:
            _log.error("the habits of account %d are damaged: not counted", one.account_ref)
            continue
        if one.order is not None and find_day(one.order.time_ms) <= habits.today.day:
            follow_order(habits, one.order, book)
        past = summarise_day(habits)
        if past is not None:
            yield one.account_ref, past
