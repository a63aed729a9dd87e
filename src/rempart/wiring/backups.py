"""Builds what backups are made and restored with, out of an installation."""

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import psycopg

from rempart import __version__
from rempart.disclosure.note import NoteSigner
from rempart.exchange.backup_sealing import Identities, parse_recipients
from rempart.kernel.errors import RempartError, SetupError
from rempart.retention.backups import BackupManifest
from rempart.storage import purges
from rempart.storage.backup_facts import open_snapshot
from rempart.storage.connect import Database, OpenTransaction
from rempart.storage.dump import dump_database, restore_database
from rempart.storage.migrate import migrate
from rempart.storage.restored_base import list_log_numbers
from rempart.storage.segment_files import SegmentStore
from rempart.wiring.acts import open_acts_log
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation, find_program
from rempart.wiring.home import Home
from rempart.wiring.purges import open_acts_copy, open_backup_store, open_purge_journal
from rempart.wiring.retention import load_certificate_signer, open_vault
from rempart.wiring.segments import open_segment_store
from rempart.workflows.backups.apply_purges import PurgeTools, list_appliers
from rempart.workflows.backups.bring_forward import Applier
from rempart.workflows.backups.copy_acts import copy_acts, replay_acts
from rempart.workflows.backups.give_up_logs import give_up_logs
from rempart.workflows.backups.know_backups import know_backups, tell_verified
from rempart.workflows.backups.make_backup import (
    BackupMeans,
    Swept,
    list_backups,
    make_backup,
    sweep_backups,
)
from rempart.workflows.backups.restore_backup import RestoreMeans
from rempart.workflows.backups.restored_files import StagedFiles
from rempart.workflows.feeds.sweep_former_members import sweep_former_members
from rempart.workflows.ledger.seal_segment import Archive
from rempart.workflows.members.copy_own_data import forget_copies, forget_reports
from rempart.workflows.notices.campaign_contacts import forget_contacts
from rempart.workflows.retention.purge_journal import settle_journal, write_journal
from rempart.workflows.retention.run_retention import catch_up

RECIPIENTS: Final = "backup-recipients.txt"
_SIGNS: Final = "backups"
_BESIDE: Final = "restoring"
_NOISE: Final = 3

Say = Callable[[str], None]


def open_backup_signer(home: Home) -> NoteSigner:
    """Return the key that signs manifests; it is drawn at its first use."""
    return NoteSigner(f"rempart.invalid/{home.id}/backups", home.signing_seed(_SIGNS))


def load_recipients(home: Home) -> tuple[str, ...]:
    """Return for whom backups are sealed; nobody before `rempart backup key`."""
    file = home.path / RECIPIENTS
    return parse_recipients(file.read_text(encoding="utf-8")) if file.exists() else ()


def add_recipient(home: Home, recipient: str) -> None:
    """Seal backups for one more key from now on."""
    file = home.path / RECIPIENTS
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"{recipient}\n")


def open_backup_means(at: Installation, say: Say) -> BackupMeans:
    """Return what backups are made, listed and checked with."""
    return BackupMeans(
        store=open_backup_store(at.settings, at.home),
        segments=open_segment_store(at.settings, at.home),
        journal=open_purge_journal(at.settings, at.home),
        copy=open_acts_copy(at.settings, at.home),
        home_id=at.home.id,
        program=__version__,
        signer=open_backup_signer(at.home),
        recipients=load_recipients(at.home),
        say=say,
    )


def back_up(at: Installation, say: Say) -> tuple[BackupManifest, Swept]:
    """Make a backup, read it back, and remove what had its time.

    Raises:
        SetupError: there is nobody to seal it for, or pg_dump is not installed.
        Conflict: another backup is being made.
        What `make_backup` raises.
    """
    means = open_backup_means(at, say)
    if not means.recipients:
        raise SetupError("backups are sealed for a key kept elsewhere: run `rempart backup key`")
    program = _find_client("pg_dump", at)

    def dump(snapshot: str, take: Callable[[IO[bytes]], None]) -> None:
        dump_database(at.database, program, snapshot, take)

    begin = _begin_as_archivist(at.database)
    write_journal(begin, means.journal)
    copy_acts(begin, means.copy)
    with contextlib.closing(open_snapshot(at.database)) as snapshot:
        # What a crash left of the last one goes first: nobody else makes one at this moment.
        manifest = make_backup(means, snapshot, dump, noise=secrets.token_bytes(_NOISE))
        snapshot.rollback()
        swept = _sweep(at, means)
    # It was read back. A crash before this line leaves a backup that the page learns of next time.
    with begin() as tx:
        tell_verified(tx, manifest.backup_id)
    settle_journal(begin, means.journal)
    return manifest, swept


def copy_acts_now(at: Installation) -> int:
    """Copy outside the database the acts that are not; return how many."""
    return copy_acts(_begin_as_archivist(at.database), open_acts_copy(at.settings, at.home))


def save_tail(at: Installation, say: Say) -> None:
    """Save outside a base that is about to be replaced what it knows last, if it still answers."""
    try:
        copied = copy_acts_now(at)
        write_purges_again(at)
    except (RempartError, psycopg.Error) as failure:
        say(f"the base in place does not say its last acts ({type(failure).__name__}): going on")
    else:
        say(f"{copied} acts of the base in place were copied")


