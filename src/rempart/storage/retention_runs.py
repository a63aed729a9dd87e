"""Runs of retention, as rows. Roles: keeper; approvals by portals too, under the database's guard.

Refuses a second run of what is due while one is under way: the database does.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from rempart.accounts.second_person import Agreement
from rempart.retention.approval import RunState
from rempart.retention.certificate import Departure
from rempart.retention.fields import Field
from rempart.retention.plan import Item, Step
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("retention_runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run as it stands; fields as in retention.run."""

    run_id: int
    origin: str
    day: date
    schedule: bytes
    state: RunState
    stage: int
    after: int
    items: int
    people: int
    done: int
    first: Agreement | None
    second: Agreement | None
    routine: bool


class PlannedItem(NamedTuple):
    """One line to do; fields as in `retention.plan.Item`."""

    number: int
    insurer_id: int
    person_ref: int
    subject: int
    field: Field
    step: Step
    rule: str
    last_day: date | None


class Tally(NamedTuple):
    """One row of a run's figures.

    Attributes:
        insurer_id, field, step, rule, held_by: What is counted.
        planned: How many when it was planned.
        oldest: The earliest last day among them.
        done: How many left.
        kept: How many were not due any more when their turn came.
    """

    insurer_id: int
    field: str
    step: str
    rule: str
    held_by: str
    planned: int
    oldest: date | None
    done: int
    kept: int


class Leaving(NamedTuple):
    """One subject of which a field left."""

    insurer_id: int
    person_ref: int
    subject: int


def open_run(
    tx: Transaction, *, origin: str, day: date, schedule: bytes, request_ref: int | None = None
) -> int | None:
    """Begin a run; None when another of what is due is under way."""
    values = {"origin": origin, "request_ref": request_ref, "day": day, "schedule": schedule}
    row = tx.execute(_sql.open_run, values).fetchone()
    return None if row is None else int(row[0])


def find_open_run(tx: Transaction) -> int | None:
    """Return the run of what is due that is under way, if any."""
    row = tx.execute(_sql.find_open_run).fetchone()
    return None if row is None else int(row[0])


def load_run(tx: Transaction, run_id: int) -> RunRow | None:
    """Return a run; None when there is none for whoever asks."""
    row = tx.execute(_sql.load_run, {"run_id": run_id}).fetchone()
    return None if row is None else _make_run(row)


def lock_run(tx: Transaction, run_id: int) -> RunRow | None:
    """Return a run that nobody else changes until the end of the transaction."""
    row = tx.execute(_sql.lock_run, {"run_id": run_id}).fetchone()
    return None if row is None else _make_run(row)


def add_items(
    tx: Transaction, run: RunRow, items: Sequence[Item], *, stage: int, after: int
) -> None:
    """Write lines of a plan, and how far it is."""
    lines = {
        "run_id": run.run_id,
        "first": run.items,
        "insurer_ids": [one.insurer_id for one in items],
        "persons": [one.person_ref for one in items],
        "refs": [one.subject for one in items],
        "fields": [one.field.value for one in items],
        "steps": [one.step.value for one in items],
        "rules": [one.rule for one in items],
        "last_days": [one.last_day for one in items],
        "held_by": [one.held_by for one in items],
    }
    if items:
        tx.execute(_sql.add_items, lines)
    values = {
        "run_id": run.run_id,
        "stage": stage,
        "after": after,
        "items": len(items),
        "people": len({one.person_ref for one in items if not one.held_by}),
    }
    tx.execute(_sql.advance_plan, values)


def end_plan(tx: Transaction, run_id: int, *, state: RunState, routine: bool) -> None:
    """A plan is complete: count it, and keep what those who decide look at."""
    tx.execute(_sql.count_plan, {"run_id": run_id})
    tx.execute(_sql.preview_plan, {"run_id": run_id})
    tx.execute(_sql.end_plan, {"run_id": run_id, "state": state.value, "routine": routine})


def note_held(tx: Transaction, request_ref: int) -> None:
    """Note that something holds a part of an erasure that was asked for."""
    tx.execute(_sql.note_held, {"request_ref": request_ref})


def list_held(tx: Transaction) -> list[int]:
    """Return the erasures that were asked for and of which something was held, the oldest first."""
    return [ref for (ref,) in tx.execute(_sql.list_held)]


def take_held(tx: Transaction, request_ref: int) -> bool:
    """Take one of them up; say whether it may be planned again."""
    row = tx.execute(_sql.take_held, {"request_ref": request_ref}).fetchone()
    return row is not None and bool(row[0])


def forget_refused(tx: Transaction) -> None:
    """Forget the lines of runs that were refused, and the few people shown of each."""
    tx.execute(_sql.forget_refused)


def drop_run(tx: Transaction, run_id: int) -> None:
    """Drop a plan that found nothing."""
    tx.execute(_sql.drop_run, {"run_id": run_id})


