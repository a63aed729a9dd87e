"""Restore a backup: beside the base in place, closed, brought forward, and only then opened.

Nothing of it can be read before what was erased since is erased again. The base in place stays as
it is until the last step, and under another name after it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from rempart.disclosure.note import NoteSigner, NoteVerifier
from rempart.exchange.backup_sealing import Identities, open_stream
from rempart.kernel.errors import Conflict, InconsistentRecord, SetupError
from rempart.retention.backups import BackupManifest, BackupPart
from rempart.storage import purges, segments
from rempart.storage.backup_facts import list_heads
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Database
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.restored_base import (
    drop_base,
    let_erasers_in,
    list_bases,
    make_closed_base,
    open_base,
    quiet_base,
)
from rempart.storage.segment_files import SegmentStore
from rempart.storage.server import list_applied, list_migrations
from rempart.workflows.backups.bring_forward import Applier, BroughtForward, bring_forward
from rempart.workflows.backups.certify_restoration import save_certified
from rempart.workflows.backups.make_backup import check_part
from rempart.workflows.backups.restored_files import StagedFiles
from rempart.workflows.retention.purge_journal import settle_journal


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreMeans:
    """What a backup is restored with.

    Attributes:
        store: Where backups are.
        segments: Where the files of segments are.
        beside: Where those of the restored base wait until it is opened.
        journal: The journal of purges.
        verifier: Whose manifests are believed.
        signer: Signs what is erased again, as it signs certificates of retention.
        identities: Open the files.
        home_id: Which installation this is.
        restore: Runs pg_restore on an empty base.
        migrate: Brings a base to this version's schema.
        replay_acts: Makes the acts log again on a base: how many entries the backup did not know.
        appliers: What carries purges out on a base.
        catch_up: Does on a base what its dates have asked for since; counted, by name.
        give_up_logs: Gives up the logs of a base that gateways wrote: old number, new number.
        say: Receives a line about each thing done.
    """

    store: BackupStore
    segments: SegmentStore
    beside: SegmentStore
    journal: PurgeJournal
    verifier: NoteVerifier
    signer: NoteSigner
    identities: Identities
    home_id: str
    restore: Callable[[Database, Callable[[IO[bytes]], None]], None]
    migrate: Callable[[Database], list[str]]
    replay_acts: Callable[[Database], int]
    appliers: Callable[[Database, StagedFiles], Mapping[str, Applier]]
    catch_up: Callable[[Database], Mapping[str, int]]
    give_up_logs: Callable[[Database], Mapping[int, int]]
    say: Callable[[str], None] = lambda _line: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A base that was restored.

    Attributes:
        backup_id: From which backup.
        forward: What was erased again.
        files: Files of segments that were brought back.
        acts: Acts that the backup did not know.
        caught_up: What its dates had asked for, counted by name.
        logs: Logs that were given up, with the number each goes on under.
        sessions, jobs, messages: What it was kept from going on with.
        replaced: The name of the base it replaced, if any.
    """

    backup_id: str
    forward: BroughtForward
    files: int
    acts: int
    caught_up: Mapping[str, int]
    logs: Mapping[int, int]
    sessions: int
    jobs: int
    messages: int
    replaced: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return it as JSON."""
        told = asdict(self)
        return {**told, "logs": {str(old): new for old, new in self.logs.items()}}


def restore_backup(
    means: RestoreMeans,
    database: Database,
    manifest: BackupManifest,
    *,
    replace: bool,
    stamp: str,
) -> Restored:
    """Restore a backup and open it.

    Args:
        means: What it is restored with.
        database: The base in place, or where it will be.
        manifest: The backup.
        replace: Whether a base that is in place may be replaced.
        stamp: Ends the name of the base that is replaced.

    Raises:
        Conflict: a base is in place, somebody is connected to it, or what was erased cannot be
            erased on this backup.
        InconsistentRecord: the backup, or the journal of purges, is not what it was.
        SetupError: the backup is of another installation or of a later version.
        Whatever is raised, the base in place is as it was, and what was begun stays closed.
    """
    in_place = [base for base in list_bases(database) if base.name == database.name]
    if in_place and not replace:
        raise Conflict(
            f"there is a base {database.name} already: it is kept beside if you say --replace"
        )
    if in_place and in_place[0].sessions:
        raise Conflict(
            f"{in_place[0].sessions} sessions are connected to the base in place: stop `rempart "
            "serve` and every other command first"
        )
    base, restored = prepare_base(means, database, manifest)
    with base.transaction("owner") as tx:
        save_certified(
            tx,
            means.signer,
            restored.forward,
            home=means.home_id,
            backup=manifest.backup_id,
            made_at=manifest.made_at,
            report=restored.describe(),
        )
    # The last step, and the only one that anybody sees.
    replaced = open_base(database, base, stamp=stamp)
    finish_restore(means, database)
    return Restored(**{**_fields(restored), "replaced": replaced})


def try_backup(means: RestoreMeans, database: Database, manifest: BackupManifest) -> Restored:
    """Restore a backup as one day it must be, beside everything, and throw it away.

    The journal of purges and the store of segments stay as they are.

    Raises:
        What `restore_backup` raises.
    """
    try:
        _base, restored = prepare_base(means, database, manifest)
    finally:
        drop_base(database, f"{database.name}_restoring")
    return restored


def prepare_base(
    means: RestoreMeans, database: Database, manifest: BackupManifest
) -> tuple[Database, Restored]:
    """Make the closed base of a backup and do everything but open it."""
    check_backup(means, manifest)
    # 1. A closed base. What a crash leaves from here on nobody can enter; the next run begins anew.
    base = make_closed_base(database)
    means.say("the base comes back, closed")
    means.restore(base, lambda pipe: _open_part(means, manifest.database, pipe))
    _check_restored(base, manifest)
    if set(manifest.migrations) != set(list_migrations()):
        means.say(f"schema: {', '.join(means.migrate(base))}")
    # 2. Files of segments it names and the store lost or replaced since.
    staged = stage_files(means, manifest.segments)
    files = staged.stage_missing()
    # 3. The acts since, then what they erased: an ERASE act that nothing followed is carried out.
    let_erasers_in(database, base)
    acts = means.replay_acts(base)
    forward = bring_forward(base, means.journal, means.appliers(base, staged), means.say)
    # 4. What its dates have asked for since; what it must not go on with; logs it must not sign.
    caught_up = means.catch_up(base)
    with base.transaction("owner") as tx:
        quieted = quiet_base(tx)
    logs = means.give_up_logs(base)
    return base, Restored(
        backup_id=manifest.backup_id,
        forward=forward,
        files=files,
        acts=acts,
        caught_up=caught_up,
        logs=logs,
        sessions=quieted.sessions,
        jobs=quieted.jobs,
        messages=quieted.messages,
    )


def finish_restore(means: RestoreMeans, database: Database) -> int:
    """Put the files of a base that was just opened into the store; return how many.

    A crash between the opening and the end of this leaves files beside: run again.
    """
    with database.transaction("owner") as tx:
        rows = segments.list_segments(tx)
    moved = stage_files(means, ()).publish(rows)
    settle_journal(lambda: database.transaction("owner"), means.journal)
    return moved


def stage_files(means: RestoreMeans, parts: Sequence[BackupPart]) -> StagedFiles:
    """Return what brings files together beside the store."""
    return StagedFiles(
        store=means.segments,
        beside=means.beside,
        parts={part.holds: part for part in parts},
        open_part=lambda part, file: _open_part(means, part, file),
    )


def check_backup(means: RestoreMeans, manifest: BackupManifest) -> None:
    """Check all that can be checked of a backup before anything is made.

    Raises:
        SetupError: it is of another installation, of a later version, or sealed for somebody else.
        InconsistentRecord: a file is not the one that was written.
    """
    if manifest.home_id != means.home_id:
        raise SetupError(
            f"this backup is of installation {manifest.home_id} and this home is {means.home_id}: "
            "set REMPART_HOME to that one, or bring its keys back with `rempart restore keys`"
        )
    unknown = [name for name in manifest.migrations if name not in list_migrations()]
    if unknown:
        raise SetupError(
            f"this backup was made by a later version of Rempart (its schema has {unknown[-1]}): "
            f"install Rempart {manifest.program} or a later one"
        )
    if not set(means.identities.recipients) & set(manifest.recipients):
        raise SetupError(
            "the key file opens nothing of this backup: it is sealed for "
            + ", ".join(manifest.recipients)
        )
    for part in manifest.parts:
        check_part(means.store, part)


def _check_restored(base: Database, manifest: BackupManifest) -> None:
    with base.transaction("owner") as tx:
        standing = purges.load_standing(tx)
        found = (
            tuple(list_heads(tx)),
            tuple(list_applied(tx)),
            standing.last,
            standing.digest.hex(),
        )
    said = (manifest.logs, manifest.migrations, manifest.purge, manifest.purge_digest)
    if found != said:
        raise InconsistentRecord(
            "what came back is not what the manifest says of it (logs, schema or purges differ): "
            "do not use this backup"
        )


def _open_part(means: RestoreMeans, part: BackupPart, writer: IO[bytes]) -> None:
    with means.store.open(part.name) as sealed:
        open_stream(sealed, writer, means.identities)


def _fields(restored: Restored) -> dict[str, Any]:
    return {name: getattr(restored, name) for name in Restored.__dataclass_fields__}
