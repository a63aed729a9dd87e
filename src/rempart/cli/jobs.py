"""`rempart jobs`: what waits, what runs, what failed and why; retry, cancel, ask for one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import get_args

import click
from rich.console import Console
from rich.table import Table

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.wiring.database import open_transaction
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.jobs.job_kinds import KINDS
from rempart.workflows.jobs.manage_jobs import cancel_job, retry_job
from rempart.workflows.jobs.read_jobs import (
    JobColumn,
    JobRow,
    compute_share,
    format_arguments,
    list_attempts,
    list_jobs,
    read_job,
    watch_jobs,
)

STATES = ("todo", "doing", "succeeded", "failed", "cancelled", "aborted")


@click.group()
def jobs() -> None:
    """See jobs and what is due; have one taken up again, stopped, or done now."""


@jobs.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--kind", type=click.Choice(sorted(KINDS)), help="Only these.")
@click.option("--sort", type=click.Choice(get_args(JobColumn)), default="job", show_default=True)
@click.option("--ascending", is_flag=True, help="The least first.")
@click.option("--limit", type=click.IntRange(1, 1000), default=30, show_default=True)
@click.option("--page", type=click.IntRange(1), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each job.")
def list_command(
    *,
    state: str | None,
    kind: str | None,
    sort: JobColumn,
    ascending: bool,
    limit: int,
    page: int,
    as_json: bool,
) -> None:
    """List jobs, the newest first, a page at a time."""
    listing: Listing[JobColumn] = Listing(
        sort=sort, descending=not ascending, limit=limit, offset=(page - 1) * limit
    )
    with _transaction() as tx:
        rows, total = list_jobs(tx, None, listing, state=state, kind=kind)
    if as_json:
        for row in rows:
            click.echo(json.dumps(_describe(row)))
        return
    table = Table("Job", "Kind", "About", "State", "Tries", "Since", "Done", "Why", box=None)
    for row in rows:
        why = f"{row.reason} [{row.code}]" if row.code else ""
        table.add_row(
            *(str(row.job_id), row.kind, format_arguments(row.arguments), _format_state(row)),
            *(str(row.tries), _format(row.started_at or row.due_at or row.asked_at)),
            *(_format_progress(row), why),
        )
    Console().print(table)
    click.echo(f"{len(rows)} of {total}", err=True)


@jobs.command()
def schedule() -> None:
    """List what runs by itself: when, when last, when next. Times are UTC."""
    now = datetime.now(UTC)
    with _transaction() as tx:
        watch = watch_jobs(tx, None, now=now)
    table = Table("Kind", "When", "Last", "Next", box=None)
    for due in watch.dues:
        if not due.cron:
            continue
        then = f"not here: set {due.lacks}" if due.lacks else _format(due.next_at)
        table.add_row(due.kind, due.cron, _format(due.last_at), then)
    Console().print(table)
    if not watch.works:
        click.echo("no worker works: start `rempart serve` or `rempart work`", err=True)


@jobs.command()
@click.argument("job", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(*, job: int, as_json: bool) -> None:
    """Show one JOB: how far it is, and what came of each attempt."""
    with _transaction() as tx:
        row = read_job(tx, None, job)
        attempts = list_attempts(tx, None, job)
    if as_json:
        tried = [
            {
                "number": one.number,
                "started_at": _format(one.started_at),
                "ended_at": _format(one.ended_at),
                "late_s": one.late_s,
                "outcome": one.outcome,
                "code": one.code,
                "reason": one.reason,
            }
            for one in attempts
        ]
        click.echo(json.dumps({**_describe(row), "attempts": tried}))
        return
    about = format_arguments(row.arguments)
    click.echo(f"{row.kind}{' ' if about else ''}{about}: {_format_state(row)}")
    if progress := _format_progress(row):
        click.echo(f"done: {progress} {row.unit} {row.note}".rstrip())
    for one in attempts:
        late = f", {one.late_s} s late" if one.late_s else ""
        why = f": {one.reason} [{one.code}]" if one.code else ""
        click.echo(
            f"attempt {one.number}: {_format(one.started_at)} to {_format(one.ended_at)}{late}, "
            f"{one.outcome or 'under way'}{why}"
        )


@jobs.command()
@click.argument("job", type=click.IntRange(1))
def retry(job: int) -> None:
    """Have a JOB that failed or was stopped taken up again, at once."""
    with _transaction() as tx:
        retry_job(tx, None, job)
    click.echo(f"job {job} waits for a worker")


@jobs.command()
@click.argument("job", type=click.IntRange(1))
def cancel(job: int) -> None:
    """Stop a JOB: one that waits never begins, one that runs ends at its next step."""
    with _transaction() as tx:
        cancel_job(tx, None, job)
    click.echo(f"job {job} is stopped, or stops at its next step")


@jobs.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)), metavar="KIND")
@click.argument("references", nargs=-1, metavar="[NAME=NUMBER]...")
def run(kind: str, references: tuple[str, ...]) -> None:
    """Ask for a job now, whenever it is due: a worker takes it up. Prints its number."""
    arguments = {}
    for one in references:
        name, _, value = one.partition("=")
        if not value.isdecimal():
            raise click.UsageError(f"{name}: write NAME=NUMBER, such as incident_id=12")
        arguments[name] = int(value)
    with _transaction() as tx:
        click.echo(enqueue(tx, kind, **arguments))


@contextmanager
def _transaction() -> Iterator[Transaction]:
    with open_transaction("worker") as tx:
        yield tx


def _describe(row: JobRow) -> dict[str, object]:
    return {
        "job": row.job_id,
        "kind": row.kind,
        "arguments": dict(row.arguments),
        "state": row.state,
        "cancelling": row.cancelling,
        "tries": row.tries,
        "due_at": _format(row.due_at),
        "started_at": _format(row.started_at),
        "ended_at": _format(row.ended_at),
        "late_s": row.late_s,
        "outcome": row.outcome,
        "code": row.code,
        "reason": row.reason,
        "done": row.done,
        "total": row.total,
        "unit": row.unit,
    }


def _format_state(row: JobRow) -> str:
    return f"{row.state}, to be stopped" if row.cancelling else row.state


def _format_progress(row: JobRow) -> str:
    share = compute_share(row)
    if share is not None:
        return f"{row.done} of {row.total} ({share} %)"
    return str(row.done) if row.done else ""


def _format(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
