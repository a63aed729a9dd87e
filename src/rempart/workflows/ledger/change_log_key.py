"""Give a log another key, or take a lost log up again under another number.

Refuses while somebody writes the log, and to give a key that no act of the acts log names: the act
and the key are one statement of the database.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rempart.disclosure.acts import (
    ACTS_LOG,
    COMMAND_LINE,
    Act,
    KeyChange,
    Recovery,
    draft_act,
)
from rempart.disclosure.checkpoint import Checkpoint, verify_checkpoint
from rempart.disclosure.note import NoteRefused, NoteVerifier, parse_note
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound, SetupError
from rempart.storage.connect import Transaction
from rempart.storage.ledger_writer import LedgerWriter
from rempart.storage.log_facts import LogFacts, claim_log, list_log_facts
from rempart.storage.log_opener import LogOpener
from rempart.workflows.ledger.record_act import ActsLog, record_act


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChanged:
    """A log's new key, and from where it signs."""

    log_id: int
    from_size: int
    vkey: str
    act_index: int


def change_log_key(
    tx: Transaction,
    *,
    log: LogOpener,
    acts: LogOpener,
    draw_key: Callable[[], NoteVerifier],
    reason: str,
) -> KeyChanged:
    """Give a log another key: it signs every size above the present one.

    Args:
        tx: A transaction of the role auditor.
        log: How the log is opened; the same as `acts` when it is the acts log.
        acts: How the acts log is opened.
        draw_key: Draws a key beside those the log has, durably, and returns its public side.
        reason: Why; kept for ever, so it names nobody.

    Raises:
        NotFound: There is no such log.
        LedgerUnavailable: Somebody writes it: stop its gateway first. Nothing was changed.
    """
    if all(known.log_id != log.log_id for known in list_log_facts(tx)):
        raise NotFound(f"there is no log {log.log_id}")
    return asyncio.run(_change(log, acts, draw_key, reason))


async def _change(
    log: LogOpener, acts: LogOpener, draw_key: Callable[[], NoteVerifier], reason: str
) -> KeyChanged:
    # 1. Take the log, so that nobody signs meanwhile, and keep the old key's last checkpoint. A
    #    crash from here to 3 leaves the old key in place.
    writer = await log.open()
    try:
        await writer.write_checkpoint()
        # 2. The new key's file. A crash after it leaves a key that nothing names and nobody uses.
        verifier = draw_key()
        # 3. The act, and with it the key. A crash after it: the next writer signs with the new key.
        if log.log_id == ACTS_LOG:
            return await _give_key(writer, writer, verifier, reason)
        acts_writer = await acts.open()
        try:
            return await _give_key(writer, acts_writer, verifier, reason)
        finally:
            await acts_writer.close()
    finally:
        await writer.close()


async def _give_key(
    writer: LedgerWriter, acts_writer: LedgerWriter, verifier: NoteVerifier, reason: str
) -> KeyChanged:
    """Record the change. The acts log's own act is the last entry its old key signs."""
    from_size = writer.size + (1 if writer is acts_writer else 0)
    act = KeyChange(
        log=writer.log_id,
        from_size=from_size,
        old_vkey=writer.vkey,
        new_vkey=verifier.vkey,
        reason=reason,
    )
    index = await _append(acts_writer, act)
    return KeyChanged(
        log_id=writer.log_id, from_size=from_size, vkey=verifier.vkey, act_index=index
    )


async def _append(writer: LedgerWriter, act: Act) -> int:
    draft, statement = draft_act(
        act,
        account_ref=COMMAND_LINE.account_ref,
        session_ref=COMMAND_LINE.session_ref,
        request_id=secrets.token_bytes(16),
    )
    [receipt] = await writer.append([draft], statements=[statement])
    return receipt.index


def give_up_log(
    tx: Transaction,
    acts: ActsLog,
    *,
    log_id: int,
    successor: int,
    reason: str,
    note: str | None = None,
) -> Recovery:
    """Record that a log is given up at its last known checkpoint and goes on as another.

    From then on no writer takes the old log over: what it may still hold beyond that checkpoint is
    no part of it. A crash before the act leaves everything as it was.

    Args:
        tx: A transaction of the role auditor.
        acts: The acts log.
        log_id: The log that is given up.
        successor: The number under which it goes on; unused so far.
        reason: What happened; kept for ever, so it names nobody.
        note: A signed checkpoint somebody else kept (a witness, a receipt), when it is larger than
            what the database kept.

    Raises:
        NotFound: There is no such log, or no checkpoint of it is known.
        Conflict: The successor exists already, the log was given up before, or is being written.
        InvalidRequest: The note is not the log's, or is smaller than what the database kept.
    """
    if log_id == ACTS_LOG:
        raise SetupError("log 0 goes on as itself or not at all: restore it from its backup")
    facts = _find_lost(list_log_facts(tx), log_id, successor)
    if not claim_log(tx, log_id):
        raise Conflict(f"log {log_id} is being written: stop its gateway first")
    last = _find_last_checkpoint(facts, note)
    act = Recovery(
        log=successor, old_log=log_id, size=last.size, root=last.root.hex(), reason=reason
    )
    record_act(acts, act, by=COMMAND_LINE)
    return act


def _find_lost(logs: Sequence[LogFacts], log_id: int, successor: int) -> LogFacts:
    known = {facts.log_id: facts for facts in logs}
    if log_id not in known:
        raise NotFound(f"there is no log {log_id}")
    if known[log_id].successor is not None:
        raise Conflict(f"log {log_id} goes on as log {known[log_id].successor} already")
    taken = {ACTS_LOG, *known, *(facts.successor for facts in logs)}
    if successor in taken:
        raise Conflict(f"log {successor} exists already: give a number that was never used")
    return known[log_id]


def _find_last_checkpoint(facts: LogFacts, note: str | None) -> Checkpoint:
    """Return the last checkpoint known of a log: the one shown, or the one kept."""
    last = facts.last_checkpoint
    if note is not None:
        shown = _read_note(note, facts.origin, facts.vkeys)
        if last is not None and shown.size < last.size:
            raise InvalidRequest(f"the database kept a later checkpoint, of {last.size} entries")
        if last is not None and shown.size == last.size and shown.root != last.root:
            raise InvalidRequest("the database kept another root of that size: the log was forked")
        return shown
    if last is None:
        raise NotFound(f"no checkpoint of log {facts.log_id} is known: give one with --checkpoint")
    return last


def _read_note(message: str, origin: str, vkeys: tuple[str, ...]) -> Checkpoint:
    """Read a checkpoint that any key of the log signed."""
    try:
        signers = {line.key_id for line in parse_note(message).signatures}
        for vkey in vkeys:
            verifier = NoteVerifier.parse(vkey)
            if verifier.key_id in signers:
                return verify_checkpoint(message, verifier, origin=origin)
    except NoteRefused as refusal:
        raise InvalidRequest(f"the checkpoint is not one of the log's: {refusal}") from refusal
    raise InvalidRequest("the checkpoint is not one of the log's: no key of it signed")
