"""`rempart guard contain`, `approve`, `release` and `steps`: hold accounts and let them go.

Refuses nothing the workflow would not: whoever holds the machine is one person too.
"""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Column, Table

from rempart.accounts.containment import (
    LONGEST_EXERCISE,
    EndReason,
    MeasureReason,
    MeasureStep,
    MeasureTarget,
    list_still_open,
    name_stopped,
)
from rempart.cli.organisation import registering
from rempart.workflows.guard import contain as workflow
from rempart.workflows.guard.contain import MeasureRequest, MeasureRow

_MOST_MINUTES: Final = int(LONGEST_EXERCISE.total_seconds() / 60)
_SHOWN: Final = ("reference", "step", "target", "state", "accounts", "reason", "since", "review")


@click.command()
@click.argument("target", type=click.Choice([target.value for target in MeasureTarget]))
@click.argument("number", metavar="NUMBER")
@click.option("--step", type=click.Choice([step.value for step in MeasureStep]), required=True,
              help="What is done.")  # fmt: skip
@click.option("--reason", type=click.Choice([reason.value for reason in MeasureReason]),
              default=MeasureReason.PRECAUTION.value, show_default=True,
              help="Why, as the professional reads it.")  # fmt: skip
@click.option("--note", default="", help="Why, for colleagues only; name nobody.")
@click.option("--review-hours", type=click.IntRange(1, 720),
              help="When somebody looks at it again.")  # fmt: skip
@click.option("--ends-hours", type=click.IntRange(1), help="When it ends by itself.")
@click.option("--exercise", type=click.IntRange(1, _MOST_MINUTES), metavar="MINUTES",
              help="Rehearse: shown as an exercise, and over by itself after so long.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do it; without, only the cost is told.")
def contain(
    *,
    target: str,
    number: str,
    step: str,
    reason: str,
    note: str,
    review_hours: int | None,
    ends_hours: int | None,
    exercise: int | None,
    yes: bool,
) -> None:
    """Hold TARGET, known by its NUMBER, by a step; claims and payments go on.

    NUMBER is an RPPS, a FINESS or SIRET, the public name of a software, or the code of a
    profession. More than fifty accounts, a software or a profession wait for a second person at the
    console.
    """
    now, chosen = datetime.now(UTC), MeasureStep(step)
    ends_at = None if ends_hours is None else now + timedelta(hours=ends_hours)
    if exercise is not None:
        ends_at = now + timedelta(minutes=exercise)
    with registering() as tx:
        whom = workflow.find_whom(tx, MeasureTarget(target), number)
        cost = workflow.count_cost(tx, None, whom)
        click.echo(f"{cost.accounts} accounts; stops: {name_stopped(chosen)}")
        click.echo(f"goes on: {', '.join(list_still_open(chosen))}")
        if not yes:
            click.echo("nothing was done: add --yes")
            return
        request = MeasureRequest(
            step=chosen,
            target=whom.target,
            target_ref=whom.target_ref,
            profession=whom.profession,
            reason=MeasureReason(reason),
            note=note,
            review_at=None if review_hours is None else now + timedelta(hours=review_hours),
            ends_at=ends_at,
            is_exercise=exercise is not None,
        )
        done = workflow.contain(tx, None, request, measure_ref=secrets.randbits(62), now=now)
    state = "begun" if done.starts else "waits for a second person at the console"
    click.echo(f"{done.measure_ref} {state}")


@click.command()
@click.argument("measure_ref", metavar="REF", type=int)
def approve(measure_ref: int) -> None:
    """Be the second person of a measure that somebody asked for at the console."""
    with registering() as tx:
        workflow.approve(tx, None, measure_ref, now=datetime.now(UTC))
    click.echo("begun: within two seconds everywhere")


@click.command()
@click.argument("rpps", required=False)
@click.option("--measure", "measure_ref", type=int, metavar="REF", help="End this measure instead.")
@click.option("--reason", type=click.Choice([EndReason.CLEARED.value, EndReason.GIVEN_BACK.value,
                                             EndReason.MISTAKE.value, EndReason.OVER.value]),
              default=EndReason.CLEARED.value, show_default=True,
              help="cleared: it was its owner; given_back: after a theft.")  # fmt: skip
def release(*, rpps: str | None, measure_ref: int | None, reason: str) -> None:
    """Release the account of a professional that the guard holds, or end a measure."""
    now = datetime.now(UTC)
    if (rpps is None) is (measure_ref is None):
        raise click.UsageError("name a professional by RPPS number, or a measure: one of them")
    with registering() as tx:
        if measure_ref is not None:
            workflow.end_measure(tx, None, measure_ref, now=now, reason=EndReason(reason))
        else:
            whom = workflow.find_whom(tx, MeasureTarget.ACCOUNT, rpps or "")
            workflow.release_account(
                tx, None, whom.target_ref or 0, now=now, reason=EndReason(reason)
            )
    click.echo("released: within two seconds everywhere")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def steps(*, as_json: bool) -> None:
    """List measures in force, waiting, or over for less than 90 days."""
    now = datetime.now(UTC)
    with registering() as tx:
        described = [_describe(row, now) for row in workflow.list_measures(tx, None, now=now)]
    if as_json:
        click.echo(json.dumps(described))
        return
    if not described:
        click.echo("no measure is in force, waits, or ended these 90 days")
        return
    table = Table(Column("reference", min_width=19), *_SHOWN[1:], box=None)
    for one in described:
        table.add_row(*(str(one[name] or "") for name in _SHOWN))
    Console().print(table)


def _describe(row: MeasureRow, now: datetime) -> dict[str, Any]:
    state = "waits" if row.waits(now) else "in force" if row.is_in_force(now) else "over"
    return {
        "reference": row.measure_ref,
        "step": f"{row.step} (exercise)" if row.exercise else row.step,
        # Never the name of a person: a terminal keeps what it showed.
        "target": f"{row.target} {row.profession or row.target_ref}",
        "state": state,
        "accounts": row.touched,
        "reason": row.reason,
        "since": row.starts_at and row.starts_at.isoformat(timespec="minutes"),
        "review": row.review_at.isoformat(timespec="minutes"),
    }
