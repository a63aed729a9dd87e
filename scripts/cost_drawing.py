"""Draw what a million people more and a billion entries more cost, from docs/reference/costs.json.

    python scripts/cost_drawing.py

Figures are kept by hand from what `python -m bench national` and `make bench ARGS=exposure` print.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "reference" / "costs.json"
DRAWING = ROOT / "docs" / "explanation" / "costs.svg"

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 44, 44
_LINE: Final = "#1a5fb4"
_INK: Final = "#24292f"
_GRID: Final = "#d0d7de"

Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """One curve: what is counted along the bottom, what it costs upwards, and its points."""

    title: str
    across: str
    up: str
    points: Sequence[Point]

    @property
    def most(self) -> Point:
        """The ends of both axes."""
        return (
            _round_up(max(x for x, _ in self.points)),
            _round_up(max(y for _, y in self.points)),
        )

    def draw(self) -> Iterator[str]:
        """Yield the elements of the panel, in a box of WIDTH by HEIGHT."""
        most_x, most_y = self.most
        place_x = _scale(most_x, LEFT, WIDTH - RIGHT)
        place_y = _scale(most_y, HEIGHT - BOTTOM, TOP)
        yield _write(LEFT, 20, self.title, bold=True)
        yield _write(LEFT, 36, self.up)
        for part in range(5):
            x, y = place_x(most_x * part / 4), place_y(most_y * part / 4)
            yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{_GRID}"/>'
            yield _write(LEFT - 6, y + 4, f"{most_y * part / 4:g}", anchor="end")
            yield _write(x, HEIGHT - BOTTOM + 16, f"{most_x * part / 4:g}", anchor="middle")
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield _write(middle, HEIGHT - 8, self.across, anchor="middle")
        places = [f"{place_x(x):.1f} {place_y(y):.1f}" for x, y in self.points]
        yield f'<path d="M{"L".join(places)}" fill="none" stroke="{_LINE}" stroke-width="2"/>'
        for x, y in self.points if len(self.points) < 10 else ():
            yield f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3" fill="{_LINE}"/>'


def draw(panels: Sequence[Panel]) -> str:
    """Return the drawing: panels in a row, each told in its title for whoever cannot see it."""
    told = "; ".join(
        f"{panel.title}: {panel.points[-1][1]:g} {panel.up} at {panel.points[-1][0]:g}"
        f" {panel.across}"
        for panel in panels
    )
    width = WIDTH * len(panels)
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" role="img"'
    lines = [
        f'<svg {box} font-family="sans-serif" font-size="12" fill="{_INK}">',
        f"<title>{told}</title>",
        f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        lines += [f'<g transform="translate({number * WIDTH} 0)">', *panel.draw(), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def read_panels(text: str) -> list[Panel]:
    """Read the panels from the kept figures."""
    return [
        Panel(one["title"], one["across"], one["up"], [(x, y) for x, y in one["points"]])
        for one in json.loads(text)["panels"]
    ]


def _write(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{text}</text>'


def _scale(most: float, first: float, last: float) -> Callable[[float], float]:
    return lambda value: first + (last - first) * value / most


def _round_up(value: float) -> float:
    """Return the next value whose quarters are short to write."""
    unit = 1.0
    while unit < value / 10:
        unit *= 10
    while unit > value:
        unit /= 10
    return next(step * unit for step in (1, 1.2, 2, 4, 6, 8, 10) if step * unit >= value)


if __name__ == "__main__":
    DRAWING.write_text(draw(read_panels(FIGURES.read_text())))
