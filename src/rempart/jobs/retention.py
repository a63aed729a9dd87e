"""What forgets: planned each night, carried out once two people agreed.

Each may be killed anywhere and run again: nothing leaves twice, nothing is lost on the way.
"""

from collections.abc import Mapping

from rempart.jobs.report import Report
from rempart.kernel.errors import Conflict
from rempart.retention.approval import RunState
from rempart.storage import retention_runs
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation
from rempart.wiring.retention import open_keeper
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.members.data_requests import plan_requested, resume_requested
from rempart.workflows.retention import run_retention as running
from rempart.workflows.retention.plan_retention import begin_plan, plan_all
from rempart.workflows.retention.try_schedule import try_schedule as try_one


def plan_retention(at: Installation, report: Report) -> None:
    """Plan what is due today, and what was asked for and is held no more.

    A run that waits for approval is left alone.
    """
    running.finish_purges(open_keeper(at))
    resume_requested(lambda: at.database.transaction("keeper"), today_in_paris())
    try:
        with at.database.transaction("keeper") as tx:
            run_id = begin_plan(tx, today_in_paris())
    except Conflict:
        report.conclude(0, unit="fields")
        return
    progress = plan_all(
        lambda: at.database.transaction("keeper"),
        run_id,
        check=lambda items: report.tell(items, unit="fields"),
    )
    if progress.state is RunState.APPROVED:
        # A crash before it leaves an approved run: the next night finds it under way, and somebody
        # asks for it from the page.
        with at.database.transaction("keeper") as tx:
            enqueue(tx, "run_retention", run_id=run_id)
    report.conclude(progress.items, unit="fields")


def plan_erasure(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Plan what a person asked to be erased, once their insurer agreed."""
    with at.database.transaction("keeper") as tx:
        run_id = plan_requested(tx, arguments["request_ref"], today_in_paris())
    report.conclude(int(run_id is not None), unit="persons")


def run_retention(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Carry out a run that two people approved, from where it was left.

    Killed after the last step, it is done: run again, it has nothing left to do.
    """
    with at.database.transaction("keeper") as tx:
        run = retention_runs.load_run(tx, arguments["run_id"])
    if run is not None and run.state is RunState.DONE:
        report.conclude(0, unit="fields")
        return
    ran = running.run_retention(
        open_keeper(at),
        arguments["run_id"],
        check=lambda done: report.tell(done, unit="fields"),
    )
    report.conclude(ran.archived + ran.deleted, unit="fields")


def try_schedule(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Count what a schedule that is proposed would do today, beside the one in force."""
    looked = try_one(
        lambda: at.database.transaction("keeper"),
        arguments["schedule_ref"],
        today_in_paris(),
        check=lambda done: report.tell(done, unit="persons"),
    )
    report.conclude(looked, unit="persons")
