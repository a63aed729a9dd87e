"""Instants and days: milliseconds for the ledger, the calendar of Paris for people.

Refuses to say what time it is: whoever asks brings the instant.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

PARIS: Final = ZoneInfo("Europe/Paris")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = EPOCH.date()


def from_ms(t_ms: int) -> datetime:
    """Return the instant of Unix milliseconds, in universal time."""
    return EPOCH + timedelta(milliseconds=t_ms)


def to_ms(at: datetime) -> int:
    """Return Unix milliseconds, rounded down.

    >>> to_ms(from_ms(-1))
    -1
    """
    return (at - EPOCH) // timedelta(milliseconds=1)


def to_paris_day(at: datetime) -> date:
    """Return the civil date in Paris.

    >>> to_paris_day(datetime(2026, 7, 31, 22, tzinfo=UTC))
    datetime.date(2026, 8, 1)
    """
    return at.astimezone(PARIS).date()


def from_day_number(number: int) -> date:
    """Return the day that the ledger counts from 1970-01-01, day 0."""
    return _FIRST_DAY + timedelta(days=number)


def to_day_number(day: date) -> int:
    """Return how the ledger counts a day: from 1970-01-01, day 0."""
    return (day - _FIRST_DAY).days
