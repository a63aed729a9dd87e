"""A drill's figures: the report kept with the incident, and the same drawn in a terminal.

Refuses to compute: what is drawn is what is kept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rempart.disclosure.fields import Field, fields_in, format_fields
from rempart.drill.blast import Blast, Cost, Spread
from rempart.drill.measure import Accuracy, TierAccuracy
from rempart.drill.past import Past
from rempart.drill.plan import Script
from rempart.drill.portal_2024 import Leak
from rempart.incidents.attribution import Verdict
from rempart.incidents.exposure import compute_insurer_rows
from rempart.workflows.incidents.expose_persons import ExposureAnswer

TOP_INSURERS: Final = 20
_BARS: Final = " ▁▂▃▄▅▆▇█"
ALL: Final = "all"
_WAYS: Final = ("guard", "no_guard", "limits", "portal_2024")
# Beyond so many minutes, hours say more; from so many persons on, tenths say nothing.
_LONG_MIN: Final = 120
_MANY: Final = 10
_NO_NAME: Final = "(unknown insurer)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotFigures:
    """One robot's work: on which stolen account (from 1), and what it got."""

    kind: str
    account: int
    sent: int
    answered: int
    refused: int
    persons: int
    persons_2024: int


VARIANTS: Final = {
    "exposure": "as the ledger tells",
    "exposure_with_claims": "with claims",
    "exposure_with_past": "with the weeks before",
    "exposure_with_past_and_claims": "with both",
}
"""What is known besides the ledger's entries of the days of the drill, by name in the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a report is made of."""

    answer: ExposureAnswer
    accuracy: Accuracy
    variants: Mapping[str, Accuracy]
    recall_elsewhere: float
    truth: Mapping[int, int]
    insurer_names: Mapping[int, str]
    portal: Leak
    rempart: Leak
    robots: tuple[RobotFigures, ...]
    blasts: tuple[Blast, ...]
    cost: Cost
    past: Past | None
    timeline: Sequence[Mapping[str, Any]]
    lawful: Mapping[str, int]
    script: Script
    interrupted: bool


def make_report(findings: Findings) -> dict[str, Any]:
    """Write a drill's figures as plain data.

    Shares are between 0 and 1, rounded to four decimals; fields are lower-case codes of `Field`.
    """
    answer, script, everything = findings.answer, findings.script, findings.blasts[-1]
    waited_s = (answer.answered_at - answer.declared_at).total_seconds()
    return {
        "exposure": {
            **_report_accuracy(findings.accuracy),
            "recall_of_thieves_elsewhere": round(findings.recall_elsewhere, 4),
        },
        **{f"exposure_{name}": _report_accuracy(one) for name, one in findings.variants.items()},
        "mean_persons_per_stolen_account": round(everything.guard.mean, 2),
        "worst_persons_per_stolen_account": everything.guard.worst,
        "attacks": [_report_blast(blast) for blast in findings.blasts],
        "cost": _report_cost(findings.cost),
        "past": _report_past(findings.past),
        "minutes_to_answer": round(waited_s / 60, 4),
        "portal_2024": _report_leak(findings.portal),
        "rempart": _report_leak(findings.rempart),
        "timeline": [dict(point) for point in findings.timeline],
        "insurers": _report_insurers(findings),
        "robots": [
            {
                "kind": robot.kind,
                "account": robot.account,
                "sent": robot.sent,
                "answered": robot.answered,
                "refused": robot.refused,
                "persons": robot.persons,
                "persons_2024": robot.persons_2024,
            }
            for robot in findings.robots
        ],
        "sessions": {
            str(kind): sum(verdict.verdict is kind for verdict in answer.verdicts)
            for kind in Verdict
        },
        "guesses": sum(guesses.lookups for guesses in answer.guesses),
        "lawful": dict(findings.lawful),
        "stolen_accounts": len(script.stolen),
        "professionals": len(script.professions),
        "seed": script.seed,
        "days": {
            "history": script.calendar.history,
            "quiet": script.calendar.quiet,
            "attacked": script.calendar.attacked,
        },
        "interrupted": findings.interrupted,
    }


