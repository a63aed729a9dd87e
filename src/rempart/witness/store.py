"""What a witness remembers: the largest tree of each log, and proof of those that contradict it.

Refuses to move a log from anything but what it has now: comparing and saving are one transaction,
on disk before it returns. The file must never go back: a witness restored from a backup could sign
the fork it once refused, so it takes a new key and a new name instead.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from rempart.disclosure.note import NoteVerifier
from rempart.disclosure.witness import Cosign, Decision, Refuse, Seen, Submission

FILE_NAME: Final = "witness.sqlite3"
# Evidence of one log: the first contradictions are those that matter.
EVIDENCE_KEPT: Final = 1000
_BUSY_TIMEOUT_S: Final = 10.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS log_key (
    origin TEXT NOT NULL, vkey TEXT NOT NULL, PRIMARY KEY (origin, vkey)
) STRICT;
CREATE TABLE IF NOT EXISTS seen (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL,
    CHECK (length(root) = 32)
) STRICT;
CREATE TABLE IF NOT EXISTS evidence (
    origin TEXT NOT NULL, digest BLOB NOT NULL, time_s INTEGER NOT NULL, reason TEXT NOT NULL,
    request TEXT NOT NULL, seen_note TEXT, PRIMARY KEY (origin, digest)
) STRICT;
"""

Decide: TypeAlias = Callable[[Submission, Seen | None], Decision]


class Evidence(NamedTuple):
    """A refused checkpoint that the log signed, beside what was cosigned before."""

    origin: str
    time_s: int
    reason: str
    request: str
    seen_note: str | None


class WitnessStore:
    """The state of one witness, in one file. One process and one thread at a time use it."""

    def __init__(self, directory: Path) -> None:
        self._db = sqlite3.connect(
            directory / FILE_NAME, timeout=_BUSY_TIMEOUT_S, isolation_level=None
        )
        # FULL: a commit is on disk when it returns, even through a power cut.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add_key(self, vkey: str) -> NoteVerifier:
        """Follow a log by its verifier key; its name is the log's origin.

        Raises:
            NoteRefused: it is not a log's verifier key.
        """
        verifier = NoteVerifier.parse(vkey)
        self._db.execute("INSERT OR IGNORE INTO log_key VALUES (?, ?)", (verifier.name, vkey))
        return verifier

    def find_keys(self, origin: str) -> Sequence[NoteVerifier]:
        """Return the keys trusted for a log; none when it is not followed."""
        rows = self._db.execute("SELECT vkey FROM log_key WHERE origin = ?", (origin,))
        return [NoteVerifier.parse(vkey) for (vkey,) in rows]

    def find_note(self, origin_hash: str) -> str | None:
        """Return the last checkpoint cosigned of the log whose origin has this SHA-256, in hex."""
        for origin, note in self._db.execute("SELECT origin, note FROM seen"):
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash:
                return str(note)
        return None

    def settle(self, submission: Submission, *, decide: Decide, time_s: int) -> Decision:
        """Decide about a checkpoint and save what was decided, as one step.

        When this returns a `Cosign`, the checkpoint is on disk as the largest seen, and may be
        signed. A crash before the commit leaves what was; one after it leaves the new tree, not
        signed yet: the log is told its size, asks again and gets its cosignature.
        """
        with self._alone():
            origin = submission.checkpoint.origin
            row = self._db.execute(
                "SELECT size, root, note FROM seen WHERE origin = ?", (origin,)
            ).fetchone()
            seen = Seen(row[0], row[1]) if row else None
            decision = decide(submission, seen)
            match decision:
                case Cosign(checkpoint):
                    self._db.execute(
                        "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE"
                        " SET size = excluded.size, root = excluded.root, note = excluded.note",
                        (origin, checkpoint.size, checkpoint.root, submission.request.note),
                    )
                case Refuse(is_fork=True, reason=reason):
                    self._keep_evidence(submission, reason, time_s, row[2] if row else None)
        return decision

    def save_cosigned(self, submission: Submission, line: str) -> None:
        """Keep the line beside the checkpoint, for those who monitor, if it is still the last."""
        self._db.execute(
            "UPDATE seen SET note = ? WHERE origin = ? AND size = ? AND root = ?",
            (
                submission.request.note + line,
                submission.checkpoint.origin,
                submission.checkpoint.size,
                submission.checkpoint.root,
            ),
        )

    def list_evidence(self) -> list[Evidence]:
        """Return what accuses the logs, oldest first."""
        rows = self._db.execute(
            "SELECT origin, time_s, reason, request, seen_note FROM evidence ORDER BY rowid"
        )
        return [Evidence(*row) for row in rows]

    def _keep_evidence(
        self, submission: Submission, reason: str, time_s: int, seen_note: str | None
    ) -> None:
        origin = submission.checkpoint.origin
        (kept,) = self._db.execute(
            "SELECT count(*) FROM evidence WHERE origin = ?", (origin,)
        ).fetchone()
        if kept >= EVIDENCE_KEPT:
            return
        digest = hashlib.sha256(submission.text.encode()).digest()
        self._db.execute(
            "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?, ?)",
            (origin, digest, time_s, reason, submission.body, seen_note),
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the file for one decision: another process waits, and then sees what was saved."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