def prune(at: Installation, say: Say) -> Swept:
    """Remove the backups that had their time, and what no other needs."""
    with contextlib.closing(open_snapshot(at.database)):
        return _sweep(at, open_backup_means(at, say))


def write_purges_again(at: Installation) -> int:
    """Write the records of the base into a journal that lost them; return how many were missing."""
    journal = open_purge_journal(at.settings, at.home)
    begin = _begin_as_archivist(at.database)
    with begin() as tx:
        known = purges.list_since(tx, 0, most=1_000_000)
        journaled = purges.load_standing(tx).journaled
    written = journal.rewrite([one for one in known if one.number <= journaled])
    written += write_journal(begin, journal)
    settle_journal(begin, journal)
    return written


def open_restore_means(
    at: Installation, identities: Identities, beside: Path, say: Say
) -> RestoreMeans:
    """Return what a backup is restored with.

    Args:
        at: The installation; its base need not be there.
        identities: What opens the files.
        beside: A folder for the files of segments until the base is opened.
        say: Receives a line about each thing done.
    """
    program = _find_client("pg_restore", at)

    def restore(base: Database, give: Callable[[IO[bytes]], None]) -> None:
        restore_database(base, program, give)

    return RestoreMeans(
        store=open_backup_store(at.settings, at.home),
        segments=open_segment_store(at.settings, at.home),
        beside=SegmentStore(str(beside)),
        journal=open_purge_journal(at.settings, at.home),
        verifier=open_backup_signer(at.home).verifier,
        signer=load_certificate_signer(at.home),
        identities=identities,
        home_id=at.home.id,
        restore=restore,
        migrate=migrate,
        replay_acts=lambda base: _replay_acts(at, base),
        appliers=lambda base, staged: _list_appliers(at, base, staged),
        catch_up=lambda base: _catch_up(at.home, base),
        give_up_logs=lambda base: _give_up_logs(at, base),
        say=say,
    )


def list_appliers_in_place(at: Installation) -> Mapping[str, Applier]:
    """Return what carries purges out on the base in place, restored by hand."""
    store = open_segment_store(at.settings, at.home)

    def refuse(*_: object) -> None:
        raise SetupError("a segment's file is missing: restore with `rempart restore base`")

    staged = StagedFiles(store=store, beside=store, parts={}, open_part=refuse)
    return _list_appliers(at, at.database, staged)


def folder_beside(home: Home) -> Path:
    """Return where the files of segments of a base being restored wait."""
    return home.path / _BESIDE


@contextlib.contextmanager
def make_folder_to_throw_away() -> Iterator[Path]:
    """Make a folder for the files of a restoration that is only tried."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-restoring-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _sweep(at: Installation, means: BackupMeans) -> Swept:
    def forget(up_to: int) -> int:
        with at.database.transaction("owner") as tx:
            return purges.forget_purges(tx, up_to)

    keep_days = at.settings.backup_days
    swept = sweep_backups(means, now=datetime.now(UTC), keep_days=keep_days, forget=forget)
    with at.database.transaction("archivist") as tx:
        kept = list_backups(means.store, means.signer.verifier)
        know_backups(tx, kept, keep_days=keep_days)
    return swept


def _list_appliers(at: Installation, base: Database, staged: StagedFiles) -> Mapping[str, Applier]:
    def open_archive(begin: OpenTransaction) -> Archive:
        return Archive(
            begin=begin,
            store=staged.beside,
            acts=open_acts_log(at.settings, at.home, base),
            journal=open_purge_journal(at.settings, at.home),
        )

    return list_appliers(
        PurgeTools(open_archive=open_archive, staged=staged, vault=open_vault(at.home))
    )


def _catch_up(home: Home, base: Database) -> dict[str, int]:
    """Do what dates have asked for since the backup, before anybody enters."""
    today = today_in_paris()
    now = datetime.now(UTC)
    with base.transaction("feeds") as tx:
        left = sweep_former_members(tx, today)
        words = forget_copies(tx, now=now)
    with base.transaction("notifier") as tx:
        words += forget_reports(tx, now=now)
        contacts = forget_contacts(tx, now=now)
    signer = load_certificate_signer(home)
    archived = catch_up(lambda: base.transaction("keeper"), open_vault(home), signer, today)
    return {
        "former_members": left.people,
        "archived_fields": archived,
        "contacts_forgotten": contacts,
        "words_of_members_forgotten": words,
    }


def _replay_acts(at: Installation, base: Database) -> int:
    opener = open_acts_log(at.settings, at.home, base).make_opener()
    with base.transaction("owner") as tx:
        return replay_acts(tx, open_acts_copy(at.settings, at.home), opener)


def _give_up_logs(at: Installation, base: Database) -> dict[int, int]:
    reason = "restored from a backup: answers may have left after it"
    acts = open_acts_log(at.settings, at.home, base)
    with base.transaction("owner") as tx:
        taken = list_log_numbers(tx)
    with base.transaction("auditor") as tx:
        return give_up_logs(tx, acts, others=at.home.list_logs(), taken=taken, reason=reason)


def _find_client(name: str, at: Installation) -> str:
    with at.database.renamed("postgres").connect("admin") as admin:
        major = admin.info.server_version // 10_000
    return find_program(name, at.settings, at.home, major=major)


def _begin_as_archivist(database: Database) -> OpenTransaction:
    return lambda: database.transaction("archivist")
