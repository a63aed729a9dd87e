"""Ask for a job in the transaction of the act that needs it.

A job exists if and only if that transaction committed. Refuses words: a job is given references,
and reads the rest itself. Whether the asker may is the calling workflow's to check; which login may
ask for which job is the database's.
"""

from typing import Final

from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.storage import jobs
from rempart.storage.connect import Transaction
from rempart.workflows.jobs.job_kinds import KINDS

MOST_JOB_REF: Final = 10**17
"""References that a job is given stay below: it takes eighteen digits."""


def enqueue(tx: Transaction, job: str, **arguments: int) -> int:
    """Ask for a job; return its number, for `read_jobs.read_job` and for pages.

    The same job asked for twice before it began is one job, and it begins after both transactions:
    it sees what each wrote.

    Args:
        tx: The transaction of the act; it holds the job's row until it ends.
        job: One of `job_kinds.KINDS`.
        arguments: What the kind takes, all of it: references.

    Raises:
        NotFound: there is no such job.
        InvalidRequest: it takes other arguments.
        NotAllowed: this login may not ask for it.
    """
    kind = KINDS.get(job)
    if kind is None:
        raise NotFound(f"there is no job named {job}: see `rempart jobs list --kinds`")
    if set(arguments) != set(kind.takes):
        takes = ", ".join(kind.takes) or "nothing"
        raise InvalidRequest(f"the job {job} takes {takes}")
    return jobs.enqueue(tx, job, arguments)
