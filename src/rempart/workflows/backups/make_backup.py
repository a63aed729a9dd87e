"""Make a backup: the base in one snapshot, the files of segments it names, a signed manifest.

The manifest comes last: files without one are no backup, and the next run removes them. Refuses to
leave a backup behind that was not read back and compared with what was written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final

from rempart.disclosure.note import NoteSigner, NoteVerifier
from rempart.disclosure.segment import SegmentState
from rempart.exchange.backup_sealing import seal_stream
from rempart.kernel.errors import InconsistentRecord, NotFound, Unavailable
from rempart.retention.backups import (
    BackupManifest,
    BackupPart,
    ManifestRefused,
    choose_kept,
    find_acts_needed,
    find_needed,
    name_backup,
    parse_manifest,
    sign_manifest,
)
from rempart.storage.acts_copy import ActsCopy
from rempart.storage.backup_facts import BackupFacts, read_facts
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Transaction
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.segment_files import SegmentStore

BASES: Final = "bases"
SEGMENTS: Final = "segments"
DATABASE: Final = "database"
_MANIFEST: Final = ".manifest"

# Gives the dump of the base in a snapshot to whoever reads it to its end.
Dump = Callable[[str, Callable[[IO[bytes]], None]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMeans:
    """What a backup is made with.

    Attributes:
        store: Where backups are.
        segments: Where the files of segments are.
        journal: The journal of purges.
        copy: The copy of the acts log.
        home_id: Which installation.
        program: Version of Rempart.
        signer: Signs manifests.
        recipients: For whom files are sealed.
        say: Receives a line about each thing done.
    """

    store: BackupStore
    segments: SegmentStore
    journal: PurgeJournal
    copy: ActsCopy
    home_id: str
    program: str
    signer: NoteSigner
    recipients: tuple[str, ...]
    say: Callable[[str], None] = lambda _line: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What had its time.

    Attributes:
        backups: Names of the backups removed.
        files: Files that no backup names any more.
        purges: Records of purges that no backup needs any more.
        needed: The last purge that was carried out on every backup.
    """

    backups: tuple[str, ...]
    files: int
    purges: int
    needed: int


def make_backup(
    means: BackupMeans, snapshot: Transaction, dump: Dump, *, noise: bytes
) -> BackupManifest:
    """Make a backup and read it back.

    Args:
        means: What it is made with.
        snapshot: A connection from `open_snapshot`, which nothing was asked of.
        dump: Runs pg_dump.
        noise: Three random bytes.

    Raises:
        SetupError: there is nobody to seal it for.
        Unavailable: the store, or pg_dump, failed: no backup was made.
        InconsistentRecord: what was read back is not what was written, or a segment's file is not
            the one that was sealed.
    """
    facts = read_facts(snapshot)
    backup_id = name_backup(facts.made_at, noise)
    name = f"{BASES}/{backup_id}.{DATABASE}.age"

    def seal(stream: IO[bytes]) -> None:
        written.append(
            means.store.write(name, lambda sink: seal_stream(stream, sink, means.recipients))
        )

    # 1. The base. A crash leaves a file without a manifest: the next run removes it.
    written: list[tuple[str, int]] = []
    try:
        dump(facts.snapshot, seal)
    except BaseException:
        means.store.delete(name)
        raise
    [(sha256, size)] = written
    base = BackupPart(name=name, sha256=sha256, size=size, holds=DATABASE)
    means.say(f"database: {size:,} bytes sealed")
    # 2. The files of segments, those that the store has not: they never change.
    known = {
        part.name: part
        for one in list_backups(means.store, means.signer.verifier)
        for part in one.segments
    }
    parts = [base, *_save_segments(means, facts, known)]
    # 3. Read back before anybody counts on it.
    for part in parts:
        check_part(means.store, part)
    manifest = BackupManifest(
        backup_id=backup_id,
        home_id=means.home_id,
        made_at=facts.made_at,
        program=means.program,
        server=facts.server,
        migrations=facts.migrations,
        purge=facts.standing.last,
        purge_digest=facts.standing.digest.hex(),
        settled=facts.standing.settled,
        logs=facts.heads,
        recipients=means.recipients,
        parts=tuple(parts),
    )
    means.store.write_bytes(
        f"{BASES}/{backup_id}{_MANIFEST}", sign_manifest(manifest, means.signer).encode()
    )
    return manifest


def list_backups(store: BackupStore, verifier: NoteVerifier) -> list[BackupManifest]:
    """Return the backups of the store that this installation signed, oldest first.

    Raises:
        InconsistentRecord: a manifest is not signed by this installation, or was changed.
    """
    names = [name for name in store.list_names(BASES) if name.endswith(_MANIFEST)]
    return sorted((_load(store, verifier, name) for name in names), key=lambda one: one.made_at)


