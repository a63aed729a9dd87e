"""Issue what employers are called for: one statement a month and contract, once the month ended."""

from datetime import date, datetime, timedelta

from rempart.employers.statements import REGULARISED_MONTHS, compute_statement, list_months
from rempart.kernel.periods import add_months
from rempart.storage import employer_feeds
from rempart.storage.connect import Transaction
from rempart.storage.employer_feeds import GroupKey
from rempart.workflows.accounts.web_session import draw_ref

KEPT_MONTHS = REGULARISED_MONTHS + 3
"""How long a stay is kept once its cover ended: as long as a statement may still change for it."""
KEPT_MOVEMENTS = timedelta(days=730)


def issue_statements(tx: Transaction, group: GroupKey, *, today: date) -> int:
    """Issue the statements of a contract that are due, the oldest month first; return how many.

    Each month is computed as it is known today; what a later movement changes of it is a line of a
    later statement.

    Args:
        tx: A transaction of the role `feeds`.
        group: The contract.
        today: Paris civil date.
    """
    prices = employer_feeds.load_prices(tx, group.group_ref)
    if not prices:
        return 0
    covered = employer_feeds.load_covered(tx, group.group_ref)
    first = min(one.starts_on for one in prices)
    issued = employer_feeds.list_issued(tx, group.group_ref)
    last = issued[-1] if issued else None
    months = [
        month
        for month in list_months(max(first, group.starts_on), issued=last, today=today)
        if group.ends_on is None or month <= add_months(group.ends_on.replace(day=1), KEPT_MONTHS)
    ]
    for month in months:
        called = employer_feeds.load_called(tx, group.group_ref)
        employer_feeds.add_statement(
            tx,
            group,
            statement_ref=draw_ref(),
            month=month,
            lines=compute_statement(covered, prices, month, called, issued=issued),
        )
        issued.append(month)
    return len(months)


def forget_old_movements(tx: Transaction, *, today: date, now: datetime) -> int:
    """Delete stays no statement can change for any more, and old movements; return how many."""
    return employer_feeds.forget_old(
        tx, ended_by=add_months(today, -KEPT_MONTHS), told_by=now - KEPT_MOVEMENTS
    )
