"""How long a period runs: months of the calendar, what interrupts it, what suspends it.

The last day counted is kept whole: what is due goes on the day after. Refuses to guess the end of
what suspends without an end.

Source: code de procédure civile, article 641 (S111), code civil, articles 2230 and 2231 (S105).
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeAlias

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A period begins again on this day: a letter about the debt, an expert, a court."""

    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A period does not run from one day to another, both included; None: until it is said."""

    starts_on: date
    ends_on: date | None = None

    def __post_init__(self) -> None:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("a suspension ends before it begins")


Event: TypeAlias = Interruption | Suspension


def add_months(day: date, months: int) -> date:
    """Return the day with the same number so many months later, or the last one of that month."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    if year > date.max.year:
        return date.max
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def compute_last_day(start: date, months: int, events: Iterable[Event] = ()) -> date | None:
    """Return the last day of a period; None while something suspends it without an end.

    Args:
        start: The day of the fact it counts from.
        months: How long.
        events: What happened to it, in any order. An interruption counts only while it runs.
    """
    events = list(events)
    pauses = _merge([one for one in events if isinstance(one, Suspension)])
    begin, last = start, _extend(start, months, pauses)
    for day in sorted(one.on for one in events if isinstance(one, Interruption)):
        if last is None:
            return None
        if begin <= day <= last:
            again = _extend(day, months, pauses)
            begin, last = day, None if again is None else max(last, again)
    return last


def _extend(begin: date, months: int, pauses: Sequence[Suspension]) -> date | None:
    last = add_months(begin, months)
    for pause in pauses:
        if pause.ends_on is not None and pause.ends_on < begin:
            continue
        if pause.starts_on > last:
            break
        if pause.ends_on is None:
            return None
        lost = pause.ends_on - max(pause.starts_on, begin) + _DAY
        last = last + lost if date.max - last > lost else date.max
    return last


def _merge(pauses: Sequence[Suspension]) -> list[Suspension]:
    """Return the same days in the order of the calendar, each once."""
    merged: list[Suspension] = []
    for pause in sorted(pauses, key=lambda one: one.starts_on):
        if merged and (merged[-1].ends_on is None or pause.starts_on <= merged[-1].ends_on):
            if merged[-1].ends_on is not None:
                ends = None if pause.ends_on is None else max(merged[-1].ends_on, pause.ends_on)
                merged[-1] = Suspension(starts_on=merged[-1].starts_on, ends_on=ends)
        else:
            merged.append(pause)
    return merged