def print_report(console: Console, report: Mapping[str, Any], *, page: str) -> None:
    """Draw a report in a terminal."""
    console.print(
        Panel(
            Group(*_draw_summary(report)),
            title="January 2024 and what came after it, played: who was exposed?",
            border_style="bold",
        )
    )
    console.print(_draw_attacks(report))
    console.print(_draw_cost(report))
    console.print(_draw_accuracy(report))
    console.print(_draw_insurers(report))
    console.print(_draw_leaks(report))
    console.print(_draw_timeline(report))
    console.print(Text("\nThe incident's page: ").append(page, style="bold underline"))


def _report_accuracy(accuracy: Accuracy) -> dict[str, Any]:
    return {
        "precision": round(accuracy.precision, 4),
        "recall": round(accuracy.recall, 4),
        "everybody": _report_tier(accuracy.everybody),
        "by_tier": {str(tier): _report_tier(figures) for tier, figures in accuracy.by_tier.items()},
        "by_field": {
            str(field.name).lower(): {
                "best": _report_tier(figures.best),
                "everybody": _report_tier(figures.everybody),
            }
            for field, figures in accuracy.by_field.items()
        },
    }


def _report_tier(figures: TierAccuracy) -> dict[str, Any]:
    return {
        "persons": figures.persons,
        "right": figures.right,
        "precision": round(figures.precision, 4),
        "recall": round(figures.recall, 4),
    }


def _report_leak(leak: Leak) -> dict[str, Any]:
    return {
        "persons": leak.persons,
        "fields": _codes(leak.shown),
        "fields_gained": _codes(leak.gained),
        "fields_gained_per_person": round(leak.gained_per_person, 2),
        "identity_fields_gained_per_person": round(leak.identity_per_person, 2),
    }


def _report_blast(blast: Blast) -> dict[str, Any]:
    return {
        "attack": blast.name,
        "accounts": blast.accounts,
        "contained": blast.contained,
        "guard": _report_spread(blast.guard),
        "no_guard": _report_spread(blast.no_guard),
        "limits": _report_spread(blast.limits),
        "portal_2024": _report_spread(blast.portal),
        "lookups_to_containment": blast.lookups,
        "minutes_to_containment": None if blast.minutes is None else round(blast.minutes, 1),
    }


def _report_spread(spread: Spread) -> dict[str, Any]:
    return {"mean": round(spread.mean, 1), "worst": spread.worst}


def _report_cost(cost: Cost) -> dict[str, Any]:
    return {
        "account_days": cost.account_days,
        "false_containments": cost.false_containments,
        "false_containments_per_1000_account_days": round(cost.false_per_thousand, 2),
        "lookups": cost.lookups,
        "refused": cost.refused,
        "refused_per_100000": round(cost.refused_per_hundred_thousand),
        "refused_per_100000_of_honest_accounts": round(cost.honest_per_hundred_thousand),
        "refused_per_100000_by_limits": round(cost.limits_per_hundred_thousand),
    }


def _report_past(past: Past | None) -> dict[str, Any] | None:
    """Report what was judged in memory before anything was played."""
    if past is None:
        return None
    return {
        "account_days": past.account_days,
        "false_containments": past.held,
        "lookups": past.lookups,
        "refused": past.refused,
        "rules_account_days": past.rules.account_days,
    }


def _report_insurers(findings: Findings) -> list[dict[str, Any]]:
    rows = {row.insurer_id: row for row in compute_insurer_rows(findings.answer.persons)}
    missed = sorted(set(findings.truth) - set(rows))
    lines = []
    for insurer_id in (*rows, *missed):
        row = rows.get(insurer_id)
        lines.append(
            {
                "insurer_id": insurer_id,
                "name": findings.insurer_names.get(insurer_id, _NO_NAME),
                "persons_a": row.persons_a if row else 0,
                "persons_b": row.persons_b if row else 0,
                "persons_c": row.persons_c if row else 0,
                "true_persons": findings.truth.get(insurer_id, 0),
                "fields": _codes(row.fields) if row else [],
                "sessions": row.sessions if row else 0,
            }
        )
    return lines


