"""What each kind of job does, and one attempt at it: noted when it begins, noted how it ended.

Refuses to let anything out of an attempt but `JobFailed` and `JobAborted`: the queue logs what it
is given, and what a driver says may quote a row.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from procrastinate.exceptions import JobAborted

from rempart.jobs import (
    campaigns,
    claims,
    employers,
    members,
    notices,
    on_demand,
    retention,
    routine,
    self_checks,
    settlement,
)
from rempart.jobs.failures import JobFailed, describe_failure, is_passing
from rempart.jobs.report import Report
from rempart.storage import jobs
from rempart.storage.jobs import Outcome
from rempart.wiring.database import Installation
from rempart.workflows.jobs.job_kinds import JobKind

Work: TypeAlias = Callable[[Installation, Report, Mapping[str, int]], None]
TICK: Final = "timestamp"
"""The argument that the queue gives to what is due by itself: when it was due, Unix seconds."""
_log: Final = logging.getLogger("rempart.jobs")
# A clock that was put back left runs in the future: they cover nothing.
_TOLERANCE: Final = timedelta(minutes=1)


def _alone(work: Callable[[Installation, Report], None]) -> Work:
    return lambda at, report, _arguments: work(at, report)


WORK: Final[Mapping[str, Work]] = {
    "activate_bank_details": _alone(routine.activate_bank_details),
    "adjudicate_claims": _alone(claims.adjudicate_claims),
    "back_up": _alone(routine.back_up),
    "copy_acts": _alone(routine.copy_acts),
    "copy_own_data": members.copy_own_data,
    "end_fallen_sessions": _alone(routine.end_fallen_sessions),
    "expire_pecs": _alone(routine.expire_pecs),
    "expose_incident": on_demand.expose_incident,
    "forget_contacts": _alone(campaigns.forget_contacts),
    "forget_guard_faces": _alone(routine.forget_guard_faces),
    "forget_jobs": _alone(routine.forget_jobs),
    "forget_members_words": _alone(members.forget_members_words),
    "forward_alerts": _alone(routine.forward_alerts),
    "hold_late_lookups": _alone(routine.hold_late_lookups),
    "make_packages": on_demand.make_incident_packages,
    "make_self_checks": _alone(self_checks.make_self_checks),
    "plan_erasure": retention.plan_erasure,
    "plan_retention": _alone(retention.plan_retention),
    "plan_settlement": _alone(settlement.plan_settlement),
    "prepare_campaign": campaigns.prepare,
    "print_letters": _alone(notices.print_waiting_letters),
    "publish_card_lists": _alone(routine.publish_card_lists),
    "read_contacts": campaigns.read_contacts,
    "read_post_returns": notices.read_post_returns,
    "read_bounces": _alone(notices.read_bounces),
    "refresh_canaries": _alone(routine.refresh_canaries),
    "remind_funds": _alone(settlement.remind_funds),
    "remind_incidents": _alone(routine.remind_incidents),
    "renew_guard_rules": _alone(routine.renew_guard_rules),
    "run_retention": retention.run_retention,
    "seal_segments": _alone(routine.seal_segments),
    "send_notices": _alone(notices.send_notices),
    "send_payments": settlement.send_payments,
    "send_warnings": _alone(routine.send_warnings),
    "settle_employers": _alone(employers.settle_employers),
    "sweep_former_members": _alone(routine.sweep_former_members),
    "try_schedule": retention.try_schedule,
    "watch_exposed_claims": _alone(claims.watch_exposed_claims),
    "index_contracts": _alone(routine.index_contracts),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One job taken up once.

    Args:
        job_id: Which.
        kind: What it does.
        arguments: What it is about.
        due_at: When it was due by itself; None when somebody asked for it.
        user_stops: Whether somebody asked for its end.
        worker_stops: Whether the worker is being stopped.
        now: The clock.
    """

    job_id: int
    kind: JobKind
    arguments: Mapping[str, int]
    due_at: datetime | None = None
    user_stops: Callable[[], bool] = lambda: False
    worker_stops: Callable[[], bool] = lambda: False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def must_stop(self) -> bool:
        """Say whether it ends at its next step."""
        return self.user_stops() or self.worker_stops()


def run_attempt(at: Installation, attempt: Attempt, work: Mapping[str, Work] = WORK) -> Outcome:
    """Do a job, once; return what came of it.

    What was missed is done once, late: a run that began after a moment covers it, and the job of
    that moment has nothing left to do.

    Raises:
        JobFailed: it failed, and this says why.
        JobAborted: it stopped where it could, because it was asked to.
    """
    started_at = attempt.now()
    report = Report(database=at.database, job_id=attempt.job_id, must_stop=attempt.must_stop)
    outcome: Outcome = "done"
    failed: JobFailed | None = None
    number = 0
    try:
        number, covered = _begin(at, attempt, started_at)
        if covered:
            outcome = "needless"
        else:
            work[attempt.kind.name](at, report, attempt.arguments)
            report.write()
            with at.database.transaction("worker") as tx:
                jobs.note_run(tx, attempt.kind.name, started_at=started_at)
    except JobAborted:
        outcome = "cancelled" if attempt.user_stops() else "stopped"
    except Exception as failure:  # noqa: BLE001 - described, and raised as ours
        failed = JobFailed(describe_failure(failure), passing=is_passing(failure))
        outcome = "to_retry" if failed.passing else "failed"
    _end(at, attempt, number, outcome, failed)
    if failed is not None:
        _log.error("job %d (%s) failed: %s", attempt.job_id, attempt.kind.name, failed)
        raise failed
    if outcome in {"cancelled", "stopped"}:
        raise JobAborted
    return outcome


def _begin(at: Installation, attempt: Attempt, started_at: datetime) -> tuple[int, bool]:
    """Note the attempt; return its number, and whether a later run covers what it was due for."""
    due_at = attempt.due_at
    late_s = 0 if due_at is None else max(0, int((started_at - due_at).total_seconds()))
    with at.database.transaction("worker") as tx:
        number = jobs.begin_attempt(tx, attempt.job_id, started_at=started_at, late_s=late_s)
        last = jobs.load_last_run(tx, attempt.kind.name)
    covered = due_at is not None and last is not None and due_at <= last <= started_at + _TOLERANCE
    return number, covered


def _end(
    at: Installation, attempt: Attempt, number: int, outcome: Outcome, failed: JobFailed | None
) -> None:
    """Note how it ended. When even that fails, whoever takes the job up again notes it."""
    code = reason = ""
    if failed is not None:
        code, reason = failed.described.code, failed.described.reason
    try:
        with at.database.transaction("worker") as tx:
            jobs.end_attempt(tx, attempt.job_id, number, outcome, code=code, reason=reason)
    except Exception as failure:  # noqa: BLE001 - the same
        raise JobFailed(describe_failure(failure), passing=True) from None
