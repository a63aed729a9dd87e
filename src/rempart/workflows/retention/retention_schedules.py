"""How long what is kept: a schedule proposed by one person, tried, approved by another.

Refuses a schedule that cannot be read to its end, one that was not tried, and one person alone.
"""

from rempart.accounts.permissions import Permission
from rempart.accounts.second_person import are_apart
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.reasons import clean_reason
from rempart.retention.plan import find_changed_rules
from rempart.retention.schedule import (
    DEFAULT,
    Rule,
    Schedule,
    ScheduleRefused,
    load_default_text,
    parse_schedule,
)
from rempart.storage import retention_runs, retention_schedules
from rempart.storage.connect import Transaction
from rempart.storage.retention_schedules import ScheduleRow
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.jobs.enqueue import MOST_JOB_REF, enqueue

__all__ = ["ScheduleRefused", "ScheduleRow"]


def read_text_in_force(tx: Transaction) -> str:
    """Return the text of the schedule in force: the one approved last, or that of the product."""
    return retention_runs.load_schedule(tx) or load_default_text()


def read_in_force(tx: Transaction) -> Schedule:
    """Return the schedule in force."""
    content = retention_runs.load_schedule(tx)
    return DEFAULT if content is None else parse_schedule(content)


def propose_schedule(tx: Transaction, asker: Asker | None, content: str, *, note: str) -> int:
    """Propose a schedule and have it tried; return its reference. Nothing changes yet.

    Args:
        tx: A transaction with the asker's ticket, or one of the keeper.
        asker: Somebody of the host operator; None for the command line.
        content: Its text.
        note: Why.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: they are not of the host operator.
        InvalidRequest: there is no note, or it is the schedule in force.
        ScheduleRefused: what is wrong in it.
    """
    by_ref = None
    if asker is not None:
        check_can_as_host(asker, Permission.MANAGE_RETENTION)
        by_ref = asker.visitor.actor_ref
    words = clean_reason(note, name="note")
    schedule = parse_schedule(content)
    if schedule.digest == read_in_force(tx).digest:
        raise InvalidRequest("this is the schedule in force: change something")
    schedule_ref = draw_ref() % MOST_JOB_REF + 1
    retention_schedules.save_schedule(tx, schedule_ref, content, schedule, note=words, by=by_ref)
    if asker is not None:
        enqueue(tx, "try_schedule", schedule_ref=schedule_ref)
    return schedule_ref


def decide_schedule(
    tx: Transaction, asker: Asker | None, schedule_ref: int, *, approve: bool
) -> str:
    """Approve or refuse a schedule, or take back one's own; return what it is then.

    Raises:
        NotFound: there is no such schedule for them.
        NotAllowed, StepUpNeeded: their role or session does not allow it, or they are no second
            person beside whoever proposed it.
        Conflict: it was decided already, or nobody tried it.
    """
    by = None if asker is None else asker.visitor.actor_ref
    if asker is not None:
        check_can_as_host(asker, Permission.APPROVE_PURGE)
    row = retention_schedules.load_schedule(tx, schedule_ref)
    if row is None:
        raise NotFound("there is no such schedule")
    state = "refused"
    if approve:
        _check_can_approve(tx, asker, row)
        state = "approved"
    elif row.proposed_by == by and by is not None:
        state = "withdrawn"
    if not retention_schedules.decide(tx, schedule_ref, state=state, by=by):
        raise Conflict("this schedule was decided already")
    return state


def read_schedule(tx: Transaction, asker: Asker, schedule_ref: int) -> ScheduleRow:
    """Return one schedule.

    Raises:
        NotAllowed, NotFound: it is not for them, or not there.
    """
    check_can_as_host(asker, Permission.MANAGE_RETENTION)
    row = retention_schedules.load_schedule(tx, schedule_ref)
    if row is None:
        raise NotFound("there is no such schedule")
    return row


def list_schedules(tx: Transaction, asker: Asker) -> list[ScheduleRow]:
    """Return the schedules that were proposed here, the newest first.

    Raises:
        NotAllowed, NotFound: they are not for them.
    """
    check_can_as_host(asker, Permission.MANAGE_RETENTION)
    return retention_schedules.list_schedules(tx)


def list_changes(tx: Transaction, row: ScheduleRow) -> list[tuple[Rule | None, Rule | None]]:
    """Return the rules that a schedule changes of the one in force: before and after."""
    return find_changed_rules(read_in_force(tx), parse_schedule(row.content))


def _check_can_approve(tx: Transaction, asker: Asker | None, row: ScheduleRow) -> None:
    by = None if asker is None else asker.visitor.actor_ref
    if row.state != "proposed":
        raise Conflict("this schedule was decided already")
    if row.effect is None:
        raise Conflict("nobody knows what this schedule would do yet: it is being tried")
    if row.proposed_by == by:
        raise NotAllowed("another person than who proposed it approves a schedule")
    if asker is None or row.proposed_by is None or asker.visitor.org_ref is None:
        return
    people = list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_PURGE)
    at = retention_runs.read_clock(tx)
    if not are_apart(
        people, row.proposed_by, asker.visitor.actor_ref, asked_at=row.proposed_at, at=at
    ):
        raise NotAllowed("these two people do not count as two: a third approves")