def load_backup(store: BackupStore, verifier: NoteVerifier, backup_id: str) -> BackupManifest:
    """Return one backup, or the newest under the name `latest`.

    Raises:
        NotFound: there is none of that name.
        InconsistentRecord: see `list_backups`.
    """
    if backup_id == "latest":
        found = list_backups(store, verifier)
        if found:
            return found[-1]
    elif store.has(f"{BASES}/{backup_id}{_MANIFEST}"):
        manifest = _load(store, verifier, f"{BASES}/{backup_id}{_MANIFEST}")
        if manifest.backup_id == backup_id:
            return manifest
    raise NotFound(f"there is no such backup in {store.place}: see `rempart backup list`")


def check_part(store: BackupStore, part: BackupPart) -> None:
    """Check that a file of a backup is, byte for byte, the one that was written.

    Raises:
        InconsistentRecord: it is another.
        Unavailable: it cannot be read.
    """
    if store.measure(part.name) != (part.sha256, part.size):
        raise InconsistentRecord(
            f"{part.name} is not the file that was written: the backup is damaged. Use another one "
            "(`rempart backup list`), or bring this file back from a copy of the store"
        )


def sweep_backups(
    means: BackupMeans,
    *,
    now: datetime,
    keep_days: int,
    forget: Callable[[int], int] = lambda _up_to: 0,
) -> Swept:
    """Remove the backups that had their time, what no backup names, and purges none needs.

    Args:
        means: See `BackupMeans`.
        now: The instant.
        keep_days: After how many days no backup is kept.
        forget: Forgets in the base what purges up to a number held.
    """
    backups = list_backups(means.store, means.signer.verifier)
    kept_at, _removed = choose_kept((one.made_at for one in backups), now=now, keep_days=keep_days)
    kept = [one for one in backups if one.made_at in kept_at]
    gone = [one for one in backups if one.made_at not in kept_at]
    # The manifest first: a crash leaves files that no backup names, which go next time.
    for one in gone:
        means.store.delete(f"{BASES}/{one.backup_id}{_MANIFEST}")
    files = _remove_unnamed(means.store, kept)
    # What was carried out on every backup is not needed to bring any of them forward.
    needed = find_needed(kept)
    purges = means.journal.forget(needed)
    forget(needed)
    means.copy.forget(find_acts_needed(kept))
    return Swept(
        backups=tuple(one.backup_id for one in gone), files=files, purges=purges, needed=needed
    )


def _remove_unnamed(store: BackupStore, kept: Sequence[BackupManifest]) -> int:
    named = {part.name for one in kept for part in one.parts}
    removed = store.sweep(BASES) + store.sweep(SEGMENTS)
    for folder in (BASES, SEGMENTS):
        for name in store.list_names(folder):
            if name not in named and not name.endswith(_MANIFEST):
                store.delete(name)
                removed += 1
    return removed


def _save_segments(
    means: BackupMeans, facts: BackupFacts, known: Mapping[str, BackupPart]
) -> list[BackupPart]:
    parts = []
    for row in facts.segments:
        if row.state == SegmentState.DROPPED:
            continue
        for name, digest in (
            (row.by_account_name, row.by_account_digest),
            (row.by_person_name, row.by_person_digest),
        ):
            sealed = f"{SEGMENTS}/{digest.hex()}.age"
            part = known.get(sealed) if means.store.has(sealed) else None
            parts.append(part or _save_file(means, name, digest.hex(), sealed))
    if parts:
        means.say(f"segments: {len(parts)} files")
    return parts


def _save_file(means: BackupMeans, name: str, plain: str, sealed: str) -> BackupPart:
    """Seal a file of a segment."""
    means.store.delete(sealed)  # no manifest names it: a backup that was stopped left it
    try:
        if means.segments.measure(name)[0] != plain:
            raise InconsistentRecord(
                f"{name} is not the file that was sealed: run `rempart ledger audit`"
            )
        with means.segments.open(name) as stream:
            sha256, size = means.store.write(
                sealed, lambda sink: seal_stream(stream, sink, means.recipients)
            )
    except OSError as failure:
        raise Unavailable(
            f"{name} cannot be read ({type(failure).__name__}): if it was replaced this minute, "
            "make the backup again; otherwise run `rempart ledger audit`"
        ) from failure
    return BackupPart(name=sealed, sha256=sha256, size=size, holds=name, plain_sha256=plain)


def _load(store: BackupStore, verifier: NoteVerifier, name: str) -> BackupManifest:
    try:
        return parse_manifest(b"".join(store.read(name)).decode(errors="replace"), verifier)
    except ManifestRefused as failure:
        raise InconsistentRecord(f"{name}: {failure}") from failure