def save_approval(tx: Transaction, run_id: int, state: RunState, by: int | None) -> bool:
    """Write that somebody agreed; None is the command line. Say whether it still waited."""
    values = {"run_id": run_id, "state": state.value, "by": by}
    if by is None:
        return tx.execute(_sql.stamp_approval, values).rowcount == 1
    return tx.execute(_sql.save_approval, values).rowcount == 1


def save_refusal(tx: Transaction, run_id: int, *, by: int | None, reason: str) -> bool:
    """Write that somebody refused; say whether it still waited."""
    values = {"run_id": run_id, "by": by, "reason": reason}
    return tx.execute(_sql.save_refusal, values).rowcount == 1


def start_run(tx: Transaction, run_id: int) -> bool:
    """An approved run begins or goes on; say whether it may."""
    return tx.execute(_sql.start_run, {"run_id": run_id}).fetchone() is not None


def next_items(tx: Transaction, run_id: int, *, most: int) -> list[PlannedItem]:
    """Return the next lines to do."""
    rows = tx.execute(_sql.next_items, {"run_id": run_id, "most": most})
    return [
        PlannedItem(number, insurer_id, person_ref, subject, Field(field), Step(step), rule, last)
        for number, insurer_id, person_ref, subject, field, step, rule, last in rows
    ]


def settle_items(tx: Transaction, run_id: int, settled: Mapping[int, str]) -> None:
    """Write lines, by number, that are not done after all, and what holds each now."""
    if settled:
        tx.execute(
            _sql.settle_items,
            {"run_id": run_id, "numbers": list(settled), "held_by": list(settled.values())},
        )


def add_gone(
    tx: Transaction,
    run_id: int,
    field: Field,
    step: Step,
    leaving: Sequence[Leaving],
    *,
    day: date,
    known_by: Mapping[int, Sequence[uuid.UUID]],
) -> int:
    """Write what left; return how many of them had not been written for this run."""
    pairs = [(ref, digest) for ref, digests in known_by.items() for digest in digests]
    [(count,)] = tx.execute(
        _sql.add_gone,
        {
            "run_id": run_id,
            "field": field.value,
            "step": step.value,
            "day": day,
            "insurer_ids": [one.insurer_id for one in leaving],
            "persons": [one.person_ref for one in leaving],
            "refs": [one.subject for one in leaving],
            "known": [ref for ref, _ in pairs],
            "digests": [digest for _, digest in pairs],
        },
    )
    return int(count)


def list_gone(tx: Transaction, run_id: int) -> Iterator[Departure]:
    """Yield what left in a run, in order."""
    with tx.cursor(name="retention_gone") as cursor:
        cursor.itersize = 20_000
        cursor.execute(_sql.list_gone, {"run_id": run_id})
        for number, run, insurer_id, person_ref, field, subject, step, day in cursor:
            yield Departure(
                number=number,
                run=run,
                insurer_id=insurer_id,
                person_ref=person_ref,
                field=field,
                subject=subject,
                step=step,
                day=day,
            )


def end_run(tx: Transaction, run_id: int, certificate: str, *, signed_by: str = "") -> None:
    """A run is done: keep its certificate and the key that checks it, forget its lines."""
    tx.execute(_sql.note_held_of_run, {"run_id": run_id})
    tx.execute(_sql.drop_items, {"run_id": run_id})
    values = {"run_id": run_id, "certificate": certificate, "signed_by": signed_by}
    tx.execute(_sql.end_run, values)


def load_certificate(tx: Transaction, run_id: int) -> str | None:
    """Return the signed certificate of a run that is done."""
    row = tx.execute(_sql.load_certificate, {"run_id": run_id}).fetchone()
    return None if row is None else str(row[0])


def list_tally(tx: Transaction, run_id: int) -> list[Tally]:
    """Return a run in figures."""
    return [Tally(*row) for row in tx.execute(_sql.list_tally, {"run_id": run_id})]


def load_schedule(tx: Transaction) -> str | None:
    """Return the schedule two people approved last; None: that of the product is in force."""
    row = tx.execute(_sql.load_schedule).fetchone()
    return None if row is None else str(row[0])


def load_schedule_by_digest(tx: Transaction, digest: bytes) -> str | None:
    """Return a schedule that was proposed here, by its digest."""
    row = tx.execute(_sql.load_schedule_by_digest, {"digest": digest}).fetchone()
    return None if row is None else str(row[0])


def read_clock(tx: Transaction) -> datetime:
    """Return the database's instant."""
    [(instant,)] = tx.execute(_sql.read_clock)
    found: datetime = instant
    return found


def _make_run(row: Sequence[Any]) -> RunRow:
    run_id, origin, day, schedule, state, stage, after, items, people, done, *approvals = row
    first_by, first_at, second_by, second_at, routine = approvals
    return RunRow(
        run_id=run_id,
        origin=origin,
        day=day,
        schedule=bytes(schedule),
        state=RunState(state),
        stage=stage,
        after=after,
        items=items,
        people=people,
        done=done,
        first=None if first_at is None else Agreement(by=first_by, at=first_at),
        second=None if second_at is None else Agreement(by=second_by, at=second_at),
        routine=routine,
    )
