"""Pictures of the guard as numbers: small columns, an account's band, lines of rules, gauges.

Pure: no request, no clock. The same coordinate system as `charts`; templates draw the SVG.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.portals.charts import HEIGHT, WIDTH, round_up

# A gauge is full at this many times its threshold.
_GAUGE_TOP: Final = 2.0
_LEAST_SEEN: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One rectangle of a picture, its class and the sentence shown when one points at it."""

    x: float
    y: float
    width: float
    height: float
    css: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """Small columns with neither axis nor ticks, `top` being the highest count."""

    bars: tuple[Bar, ...]
    top: int
    total: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryDay:
    """One day of an account, in price of typed new faces.

    `low` to `high` is what is usual for it around `expected`; `allowance` what it may.
    """

    label: str
    low: float
    expected: float
    high: float
    allowance: float
    typed: float
    title: str
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryChart:
    """The normal band of an account and what it did: polygons, step lines, columns."""

    bands: tuple[str, ...]
    expected: tuple[str, ...]
    allowances: tuple[str, ...]
    bars: tuple[Bar, ...]
    y_ticks: tuple[int, ...]
    x_ticks: tuple[str, ...]

    @property
    def grid(self) -> tuple[float, ...]:
        """Heights of the horizontal lines, the axis last."""
        steps = len(self.y_ticks) - 1
        return tuple(HEIGHT * step / steps for step in range(steps + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its name for people, its class, its corners, its last value."""

    name: str
    css: str
    corners: str
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Values that hold from one day to the next, drawn as steps."""

    lines: tuple[Line, ...]
    y_ticks: tuple[float, ...]
    x_ticks: tuple[str, ...]

    @property
    def grid(self) -> tuple[float, ...]:
        """Heights of the horizontal lines, the axis last."""
        steps = len(self.y_ticks) - 1
        return tuple(HEIGHT * step / steps for step in range(steps + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A bar against a mark: where it ends, where the mark is, whether it passed it."""

    width: float
    mark: float
    is_over: bool


def draw_spark(counts: Sequence[int], labels: Sequence[str], *, css: str) -> Spark:
    """Draw one column for each count, oldest first.

    Args:
        counts: What is counted.
        labels: The name of each moment.
        css: The class of the columns.

    Raises:
        ValueError: there is no count, or not one name for each.
    """
    if not counts or len(counts) != len(labels):
        raise ValueError("a picture needs counts, each with its name")
    top = max(1, *counts)
    step = WIDTH / len(counts)
    bars = []
    for index, (count, label) in enumerate(zip(counts, labels, strict=True)):
        height = max(HEIGHT * count / top, _LEAST_SEEN) if count else 0.0
        bars.append(
            Bar(
                x=round(index * step, 2),
                y=round(HEIGHT - height, 2),
                width=round(step * 0.84, 2),
                height=round(height, 2),
                css=css,
                title=f"{label} : {count}",
            )
        )
    return Spark(bars=tuple(bars), top=top, total=sum(counts), last=counts[-1])


def draw_story(days: Sequence[StoryDay]) -> StoryChart:
    """Draw an account's days over its band; days it did not work leave a gap.

    Args:
        days: Oldest first, today last.

    Raises:
        ValueError: there is no day.
    """
    if not days:
        raise ValueError("a story needs days")
    known, runs = [day for day in days if day.is_known], _find_runs(days)
    peak = max((max(day.high, day.allowance, day.typed) for day in known), default=1.0)
    top = round_up(math.ceil(peak))
    step = WIDTH / len(days)
    return StoryChart(
        bands=tuple(_band(run, days, step, top) for run in runs),
        expected=tuple(
            _steps([day.expected for day in days[first:last]], first * step, step, top)
            for first, last in runs
        ),
        allowances=tuple(
            _steps([day.allowance for day in days[first:last]], first * step, step, top)
            for first, last in runs
        ),
        bars=tuple(
            _draw_day(day, index * step, step, top)
            for index, day in enumerate(days)
            if day.is_known
        ),
        y_ticks=(top, top // 2, 0) if top % 2 == 0 else (top, 0),
        x_ticks=tuple(days[round((len(days) - 1) * part / 4)].label for part in range(5)),
    )


def draw_lines(
    labels: Sequence[str], series: Sequence[tuple[str, str, Sequence[float]]], *, least_top: float
) -> LineChart:
    """Draw values that hold from one moment to the next.

    Args:
        labels: The moments, oldest first.
        series: For each line its name, its class and one value per moment.
        least_top: The axis goes up to this at least.

    Raises:
        ValueError: there is no moment, or a line lacks a value.
    """
    if not labels or any(len(values) != len(labels) for _, _, values in series):
        raise ValueError("a chart needs moments, and one value of each line for each")
    peak = max(least_top, *(max(values) for _, _, values in series))
    # Values below ten are read to a tenth.
    top = round_up(math.ceil(peak * 10)) / 10
    step = WIDTH / len(labels)
    return LineChart(
        lines=tuple(
            Line(name=name, css=css, corners=_steps(values, 0.0, step, top), last=values[-1])
            for name, css, values in series
        ),
        y_ticks=(top, top / 2, 0.0),
        x_ticks=tuple(labels[round((len(labels) - 1) * part / 4)] for part in range(5)),
    )


def draw_gauge(value: float, threshold: float) -> Gauge:
    """Draw a value against its threshold, full at twice it."""
    if threshold <= 0:
        return Gauge(width=0.0, mark=WIDTH, is_over=False)
    filled = min(max(value / threshold, 0.0) / _GAUGE_TOP, 1.0)
    return Gauge(width=round(WIDTH * filled, 2), mark=WIDTH / _GAUGE_TOP, is_over=value > threshold)


def _find_runs(days: Sequence[StoryDay]) -> list[tuple[int, int]]:
    """Return the first and last (excluded) index of each run of days that are known."""
    runs: list[tuple[int, int]] = []
    for index, day in enumerate(days):
        if not day.is_known:
            continue
        if runs and runs[-1][1] == index:
            runs[-1] = runs[-1][0], index + 1
        else:
            runs.append((index, index + 1))
    return runs


def _band(run: tuple[int, int], days: Sequence[StoryDay], step: float, top: float) -> str:
    first, last = run
    chosen = days[first:last]
    upper = _steps([day.high for day in chosen], first * step, step, top).split()
    lower = _steps([day.low for day in chosen], first * step, step, top).split()
    return " ".join([*upper, *reversed(lower)])


def _steps(values: Sequence[float], start: float, step: float, top: float) -> str:
    corners = []
    for index, value in enumerate(values):
        y = round(HEIGHT * (1 - min(max(value, 0.0), top) / top), 2)
        corners.append(f"{round(start + index * step, 2):g},{y:g}")
        corners.append(f"{round(start + (index + 1) * step, 2):g},{y:g}")
    return " ".join(corners)


def _draw_day(day: StoryDay, x: float, step: float, top: float) -> Bar:
    height = max(HEIGHT * day.typed / top, _LEAST_SEEN) if day.typed else 0.0
    return Bar(
        x=round(x + step * 0.2, 2),
        y=round(HEIGHT - height, 2),
        width=round(step * 0.6, 2),
        height=round(height, 2),
        css="fill-attributed" if day.typed > day.allowance else "fill-lawful",
        title=day.title,
    )
