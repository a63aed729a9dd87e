"""The days of a drill: weeks judged in memory, then days played, the last of them attacked.

Refuses to read a clock: the day a drill ends on is an argument.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.guard.lookups import DAY_MS, HOUR_MS, find_day
from rempart.kernel.instants import from_day_number

# How long before midnight in UTC the guard's days begin.
_BEFORE_UTC_MS: Final = HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Which days a drill stands for.

    The first day is a Monday of the exercise, whatever it really was: the same drill has the same
    traffic on a Monday and on a Thursday.

    Args:
        ends_day: The day after the last one, counted as the guard counts days.
        history: Days judged before anything is played.
        quiet: Days played before the attack: accounts need a past in the ledger.
        attacked: Days of the attack.
    """

    ends_day: int
    history: int
    quiet: int
    attacked: int

    def __post_init__(self) -> None:
        if self.history < 0 or self.quiet < 0 or self.attacked < 1:
            raise ValueError("a drill has at least one day of attack")

    @property
    def attack_day(self) -> int:
        """The first day of the attack."""
        return self.ends_day - self.attacked

    @property
    def played_day(self) -> int:
        """The first day that is played."""
        return self.attack_day - self.quiet

    @property
    def first_day(self) -> int:
        """The first day of the past."""
        return self.played_day - self.history

    @property
    def past(self) -> range:
        """The days judged in memory."""
        return range(self.first_day, self.played_day)

    @property
    def played(self) -> range:
        """The days played over HTTP."""
        return range(self.played_day, self.ends_day)


def find_date(instant_ms: int) -> date:
    """Return the civil date of an instant, as the guard's days go."""
    return from_day_number(find_day(instant_ms))


def find_instant(day: int, hour: float) -> int:
    """Return an instant of a day, Unix milliseconds; hours may be beyond 24."""
    return day * DAY_MS - _BEFORE_UTC_MS + int(hour * HOUR_MS)
