"""A copy of the acts log outside the database, from which it is made again to the bit.

Log 0 cannot be given up and cannot be signed twice: a base that was restored takes up from here
what its backup does not know. Sealed by the installation, as the journal of purges is.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from rempart.disclosure.acts import Statement
from rempart.disclosure.entry import Draft
from rempart.kernel.errors import Conflict, InconsistentRecord, SetupError
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries
from rempart.storage.sealing import Kms

FOLDER: Final = "acts"
# Entries of one file, at most.
MOST: Final = 5_000
_FILE: Final = re.compile(FOLDER + r"/([0-9]{12})-([0-9]{12})\.acts")

_sql = load_queries("acts_copy")


class CopiedAct(NamedTuple):
    """One entry of log 0, as it can be made again.

    Attributes:
        idx: Its place.
        t_ms: Its time.
        salt: What its commitments are salted with.
        draft: The rest of it.
        body: What it states; None for an entry that is no act.
    """

    idx: int
    t_ms: int
    salt: bytes
    draft: Draft
    body: str | None

    @property
    def statements(self) -> tuple[Statement, ...]:
        """What is appended with it."""
        return () if self.body is None else (Statement(self.draft.kind, self.body),)


class CopiedActs(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive entries, and the last checkpoint that was signed when they were copied.

    Attributes:
        acts: The entries.
        size: Of that checkpoint: no entry beyond it is here.
        root: Its root.
    """

    acts: list[CopiedAct]
    size: int
    root: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(CopiedActs).decode


def read_acts(tx: Transaction, first: int) -> CopiedActs | None:
    """Return entries of log 0 from an index on, under its last checkpoint; None without any."""
    rows = tx.execute(_sql.read_acts, {"first": first, "most": MOST}, binary=True).fetchall()
    kept = tx.execute(_sql.load_checkpoint, binary=True).fetchone()
    if not rows or kept is None:
        return None
    return CopiedActs(
        acts=[
            CopiedAct(idx, t_ms, salt, Draft(*fields), body)
            for idx, t_ms, salt, *fields, body in rows
        ],
        size=kept[0],
        root=kept[1],
    )


def load_acts_size(tx: Transaction) -> int:
    """Return how many entries log 0 has; 0 before its first."""
    row = tx.execute(_sql.load_size).fetchone()
    return int(row[0]) if row else 0


class ActsCopy:
    """The files of the copy.

    Args:
        store: Where backups are.
        kms: Seals them.
    """

    def __init__(self, store: BackupStore, kms: Kms) -> None:
        self._store = store
        self._kms = kms

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self._store.place}/{FOLDER}"

    @property
    def stop(self) -> int:
        """Index of the entry that is copied next."""
        return max((stop for _first, stop in self._list()), default=0)

    def append(self, copied: CopiedActs) -> None:
        """Write entries; they are durable when this returns. Those that are there are well."""
        first = copied.acts[0].idx
        name = _name(first, first + len(copied.acts))
        sealed = self._kms.wrap(_encode(copied), context=name.encode())
        with contextlib.suppress(Conflict):
            self._store.write_bytes(name, sealed)

    def read_since(self, first: int) -> Iterator[CopiedActs]:
        """Yield the entries from an index on, in order, each once.

        Raises:
            InconsistentRecord: one is missing in between, or a file was changed.
        """
        wanted = first
        for start, stop in self._list():
            if stop <= wanted:
                continue
            if start > wanted:
                raise InconsistentRecord(
                    f"the copy of the acts log in {self.place} lacks acts {wanted} to {start - 1}: "
                    "bring them back from its copy, or take the folder away and note that log 0 "
                    "goes on from the backup"
                )
            copied = self._read(_name(start, stop))
            kept = [act for act in copied.acts if act.idx >= wanted]
            yield CopiedActs(acts=kept, size=copied.size, root=copied.root)
            wanted = stop

    def forget(self, up_to: int) -> int:
        """Delete the files of entries before an index, never the last one; return how many went."""
        gone = [(first, stop) for first, stop in self._list()[:-1] if stop <= up_to]
        for first, stop in gone:
            self._store.delete(_name(first, stop))
        return len(gone)

    def _list(self) -> Sequence[tuple[int, int]]:
        found = (_FILE.fullmatch(name) for name in self._store.list_names(FOLDER))
        return sorted((int(match[1]), int(match[2])) for match in found if match)

    def _read(self, name: str) -> CopiedActs:
        sealed = b"".join(self._store.read(name))
        try:
            return _decode(self._kms.unwrap(sealed, context=name.encode()))
        except (SetupError, msgspec.DecodeError) as failure:
            raise InconsistentRecord(
                f"{name} of the copy of the acts log does not open: it was changed, or this home "
                "is not the one that wrote it"
            ) from failure


def _name(first: int, stop: int) -> str:
    return f"{FOLDER}/{first:012}-{stop:012}.acts"
