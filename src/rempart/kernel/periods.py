"""Periods of civil days, both ends included.

Refuses times of day and time zones: rights are days of the Paris calendar, given by the caller.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

OPEN_END: Final = date.max
"""The end of a period that has no known end."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `starts_on` to `ends_on`, both included; never empty.

    Args:
        starts_on: First day that counts.
        ends_on: Last day that counts; `OPEN_END` when no end is known.
    """

    starts_on: date
    ends_on: date = OPEN_END

    def __post_init__(self) -> None:
        if self.ends_on < self.starts_on:
            raise ValueError(
                f"The period ends on {self.ends_on}, before it starts on {self.starts_on}: "
                "swap the dates or remove the period."
            )

    @property
    def is_open(self) -> bool:
        """Tell whether no end is known."""
        return self.ends_on == OPEN_END

    def contains(self, day: date) -> bool:
        """Tell whether `day` is one of the days, first and last included."""
        return self.starts_on <= day <= self.ends_on

    def overlaps(self, other: "Period") -> bool:
        """Tell whether one day at least belongs to both."""
        return self.starts_on <= other.ends_on and other.starts_on <= self.ends_on

    def intersection(self, other: "Period") -> "Period | None":
        """Return the days that belong to both, or None when there are none."""
        if not self.overlaps(other):
            return None
        return Period(max(self.starts_on, other.starts_on), min(self.ends_on, other.ends_on))


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later (or earlier when negative).

    A day that month does not have becomes its last day: 31 January plus one is 28 or 29 February.
    """
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))
