"""The tables of docs/explanation/how-the-guard-is-measured.md, from the results of runs.

python -m bench.guard_page RESULTS.json…

Files of the same months are put together, whichever judges each has; the first says which months
are the verdict's.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "how-the-guard-is-measured.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
GUARD = "guard"
TARGETS = (
    "Aimed at: 10 persons on average, 100 at worst, 80 at the best pace, 0.5 false containments "
    "per 1 000 account-days, 300 refused per 100 000."
)

Record: TypeAlias = Mapping[str, Any]


def main() -> None:
    """Write the tables into the page."""
    records = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    text = f"{before}{BEGIN}\n\n{make_results(records)}\n{END}{after}"
    PAGE.write_text(text, "utf-8")


def make_results(records: Sequence[Record]) -> str:
    """Return the tables of some runs as Markdown."""
    months: dict[tuple[int, tuple[int, ...]], dict[str, Any]] = {}
    for record in records:
        if record["judges"]:
            key = record["accounts"], tuple(record["seeds"])
            months.setdefault(key, {}).update(record["judges"])
    first = records[0]
    parts = []
    for (accounts, seeds), judges in months.items():
        parts += _make_months(first, accounts, seeds, judges)
    for record in records:
        for title, judges in record["variants"].items():
            heading = f"## {title[0].upper()}{title[1:]}: {_name_months(record)}\n"
            parts += [heading, _make_judges_table(judges), _make_kinds_table(judges)]
    return "\n".join(parts)


def _name_months(record: Record) -> str:
    seeds = record["seeds"]
    named = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{_group(record['accounts'])} accounts, {named}"


def _make_months(
    first: Record, accounts: int, seeds: Sequence[int], judges: Mapping[str, Any]
) -> list[str]:
    """Return the tables of some months: by seed, by judge, by kind of thief."""
    guard = judges[GUARD]
    stolen = [sum(kind["accounts"] for kind in one["kinds"]) for one in guard["by_seed"]]
    heading = f"## {_name_months({'accounts': accounts, 'seeds': seeds})}\n"
    intro = (
        f"Figures moved by up to {first['moved']}; {stolen[0]} accounts stolen in each month. "
        f"Budget: {first['budget_false_containments']} false containments per 1 000 account-days; "
        f"achieved: {guard['false_rate']:.2f} ({_format_interval(guard)}). {TARGETS}\n"
    )
    return [
        heading,
        intro,
        _make_seeds_table(guard, seeds, first["budget_false_containments"]),
        "### Beside the others\n",
        _make_judges_table(judges),
        "### By kind of thief\n",
        "Persons per stolen account: mean (worst); how many the guard contained, and after what.\n",
        _make_kinds_table(judges),
    ]


def _make_judges_table(judges: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            _round(one["mean"]),
            _group(one["worst"]),
            _round(one["sweep"]),
            f"{one['false_rate']:.2f} ({_format_interval(one)})",
            _group(round(one["refused"])),
            _group(round(one["owner_refused"])),
            f"{one['microseconds']:.1f}",
        )
        for name, one in judges.items()
    ]
    header = (
        *("judge", "persons / stolen account", "worst", "best patient pace"),
        *("false / 1 000 account-days", "refused / 100 000", "of which stolen owners", "µs"),
    )
    return _format(header, rows)


def _make_seeds_table(judge: Mapping[str, Any], seeds: Sequence[int], budget: float) -> str:
    ones = judge["by_seed"]
    rows = [
        (
            str(seed),
            f"{one['mean']:.1f}",
            str(one["worst"]),
            f"{one['sweep']:.0f}",
            f"{budget:g}",
            f"{one['false_contained']} = {1000 * one['false_contained'] / one['account_days']:.2f}",
            f"{one['refused']:.0f}",
            f"{one['owner_refused']:.0f}",
        )
        for seed, one in zip(seeds, ones, strict=True)
    ]
    if len(ones) > 1:
        rows.append(
            (
                "all",
                f"{judge['mean']:.1f}",
                str(judge["worst"]),
                f"{judge['sweep']:.0f}",
                f"{budget:g}",
                f"{sum(one['false_contained'] for one in ones)} = {judge['false_rate']:.2f}",
                f"{judge['refused']:.0f}",
                f"{judge['owner_refused']:.0f}",
            )
        )
    header = (
        *("seed", "persons / stolen account", "worst", "best patient pace", "budget"),
        *("false containments", "refused / 100 000", "of which stolen owners"),
    )
    return _format(header, rows)


def _make_kinds_table(judges: Mapping[str, Any]) -> str:
    kinds = [one["kind"] for one in next(iter(judges.values()))["by_seed"][0]["kinds"]]
    rows = []
    for kind in kinds:
        row = [f"`{kind}`", *(_pool(judge["by_seed"], kind) for judge in judges.values())]
        if GUARD in judges:
            row += _tell_containment(judges[GUARD]["by_seed"], kind)
        rows.append(row)
    header = ("thief", *judges)
    return _format((*header, "contained", "after") if GUARD in judges else header, rows)


def _list_kind(scores: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [one for score in scores for one in score["kinds"] if one["kind"] == kind]


def _pool(scores: Sequence[Mapping[str, Any]], kind: str) -> str:
    ones = _list_kind(scores, kind)
    accounts = sum(one["accounts"] for one in ones)
    mean = sum(one["mean"] * one["accounts"] for one in ones) / accounts
    return f"{_round(mean)} ({_group(max(one['worst'] for one in ones))})"


def _tell_containment(scores: Sequence[Mapping[str, Any]], kind: str) -> tuple[str, str]:
    """Return how many accounts were contained, and the median of the months' median delays."""
    ones = _list_kind(scores, kind)
    contained = f"{sum(one['contained'] for one in ones)} of {sum(one['accounts'] for one in ones)}"
    delays = [one["delay_s"] for one in ones if one["delay_s"] is not None]
    return contained, _format_delay(median(delays)) if delays else "–"


def _format_delay(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3_600:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3_600:.1f} h"
    return f"{seconds / 86_400:.1f} days"


def _format_interval(judge: Mapping[str, Any]) -> str:
    low, high = judge["interval"]
    return f"{low:.2f}–{high:.2f}"


def _round(value: float) -> str:
    return f"{value:.1f}" if value < 100 else _group(round(value))


def _group(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def _format(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
