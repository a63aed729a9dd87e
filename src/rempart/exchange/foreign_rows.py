"""From values to facts: which screen a line is of, what it showed of whom, to which account.

All rows of a piece at once. Refuses to guess: a screen the mapping does not know has no name, and
what it showed stays unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final

import numpy as np
import pyarrow as pa

from rempart.exchange.arrow_compute import pc
from rempart.exchange.foreign_combined import split_target
from rempart.exchange.foreign_facts import FACTS, HOUR_MS
from rempart.exchange.foreign_mapping import LogMapping, SourceRule, View
from rempart.exchange.foreign_places import (
    Condition,
    clean_values,
    find_matching,
    match_words,
    read_place,
)
from rempart.exchange.foreign_raw import NO_INSTANT, RawRows, Unread
from rempart.exchange.foreign_time import read_times

UNKNOWN_VIEW: Final = View(name="", conditions=(), takes={}, shown=0)
_TAKEN: Final = ("account", "session", "address", "agent", "person", "insurer")
_URL: Final = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?(?P<target>[^#]*)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a piece came to.

    Args:
        table: The facts, with every column but the first (`source`).
        lines: Lines of the piece.
        ignored: Those that say nothing of anybody.
        unread: Those not understood.
        unknown_views: Facts of screens the mapping does not know.
        without_account: Facts that name no account.
        hours: Lines by hour.
        unread_hours: Lines not understood, by each hour they may be of; none without any instant.
        first_ms: The earliest instant.
        last_ms: The latest.
    """

    table: Any = field(repr=False)
    lines: int
    ignored: int
    unread: tuple[Unread, ...] = field(default=(), repr=False)
    unknown_views: int = 0
    without_account: int = 0
    hours: Mapping[int, int] = field(default_factory=dict)
    unread_hours: Mapping[int, int] = field(default_factory=dict)
    first_ms: int | None = None
    last_ms: int | None = None


def make_facts(raw: RawRows, mapping: LogMapping, rule: SourceRule) -> Facts:
    """Make the facts of some lines.

    Args:
        raw: Their values.
        mapping: What they mean.
        rule: What holds for their file: zone, clock.
    """
    times = raw.times
    if times is None:
        texts = read_place(mapping.time_place, raw.columns, raw.count)
        times = read_times(texts, mapping.time_format, rule.zone or mapping.zone)
    timed = pc.is_valid(times).to_numpy(zero_copy_only=False)
    unread = (*raw.unread, *_list_untimed(raw, timed))
    columns = dict(raw.columns)
    if not timed.all():
        columns = {name: column.filter(pa.array(timed)) for name, column in columns.items()}
    times = times.filter(pa.array(timed)).to_numpy(zero_copy_only=False)
    times = _set_clock(times, rule)
    numbers, digests = raw.numbers[timed], raw.digests[timed]
    columns = _add_target(columns, mapping, len(numbers))
    hours, first_of_line = _count_hours(times, numbers)
    ignored = _find_ignored(columns, mapping, len(numbers))
    kept = ~ignored
    if ignored.any():
        mask = pa.array(kept)
        columns = {name: column.filter(mask) for name, column in columns.items()}
    table = _make_table(columns, mapping, int(kept.sum()))
    named = {"line": numbers[kept], "t_ms": times[kept], "digest": digests[kept]}
    table |= {name: pa.array(values, pa.int64()) for name, values in named.items()}
    arrays = [table[one.name] for one in FACTS if one.name != "source"]
    return Facts(
        table=pa.table(arrays, schema=pa.schema([one for one in FACTS if one.name != "source"])),
        lines=raw.lines,
        ignored=raw.blank + int((ignored & first_of_line).sum()),
        unread=unread,
        unknown_views=pc.sum(pc.equal(table["view"], "")).as_py() or 0,
        without_account=pc.sum(pc.equal(table["account"], "")).as_py() or 0,
        hours=hours,
        unread_hours=_count_unread_hours(unread, times, numbers),
        first_ms=int(times.min()) if len(times) else None,
        last_ms=int(times.max()) if len(times) else None,
    )


def _set_clock(times: Any, rule: SourceRule) -> Any:
    """Return instants as a right clock would have written them."""
    if rule.clock:
        places, offsets = zip(*rule.clock, strict=True)
        times = times + np.rint(np.interp(times, places, offsets)).astype(np.int64)
    return times + rule.offset_ms


def _list_untimed(raw: RawRows, timed: Any) -> list[Unread]:
    """Return, once each, the lines of which the instant cannot be read."""
    bad = np.unique(raw.numbers[~timed])
    return [Unread(number, NO_INSTANT, b"") for number in bad.tolist()]


