"""Whether there are backups, restored when, and what was erased again: for the host's agents.

Refuses agents of hosted operators. It says what this base knows: the store itself is looked at by
`rempart backup`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.retention.backup_watch import BackupStanding, BackupWarning, find_backup_warnings
from rempart.storage import retention_pages
from rempart.storage.connect import Transaction
from rempart.storage.retention_pages import (
    BackupColumn,
    BackupFigures,
    BackupRow,
    RestorationRow,
)
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host

__all__ = [
    "BackupColumn",
    "BackupRow",
    "BackupSummary",
    "BackupWarning",
    "list_backups",
    "read_restoration_certificate",
    "watch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSummary:
    """What stands above the list.

    Args:
        figures: What is known in all.
        warnings: What somebody must look at, the worst first.
        restorations: Those that made this base, the last first.
    """

    figures: BackupFigures
    warnings: tuple[BackupWarning, ...]
    restorations: tuple[RestorationRow, ...]


def list_backups(
    tx: Transaction, asker: Asker, listing: Listing[BackupColumn]
) -> tuple[list[BackupRow], int]:
    """Return one page of backups, and how many there are.

    Raises:
        NotAllowed, NotFound: they are not for them.
    """
    check_can_as_host(asker, Permission.READ_SERVICES)
    return retention_pages.list_backups(tx, listing)


def read_restoration_certificate(tx: Transaction, asker: Asker, number: int) -> str:
    """Return the signed certificate of one restoration of this base.

    Raises:
        NotFound: there is none, or it is of a time before there were any.
        NotAllowed: it is not for them.
    """
    for one in watch(tx, asker).restorations:
        if one.number == number and one.certificate:
            return one.certificate
    raise NotFound("no such certificate")


def watch(tx: Transaction, asker: Asker) -> BackupSummary:
    """Return what is known of backups in all, and what is wrong.

    Raises:
        NotAllowed, NotFound: it is not for them.
    """
    check_can_as_host(asker, Permission.READ_SERVICES)
    figures = retention_pages.read_backup_figures(tx)
    over = None if figures.until is None else datetime.combine(figures.until, time.max, UTC)
    standing = BackupStanding(newest=figures.newest, tried=figures.tried, over=over)
    return BackupSummary(
        figures=figures,
        warnings=tuple(find_backup_warnings(standing, now=asker.now)),
        restorations=tuple(retention_pages.list_restorations(tx)),
    )
