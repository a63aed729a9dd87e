"""The journal of purges: one sealed file per record, outside the database.

A backup of the database does not know what was erased after it. This does. Refuses a record that
does not follow the last one: a store that was emptied, or is not mounted, is no empty journal.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Final

from rempart.kernel.errors import Conflict, InconsistentRecord, SetupError
from rempart.retention.purges import (
    PurgeRecord,
    PurgeRefused,
    check_chain,
    decode_record,
    encode_record,
)
from rempart.storage.backup_store import BackupStore
from rempart.storage.sealing import Kms

FOLDER: Final = "purges"
_DONE_SAYS: Final = b"rempart purge done v1"
_FILE: Final = re.compile(FOLDER + r"/([0-9]{12})\.purge")


class PurgeJournal:
    """The records of one installation, in order.

    Args:
        store: Where backups are.
        kms: Seals them: the installation alone reads its journal.
    """

    def __init__(self, store: BackupStore, kms: Kms) -> None:
        self._store = store
        self._kms = kms

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self._store.place}/{FOLDER}"

    def list_numbers(self) -> list[int]:
        """Return the numbers of the records that are there, in order."""
        found = (_FILE.fullmatch(name) for name in self._store.list_names(FOLDER))
        return [int(match[1]) for match in found if match]

    def append(self, record: PurgeRecord) -> None:
        """Write a record; it is durable when this returns. One that is there already is well.

        Raises:
            Conflict: the record before it is not there: the store is not the one it was.
            InconsistentRecord: another record of that number is there.
            Unavailable: the store cannot be written: nothing may be deleted.
        """
        if self._store.has(_name(record.number)):
            if self.read(record.number) != record:
                raise InconsistentRecord(
                    f"the journal of purges in {self.place} holds another purge {record.number}: "
                    "it is that of another base; set REMPART_BACKUPS to the store of this one"
                )
            return
        if record.number > 1 and not self._store.has(_name(record.number - 1)):
            raise Conflict(
                f"the journal of purges in {self.place} lacks purge {record.number - 1}: mount "
                "the store where it was, or run `rempart backup journal` to write it again"
            )
        sealed = self._kms.wrap(encode_record(record), context=_bind(record.number))
        # Another process may write the same record at this moment: then it is there.
        with contextlib.suppress(Conflict):
            self._store.write_bytes(_name(record.number), sealed)

    def mark_done(self, number: int) -> None:
        """Write down that a purge was carried out: at a restore, it is again, whatever holds say.

        Raises:
            Unavailable: the store cannot be written; `settle_journal` writes it later.
        """
        if not self._store.has(_done(number)):
            sealed = self._kms.wrap(_DONE_SAYS, context=_bind_done(number))
            with contextlib.suppress(Conflict):
                self._store.write_bytes(_done(number), sealed)

    def is_done(self, number: int) -> bool:
        """Say whether a purge is known to have been carried out.

        Raises:
            InconsistentRecord: what says so was not written by this installation.
        """
        if not self._store.has(_done(number)):
            return False
        sealed = b"".join(self._store.read(_done(number)))
        try:
            return self._kms.unwrap(sealed, context=_bind_done(number)) == _DONE_SAYS
        except SetupError as failure:
            raise InconsistentRecord(
                f"what says that purge {number} was carried out is not ours: look at {self.place}"
            ) from failure

    def list_unfinished(self) -> list[int]:
        """Return the numbers of records not known to have been carried out, in order."""
        done = {name for name in self._store.list_names(FOLDER) if name.endswith(".done")}
        return [number for number in self.list_numbers() if _done(number) not in done]

    def rewrite(self, records: Sequence[PurgeRecord]) -> int:
        """Write records into a store that lost them; return how many were missing."""
        written = 0
        for record in records:
            if not self._store.has(_name(record.number)):
                sealed = self._kms.wrap(encode_record(record), context=_bind(record.number))
                self._store.write_bytes(_name(record.number), sealed)
                written += 1
        return written

    def read(self, number: int) -> PurgeRecord:
        """Return one record.

        Raises:
            InconsistentRecord: it was changed, or is that of another number or installation.
            Unavailable: it is not there.
        """
        sealed = b"".join(self._store.read(_name(number)))
        try:
            record = decode_record(self._kms.unwrap(sealed, context=_bind(number)))
        except (PurgeRefused, SetupError) as failure:
            raise InconsistentRecord(
                f"purge {number} of the journal in {self.place} does not open: it was changed, or "
                "this home is not the one that wrote it"
            ) from failure
        if record.number != number:
            raise InconsistentRecord(f"purge {number} of the journal is another one")
        return record

    def read_since(self, after: int) -> Iterator[PurgeRecord]:
        """Yield the records after a number, in order, each checked against the one before.

        Raises:
            InconsistentRecord: one is missing in the middle, or is not the one that was said.
        """
        last: PurgeRecord | None = None
        for number in self.list_numbers():
            if number < after:
                continue
            record = self.read(number)
            try:
                check_chain([record], after=last)
            except PurgeRefused as failure:
                raise InconsistentRecord(
                    f"the journal of purges in {self.place} is damaged: {failure}. Restore it from "
                    "its copy"
                ) from failure
            last = record
            if number > after:
                yield record

    def load_last(self) -> PurgeRecord | None:
        """Return the last record; None when there is none."""
        numbers = self.list_numbers()
        return self.read(numbers[-1]) if numbers else None

    def forget(self, up_to: int) -> int:
        """Delete the records up to a number, never the last one; return how many went."""
        numbers = self.list_numbers()
        gone = [number for number in numbers[:-1] if number <= up_to]
        for number in gone:
            self._store.delete(_name(number))
            self._store.delete(_done(number))
        return len(gone)


def check_not_behind(journal: PurgeJournal, *, last: int, digest: bytes) -> None:
    """Refuse a base that does not know what was erased.

    Args:
        journal: The journal.
        last: The last purge the base says was said.
        digest: Its digest.

    Raises:
        Conflict: the journal goes further: this base was restored and not brought forward.
        InconsistentRecord: the journal is that of another base.
        Unavailable: the journal cannot be read.
    """
    newest = journal.load_last()
    if newest is None or newest.number < last:
        return
    if newest.number > last:
        raise Conflict(
            f"this base is older than its purges: {newest.number - last} were carried out since, "
            "and what they erased may be here again. Run `rempart restore purges` first"
        )
    if newest.digest != digest:
        raise InconsistentRecord(
            f"the journal of purges in {journal.place} is not that of this base: set "
            "REMPART_BACKUPS to the store of this one"
        )


def _name(number: int) -> str:
    return f"{FOLDER}/{number:012}.purge"


def _bind(number: int) -> bytes:
    return b"rempart/purge/" + number.to_bytes(8, "big")


def _done(number: int) -> str:
    return f"{FOLDER}/{number:012}.done"


def _bind_done(number: int) -> bytes:
    return b"rempart/purge-done/" + number.to_bytes(8, "big")