def _add_target(columns: dict[str, Any], mapping: LogMapping, count: int) -> dict[str, Any]:
    place = mapping.places.get("url")
    if place is None or not count:
        return columns
    url = read_place(place, columns, count)
    target = pc.struct_field(pc.extract_regex(url, pattern=_URL), "target")
    return (
        {"target": target}
        | split_target(target)
        | {
            name: column
            for name, column in columns.items()
            if name not in ("target", "path", "query")
        }
    )


def _count_hours(times: Any, numbers: Any) -> tuple[dict[int, int], Any]:
    """Count lines by hour; a line of several rows counts once."""
    first_of_line = np.concatenate(([True], numbers[1:] != numbers[:-1]))[: len(numbers)]
    hours, counts = np.unique(times[first_of_line] // HOUR_MS, return_counts=True)
    return dict(zip(hours.tolist(), counts.tolist(), strict=True)), first_of_line


def _count_unread_hours(unread: Sequence[Unread], times: Any, numbers: Any) -> dict[int, int]:
    """Count lines not understood by the hours of the lines around them."""
    counts: dict[int, int] = {}
    if not len(times) or not unread:
        return counts
    places = np.searchsorted(numbers, [one.line for one in unread])
    before = times[np.maximum(places - 1, 0)] // HOUR_MS
    after = times[np.minimum(places, len(times) - 1)] // HOUR_MS
    pairs, lines = np.unique(np.sort(np.stack((before, after)), axis=0), axis=1, return_counts=True)
    for first, last, count in zip(*pairs.tolist(), lines.tolist(), strict=True):
        for hour in range(first, last + 1):
            counts[hour] = counts.get(hour, 0) + count
    return counts


def _match_all(conditions: tuple[Condition, ...], columns: Mapping[str, Any], count: int) -> Any:
    found = [find_matching(one, columns, count) for one in conditions]
    return reduce(pc.and_, found).to_numpy(zero_copy_only=False)


def _find_ignored(columns: Mapping[str, Any], mapping: LogMapping, count: int) -> Any:
    ignored = np.zeros(count, bool)
    for conditions in mapping.ignore:
        ignored |= _match_all(conditions, columns, count)
    return ignored


def _make_table(columns: Mapping[str, Any], mapping: LogMapping, count: int) -> dict[str, Any]:
    """Return what screens say of each row, in order.

    What holds for every screen is read of all rows at once; a screen's own places, of its rows.
    """
    views = (*mapping.views, UNKNOWN_VIEW)
    # Each row's screen, by its place in `views`; the last is the one nobody described.
    which = _find_views(columns, mapping, count)
    values = {name: read_place(mapping.places.get(name), columns, count) for name in _TAKEN}
    told = read_place(mapping.outcomes.place, columns, count)
    values["outcome"] = match_words(told, mapping.outcomes.words, mapping.outcomes.otherwise)
    for place, view in enumerate(mapping.views):
        if view.takes or view.outcomes:
            _read_own(view, which == place, columns, values)
    for name, rules in mapping.clean.items():
        values[name] = clean_values(values[name], rules)
    values["account"] = pc.fill_null(values["account"], "")
    values["view"] = pa.array([view.name for view in views]).take(pa.array(which))
    for name in ("presence", "family", "query_only"):
        values[name] = pa.array(np.array([getattr(view, name) for view in views])[which])
    for name in ("shown", "typed"):
        values[name] = pa.array(np.array([getattr(view, name) for view in views], np.int64)[which])
    return values


def _find_views(columns: Mapping[str, Any], mapping: LogMapping, count: int) -> Any:
    which = np.full(count, len(mapping.views), np.int64)
    for place, view in reversed(list(enumerate(mapping.views))):
        which[_match_all(view.conditions, columns, count)] = place
    return which


def _read_own(view: View, found: Any, columns: Mapping[str, Any], values: dict[str, Any]) -> None:
    """Read what is in places of the screen's own, over what its rows have already."""
    count = int(found.sum())
    if not count:
        return
    mask = pa.array(found)
    own = {name: column.filter(mask) for name, column in columns.items()}
    for name, place in view.takes.items():
        values[name] = pc.replace_with_mask(values[name], mask, read_place(place, own, count))
    if view.outcomes is not None:
        told = read_place(view.outcomes.place, own, count)
        words = match_words(told, view.outcomes.words, view.outcomes.otherwise)
        values["outcome"] = pc.replace_with_mask(values["outcome"], mask, words)
