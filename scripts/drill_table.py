"""Write the drill's table into README.md from the report kept in docs/reference/drill.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rempart.drill.report import VARIANTS

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "docs" / "reference" / "drill.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- drill: begin -->", "<!-- drill: end -->"
HEAD = "| attack | accounts | held | after | **with the guard** | no guard | limits | 2024 |"
RULE = "|---|---|---|---|---|---|---|---|"
ANSWER_HEAD = "| what is known | precision of A | of A and B | recall of A and B | of A, B, C |"
ANSWER_RULE = "|---|---|---|---|---|"
WAYS = ("guard", "no_guard", "limits", "portal_2024")


def format_table(report: Mapping[str, Any]) -> str:
    """Return the README's lines between the markers."""
    days, cost, exposure = report["days"], report["cost"], report["exposure"]
    played = (
        f"{report['professionals']} accounts, {report['stolen_accounts']} of them stolen, "
        f"{days['attacked']} days of attack after {days['history'] + days['quiet']} of work; "
        f"seed {report['seed']}. Persons shown per stolen account, mean (worst):"
    )
    paid = (
        f"Honest accounts held by mistake: {cost['false_containments']} in "
        f"{cost['account_days']} account-days, cleared by a review after four hours. "
        f"Lawful look-ups refused: {cost['refused_per_100000']} per 100 000, "
        f"{cost['refused_per_100000_of_honest_accounts']} without the owners whose account had a "
        f"thief; fixed limits would refuse {cost['refused_per_100000_by_limits']}."
    )
    named = (
        "Whose data, through which sessions, against the known truth (recall "
        f"{exposure['recall_of_thieves_elsewhere']:.1%} of A and B where the thief does not sit "
        "on the owner's machine):"
    )
    rows = map(_format_row, report["attacks"])
    answers = [_format_answer(words, report[name]) for name, words in VARIANTS.items()]
    answers = [ANSWER_HEAD, ANSWER_RULE, *answers]
    return "\n".join((played, "", HEAD, RULE, *rows, "", paid, "", named, "", *answers))


def write_table(text: str, report: Mapping[str, Any]) -> str:
    """Return the README with its table as the report has it."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{format_table(report)}\n{END}{after}"


def _format_row(row: Mapping[str, Any]) -> str:
    name = "**all**" if row["attack"] == "all" else row["attack"]
    cells = [name, str(row["accounts"]), str(row["contained"]), _format_delay(row)]
    cells += [_format_spread(row[way]) for way in WAYS]
    cells[4] = f"**{cells[4]}**"
    return f"| {' | '.join(cells)} |"


def _format_answer(words: str, accuracy: Mapping[str, Any]) -> str:
    figures = (
        accuracy["by_tier"]["A"]["precision"],
        accuracy["precision"],
        accuracy["recall"],
        accuracy["everybody"]["recall"],
    )
    return f"| {words} | {' | '.join(f'{figure:.1%}' for figure in figures)} |"


def _format_delay(row: Mapping[str, Any]) -> str:
    lookups, minutes = row["lookups_to_containment"], row["minutes_to_containment"]
    if lookups is None:
        return "–"
    lasted = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    return f"{lookups:g} look-ups, {lasted}"


def _format_spread(spread: Mapping[str, Any]) -> str:
    mean = f"{spread['mean']:.1f}" if spread["mean"] < 10 else f"{spread['mean']:.0f}"
    return f"{mean} ({spread['worst']})"


if __name__ == "__main__":
    kept = json.loads(REPORT.read_text("utf-8"))
    README.write_text(write_table(README.read_text("utf-8"), kept), "utf-8")