def _draw_summary(report: Mapping[str, Any]) -> list[RenderableType]:
    exposure, sessions, lawful = report["exposure"], report["sessions"], report["lawful"]
    tiers = {tier: figures["persons"] for tier, figures in exposure["by_tier"].items()}
    seconds = report["minutes_to_answer"] * 60
    mean = report["mean_persons_per_stolen_account"]
    worst = report["worst_persons_per_stolen_account"]
    lines = (
        f"[bold]{tiers['A']}[/] persons confirmed (A), [bold]{tiers['B']}[/] probable (B), "
        f"{tiers['C']} not excluded (C), answered in [bold]{seconds:.1f} s[/]\n"
        f"precision [bold]{exposure['precision']:.1%}[/] and recall "
        f"[bold]{exposure['recall']:.1%}[/] against the known truth "
        f"({exposure['recall_of_thieves_elsewhere']:.1%} where the thief was not the owner's PC)\n"
        f"per stolen account: {mean:g} persons on average, {worst} at worst; "
        f"{_describe_policy(report.get('policy', {}))}\n"
        f"sessions of the {report['stolen_accounts']} stolen accounts: {sessions['thief']} of "
        f"thieves, {sessions['mixed']} shared, {sessions['owner']} of the owners; "
        f"{report['guesses']} guesses found nobody\n"
        f"meanwhile {lawful['answered']} lawful look-ups by {report['professionals']} "
        f"professionals ({lawful['refused']} refused); seed {report['seed']}"
    ).splitlines()
    if report["interrupted"]:
        lines.append(
            "[yellow]Interrupted: the figures are those of the traffic that was played.[/]"
        )
    return [Text.from_markup(line) for line in lines]


def _describe_policy(policy: Mapping[str, Any]) -> str:
    """Say what bounded the thief."""
    typed = policy.get("typed_persons_per_day")
    if policy.get("required"):
        whom = "everybody" if not policy.get("known_faces", True) else "every new face"
        return f"presence was required for {whom}"
    if typed is not None:
        return f"{typed} new persons a day and account could be typed"
    return "the guard held the thieves" if policy.get("guard", True) else "nothing held the thieves"


def _draw_attacks(report: Mapping[str, Any]) -> Table:
    table = Table(title="Persons shown per stolen account: mean (worst)", title_justify="left")
    # On a terminal of 80 columns the figures take two lines, never the names.
    table.add_column("attack", no_wrap=True)
    for column in ("accounts", "held", "after", "guard", "no guard", "fixed limits", "2024"):
        table.add_column(column, justify="right")
    for row in report["attacks"]:
        if row["attack"] == ALL:
            table.add_section()
        table.add_row(
            row["attack"],
            str(row["accounts"]),
            str(row["contained"]),
            _describe_delay(row),
            *(_describe_spread(row[name]) for name in _WAYS),
        )
    return table


def _describe_delay(row: Mapping[str, Any]) -> str:
    """Say after how many questions, and after how long, an account was held."""
    lookups, minutes = row["lookups_to_containment"], row["minutes_to_containment"]
    if lookups is None or minutes is None:
        return "–"
    lasted = f"{minutes:.0f} min" if minutes < _LONG_MIN else f"{minutes / 60:.0f} h"
    return f"{lookups:g} · {lasted}"


def _describe_spread(spread: Mapping[str, Any]) -> str:
    mean = f"{spread['mean']:.1f}" if spread["mean"] < _MANY else f"{spread['mean']:.0f}"
    return f"{mean} ({spread['worst']})"


def _draw_cost(report: Mapping[str, Any]) -> Table:
    cost, table = report["cost"], Table(title="What lawful accounts paid", title_justify="left")
    table.add_column("")
    for column in ("guard", "no guard", "fixed limits"):
        table.add_column(column, justify="right")
    table.add_row(
        f"held by mistake, of {cost['account_days']} account-days",
        str(cost["false_containments"]),
        "0",
        "–",
    )
    table.add_row(
        "the same, per 1 000", f"{cost['false_containments_per_1000_account_days']:g}", "0", "–"
    )
    table.add_row(
        f"look-ups refused per 100 000, of {cost['lookups']}",
        str(cost["refused_per_100000"]),
        "0",
        str(cost["refused_per_100000_by_limits"]),
    )
    honest = str(cost["refused_per_100000_of_honest_accounts"])
    table.add_row("the same, of accounts without a thief", honest, "0", "–")
    return table


