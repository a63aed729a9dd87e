"""`rempart guard replay`: the guard of the gateways over past look-ups, and what it was worth.

Refuses to release anybody by itself: without the truth, only on the word of who runs it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rempart.exchange.guard_events import Part, open_decisions
from rempart.guard import Decision, Guard, Policy
from rempart.workflows.guard.replay_guard import Month, Replayed, open_month, replay_month
from rempart.workflows.guard.score_replay import KindScore, Score, score

EXIT_INTERRUPTED: Final = 130
_REVIEW_HOURS: Final = 4.0
_DAY_MS: Final = 86_400_000
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_DEFAULTS: Final = Policy()


@click.command()
@click.argument("events", type=_FILE)
@click.option("--accounts", type=_FILE, help="Accounts: profession, department.")
@click.option("--canaries", type=_FILE, help="Planted people.")
@click.option("--truth", type=_FILE, help="Stolen accounts: for the score, never for the guard.")
@click.option("-o", "--out", "--output", "out", type=_FILE, help="Write every decision here.")
@click.option(
    "--review-hours",
    type=click.FloatRange(min=0),
    help="Contained accounts are reviewed after so long.  [default: 4 with --truth]",
)
@click.option("--assume-lawful", is_flag=True, help="Without --truth: reviews release everybody.")
@click.option(
    "--warm-up-days",
    type=click.FloatRange(min=0),
    default=14,
    show_default=True,
    help="First days on which mistakes are not counted: the guard learns.",
)
@click.option(
    "--false-containments",
    type=click.FloatRange(min=0, max=1000, max_open=True),
    default=_DEFAULTS.false_containments,
    show_default=True,
    help="Accepted, per 1 000 account-days.",
)
@click.option(
    "--days-over",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=_DEFAULTS.days_over,
    show_default=True,
    help="Accepted share of account-days on which a typed look-up is refused.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def replay(
    ctx: click.Context,
    *,
    events: Path,
    accounts: Path | None,
    canaries: Path | None,
    truth: Path | None,
    out: Path | None,
    review_hours: float | None,
    assume_lawful: bool,
    warm_up_days: float,
    false_containments: float,
    days_over: float,
    as_json: bool,
) -> None:
    """Run the guard over past look-ups (Parquet) and say what it would have done.

    The same files and options give the same decisions. Nothing of an installation is read or
    changed. Columns are in docs/reference/guard-events.md.
    """
    review_hours = _settle_review(review_hours, has_truth=truth is not None, trusts=assume_lawful)
    month = open_month(events, accounts=accounts, canaries=canaries, truth=truth)
    guard = Guard(Policy(false_containments=false_containments, days_over=days_over))
    try:
        with _deciding(month, out) as show:
            replayed = replay_month(
                month, guard, review_hours=review_hours, warm_up_days=warm_up_days, show=show
            )
    except KeyboardInterrupt:
        click.echo("Stopped. No decision was written; run it again.", err=True)
        ctx.exit(EXIT_INTERRUPTED)
    result = score(replayed.tally) if month.thefts else None
    if as_json:
        click.echo(json.dumps(_describe(replayed, guard, result), indent=1))
        return
    for note in month.events.notes:
        click.echo(f"Note: {note}.")
    _show(replayed, guard, warm_up_days)
    if result is not None:
        _show_score(result)


def _settle_review(hours: float | None, *, has_truth: bool, trusts: bool) -> float | None:
    """Say when accounts are reviewed; None: never.

    Raises:
        UsageError: the options contradict each other.
    """
    if has_truth and trusts:
        raise click.UsageError("--assume-lawful is for replays without --truth")
    if not has_truth and hours is not None and not trusts:
        raise click.UsageError(
            "--review-hours releases accounts: add --truth, or --assume-lawful to release them all"
        )
    if has_truth or trusts:
        return _REVIEW_HOURS if hours is None else hours
    return None


@contextmanager
def _deciding(month: Month, out: Path | None) -> Iterator[Callable[[Part, list[Decision]], None]]:
    """Show progress and write decisions, whole or not at all."""
    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} look-ups"),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with (
        open_decisions(out) if out else nullcontext() as file,
        Progress(*columns, console=Console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("look-ups", total=month.events.rows)

        def show(part: Part, decisions: list[Decision]) -> None:
            if file is not None:
                file.write_decisions(part.first, decisions)
            bar.advance(task, len(decisions))

        yield show


def _show(replayed: Replayed, guard: Guard, warm_up_days: float) -> None:
    tally = replayed.tally
    contained = list(guard.list_contained())
    each_us = 1e6 * replayed.seconds / tally.lookups
    click.echo(
        f"{tally.lookups:,} look-ups of {len(tally.professions):,} accounts, "
        f"{_format_day(tally.first_ms)} to {_format_day(tally.last_ms)}: "
        f"{tally.refused.total():,} refused, {tally.contained.total():,} containments; "
        f"{len(contained):,} accounts contained at the end. {each_us:.1f} µs each."
    )
    if tally.backwards:
        click.echo(f"Note: {tally.backwards:,} look-ups are earlier than the one before.")
    rows = [
        (name or "(none)", f"{asked:,}", f"{tally.refused[name]:,}", f"{tally.contained[name]:,}")
        for name, asked in tally.asked.most_common()
    ]
    _print_table(("profession", "look-ups", "refused", "containments"), rows)
    click.echo(f"\nRules in force ({warm_up_days:g} first days: learning)")
    versions = [one for one in guard.versions if one.account_days]
    _print_table(
        ("from", "account-days", "width", "evidence", "with cards"),
        [
            (
                _format_day(one.day * _DAY_MS),
                f"{one.account_days:,}",
                f"{one.width:.1f}",
                f"{one.evidence:.1f}",
                f"{one.card_evidence:.1f}",
            )
            for one in versions
        ],
    )


def _show_score(result: Score) -> None:
    low, high = result.interval
    click.echo(
        f"\nPersons per stolen account: {result.mean:.1f} on average, {result.worst} at worst; "
        f"best pace of a patient thief: {result.sweep:.0f}.\n"
        f"False containments: {result.false_contained} in {result.account_days:,.0f} account-days "
        f"= {result.false_rate:.2f} per 1 000 ({low:.2f} to {high:.2f}).\n"
        f"Lawful look-ups refused: {result.refused:.0f} per 100 000, of which "
        f"{result.owner_refused:.0f} of owners whose stolen account was contained."
    )
    _print_table(
        ("thief", "accounts", "mean", "worst", "contained", "after"),
        [
            (
                one.kind,
                f"{one.accounts}",
                f"{one.mean:.1f}",
                f"{one.worst}",
                f"{one.contained}",
                _format_delay(one),
            )
            for one in result.kinds
        ],
    )


def _describe(replayed: Replayed, guard: Guard, result: Score | None) -> dict[str, Any]:
    tally = replayed.tally
    record: dict[str, Any] = {
        "lookups": tally.lookups,
        "accounts": len(tally.professions),
        "first_ms": tally.first_ms,
        "last_ms": tally.last_ms,
        "out_of_order": tally.backwards,
        "microseconds_per_lookup": round(1e6 * replayed.seconds / tally.lookups, 2),
        "professions": {
            name: {
                "lookups": asked,
                "refused": tally.refused[name],
                "containments": tally.contained[name],
            }
            for name, asked in sorted(tally.asked.items())
        },
        "contained_at_the_end": sum(1 for _ in guard.list_contained()),
        "rules": [
            {
                "day": one.day,
                "account_days": one.account_days,
                "width": one.width,
                "evidence": one.evidence,
                "card_evidence": one.card_evidence,
            }
            for one in guard.versions
            if one.account_days
        ],
    }
    if result is not None:
        record["score"] = asdict(result) | {"false_rate": result.false_rate}
    return record


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns: the first to the left, figures to the right."""
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        click.echo("  " + "  ".join(cells))


def _format_day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()


def _format_delay(one: KindScore) -> str:
    if one.delay_s is None:
        return "-"
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if one.delay_s >= seconds:
            return f"{one.delay_s / seconds:.1f} {unit}"
    return f"{one.delay_s:.0f} s"
