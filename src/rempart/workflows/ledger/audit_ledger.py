"""Audit the ledger: recompute every log from its rows, and say where they are not what was kept.

Reads only. Refuses to answer "all is well" about a log it could not read whole: rows in the
database, rows in segments' files, and what acts account for where there is no row any more.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rempart.disclosure.acts_audit import find_key_differences, read_acts
from rempart.disclosure.audit import LogAudit
from rempart.disclosure.audit_segments import ActIndex, check_erasures, check_segment
from rempart.disclosure.audit_source import LogState
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.differences import Difference
from rempart.disclosure.entry import Kind
from rempart.disclosure.note import NoteVerifier
from rempart.disclosure.segment import SegmentState
from rempart.kernel.errors import NotFound, SetupError
from rempart.storage.cold_rows import ColdRows
from rempart.storage.connect import Transaction
from rempart.storage.ledger import (
    LedgerState,
    StoredLog,
    find_loose_rows,
    find_undeclared_logs,
    find_undeclared_sessions,
    load_ledger_state,
    read_acts_rows,
    read_erased_groups,
)
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.audit_segments import list_sessions_in_files, read_segment_facts

# Differences kept to be shown; all are counted.
DIFFERENCES_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedLog:
    """How much of one log was read and checked."""

    log_id: int
    origin: str
    entries: int
    tiles: int
    checkpoints: int
    sessions: int
    segments: int
    erased: int


@dataclass(slots=True)
class LedgerVerdict:
    """The outcome of an audit.

    Attributes:
        logs: What was checked, log by log.
        differences: The first differences, in the order they were found.
        count: How many differences there are.
        unfinished: Acts that were announced and not carried out yet. No difference.
    """

    logs: list[AuditedLog] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    count: int = 0
    unfinished: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether the ledger is what was recorded."""
        return self.count == 0

    def add(self, differences: Iterable[Difference]) -> None:
        """Count differences, and keep the first."""
        for difference in differences:
            self.count += 1
            if len(self.differences) < DIFFERENCES_KEPT:
                self.differences.append(difference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the auditor knows from elsewhere than the database that is being judged.

    Attributes:
        keys: Keys of logs: a log of that name must have that key, first or later.
        witnesses: Keys of witnesses: their lines under checkpoints are verified.
    """

    keys: Sequence[NoteVerifier] = ()
    witnesses: Sequence[CosignatureVerifier] = ()


NO_TRUST = Trust()


def audit_ledger(
    tx: Transaction,
    *,
    log_id: int | None = None,
    store: SegmentStore | None = None,
    trust: Trust = NO_TRUST,
    on_progress: Callable[[LogState, int], None] = lambda _state, _done: None,
) -> LedgerVerdict:
    """Recompute the ledger and compare it with itself.

    Args:
        tx: A transaction of a role that reads the ledger. Writers need not stop: what they add
            meanwhile is not looked at. What takes openings away waits until the audit has ended.
        log_id: Audit one log only; what belongs to no log is then left out.
        store: Where the files of sealed segments are; needed once there is one.
        trust: What is known from elsewhere.
        on_progress: Called with a log and how many of its entries are done.

    Raises:
        NotFound: There is no log of that number.
        SetupError: There are sealed segments, and no store was named.
    """
    state = load_ledger_state(tx, log_id)
    if log_id is not None and not state.logs and not state.headless:
        raise NotFound(f"there is no log {log_id}: leave --log out to audit all of them")
    if store is None and any(log.segments for log in state.logs):
        raise SetupError("segments are sealed: set REMPART_SEGMENTS to where their files are")
    verdict = LedgerVerdict()
    verdict.add(_check_declarations(state, trust.keys))
    acts = _load_acts(tx)
    for log in state.logs:
        cold = _open_cold(store, log)
        audit = LogAudit(
            log,
            StoredLog(tx, log.log_id, cold),
            witnesses={verifier.name: verifier for verifier in trust.witnesses},
            on_progress=lambda done, log=log: on_progress(log, done),  # type: ignore[misc]
        )
        verdict.add(audit.run())
        verdict.add(_check_segments(tx, log, store, cold, acts))
        verdict.logs.append(_describe(log, audit))
    verdict.add(_check_keys(tx, state))
    verdict.add(check_erasures(read_erased_groups(tx, log_id), acts))
    if log_id is None:
        verdict.add(_check_orphans(tx, state, verdict, store))
        verdict.unfinished += acts.list_unfinished(
            row for log in state.logs for row in log.segments
        )
    return verdict


def _load_acts(tx: Transaction) -> ActIndex:
    entries, statements = read_acts_rows(tx)
    placed, _ = read_acts(0, entries, statements)
    known = {one.idx for one in placed}
    refused = (
        (row.idx, row.body) for row in statements if row.kind == Kind.ERASE and row.idx not in known
    )
    return ActIndex.build(placed, refused)


def _open_cold(store: SegmentStore | None, log: LogState) -> ColdRows | None:
    cold = {row.segment: row for row in log.segments if row.state == SegmentState.COLD}
    return ColdRows(store, log.log_id, log.segment_bits, cold) if store and cold else None


def _check_segments(
    tx: Transaction,
    log: LogState,
    store: SegmentStore | None,
    cold: ColdRows | None,
    acts: ActIndex,
) -> Iterator[Difference]:
    for row in log.segments:
        if store is not None:
            yield from check_segment(read_segment_facts(tx, log, row, store, cold), acts)


def _check_keys(tx: Transaction, state: LedgerState) -> Iterator[Difference]:
    entries, statements = read_acts_rows(tx)
    placed, _ = read_acts(0, entries, statements)
    for log in state.logs:
        yield from find_key_differences(log.log_id, log.origin, log.vkey, log.keys, placed)


def _describe(log: LogState, audit: LogAudit) -> AuditedLog:
    return AuditedLog(
        log_id=log.log_id,
        origin=log.origin,
        entries=audit.entries,
        tiles=audit.tiles,
        checkpoints=audit.checkpoints,
        sessions=audit.sessions,
        segments=len(log.segments),
        erased=audit.erased,
    )


def _check_declarations(
    state: LedgerState, trusted_keys: Sequence[NoteVerifier]
) -> Iterable[Difference]:
    """Find logs without a head, and logs whose key is not the one that was received."""
    for log_id in state.headless:
        yield _difference("head", log_id, "missing_row", "the log has no head")
    for key in trusted_keys:
        of_that_name = [log for log in state.logs if log.origin == key.name]
        if not of_that_name:
            yield _difference("log", None, "signature", f"no log is called {key.name}")
        for log in of_that_name:
            if key.vkey not in (log.vkey, *(row.vkey for row in log.keys)):
                yield _difference(
                    "log", log.log_id, "signature", "the key is not the one you trust", ("vkey",)
                )


def _check_orphans(
    tx: Transaction, state: LedgerState, verdict: LedgerVerdict, store: SegmentStore | None
) -> Iterable[Difference]:
    """Find rows that belong to no log or checkpoint, and sessions that no entry opened."""
    for table, log_id in find_undeclared_logs(tx):
        yield _difference(table, log_id, "extra_row", "its log is not declared")
    for table, log_id, size in find_loose_rows(tx):
        yield Difference(
            table=table,
            log_id=log_id,
            row={"size": size},
            columns=(),
            rule="extra_row",
            message="no checkpoint of that size is kept",
        )
    if state.sessions > sum(log.sessions for log in verdict.logs):
        for session_ref in find_undeclared_sessions(tx, list_sessions_in_files(state.logs, store)):
            yield Difference(
                table="session",
                log_id=None,
                row={"session_ref": session_ref},
                columns=(),
                rule="extra_row",
                message="no entry opened it",
            )


def _difference(
    table: str, log_id: int | None, rule: str, message: str, columns: tuple[str, ...] = ()
) -> Difference:
    return Difference(
        table=table, log_id=log_id, row={}, columns=columns, rule=rule, message=message
    )
