"""How fast messages may leave, so that whoever has a question reaches somebody; and until when.

A hot line answers so many calls an hour; a message brings so many calls. E-mails are read within
the hour, letters over the day they arrive. Refuses to make up for lost time: what did not leave
while a campaign was paused does not leave all at once.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)
WINDOW: Final = timedelta(minutes=1)
CATCH_UP_WINDOWS: Final = 5
HOT_LINE_HOURS: Final = 8
"""Hours a hot line is open in a day: what a day of letters is compared with."""
LETTER_DAY: Final = timedelta(days=1)


def compute_per_hour(*, agents: int, minutes_per_call: int, calls_per_thousand: int) -> int:
    """Compute how many people may be told in an hour.

    Args:
        agents: Who answer at the same time.
        minutes_per_call: How long one call takes, with what is written after it.
        calls_per_thousand: How many of a thousand people told call.

    Returns:
        At least 1: a campaign ends.

    Raises:
        ValueError: no agent, no time, or a share outside 1 to 1000.

    Examples:
        >>> compute_per_hour(agents=20, minutes_per_call=6, calls_per_thousand=50)
        4000
    """
    if agents < 1 or minutes_per_call < 1 or not 1 <= calls_per_thousand <= 1000:
        raise ValueError("agents and minutes: at least 1; calls: 1 to 1000 of a thousand")
    return max(1, agents * 60 * 1000 // (minutes_per_call * calls_per_thousand))


def compute_allowed(per_hour: int | None, *, last_hour: int, last_minutes: int) -> int | None:
    """Compute how many e-mails may leave now.

    Args:
        per_hour: The most in any hour; None: as many as the relay takes.
        last_hour: How many left in the hour before.
        last_minutes: How many of them left in the last `CATCH_UP_WINDOWS` minutes.

    Returns:
        None when nothing bounds them.

    Examples:
        >>> compute_allowed(600, last_hour=0, last_minutes=0)
        50
        >>> compute_allowed(600, last_hour=595, last_minutes=0)
        5
    """
    if per_hour is None:
        return None
    share = math.ceil(per_hour * CATCH_UP_WINDOWS * (WINDOW / HOUR))
    return max(0, min(per_hour - last_hour, share - last_minutes))


def compute_allowed_letters(per_hour: int | None, *, last_day: int) -> int | None:
    """Compute how many letters may be printed now: a day of them arrives together.

    Args:
        per_hour: The most people told in an hour; None: no bound.
        last_day: How many were printed in the twenty-four hours before.
    """
    return None if per_hour is None else max(0, per_hour * HOT_LINE_HOURS - last_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What a machine does, as measured: e-mails and letters a second. Nought: not known."""

    emails_per_s: float
    letters_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When what waits will have left; None: nobody can say. Letters: when they will be printed."""

    emails_by: datetime | None
    letters_by: datetime | None

    @property
    def ends_by(self) -> datetime | None:
        """When all will have left; None: nobody can say."""
        if self.emails_by is None or self.letters_by is None:
            return None
        return max(self.emails_by, self.letters_by)


def compute_forecast(
    *, emails: int, letters: int, per_hour: int | None, speed: Speed, now: datetime
) -> Forecast:
    """Compute when a campaign ends if nothing changes.

    Args:
        emails: How many wait, those to try again included.
        letters: How many wait; each e-mail that comes back will be one more.
        per_hour: The most people told in an hour; None: as fast as the machine.
        speed: What the machine does.
        now: The present instant.

    Examples:
        >>> speed = Speed(emails_per_s=500, letters_per_s=50)
        >>> now = datetime(2026, 11, 23, 9, tzinfo=UTC)
        >>> each = compute_forecast(emails=6_000, letters=0, per_hour=600, speed=speed, now=now)
        >>> f"{each.emails_by:%d %H:%M}", f"{each.ends_by:%d %H:%M}"
        ('23 19:00', '23 19:00')
    """
    return Forecast(
        emails_by=_end(emails, per_hour and per_hour / 3600, speed.emails_per_s, now),
        letters_by=_end(
            letters,
            per_hour and per_hour * HOT_LINE_HOURS / LETTER_DAY.total_seconds(),
            speed.letters_per_s,
            now,
        ),
    )


def _end(
    waiting: int, allowed_per_s: float | None, measured_per_s: float, now: datetime
) -> datetime | None:
    if not waiting:
        return now
    bounds = [one for one in (allowed_per_s, measured_per_s) if one]
    if not bounds:
        return None
    return (now + timedelta(seconds=waiting / min(bounds))).astimezone(UTC)
