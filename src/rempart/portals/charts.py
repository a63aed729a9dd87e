"""Pictures as numbers: where each column, bar and tick of a chart goes. Templates draw the SVG.

Pure: no request, no clock. Drawings have a fixed coordinate system that the page stretches;
words and figures stay outside of it, so that they keep their size on a small screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1000.0
HEIGHT: Final = 300.0
MOST_NAMED: Final = 7
"""The most columns of which each has its name under it; beyond, the axis keeps some."""
_TICKS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One kind of thing counted: its name for people and its class in the style sheet."""

    name: str
    css: str
    hatched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One column: its name on the axis, and one count per series, bottom first."""

    label: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One rectangle."""

    x: float
    y: float
    width: float
    height: float
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The rectangles of one point, and the sentence shown when one points at them."""

    blocks: tuple[Block, ...]
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChart:
    """Columns over an axis of time; `y_ticks` from the top down, `x_ticks` from left to right."""

    columns: tuple[Column, ...]
    series: tuple[Series, ...]
    y_ticks: tuple[int, ...]
    x_ticks: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def names_each(self) -> bool:
        """Whether each column has its own label under it."""
        return len(self.x_ticks) == len(self.points)

    @property
    def grid(self) -> tuple[float, ...]:
        """Heights of the horizontal lines, the axis last."""
        steps = len(self.y_ticks) - 1
        return tuple(HEIGHT * step / steps for step in range(steps + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One part of a whole: its rectangle, its count and its rounded percentage."""

    series: Series
    count: int
    percent: int
    x: float
    width: float


def draw_columns(points: Sequence[Point], series: Sequence[Series]) -> ColumnChart:
    """Stack the counts of each point, the first series at the bottom.

    Args:
        points: At least one, oldest first; each with one count per series.
        series: What the counts are of.

    Raises:
        ValueError: there is no point, or a point lacks a count.
    """
    if not points or any(len(point.counts) != len(series) for point in points):
        raise ValueError("a chart needs points, each with one count per series")
    top = round_up(max(sum(point.counts) for point in points))
    step = WIDTH / len(points)
    gap = step * 0.16 if len(points) <= 120 else 0.0
    return ColumnChart(
        columns=tuple(
            _stack(point, series, x=index * step + gap / 2, width=step - gap, top=top)
            for index, point in enumerate(points)
        ),
        series=tuple(series),
        y_ticks=(top, top // 2, 0) if top % 2 == 0 else (top, 0),
        x_ticks=_choose_ticks([point.label for point in points]),
        points=tuple(points),
    )


def draw_shares(parts: Sequence[tuple[Series, int]]) -> tuple[Share, ...]:
    """Cut one bar into parts; empty parts are kept for the legend, with no width."""
    total = sum(count for _, count in parts)
    shares, x = [], 0.0
    for series, count in parts:
        width = WIDTH * count / total if total else 0.0
        percent = round(100 * count / total) if total else 0
        shares.append(Share(series=series, count=count, percent=percent, x=x, width=width))
        x += width
    return tuple(shares)


def measure(count: int, most: int) -> float:
    """Return the length of a bar for `count` when `most` fills the width; never invisible."""
    if count == 0 or most == 0:
        return 0.0
    return max(WIDTH * count / most, 4.0)


def round_up(value: int) -> int:
    """Return the first of 1, 2, 4, 5, 10, 20, 40, 50... that is not below `value`."""
    if value <= 1:
        return 1
    magnitude: int = 10 ** (len(str(value)) - 1)
    return next(factor * magnitude for factor in (1, 2, 4, 5, 10) if factor * magnitude >= value)


def _stack(point: Point, series: Sequence[Series], *, x: float, width: float, top: int) -> Column:
    blocks, y = [], HEIGHT
    for count, kind in zip(point.counts, series, strict=True):
        height = HEIGHT * count / top
        y -= height
        if count:
            blocks.append(
                Block(
                    x=round(x, 2), y=round(y, 2), width=round(width, 2), height=height, series=kind
                )
            )
    told = ", ".join(
        f"{kind.name} {count}" for kind, count in zip(series, point.counts, strict=True)
    )
    return Column(blocks=tuple(blocks), title=f"{point.label} : {told}")


def _choose_ticks(labels: Sequence[str]) -> tuple[str, ...]:
    """Keep all of a few labels, each under its column; else the ends and some evenly spread."""
    if len(labels) <= MOST_NAMED:
        return tuple(labels)
    last = len(labels) - 1
    return tuple(labels[round(last * tick / (_TICKS - 1))] for tick in range(_TICKS))
