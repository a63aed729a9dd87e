"""Builds the journal of purges: where backups are, sealed by the master key of the home."""

from collections.abc import Callable

from rempart.kernel.errors import Unavailable
from rempart.storage.acts_copy import ActsCopy
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Database
from rempart.storage.purge_journal import PurgeJournal, check_not_behind
from rempart.storage.purges import load_standing
from rempart.storage.sealing import FileKms
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


def open_backup_store(settings: Settings, home: Home) -> BackupStore:
    """Return the store of an installation: REMPART_BACKUPS, or a folder of its home."""
    return BackupStore(settings.backups or str(home.path / "backups"))


def open_purge_journal(settings: Settings, home: Home) -> PurgeJournal:
    """Return the journal of an installation."""
    return PurgeJournal(open_backup_store(settings, home), FileKms(home.key("master")))


def open_acts_copy(settings: Settings, home: Home) -> ActsCopy:
    """Return the copy of the acts log of an installation."""
    return ActsCopy(open_backup_store(settings, home), FileKms(home.key("master")))


def check_base(
    settings: Settings, home: Home, database: Database, say: Callable[[str], None]
) -> None:
    """Refuse a base that was restored by hand and does not know what was erased since.

    A store that cannot be read is told and stops nobody: a backup's disk that is down must not keep
    a gateway from starting again, and nothing is erased while it is.

    Raises:
        Conflict, InconsistentRecord: see `check_not_behind`.
    """
    with database.transaction("archivist") as tx:
        standing = load_standing(tx)
    journal = open_purge_journal(settings, home)
    try:
        check_not_behind(journal, last=standing.last, digest=standing.digest)
    except Unavailable as failure:
        say(f"whether this base knows every purge could not be checked: {failure}")
