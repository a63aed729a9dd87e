"""Agree to a day's run, or refuse it: two people, in their own names.

The first one's agreement changes nothing but who must be next; the second one's has the payments
sent by a job. Refuses whoever is no second person beside the first, as for a change of account.
"""

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.reasons import clean_reason
from rempart.settlement.runs import RunState, check_step, decide_approval
from rempart.storage import settlement
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host
from rempart.workflows.jobs.enqueue import enqueue


def ask_plan(tx: Transaction, asker: Asker) -> int:
    """Have today's run planned; return the job's number.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: they are not of the host operator.
    """
    check_can_as_host(asker, Permission.PLAN_RUN)
    return enqueue(tx, "plan_settlement")


def approve_run(tx: Transaction, asker: Asker | None, run_id: int) -> RunState:
    """Agree to a run; return what it is then: approved once two people agreed.

    Args:
        tx: A transaction with the asker's ticket, or one of the role settler.
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
        check_can_as_host(asker, Permission.APPROVE_RUN)
        people = list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_RUN)
    by = None if asker is None else asker.visitor.actor_ref
    run = settlement.load_run(tx, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    state = decide_approval(run.sheet, people, by=by, at=settlement.read_clock(tx))
    if not settlement.save_approval(tx, run_id, state, by):
        raise Conflict("somebody else decided meanwhile: read the run again")
    if state is RunState.APPROVED and asker is not None:
        enqueue(tx, "send_payments", run_id=run_id)
    return state


def refuse_run(tx: Transaction, asker: Asker | None, run_id: int, reason: str) -> None:
    """Refuse a run: what it held waits for another.

    Raises:
        NotFound: there is no such run for them.
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        InvalidRequest: no reason was given.
        Conflict: it was decided already.
    """
    if asker is not None:
        check_can_as_host(asker, Permission.APPROVE_RUN)
    words = clean_reason(reason)
    run = settlement.load_run(tx, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    check_step(run.sheet.state, RunState.REFUSED)
    by = None if asker is None else asker.visitor.actor_ref
    if not settlement.save_refusal(tx, run_id, by=by, reason=words):
        raise Conflict("somebody else decided meanwhile: read the run again")
