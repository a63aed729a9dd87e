"""One round with the witnesses: each log's last checkpoint, each witness, what they answer.

Refuses to believe a witness's word without its signature, and to forget a refusal that accuses the
log. Asks nobody anything inside a transaction: a slow witness holds no connection.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from rempart.disclosure.note import NoteRefused
from rempart.disclosure.proof import prove_consistency
from rempart.disclosure.witness import (
    AddCheckpoint,
    KnownWitness,
    Quorum,
    read_cosignature,
)
from rempart.exchange.witness_client import WitnessAnswer, WitnessUnreachable
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.ledger_publishing import (
    AlarmReason,
    AlarmRow,
    LastCheckpoint,
    list_logs,
    load_cosigned_sizes,
    load_last_checkpoint,
    save_alarm,
    save_cosignature,
)
from rempart.storage.ledger_tiles import UnfinishedTiles, make_stored_node_reader

Result: TypeAlias = Literal["cosigned", "unreachable", "refused", "fork", "rollback"]

# Asked again with the size the witness says it has: once is enough unless another asks beside us.
_ATTEMPTS: Final = 3
_FORK_ADVICE: Final = "keep everything, stop the log's gateway, and compare"


class AsksWitness(Protocol):
    """Speaks to a witness: see `exchange.witness_client`."""

    def add_checkpoint(self, url: str, request: AddCheckpoint) -> WitnessAnswer:
        """Submit a checkpoint; raises WitnessUnreachable."""
        ...


class Outcome(NamedTuple):
    """What one witness did about one log.

    Attributes:
        log_id: The log.
        witness: The witness's key name.
        size: Of the checkpoint asked for.
        result: `fork` and `rollback` accuse us; the alarm is kept.
        detail: For people.
    """

    log_id: int
    witness: str
    size: int
    result: Result
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round works with.

    Args:
        transaction: Opens a transaction of the login `cosigner`, committed at the end.
        ask: Speaks to witnesses.
        now_ms: Unix milliseconds, written with alarms.
        unfinished: What rounds before this one read of the tree's right edge.
    """

    transaction: OpenTransaction
    ask: AsksWitness
    now_ms: Callable[[], int]
    unfinished: UnfinishedTiles = field(default_factory=UnfinishedTiles)


def cosign_ledger(tools: Round, quorum: Quorum) -> list[Outcome]:
    """Ask every witness for every log; return what each did, logs first.

    A witness that is away delays the others by its timeout and loses nothing: the next round asks
    for a later checkpoint. A crash anywhere leaves cosignatures that are kept, and a witness that
    may be ahead of what we know: it says so (409), and is asked again from there.
    """
    with tools.transaction() as tx:
        logs = [log.log_id for log in list_logs(tx) if log.size is not None]
    return [_cosign_log(tools, log_id, witness) for log_id in logs for witness in quorum.witnesses]


def _cosign_log(tools: Round, log_id: int, witness: KnownWitness) -> Outcome:
    """Ask one witness about one log, also when nothing was added: it then sees that it is so."""
    name = witness.verifier.name
    with tools.transaction() as tx:
        old_size = load_cosigned_sizes(tx, log_id).get(name, 0)
    size = 0
    for _ in range(_ATTEMPTS):
        with tools.transaction() as tx:
            last = load_last_checkpoint(tx, log_id)
            if last is None:
                return Outcome(log_id, name, 0, "refused", "the log has no checkpoint any more")
            proof = _prove(tools, tx, log_id, old_size, last.size)
        size = last.size
        if old_size > size:
            # Only kept checkpoints are ever sent: the witness saw what we have lost.
            return _accuse(tools, log_id, witness, last, "rollback", witness_size=old_size)
        request = AddCheckpoint(old_size, tuple(proof), last.note)
        try:
            answer = tools.ask.add_checkpoint(witness.url, request)
        except WitnessUnreachable as failure:
            return Outcome(log_id, name, size, "unreachable", str(failure))
        if answer.status != 409 or answer.size is None:
            return _settle(tools, log_id, witness, last, old_size, answer)
        old_size = answer.size
    return Outcome(log_id, name, size, "refused", "somebody else asks it for the same log")


def _prove(tools: Round, tx: Transaction, log_id: int, old_size: int, size: int) -> Sequence[bytes]:
    if old_size == 0 or old_size >= size:
        return ()
    reader = make_stored_node_reader(tx, log_id, size, tools.unfinished)
    return prove_consistency(old_size, size, reader)


def _settle(
    tools: Round,
    log_id: int,
    witness: KnownWitness,
    last: LastCheckpoint,
    old_size: int,
    answer: WitnessAnswer,
) -> Outcome:
    """Keep what a witness answered."""
    name = witness.verifier.name
    if answer.status == 422:
        return _accuse(tools, log_id, witness, last, "fork", witness_size=old_size)
    if answer.status != 200:
        detail = f"{answer.status}: {answer.reason}"
        return Outcome(log_id, name, last.size, "refused", detail)
    try:
        cosignature = read_cosignature(last.note, answer.lines, witness.verifier)
    except NoteRefused as refusal:
        return Outcome(log_id, name, last.size, "refused", str(refusal))
    with tools.transaction() as tx:
        save_cosignature(
            tx,
            log_id=log_id,
            size=last.size,
            witness=name,
            t_ms=cosignature.time_s * 1000,
            line=cosignature.line,
        )
    return Outcome(log_id, name, last.size, "cosigned")


def _accuse(
    tools: Round,
    log_id: int,
    witness: KnownWitness,
    last: LastCheckpoint,
    reason: AlarmReason,
    *,
    witness_size: int,
) -> Outcome:
    """Keep an alarm that stays: from here on the log must be explained, not repaired."""
    name = witness.verifier.name
    alarm = AlarmRow(log_id, name, last.size, reason, witness_size, tools.now_ms())
    with tools.transaction() as tx:
        save_alarm(tx, alarm, note=last.note)
    detail = f"it has seen {witness_size}, we show {last.size}: {_FORK_ADVICE}"
    return Outcome(log_id, name, last.size, reason, detail)
