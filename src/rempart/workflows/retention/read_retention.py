"""What is due to leave and what left, for the host's two who decide it: figures, nobody.

Refuses agents of hosted operators: this installation's data are not theirs to erase.
"""

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import retention_pages
from rempart.storage.connect import Transaction
from rempart.storage.retention_pages import PurgeColumn, PurgeRow, TallyRow
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host

__all__ = ["PurgeColumn", "PurgeRow", "TallyRow", "list_runs", "read_run"]


def list_runs(
    tx: Transaction, asker: Asker, listing: Listing[PurgeColumn]
) -> tuple[list[PurgeRow], int]:
    """Return one page of runs, and how many there are.

    Raises:
        NotAllowed, NotFound: they are not for them.
    """
    check_can_as_host(asker, Permission.MANAGE_RETENTION)
    return retention_pages.list_runs(tx, listing)


def read_run(tx: Transaction, asker: Asker, run_id: int) -> tuple[PurgeRow, list[TallyRow]]:
    """Return one run and its figures.

    Raises:
        NotAllowed, NotFound: it is not for them, or not there.
    """
    check_can_as_host(asker, Permission.MANAGE_RETENTION)
    row = retention_pages.load_run(tx, run_id)
    if row is None:
        raise NotFound("no such run")
    return row, retention_pages.list_tally(tx, run_id)
