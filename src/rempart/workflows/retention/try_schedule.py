"""Try a schedule before it applies: what it would take out today, beside the one in force.

Refuses to write anything but counts: nobody is planned, nothing leaves.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final, Literal, TypeAlias

from rempart.kernel.errors import NotFound
from rempart.retention.fields import OF_CLAIM, OF_PERSON, Fact, Field
from rempart.retention.plan import Subject, find_cutoff, plan_subject
from rempart.retention.schedule import Schedule, parse_schedule
from rempart.storage import leaving, retention_schedules
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.workflows.retention.plan_retention import BLOCK, load_schedule

Side: TypeAlias = Literal["now", "then"]
_FIRST: Final = -(1 << 63)


def try_schedule(
    begin: OpenTransaction,
    schedule_ref: int,
    day: date,
    *,
    check: Callable[[int], None] = lambda _: None,
) -> int:
    """Count what a proposed schedule would do on a day; return how many subjects were looked at.

    Args:
        begin: Begins a transaction of the keeper; one for each block.
        schedule_ref: The schedule.
        day: The day.
        check: Told how many subjects were looked at; may raise to stop there.

    Raises:
        NotFound: there is no such schedule.
    """
    with begin() as tx:
        row = retention_schedules.load_schedule(tx, schedule_ref)
        if row is None:
            raise NotFound("there is no such schedule")
        now, _ = load_schedule(tx)
    effect, looked = compare_schedules(begin, now, parse_schedule(row.content), day, check=check)
    with begin() as tx:
        retention_schedules.save_effect(tx, schedule_ref, effect, day)
    return looked


def compare_schedules(
    begin: OpenTransaction,
    now: Schedule,
    then: Schedule,
    day: date,
    *,
    check: Callable[[int], None] = lambda _: None,
) -> tuple[dict[str, Any], int]:
    """Return counts by field and step under two schedules, and how many subjects were looked at.

    What something holds is counted apart: it stays under both.
    """
    counts: dict[Side, Counter[str]] = {"now": Counter(), "then": Counter()}
    sides: Iterable[tuple[Side, Schedule]] = (("now", now), ("then", then))
    looked = 0
    for subjects in _iterate_subjects(begin, (now, then), day):
        for subject in subjects:
            for side, schedule in sides:
                counts[side].update(
                    f"held {one.field}" if one.held_by else f"{one.step} {one.field}"
                    for one in plan_subject(schedule, subject, on=day)
                )
        looked += len(subjects)
        check(looked)
    return {side: dict(sorted(counted.items())) for side, counted in counts.items()}, looked


def _iterate_subjects(
    begin: OpenTransaction, schedules: Sequence[Schedule], day: date
) -> Iterator[list[Subject]]:
    ended_by = _find_latest(schedules, OF_PERSON, Fact.CONTRACT_END, day) or day
    after: int | None = _FIRST
    while after is not None:
        with begin() as tx:
            found = leaving.list_leavers(tx, after=after, most=BLOCK, ended_by=ended_by)
            after = None if found is None else found[0]
            people = [] if found is None else leaving.read_people(tx, found[1])
            yield leaving.make_person_subjects(tx, people)
    settled_by = _find_latest(schedules, OF_CLAIM, Fact.SETTLED, day) or date.min
    given_by = _find_latest(schedules, OF_CLAIM, Fact.CARE, day) or date.min
    promised_by = _find_latest(schedules, {Field.PROMISE}, Fact.SETTLED, day) or date.min

    def list_claims(tx: Transaction, after: int) -> list[leaving.KnownRecord]:
        return leaving.list_claims(
            tx, after=after, most=BLOCK, settled_by=settled_by, given_by=given_by
        )

    def list_promises(tx: Transaction, after: int) -> list[leaving.KnownRecord]:
        return leaving.list_promises(tx, after=after, most=BLOCK, settled_by=promised_by)

    def list_archived(tx: Transaction, after: int) -> list[leaving.KnownRecord]:
        return leaving.list_archived(tx, after=after, most=BLOCK)

    for list_records in (list_claims, list_promises, list_archived):
        start, is_last = _FIRST, False
        while not is_last:
            with begin() as tx:
                records = list_records(tx, start)
                yield leaving.make_record_subjects(tx, records)
            is_last = len(records) < BLOCK
            start = records[-1].subject if records else start


def _find_latest(
    schedules: Sequence[Schedule], fields: Iterable[Field], fact: Fact, day: date
) -> date | None:
    fields = list(fields)
    found = [find_cutoff(schedule, fields, fact, on=day) for schedule in schedules]
    return max((one for one in found if one is not None), default=None)