def _draw_accuracy(report: Mapping[str, Any]) -> Table:
    table = Table(title="The list beside the known truth", title_justify="left")
    table.add_column("")
    for column in ("A", "A+B", "A+B+C"):
        table.add_column(column, justify="right")
    for name, words in VARIANTS.items():
        figures = report[name]
        of_a, everybody = figures["by_tier"]["A"], figures["everybody"]
        table.add_row(
            f"persons, {words}: precision",
            *(f"{one['precision']:.1%}" for one in (of_a, figures, everybody)),
        )
        table.add_row("recall", *(f"{one['recall']:.1%}" for one in (of_a, figures, everybody)))
    for code, pairs in report["exposure"]["by_field"].items():
        best, everybody = pairs["best"], pairs["everybody"]
        table.add_row(
            f"{format_fields(Field[code.upper()], 'en')[0]}: precision, recall",
            "",
            *(f"{one['precision']:.1%}, {one['recall']:.1%}" for one in (best, everybody)),
        )
    return table


def _draw_insurers(report: Mapping[str, Any]) -> Table:
    table = Table(title="Exposed persons per insurer", title_justify="left")
    table.add_column("insurer")
    for column in ("A", "B", "C", "truth", "sessions"):
        table.add_column(column, justify="right")
    rows = report["insurers"]
    names = ("persons_a", "persons_b", "persons_c", "true_persons")
    for row in rows[:TOP_INSURERS]:
        table.add_row(row["name"], *(str(row[name]) for name in names), str(row["sessions"]))
    others = rows[TOP_INSURERS:]
    if others:
        table.add_row(
            f"{len(others)} others", *(str(sum(row[name] for row in others)) for name in names), ""
        )
    table.add_section()
    table.add_row("all", *(str(sum(row[name] for row in rows)) for name in names), "")
    return table


def _draw_leaks(report: Mapping[str, Any]) -> Table:
    table = Table(title="The same questions, then and now", title_justify="left")
    table.add_column("")
    table.add_column("portal of 2024", justify="right")
    table.add_column("Rempart", justify="right")
    then, now = report["portal_2024"], report["rempart"]
    table.add_row("persons shown", str(then["persons"]), str(now["persons"]))
    table.add_row(
        "fields gained per person, beyond what was typed",
        f"{then['fields_gained_per_person']:.1f}",
        f"{now['fields_gained_per_person']:.1f}",
    )
    table.add_row(
        "of which identify somebody",
        f"{then['identity_fields_gained_per_person']:.1f}",
        f"{now['identity_fields_gained_per_person']:.1f}",
    )
    table.add_row("which", _labels(then["fields_gained"]), _labels(now["fields_gained"]))
    return table


def _draw_timeline(report: Mapping[str, Any]) -> Text:
    points = report["timeline"]
    text = Text("\nlook-ups through time\n", style="italic")
    for name, style in (("lawful", "green"), ("attributed", "red")):
        counts = [point[name] for point in points]
        top = max(counts, default=0) or 1
        bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // top)] for count in counts)
        text.append(f"{name:>11} ", style="not italic").append(bars, style=f"not italic {style}")
        text.append(f"  max {max(counts, default=0)}\n", style="not italic dim")
    return text


def _codes(mask: int) -> list[str]:
    return [str(field.name).lower() for field in fields_in(mask)]


def _labels(codes: Sequence[str]) -> str:
    mask = Field(0)
    for code in codes:
        mask |= Field[code.upper()]
    return "\n".join(format_fields(mask, "en")) or "nothing"


FIGURES: Final = (
    "attacks", "cost", "past", "policy", *VARIANTS, "stolen_accounts", "professionals", "days",
    "seed",
)  # fmt: skip
"""What of a report is published: nobody is named in it."""


def write_figures(file: Path, report: Mapping[str, Any]) -> None:
    """Write what of a report may be published, as JSON."""
    figures = {name: report[name] for name in FIGURES}
    file.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
