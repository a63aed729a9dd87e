"""The files of segments of a base being restored: beside the store until the base is opened.

The base in place goes on naming its own files, of which some have the same names: refuses to write
or delete one of them before the restored base is in place.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from rempart.disclosure.segment import SegmentRow, SegmentState
from rempart.kernel.errors import InconsistentRecord
from rempart.retention.backups import BackupPart
from rempart.storage.segment_files import SegmentStore

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFiles:
    """Files that a restored base needs, until they are in their place.

    Attributes:
        store: The store of segments.
        beside: Where they wait.
        parts: Those of the backup, by the name of what they hold.
        open_part: Writes what a part holds.
    """

    store: SegmentStore
    beside: SegmentStore
    parts: Mapping[str, BackupPart]
    open_part: Callable[[BackupPart, IO[bytes]], None]

    def stage_missing(self) -> int:
        """Bring back the files that the store lost or replaced since; return how many."""
        missing = [
            part
            for part in self.parts.values()
            if not _is(self.store, part.holds, part.plain_sha256)
        ]
        for part in missing:
            self.stage(part.holds, part.plain_sha256)
        return len(missing)

    def stage_segments(self, rows: Iterable[SegmentRow], log_id: int, numbers: set[int]) -> None:
        """Bring together the files of some segments, to be read and written again."""
        for row in rows:
            is_wanted = row.log_id == log_id and row.segment in numbers
            if is_wanted and row.state != SegmentState.DROPPED:
                self.stage(row.by_account_name, row.by_account_digest.hex())
                self.stage(row.by_person_name, row.by_person_digest.hex())

    def stage(self, name: str, sha256: str) -> None:
        """Bring one file: from the store if it is the same there, from the backup otherwise.

        Raises:
            InconsistentRecord: neither has it.
        """
        if _is(self.beside, name, sha256):
            return
        if _is(self.store, name, sha256):
            _copy(self.store, self.beside, name)
        elif name in self.parts:
            self.beside.put(name, lambda file: self.open_part(self.parts[name], file))
        if not _is(self.beside, name, sha256):
            raise InconsistentRecord(
                f"{name} is in neither the store of segments nor the backup as it was sealed: use "
                "another backup"
            )

    def publish(self, rows: Iterable[SegmentRow]) -> int:
        """Put the files that a base in place names into the store; return how many.

        A crash leaves some there and some beside: called again, it goes on.
        """
        moved = 0
        for row in rows:
            if row.state == SegmentState.DROPPED:
                continue
            for name, digest in (
                (row.by_account_name, row.by_account_digest),
                (row.by_person_name, row.by_person_digest),
            ):
                if _is(self.beside, name, digest.hex()):
                    _copy(self.beside, self.store, name)
                    moved += 1
        return moved


def _is(store: SegmentStore, name: str, sha256: str) -> bool:
    """Say whether a store has a file with these bytes."""
    try:
        return store.measure(name)[0] == sha256
    except OSError:
        return False


def _copy(source: SegmentStore, target: SegmentStore, name: str) -> None:
    with source.open(name) as stream:

        def fill(file: Any) -> None:
            while piece := stream.read(_CHUNK):
                file.write(piece)

        target.put(name, fill)
