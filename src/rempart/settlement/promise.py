"""When the bank pays what is sent now, and how many working days a professional waited.

Two calendars: the bank's (TARGET: what banks of the euro area work on) says when a transfer leaves;
French working days, which agreements with professionals count in, say whether the promise was kept.

Source:
    S86: closing days of TARGET.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from rempart.tariffs.parameters import value_on
from rempart.tariffs.working_days import Calendar, compute_easter

_SATURDAY: Final = 5
_FIXED: Final = frozenset({(1, 1), (5, 1), (12, 25), (12, 26)})


def is_bank_day(day: date) -> bool:
    """Tell whether banks of the euro area execute transfers on a day."""
    easter = compute_easter(day.year)
    closed = {easter - timedelta(days=2), easter + timedelta(days=1)}
    return day.weekday() < _SATURDAY and (day.month, day.day) not in _FIXED and day not in closed


def compute_execution_day(at: datetime, calendar: Calendar) -> date:
    """Return the day the bank executes a file it is sent at an instant.

    Args:
        at: The instant.
        calendar: Of Paris: the bank's cut-off is a civil hour there.
    """
    local = at.astimezone(calendar.zone)
    day = local.date()
    if local.hour >= value_on("payment_cutoff_hour", day):
        day += timedelta(days=1)
    while not is_bank_day(day):
        day += timedelta(days=1)
    return day


def count_working_days(after: date, to: date, calendar: Calendar) -> int:
    """Count French working days after a day, up to another one; 0 when there is none.

    >>> from rempart.kernel.instants import PARIS
    >>> paris = Calendar(zone=PARIS)
    >>> count_working_days(date(2026, 7, 10), date(2026, 7, 15), paris)
    2
    """
    days = (after + timedelta(days=n) for n in range(1, (to - after).days + 1))
    return sum(calendar.is_working(day) for day in days)


def get_promised_days(day: date) -> int:
    """Return within how many working days professionals are promised to be paid."""
    return value_on("payment_working_days", day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """How the promise was kept.

    Args:
        days: How many working days are promised.
        remittances: How many transfers, by the working days each took.
    """

    days: int
    remittances: Mapping[int, int]

    @property
    def total(self) -> int:
        """How many transfers."""
        return sum(self.remittances.values())

    @property
    def late(self) -> int:
        """How many came after it."""
        return sum(count for days, count in self.remittances.items() if days > self.days)

    def find_quantile(self, share_bp: int) -> int:
        """Return the working days within which a share of the transfers came; 0 for none.

        Args:
            share_bp: The share in basis points: 5000 is the median.
        """
        wanted = -(-self.total * share_bp // 10_000)
        seen = 0
        for days, count in sorted(self.remittances.items()):
            seen += count
            if seen >= wanted:
                return days
        return 0
