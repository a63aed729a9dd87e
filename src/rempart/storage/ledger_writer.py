"""The one writer of one log: every entry it acknowledges is durable, numbered and in the tree.

Refuses to guess. Whatever goes wrong, the writer is finished: the caller opens another, which reads
what the database really holds. It has no timers and no tasks of its own, and signs only roots that
are already committed, so that no log is ever signed at one size with two roots.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import asyncpg

from rempart.disclosure.acts import ACT_KINDS, Statement, check_statements
from rempart.disclosure.batch import (
    Batch,
    Columns,
    CorruptBatch,
    build_batch,
    check_batch,
    check_sessions,
)
from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.entry import SALT_SIZE, Draft
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.session import SessionFacts
from rempart.kernel.errors import LedgerFenced, LedgerUnavailable
from rempart.storage.array_literals import format_bytes, format_numbers, format_uuids
from rempart.storage.care import PecRow, PromiseMoved, write_pecs
from rempart.storage.ledger_opening import (
    CHECKPOINT_PERIOD_MS,
    DRIVER_FAILURES,
    SEGMENT_BITS,
    Standing,
    close_quietly,
    open_log,
)
from rempart.storage.queries import load_queries

# A segment is made when the log comes this close to it: minutes ahead at the highest rate.
SEGMENT_AHEAD = 1 << 16
# Accounts whose last number is remembered; others are looked up again, one index probe each.
ACCOUNTS_REMEMBERED = 100_000
# A commit that takes longer is given up, which ends the writer.
COMMIT_TIMEOUT_S = 15.0

_sql = load_queries("ledger_writer")


class Replay(NamedTuple):
    """An answer kept so that the same request repeated gets the same bytes.

    Attributes:
        session_ref: The session that asked; no other session ever gets the answer.
        request_id: 16 bytes that name the request.
        body_digest: Digest of what was asked: another question under the same name is a conflict.
        answer: The bytes answered.
    """

    session_ref: int
    request_id: bytes
    body_digest: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an entry is recorded: nothing may be answered without one.

    Attributes:
        log_id: The log.
        origin: Its public name.
        index: The entry's place in it.
        checkpoint: Signed note of a size that includes the entry.
    """

    log_id: int
    origin: str
    index: int
    checkpoint: str


