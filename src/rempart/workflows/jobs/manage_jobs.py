"""Have a job taken up again, or stopped.

Refuses to begin what another one of the same waits to do, and to cut a job short: one that runs
ends where it can, and what it did before stays.
"""

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import Conflict
from rempart.storage import jobs
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.jobs.read_jobs import read_job


def retry_job(tx: Transaction, asker: Asker | None, job_id: int) -> None:
    """Have a job that failed or was stopped taken up again, at once.

    Args:
        tx: A transaction with the asker's ticket, or one of the role worker.
        asker: Whoever runs the installation; None for the command line.
        job_id: Which.

    Raises:
        NotAllowed: their role does not run jobs.
        NotFound: there is none.
        Conflict: it waits, runs or went well, or another one of the same waits.
    """
    _check_manages(asker)
    read_job(tx, asker, job_id)
    if not jobs.retry_job(tx, job_id):
        raise Conflict("it neither failed nor was stopped, or the same waits already")


def cancel_job(tx: Transaction, asker: Asker | None, job_id: int) -> None:
    """Stop a job: one that waits never begins, one that runs ends at its next step.

    Raises:
        NotAllowed: their role does not run jobs.
        NotFound: there is none.
        Conflict: it is over.
    """
    _check_manages(asker)
    read_job(tx, asker, job_id)
    if not jobs.cancel_job(tx, job_id):
        raise Conflict("it is over")


def _check_manages(asker: Asker | None) -> None:
    if asker is not None:
        check_can(asker.visitor, Permission.MANAGE_JOBS, now=asker.now)
