"""Agree to a run of retention, or refuse it: two people, in their own names.

The first one's agreement changes nothing but who must be next; after the second one's, a job lets
the data leave. Refuses whoever is no second person beside the first.
"""

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.reasons import clean_reason
from rempart.retention.approval import RunState, check_step, decide_approval
from rempart.storage import retention_runs
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host
from rempart.workflows.jobs.enqueue import enqueue


def ask_plan(tx: Transaction, asker: Asker) -> int:
    """Have what is due planned; return the job's number.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: they are not of the host operator.
    """
    check_can_as_host(asker, Permission.MANAGE_RETENTION)
    return enqueue(tx, "plan_retention")


def approve_run(tx: Transaction, asker: Asker | None, run_id: int) -> RunState:
    """Agree to a run; return what it is then: approved once two people agreed.

    Args:
        tx: A transaction with the asker's ticket, or one of the keeper.
        asker: Somebody of the host operator; None for the command line, which counts as one person.
        run_id: The run.

    Raises:
        NotFound: there is no such run for them.
        NotAllowed, StepUpNeeded: their role or session does not allow it, or they are no second
            person beside whoever agreed first.
        Conflict: it does not wait for anybody.
    """
    people = []
    if asker is not None:
        check_can_as_host(asker, Permission.APPROVE_PURGE)
        people = list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_PURGE)
    by = None if asker is None else asker.visitor.actor_ref
    run = retention_runs.load_run(tx, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    at = retention_runs.read_clock(tx)
    state = decide_approval(run.state, run.first, people, by=by, at=at)
    if not retention_runs.save_approval(tx, run_id, state, by):
        raise Conflict("somebody else decided meanwhile: read the run again")
    if state is RunState.APPROVED:
        enqueue(tx, "run_retention", run_id=run_id)
    return state


def refuse_run(tx: Transaction, asker: Asker | None, run_id: int, reason: str) -> None:
    """Refuse a run: what was due waits for another one.

    Raises:
        NotFound: there is no such run for them.
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        InvalidRequest: no reason was given.
        Conflict: it was decided already.
    """
    if asker is not None:
        check_can_as_host(asker, Permission.APPROVE_PURGE)
    words = clean_reason(reason)
    run = retention_runs.load_run(tx, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    check_step(run.state, RunState.REFUSED)
    by = None if asker is None else asker.visitor.actor_ref
    if not retention_runs.save_refusal(tx, run_id, by=by, reason=words):
        raise Conflict("somebody else decided meanwhile: read the run again")
