"""What a backup says of itself, and how long one is kept.

A manifest names every file of a backup with its digest, and is signed: a backup is sealed for
anybody who knows the recipient, so the seal proves nothing of who made it. Refuses a manifest that
another key signed, or that is of another installation.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from rempart.disclosure.acts import ACTS_LOG
from rempart.disclosure.note import NoteRefused, NoteSigner, NoteVerifier, parse_note

# A backup of each day for a week, then one of each week: what is older than the last of them goes.
EVERY_DAY_FOR: Final = timedelta(days=7)

_HEADING: Final = "rempart backup v1\n"
_ID: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)*")


class ManifestRefused(ValueError):
    """A manifest is malformed, or not signed by whoever should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """Where a log of the ledger stood.

    Attributes:
        log_id: The log.
        size: How many entries it had.
        root: Root of its tree, in hexadecimal.
    """

    log_id: int
    size: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPart:
    """One sealed file of a backup.

    Attributes:
        name: Its path in the store of backups.
        sha256: Of its bytes as they are there, in hexadecimal.
        size: How many they are.
        holds: What it is of: `database`, or the name of a segment's file.
        plain_sha256: Of what it holds, for a file that is known by its digest; or empty.
    """

    name: str
    sha256: str
    size: int
    holds: str
    plain_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """One backup.

    Attributes:
        backup_id: Day, time (UTC) and six random digits.
        home_id: Which installation's.
        made_at: When its snapshot was taken.
        program: Version of Rempart that made it.
        server: Version of PostgreSQL it was made from.
        migrations: Those applied, in order: the last one names the schema.
        purge: The last purge it knows.
        purge_digest: Its digest, in hexadecimal.
        settled: The last purge such that it and all before it were carried out on it.
        logs: Where the logs stood.
        recipients: For whom it is sealed.
        parts: Its files.
    """

    backup_id: str
    home_id: str
    made_at: datetime
    program: str
    server: str
    migrations: tuple[str, ...]
    purge: int
    purge_digest: str
    settled: int
    logs: tuple[LogHead, ...]
    recipients: tuple[str, ...]
    parts: tuple[BackupPart, ...]

    def __post_init__(self) -> None:
        digests = [self.purge_digest, *(part.sha256 for part in self.parts)]
        digests += [part.plain_sha256 for part in self.parts if part.plain_sha256]
        names = [part.name for part in self.parts] + [part.holds for part in self.parts]
        if (
            not _ID.fullmatch(self.backup_id)
            or self.made_at.tzinfo is None
            or not all(map(_DIGEST.fullmatch, digests))
            or not all(map(_NAME.fullmatch, names))
            or sum(part.holds == "database" for part in self.parts) != 1
        ):
            raise ManifestRefused("a manifest of a backup is malformed")

    @property
    def database(self) -> BackupPart:
        """The part that holds the database."""
        return next(part for part in self.parts if part.holds == "database")

    @property
    def segments(self) -> tuple[BackupPart, ...]:
        """The parts that hold files of segments."""
        return tuple(part for part in self.parts if part.holds != "database")

    @property
    def size(self) -> int:
        """How many bytes its files are."""
        return sum(part.size for part in self.parts)


def name_backup(made_at: datetime, noise: bytes) -> str:
    """Return the name of a backup: its instant, and three random bytes."""
    return f"{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{noise.hex()}"


def sign_manifest(manifest: BackupManifest, signer: NoteSigner) -> str:
    """Return a manifest as a signed note."""
    body = {**asdict(manifest), "made_at": manifest.made_at.astimezone(UTC).isoformat()}
    return signer.sign(_HEADING + json.dumps(body, indent=1, sort_keys=True) + "\n")


def parse_manifest(message: str, verifier: NoteVerifier) -> BackupManifest:
    """Read a signed manifest.

    Raises:
        ManifestRefused: this key did not sign it, or it is not one.
    """
    try:
        note = parse_note(message)
        verifier.verify(note)
    except NoteRefused as failure:
        raise ManifestRefused(
            f"the manifest of a backup is not signed by this installation: {failure}"
        ) from failure
    if not note.text.startswith(_HEADING):
        raise ManifestRefused("a manifest of a backup is of another version")
    try:
        return _read(json.loads(note.text.removeprefix(_HEADING)))
    except (KeyError, TypeError, ValueError, AttributeError) as failure:
        raise ManifestRefused("a manifest of a backup is malformed") from failure


def choose_kept(
    made: Iterable[datetime], *, now: datetime, keep_days: int
) -> tuple[list[datetime], list[datetime]]:
    """Say which backups are kept and which have had their time.

    Args:
        made: When each was made, any order.
        now: The instant.
        keep_days: After how many days none is kept.

    Returns:
        Those kept and those to remove, oldest first. Within a week all are kept, then the first of
        each week. The newest is always kept: a base without any backup is worse, and its age is
        told.
    """
    ordered = sorted(made)
    newest = ordered[-1] if ordered else None
    weeks: set[date] = set()
    kept, removed = [], []
    for one in ordered:
        day = one.astimezone(UTC).date()
        week = day - timedelta(days=day.weekday())
        is_first = week not in weeks
        in_time = now - one <= timedelta(days=keep_days)
        if one == newest or (in_time and (now - one <= EVERY_DAY_FOR or is_first)):
            kept.append(one)
            if in_time:
                weeks.add(week)
        else:
            removed.append(one)
    return kept, removed


def compute_end(made_at: datetime, *, keep_days: int) -> datetime:
    """Return until when a backup is kept at the latest, and what it holds with it."""
    return made_at + timedelta(days=keep_days)


def find_needed(manifests: Sequence[BackupManifest]) -> int:
    """Return the last purge that was carried out on every kept backup, as all before it.

    Records up to it are needed no more. One that a backup knows and that waited there still is: it
    may have been carried out since.
    """
    return min((manifest.settled for manifest in manifests), default=0)


def find_acts_needed(manifests: Sequence[BackupManifest]) -> int:
    """Return how many acts every kept backup knows: a copy of those is needed no more."""
    sizes = ((log.size for log in one.logs if log.log_id == ACTS_LOG) for one in manifests)
    return min((next(found, 0) for found in sizes), default=0)


def _read(body: dict[str, Any]) -> BackupManifest:
    return BackupManifest(
        **{
            **body,
            "made_at": datetime.fromisoformat(body["made_at"]),
            "migrations": tuple(body["migrations"]),
            "recipients": tuple(body["recipients"]),
            "logs": tuple(LogHead(**one) for one in body["logs"]),
            "parts": tuple(BackupPart(**one) for one in body["parts"]),
        }
    )
