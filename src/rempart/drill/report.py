"""A drill's figures: the report kept with the incident, and the same drawn in a terminal.

Refuses to compute: what is drawn is what is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rempart.disclosure.fields import Field, fields_in, format_fields
from rempart.drill.measure import Accuracy
from rempart.drill.plan import Script
from rempart.drill.portal_2024 import Leak
from rempart.incidents.attribution import Verdict
from rempart.incidents.exposure import compute_insurer_rows
from rempart.workflows.expose_persons import ExposureAnswer

TOP_INSURERS: Final = 20
_BARS: Final = " ▁▂▃▄▅▆▇█"
_ROBOT_COUNTS: Final = ("sent", "answered", "refused", "persons", "persons_2024")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a report is made of."""

    answer: ExposureAnswer
    accuracy: Accuracy
    truth: Mapping[int, int]
    insurer_names: Mapping[int, str]
    mean_persons: float
    worst_persons: int
    portal: Leak
    rempart: Leak
    robots: tuple[RobotFigures, ...]
    timeline: Sequence[Mapping[str, Any]]
    lawful: Mapping[str, int]
    script: Script
    interrupted: bool


def make_report(findings: Findings) -> dict[str, Any]:
    """Write a drill's figures as plain data.

    Shares are between 0 and 1, rounded to four decimals; fields are lower-case codes of `Field`.
    """
    answer, script = findings.answer, findings.script
    waited_s = (answer.answered_at - answer.declared_at).total_seconds()
    return {
        "exposure": _report_accuracy(findings.accuracy),
        "mean_persons_per_stolen_account": round(findings.mean_persons, 2),
        "worst_persons_per_stolen_account": findings.worst_persons,
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
        "professionals": script.professionals,
        "seed": script.seed,
        "seconds": script.shift.seconds,
        "hours_replayed": round(script.shift.hours, 2),
        "interrupted": findings.interrupted,
    }


def print_report(console: Console, report: Mapping[str, Any], *, page: str) -> None:
    """Draw a report in a terminal."""
    console.print(
        Panel(
            Group(*_draw_summary(report)),
            title="January 2024, replayed: who was exposed?",
            border_style="bold",
        )
    )
    console.print(_draw_robots(report))
    console.print(_draw_insurers(report))
    console.print(_draw_leaks(report))
    console.print(_draw_timeline(report))
    console.print(Text("\nThe incident's page: ").append(page, style="bold underline"))


def _report_accuracy(accuracy: Accuracy) -> dict[str, Any]:
    return {
        "precision": round(accuracy.precision, 4),
        "recall": round(accuracy.recall, 4),
        "by_tier": {
            str(tier): {
                "persons": figures.persons,
                "right": figures.right,
                "precision": round(figures.precision, 4),
                "recall": round(figures.recall, 4),
            }
            for tier, figures in accuracy.by_tier.items()
        },
    }


def _report_leak(leak: Leak) -> dict[str, Any]:
    return {
        "persons": leak.persons,
        "fields": _codes(leak.shown),
        "fields_gained": _codes(leak.gained),
        "fields_gained_per_person": round(leak.gained_per_person, 2),
        "identity_fields_gained_per_person": round(leak.identity_per_person, 2),
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
        f"[bold]{exposure['recall']:.1%}[/] against the known truth\n"
        f"per stolen account: {mean:g} persons on average, {worst} at worst; "
        f"{_describe_policy(report.get('policy', {}))}\n"
        f"sessions of the {report['stolen_accounts']} stolen accounts: {sessions['thief']} of "
        f"thieves, {sessions['mixed']} shared, {sessions['owner']} of the owners; "
        f"{report['guesses']} guesses found nobody\n"
        f"meanwhile {lawful['answered']} lawful look-ups by {report['professionals']} "
        f"professionals ({lawful['refused']} asked to wait); seed {report['seed']}"
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
    return "only the protocol and the rate bound stop the thief yet"


def _draw_robots(report: Mapping[str, Any]) -> Table:
    table = Table(title="The robots (known to the drill alone)", title_justify="left")
    table.add_column("robot")
    for column in ("account", "asked", "answered", "refused", "persons shown", "in 2024"):
        table.add_column(column, justify="right")
    for robot in report["robots"]:
        table.add_row(
            robot["kind"],
            str(robot["account"]),
            *(str(robot[name]) for name in _ROBOT_COUNTS),
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
