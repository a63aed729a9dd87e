"""Where a log says nothing though it should: what cannot be excluded there.

An hour is the finest that is looked at. Refuses to excuse a silence: without other days to compare
with, the hours around it are what is usual, so a quiet night of a single day's log is told too.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from rempart.exchange.foreign_facts import HOUR_MS, Gap, Source

# A silence is a gap when chance alone gives it less than once in a thousand (Poisson).
RARE: Final = math.log(1000)
# A kind of day and an hour of it.
Slot: TypeAlias = tuple[str, int]
_DAY_HOURS: Final = 24
# The first hour of 1970 was a Thursday's.
_THURSDAY: Final = 3
_SATURDAY: Final = 5


def find_gaps(sources: Sequence[Source], *, period: tuple[int, int] | None) -> list[Gap]:
    """Find what one stream does not tell.

    Args:
        sources: Its files, read.
        period: What it should tell, in Unix milliseconds, the end excluded; from its first line to
            its last when None.

    Returns:
        Gaps by time, within the period.
    """
    first = min((one.first_ms for one in sources if one.first_ms is not None), default=None)
    last = max((one.last_ms for one in sources if one.last_ms is not None), default=None)
    if first is None or last is None:
        return [Gap(from_ms=period[0], to_ms=period[1], reason="no_file")] if period else []
    start, end = period or (first, last + 1)
    hours = _add_hours(one.hours for one in sources)
    usual = _Usual(hours, first // HOUR_MS, last // HOUR_MS)
    gaps = [
        *_find_silent_ends(hours, usual, bounds=(start, end), lines=(first, last)),
        *_find_silences(hours, usual),
        *_find_breaks(sources, end),
        *_find_unparsed(sources, start, end),
    ]
    clipped = [
        Gap(from_ms=max(gap.from_ms, start), to_ms=min(gap.to_ms, end), reason=gap.reason)
        for gap in gaps
    ]
    return sorted(
        {gap for gap in clipped if gap.from_ms < gap.to_ms},
        key=lambda gap: (gap.from_ms, gap.to_ms, gap.reason),
    )


def _add_hours(all_hours: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for hours in all_hours:
        for hour, lines in hours.items():
            total[hour] = total.get(hour, 0) + lines
    return total


def _find_silent_ends(
    hours: Mapping[int, int], usual: "_Usual", *, bounds: tuple[int, int], lines: tuple[int, int]
) -> Iterator[Gap]:
    """Yield what precedes the first line and follows the last, unless it is usually silent."""
    (start, end), (first, last) = bounds, lines
    # An hour that has a line is not silent, though it may have begun, or ended, earlier.
    before = range(start // HOUR_MS, first // HOUR_MS)
    if usual.expect(before, around=hours[first // HOUR_MS]) >= RARE:
        yield Gap(from_ms=start, to_ms=first, reason="before_first_line")
    after = range(last // HOUR_MS + 1, -(-end // HOUR_MS))
    if usual.expect(after, around=hours[last // HOUR_MS]) >= RARE:
        yield Gap(from_ms=last + 1, to_ms=end, reason="after_last_line")


def _find_silences(hours: Mapping[int, int], usual: "_Usual") -> Iterator[Gap]:
    """Yield the runs of hours without a line that chance does not explain."""
    for before, after in pairwise(sorted(hours)):
        silent = range(before + 1, after)
        if usual.expect(silent, around=min(hours[before], hours[after]) / 2) >= RARE:
            yield Gap(from_ms=silent[0] * HOUR_MS, to_ms=after * HOUR_MS, reason="silent")


class _Usual:
    """How many lines an hour of a day like it has.

    Only days of which there are two or more are compared with: one silent hour is no proof that it
    is always so. A day without any line counts among those of its own name (a portal may be closed
    on Sundays), not among the others.
    """

    def __init__(self, hours: Mapping[int, int], first: int, last: int) -> None:
        active = {hour // _DAY_HOURS for hour in hours}
        lines: dict[Slot, int] = {}
        seen: dict[Slot, int] = {}
        for hour in range(first // _DAY_HOURS * _DAY_HOURS, last + _DAY_HOURS - last % _DAY_HOURS):
            by_name, *others = _list_slots(hour)
            for slot in (by_name, *(others if hour // _DAY_HOURS in active else ())):
                lines[slot] = lines.get(slot, 0) + hours.get(hour, 0)
                seen[slot] = seen.get(slot, 0) + 1
        self._usual = {slot: lines[slot] / days for slot, days in seen.items() if days > 1}

    def expect(self, silent: range, *, around: float) -> float:
        """Return the lines expected in some hours; `around` where no other day tells."""
        return sum(
            next((self._usual[slot] for slot in _list_slots(hour) if slot in self._usual), around)
            for hour in silent
        )


def _list_slots(hour: int) -> tuple[Slot, Slot, Slot]:
    """Return what an hour is compared with, in order: its weekday, its part of the week, any."""
    weekday = (hour // _DAY_HOURS + _THURSDAY) % 7
    of_day = hour % _DAY_HOURS
    part = "weekend" if weekday >= _SATURDAY else "week"
    return (str(weekday), of_day), (part, of_day), ("any", of_day)


def _find_breaks(sources: Sequence[Source], end: int) -> Iterator[Gap]:
    """Yield what follows a file whose end could not be read, until the next file begins."""
    starts = sorted(one.first_ms for one in sources if one.first_ms is not None)
    for one in sources:
        if one.broken and one.last_ms is None:
            # Where it would have begun is not known either.
            yield Gap(from_ms=0, to_ms=end, reason="broken_file")
        elif one.broken and one.last_ms is not None:
            following = next((start for start in starts if start > one.last_ms), end)
            # At least the instant itself: more lines of it may be lost.
            yield Gap(
                from_ms=one.last_ms, to_ms=max(following, one.last_ms + 1), reason="broken_file"
            )


def _find_unparsed(sources: Sequence[Source], start: int, end: int) -> Iterator[Gap]:
    """Yield the hours with lines that were not understood; all of them when nobody knows which."""
    if any(one.unparsed and not one.unparsed_hours for one in sources):
        yield Gap(from_ms=start, to_ms=end, reason="unparsed")
    first = None
    hours = _add_hours(one.unparsed_hours for one in sources)
    for hour in sorted(hours):
        first = hour if first is None else first
        if hour + 1 not in hours:
            yield Gap(from_ms=first * HOUR_MS, to_ms=(hour + 1) * HOUR_MS, reason="unparsed")
            first = None
