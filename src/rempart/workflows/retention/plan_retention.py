"""Plan a run: go through everything that is kept, in blocks, and write down what is due to leave.

A plan that was cut short is taken up where it was. Refuses to plan two runs of what is due at once,
and to begin before former members have left the plane that the gateway reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.kernel.errors import Conflict, NotFound
from rempart.retention.approval import RunState
from rempart.retention.fields import OF_CLAIM, OF_PERSON, Fact, Field
from rempart.retention.plan import Step, Subject, find_cutoff, plan_subject
from rempart.retention.requests import plan_erasure
from rempart.retention.schedule import DEFAULT, Schedule, parse_schedule
from rempart.storage import leaving, retention_runs
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.leaving import KnownRecord
from rempart.storage.retention_runs import RunRow

BLOCK: Final = 5_000
_FIRST: Final = -(1 << 63)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProgress:
    """How far a plan is.

    Args:
        run_id: The run.
        items: Lines so far.
        is_complete: Whether everything was gone through.
        state: What the run is now; None: nothing was due, and there is no run any more.
    """

    run_id: int
    items: int
    is_complete: bool
    state: RunState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """What one piece of a plan looks at, and where the next begins; None: the stage is over."""

    subjects: Sequence[Subject]
    last: int | None


def load_schedule(tx: Transaction) -> tuple[Schedule, bool]:
    """Return the schedule in force, and whether two people approved it here."""
    content = retention_runs.load_schedule(tx)
    return (DEFAULT, False) if content is None else (parse_schedule(content), True)


def load_run_schedule(tx: Transaction, run: RunRow) -> Schedule:
    """Return the schedule that a run follows.

    Raises:
        Conflict: nobody has it any more: the run is refused, and another planned.
    """
    if run.schedule == DEFAULT.digest:
        return DEFAULT
    content = retention_runs.load_schedule_by_digest(tx, run.schedule)
    if content is None:
        raise Conflict("the schedule of this run is not here any more: plan another run")
    return parse_schedule(content)


def begin_plan(tx: Transaction, day: date) -> int:
    """Begin to plan what is due on a day, or go on with the plan that was begun; return the run.

    What was refused until then is forgotten: what it named is planned again, if it is still due.

    Raises:
        Conflict: a run is planned already, or being carried out.
    """
    retention_runs.forget_refused(tx)
    schedule, _ = load_schedule(tx)
    run_id = retention_runs.open_run(tx, origin="due", day=day, schedule=schedule.digest)
    if run_id is not None:
        return run_id
    known = retention_runs.find_open_run(tx)
    run = None if known is None else retention_runs.load_run(tx, known)
    if run is None or run.state is not RunState.PLANNING:
        raise Conflict("a run is under way: it is approved, refused or finished first")
    return run.run_id


def plan_piece(tx: Transaction, run_id: int, *, block: int = BLOCK) -> PlanProgress:
    """Go through one more block; in one transaction, so that a crash leaves whole blocks.

    Raises:
        NotFound: there is no such run.
    """
    run = retention_runs.lock_run(tx, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    if run.state is not RunState.PLANNING:
        return PlanProgress(run_id=run_id, items=run.items, is_complete=True, state=run.state)
    if run.stage == len(_STAGES):
        state = _end_plan(tx, run)
        return PlanProgress(run_id=run_id, items=run.items, is_complete=True, state=state)
    schedule = load_run_schedule(tx, run)
    found = _STAGES[run.stage](tx, schedule, run, block)
    items = [
        item
        for subject in found.subjects
        for item in plan_subject(schedule, subject, on=run.day)
        if run.origin != "restore" or item.step is Step.ARCHIVE
    ]
    stage, after = run.stage, found.last
    if after is None:
        stage, after = run.stage + 1, _FIRST
    retention_runs.add_items(tx, run, items, stage=stage, after=after)
    return PlanProgress(
        run_id=run_id, items=run.items + len(items), is_complete=False, state=run.state
    )


def plan_request(tx: Transaction, request_ref: int, person_ref: int, day: date) -> int | None:
    """Plan what a person asked to be erased; return the run, which two people approve.

    What only a hold keeps is noted, to be planned once nothing holds it.

    Returns:
        None when the law or a hold keeps everything, or nothing is left.
    """
    schedule, _ = load_schedule(tx)
    people = leaving.read_people(tx, [person_ref])
    items = [
        item
        for subject in leaving.make_person_subjects(tx, people)
        for item in plan_erasure(schedule, subject, on=day)
    ]
    if any(item.held_by for item in items):
        retention_runs.note_held(tx, request_ref)
    if all(item.held_by for item in items):
        return None
    run_id = retention_runs.open_run(
        tx, origin="request", day=day, schedule=schedule.digest, request_ref=request_ref
    )
    run = None if run_id is None else retention_runs.load_run(tx, run_id)
    if run is None:
        return None
    retention_runs.add_items(tx, run, items, stage=len(_STAGES), after=_FIRST)
    retention_runs.end_plan(tx, run.run_id, state=RunState.PLANNED, routine=False)
    return run.run_id


def plan_all(
    begin: OpenTransaction, run_id: int, *, check: Callable[[int], None] = lambda _: None
) -> PlanProgress:
    """Plan to the end, one transaction for each block.

    Args:
        begin: Begins a transaction of the keeper.
        run_id: The run.
        check: Told how many lines there are after each block; may raise to stop there.
    """
    while True:
        with begin() as tx:
            progress = plan_piece(tx, run_id)
        check(progress.items)
        if progress.is_complete:
            return progress


def _end_plan(tx: Transaction, run: RunRow) -> RunState | None:
    if not run.items:
        retention_runs.drop_run(tx, run.run_id)
        return None
    schedule, is_approved = load_schedule(tx)
    routine = (
        run.origin == "due"
        and is_approved
        and schedule.digest == run.schedule
        and run.people <= schedule.routine_people
    )
    state = RunState.APPROVED if routine or run.origin == "restore" else RunState.PLANNED
    retention_runs.end_plan(tx, run.run_id, state=state, routine=routine)
    return state


def _look_at_people(tx: Transaction, schedule: Schedule, run: RunRow, block: int) -> _Block:
    ended_by = find_cutoff(schedule, OF_PERSON, Fact.CONTRACT_END, on=run.day) or run.day
    found = leaving.list_leavers(tx, after=run.after, most=block, ended_by=ended_by)
    if found is None:
        return _Block(subjects=(), last=None)
    last, refs = found
    people = [one for one in leaving.read_people(tx, refs) if not one.waits]
    people.sort(key=lambda one: one.person_ref)
    return _Block(subjects=leaving.make_person_subjects(tx, people), last=last)


def _look_at_claims(tx: Transaction, schedule: Schedule, run: RunRow, block: int) -> _Block:
    records = leaving.list_claims(
        tx,
        after=run.after,
        most=block,
        settled_by=find_cutoff(schedule, OF_CLAIM, Fact.SETTLED, on=run.day) or date.min,
        given_by=find_cutoff(schedule, OF_CLAIM, Fact.CARE, on=run.day) or date.min,
    )
    return _make_block(tx, records, block)


def _look_at_promises(tx: Transaction, schedule: Schedule, run: RunRow, block: int) -> _Block:
    by = find_cutoff(schedule, {Field.PROMISE}, Fact.SETTLED, on=run.day) or date.min
    found = leaving.list_promises(tx, after=run.after, most=block, settled_by=by)
    return _make_block(tx, found, block)


def _look_at_archive(tx: Transaction, _: Schedule, run: RunRow, block: int) -> _Block:
    return _make_block(tx, leaving.list_archived(tx, after=run.after, most=block), block)


def _make_block(tx: Transaction, records: Sequence[KnownRecord], block: int) -> _Block:
    last = records[-1].subject if len(records) == block else None
    return _Block(subjects=leaving.make_record_subjects(tx, records), last=last)


_STAGES: Final = (_look_at_people, _look_at_claims, _look_at_promises, _look_at_archive)
