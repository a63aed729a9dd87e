"""Plays short drills on several seeds and writes how right the lists were, as a table of the docs.

python scripts/exposure_table.py --data DIRECTORY [--seeds 1-5]

Each drill is the one of `rempart drill --quick --json`, in the home of the environment. The table
goes between two marks of docs/explanation/exposure.md. Refuses to write half of it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parents[1] / "docs/explanation/exposure.md"
BEGINS, ENDS = "<!-- table: begins -->", "<!-- table: ends -->"
HEADER: Final = (
    "| seed | known besides | shown | A: named, precision | A+B: named, precision, recall | "
    "A+B+C: named, precision, recall |\n|---|---|---|---|---|---|\n"
)
VARIANTS: Final = {
    "exposure": "–",
    "exposure_with_past": "two weeks of past",
    "exposure_with_claims": "claims",
    "exposure_with_past_and_claims": "both",
}


def main() -> None:
    """Play, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a directory written by `rempart synth`")
    parser.add_argument("--seeds", default="1-5", help="first and last seed")
    parser.add_argument("--reports", type=Path, nargs="*", help="drills already played, as JSON")
    options = parser.parse_args()
    if options.reports:
        reports = [json.loads(path.read_text("utf-8")) for path in options.reports]
    else:
        first, _, last = options.seeds.partition("-")
        seeds = range(int(first), int(last or first) + 1)
        reports = [play(options.data, seed) for seed in seeds]
    text = PAGE.read_text("utf-8")
    before, after = text.split(BEGINS)[0], text.split(ENDS)[1]
    PAGE.write_text(f"{before}{BEGINS}\n{draw(reports)}{ENDS}{after}", "utf-8")


def play(data: str, seed: int) -> dict[str, Any]:
    """Play one drill and return its report."""
    command = [sys.executable, "-m", "rempart", "drill", "--quick", "--json"]
    done = subprocess.run(
        [*command, "--seed", str(seed), "--data", data], check=True, stdout=subprocess.PIPE
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def draw(reports: Sequence[Mapping[str, Any]]) -> str:
    """Draw the tables: persons by seed, then fields over all seeds."""
    rows = "".join(row for report in reports for row in draw_persons(report))
    fields = sorted({name for one in reports for name in one["exposure"]["by_field"]})
    lines = "".join(draw_field(reports, name) for name in fields)
    head = (
        "| field | A+B: worst precision, recall | with both | A+B+C: worst recall |\n"
        "|---|---|---|---|\n"
    )
    return f"{HEADER}{rows}\nPer field, the worst of the seeds:\n\n{head}{lines}"


def draw_persons(report: Mapping[str, Any]) -> Iterator[str]:
    """Draw one drill: as the ledger tells, then with more facts."""
    shown = sum(row["true_persons"] for row in report["insurers"])
    for name, words in VARIANTS.items():
        figures = report[name]
        of_a, everybody, best = figures["by_tier"]["A"], figures["everybody"], figures
        named = of_a["persons"] + figures["by_tier"]["B"]["persons"]
        yield (
            f"| {report['seed']} | {words} | {shown} | {of_a['persons']}, {of_a['precision']:.1%} "
            f"| {named}, {best['precision']:.1%}, {best['recall']:.1%} | {everybody['persons']}, "
            f"{everybody['precision']:.1%}, {everybody['recall']:.1%} |\n"
        )


def draw_field(reports: Sequence[Mapping[str, Any]], name: str) -> str:
    """Draw one field: the worst of all drills."""
    cells = []
    for variant in ("exposure", "exposure_with_past_and_claims"):
        known = [report[variant]["by_field"] for report in reports]
        pairs = [one[name] for one in known if name in one]
        precision = min(one["best"]["precision"] for one in pairs)
        recall = min(one["best"]["recall"] for one in pairs)
        cells.append(f"{precision:.1%}, {recall:.1%}")
    everybody = min(
        report["exposure"]["by_field"][name]["everybody"]["recall"]
        for report in reports
        if name in report["exposure"]["by_field"]
    )
    return f"| {name} | {' | '.join(cells)} | {everybody:.1%} |\n"


if __name__ == "__main__":
    main()
