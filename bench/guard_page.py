"""The tables of docs/explanation/how-the-guard-is-measured.md, from the results of a run.

python -m bench.guard_page bench/results/guard-backtest-….json
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "how-the-guard-is-measured.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def main() -> None:
    """Write the tables into the page."""
    record = json.loads(Path(sys.argv[1]).read_text())
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    text = f"{before}{BEGIN}\n\n{make_results(record)}\n{END}{after}"
    PAGE.write_text(text, "utf-8")


def make_results(record: Mapping[str, Any]) -> str:
    """Return the tables of one run as Markdown."""
    seeds = record["seeds"]
    title = (
        f"## Results: {record['accounts']:,} accounts, seeds {seeds[0]} to {seeds[-1]}, figures "
        f"moved by up to {record['moved']}, budget {record['budget_false_containments']} false "
        "containments per 1 000 account-days\n"
    )
    parts = [
        title,
        _make_judges_table(record["judges"]),
        "By seed, the guard:\n",
        _make_seeds_table(record["judges"]["guard"], seeds),
        "By kind of thief, persons per stolen account (mean, worst) and share contained:\n",
        _make_kinds_table(record["judges"]),
    ]
    for title, judges in record["variants"].items():
        parts += [f"### {title[0].upper()}{title[1:]}\n", _make_judges_table(judges)]
        parts.append(_make_kinds_table(judges))
    return "\n".join(parts)


def _make_judges_table(judges: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            f"{one['mean']:.1f}",
            f"{one['worst']:,}",
            f"{one['sweep']:.0f}",
            f"{one['false_rate']:.2f} ({one['interval'][0]:.2f}–{one['interval'][1]:.2f})",
            f"{one['refused']:.0f}",
            f"{one['owner_refused']:.0f}",
            f"{one['microseconds']:.1f}",
        )
        for name, one in judges.items()
    ]
    header = (
        *("judge", "persons / stolen account", "worst", "best patient pace"),
        *("false / 1 000 account-days", "refused / 100 000", "of which stolen owners", "µs"),
    )
    return _format(header, rows)


def _make_seeds_table(judge: Mapping[str, Any], seeds: Sequence[int]) -> str:
    rows = [
        (
            str(seed),
            f"{one['mean']:.1f}",
            f"{one['worst']}",
            f"{one['sweep']:.0f}",
            f"{one['false_contained']} = {1000 * one['false_contained'] / one['account_days']:.2f}",
            f"{one['refused']:.0f}",
            f"{one['owner_refused']:.0f}",
        )
        for seed, one in zip(seeds, judge["by_seed"], strict=True)
    ]
    header = (
        *("seed", "persons / stolen account", "worst", "best patient pace"),
        *("false containments", "refused / 100 000", "of which stolen owners"),
    )
    return _format(header, rows)


def _make_kinds_table(judges: Mapping[str, Any]) -> str:
    kinds = [one["kind"] for one in next(iter(judges.values()))["by_seed"][0]["kinds"]]
    rows = [
        (f"`{kind}`", *(_pool(judge["by_seed"], kind) for judge in judges.values()))
        for kind in kinds
    ]
    return _format(("thief", *judges), rows)


def _pool(scores: Sequence[Mapping[str, Any]], kind: str) -> str:
    ones = [one for score in scores for one in score["kinds"] if one["kind"] == kind]
    accounts = sum(one["accounts"] for one in ones)
    mean = sum(one["mean"] * one["accounts"] for one in ones) / accounts
    contained = sum(one["contained"] for one in ones) / accounts
    return f"{mean:.1f} ({max(one['worst'] for one in ones):,}) {contained:.0%}"


def _format(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