class LedgerWriter:
    """Appends to one log through one connection that it owns. Get one with `open`.

    Exactly one caller at a time: a batch starts when the one before it has ended. `size` is the
    index the next batch starts at.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        standing: Standing,
        *,
        clock_ms: Callable[[], int],
        draw_salts: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._connection = connection
        self._draw_salts = draw_salts
        self._signer = standing.signer
        self._clock_ms = clock_ms
        self.log_id = standing.log_id
        self._epoch = standing.epoch
        self._tree = standing.tree
        self._t_ms = standing.t_ms
        self._root = standing.root
        self._checkpoint_size = standing.checkpoint_size
        self._checkpoint_due_ms = standing.checkpoint_due_ms
        # The same by a clock that is behind the entries; not known yet.
        self._due_behind_ms = 1 << 62
        self._insurers = dict(standing.insurer_counters)
        # Counters to keep with the next checkpoint; those found in the tail were never kept.
        self._moved_insurers = set(self._insurers)
        self._accounts: dict[int, int] = {}
        self._segment_bits = standing.segment_bits
        self._next_segment = (standing.tree.size >> standing.segment_bits) + 1
        self._note = standing.note or self._sign()
        self._usable = True
        self._busy = False
        self._warnings: list[str] = []
        connection.add_log_listener(self._hear)

    @classmethod
    async def open(
        cls,
        connection: asyncpg.Connection,
        *,
        log_id: int,
        signers: Sequence[NoteSigner],
        clock_ms: Callable[[], int],
        segment_bits: int = SEGMENT_BITS,
        patience_s: float = 0.0,
        draw_salts: Callable[[int], bytes] = secrets.token_bytes,
    ) -> Self:
        """Take a log over: check it, fence every earlier writer, and stand ready to append.

        A log that does not exist is made. A crash at any point leaves the log as it was, but for
        its epoch, which only ever grows.

        Args:
            connection: A direct connection as the gateway's role (no pooler between). The writer
                owns it from here on: it ends with the writer, or now if this fails.
            log_id: The log.
            signers: Our keys of the log, the first one first; their name is the log's origin. The
                one the log has now signs.
            clock_ms: Unix milliseconds.
            segment_bits: If the log is made: its segments hold two to this power leaves.
            patience_s: How long to wait for another writer to give the log back.
            draw_salts: Random bytes; those of before only where entries are made again.

        Raises:
            SetupError: The server does not keep what it acknowledges, or the log belongs to another
                key; the message says what to set.
            LedgerUnavailable: The database is down, or another writer has the log: try later.
            InconsistentRecord: The rows do not lead to the head: run `rempart ledger audit`.
        """
        try:
            standing = await open_log(
                connection,
                log_id=log_id,
                signers=signers,
                segment_bits=segment_bits,
                patience_s=patience_s,
            )
            return cls(connection, standing, clock_ms=clock_ms, draw_salts=draw_salts)
        except BaseException:
            connection.terminate()
            raise

    @property
    def size(self) -> int:
        """Number of entries: the index of the first entry of the next batch."""
        return self._tree.size

    @property
    def root(self) -> bytes:
        """Root of the present size."""
        return self._root

    @property
    def origin(self) -> str:
        """The log's public name."""
        return self._signer.name

    @property
    def vkey(self) -> str:
        """The key that signs it."""
        return self._signer.verifier.vkey

    @property
    def checkpoint(self) -> str:
        """The signed note of the present size."""
        return self._note

    @property
    def is_usable(self) -> bool:
        """Whether the writer may still append; once false, it stays false."""
        return self._usable and not self._connection.is_closed()

    async def append(
        self,
        drafts: Sequence[Draft],
        *,
        sessions: Sequence[SessionFacts] = (),
        replays: Sequence[Replay] = (),
        statements: Sequence[Statement] = (),
        pecs: Sequence[PecRow] = (),
    ) -> list[Receipt]:
        """Record a batch and wait until it is durable.

        Args:
            drafts: At least one; draft i gets index `size` + i.
            sessions: The facts of the SESSION drafts, in their order.
            replays: Answers to keep with the batch. One that is kept already stays as it is.
            statements: What the drafts of acts state, in their order.
            pecs: Promises that entries of this batch tell.

        Returns:
            One receipt for each draft, in order, under one checkpoint.

        Raises:
            ValueError: A draft cannot be stored. Nothing was written; the writer stays usable.
            PromiseMoved: A promise to replace is good no more. Nothing was written; the writer
                stays usable.
            LedgerFenced: Another writer took the log over. Nothing was written.
            LedgerUnavailable: It is not known whether the batch was written; the writer is finished
                and no receipt may be given. Whoever opens the log next sees which.
        """
        check_sessions(drafts, sessions)
        check_statements(drafts, statements)
        async with self._alone():
            # 1. The checkpoint of what is committed, when one is due. A crash after it leaves a log
            #    that is complete; the batch was never promised to anybody.
            if self._is_checkpoint_due() and self._checkpoint_size < self.size:
                await self._save_checkpoint()
            # 2. Room for the batch. A crash after it leaves an empty partition, found by the next
            #    writer.
            await self._ensure_segments(self.size + len(drafts))
            # 3. Numbers and hashes, in memory. A value that cannot be stored ends here.
            await self._load_accounts(drafts)
            batch = self._build(drafts)
            # 4. The batch: one statement, one transaction, one flush. A crash before its commit
            #    leaves nothing; a crash after it leaves entries that nobody was told about, which
            #    is the safe side: the log may know of an answer that was not sent, never the
            #    reverse.
            async with self._fatal(), contextlib.AsyncExitStack() as stack:
                if pecs:  # the one case with a second statement
                    await stack.enter_async_context(self._connection.transaction())
                moved = await self._connection.fetchval(
                    _sql.append_batch,
                    *(self.log_id, self._epoch, batch.first, batch.tree.size),
                    *(batch.root, batch.t_ms, *_format_columns(batch.columns)),
                    *_transpose(batch.tiles, 3),
                    *_transpose(sessions, len(SessionFacts._fields)),
                    *_transpose(replays, len(Replay._fields)),
                    *_transpose(statements, len(Statement._fields)),
                    [place for place, draft in enumerate(drafts) if draft.kind in ACT_KINDS],
                    timeout=COMMIT_TIMEOUT_S,
                )
                self._check_fence(moved)
                if pecs:
                    await write_pecs(self._connection, pecs)
            # 5. Durable. Only now is its root signed and are its callers told.
            self._adopt(batch)
        return [
            Receipt(self.log_id, self.origin, index, self._note)
            for index in range(batch.first, self.size)
        ]

    async def write_checkpoint(self) -> str:
        """Keep the checkpoint of the present size, unless it is kept; return its signed note.

        For the caller to call when it has nothing to append: until then the entries of the last
        second are only covered by the head.

        Raises:
            LedgerFenced: Another writer took the log over.
            LedgerUnavailable: The writer is finished.
        """
        async with self._alone():
            if self._checkpoint_size < self.size:
                await self._save_checkpoint()
        return self._note

    async def close(self) -> None:
        """Keep a last checkpoint if the writer is usable, and give the log back.

        A crash here, or none of it: the next writer finds the head where the last batch left it.
        """
        try:
            if self.is_usable:
                await self.write_checkpoint()
        finally:
            self._usable = False
            await close_quietly(self._connection)

    def abandon(self) -> None:
        """Give the log back without a word: for a server that may hear nothing."""
        self._usable = False
        self._connection.terminate()

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Refuse a finished writer, and two batches at a time."""
        if self._busy:
            raise RuntimeError("a log has one writer with one batch at a time")
        if not self.is_usable:
            self._usable = False
            raise LedgerUnavailable(f"the writer of log {self.log_id} is finished: open another")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    @contextlib.asynccontextmanager
    async def _fatal(self) -> AsyncIterator[None]:
        """Let what is raised inside finish the writer; its connection and its lock go with it."""
        try:
            yield
            self._check_warnings()
        except PromiseMoved:
            raise  # rolled back, and answered: the connection is as it was
        except BaseException as failure:
            self._usable = False
            self._connection.terminate()
            if isinstance(failure, DRIVER_FAILURES):
                raise LedgerUnavailable(
                    f"log {self.log_id} cannot be written: {type(failure).__name__}"
                ) from failure
            raise

    def _hear(self, _connection: object, message: Any) -> None:
        """Keep what the server says beside its answers, if it is a warning."""
        if message.severity_en == "WARNING":
            self._warnings.append(message.message)

    def _check_warnings(self) -> None:
        # "Committed locally, but might not have been replicated" comes as a mere warning, after
        # which the commit looks well.
        if self._warnings:
            raise LedgerUnavailable(f"the database warned: {self._warnings[0]}")

    def _check_fence(self, moved: int) -> None:
        if moved != 1:
            raise LedgerFenced(
                f"another writer took log {self.log_id} over after epoch {self._epoch}: stop"
            )

    def _is_checkpoint_due(self) -> bool:
        """Say whether one is due: a period after the last, whatever became of the clock.

        The time of entries stands still until a clock that was put back has caught up; checkpoints
        do not, because a log is opened by reading all that follows the last one.
        """
        if self._t_ms >= self._checkpoint_due_ms:
            return True
        now_ms = self._clock_ms()
        if now_ms >= self._t_ms:
            return False
        self._due_behind_ms = min(self._due_behind_ms, now_ms + CHECKPOINT_PERIOD_MS)
        return now_ms >= self._due_behind_ms

    async def _save_checkpoint(self) -> None:
        """Keep the signed head with the edge under it. It is committed already: see `_adopt`."""
        moved = {ref: self._insurers[ref] for ref in self._moved_insurers}
        async with self._fatal():
            saved = await self._connection.fetchval(
                _sql.save_checkpoint,
                *(self.log_id, self._epoch, self.size, self._t_ms, self._root, self._note),
                *(self._tree.edge, list(moved), list(moved.values())),
                timeout=COMMIT_TIMEOUT_S,
            )
            self._check_fence(saved)
        self._checkpoint_size = self.size
        self._checkpoint_due_ms = self._t_ms + CHECKPOINT_PERIOD_MS
        self._due_behind_ms = self._clock_ms() + CHECKPOINT_PERIOD_MS
        self._moved_insurers.clear()

    async def _ensure_segments(self, size: int) -> None:
        ahead = min(SEGMENT_AHEAD, 1 << self._segment_bits)
        while (size + ahead) >> self._segment_bits >= self._next_segment:
            async with self._fatal():
                await self._connection.execute(
                    _sql.ensure_segment, self.log_id, self._next_segment, timeout=COMMIT_TIMEOUT_S
                )
            self._next_segment += 1

    async def _load_accounts(self, drafts: Sequence[Draft]) -> None:
        """Look up the last number of the accounts that are not remembered."""
        asked = {draft.account_ref for draft in drafts if draft.account_ref}
        missing = [account for account in asked if account not in self._accounts]
        if not missing:
            return
        async with self._fatal():
            rows = await self._connection.fetch(
                _sql.load_account_counters, self.log_id, missing, timeout=COMMIT_TIMEOUT_S
            )
        self._accounts.update(rows)

    def _build(self, drafts: Sequence[Draft]) -> Batch:
        batch = build_batch(
            self._tree,
            drafts,
            log_id=self.log_id,
            t_ms=max(self._clock_ms(), self._t_ms),
            salts=self._draw_salts(SALT_SIZE * len(drafts)),
            account_counters=self._accounts,
            insurer_counters=self._insurers,
        )
        try:
            check_batch(self._tree, batch)
        except CorruptBatch as failure:
            self._usable = False
            raise LedgerUnavailable(
                f"this machine's memory is not reliable: {failure}"
            ) from failure
        return batch

    def _adopt(self, batch: Batch) -> None:
        """Make a committed batch the present, and sign it."""
        self._tree, self._root, self._t_ms = batch.tree, batch.root, batch.t_ms
        self._insurers.update(batch.insurer_counters)
        self._moved_insurers.update(batch.insurer_counters)
        for account, last in batch.account_counters.items():
            # Taken out and put back: the account used longest ago stands first.
            self._accounts.pop(account, None)
            self._accounts[account] = last
        while len(self._accounts) > ACCOUNTS_REMEMBERED:
            del self._accounts[next(iter(self._accounts))]
        self._note = self._sign()

    def _sign(self) -> str:
        return sign_checkpoint(self._signer, Checkpoint(self.origin, self.size, self._root))


# How each column of `ledger.entry` from `kind` to `request_id` but `t_ms` is written.
_FORMATS: Final = {
    1: format_bytes,  # salt
    8: format_uuids,  # lookup_key
    17: format_uuids,  # request_id
}


def _format_columns(columns: Columns) -> list[str]:
    return [_FORMATS.get(place, format_numbers)(values) for place, values in enumerate(columns)]


def _transpose(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Turn rows into columns, also when there is no row."""
    return [[row[place] for row in rows] for place in range(width)]
