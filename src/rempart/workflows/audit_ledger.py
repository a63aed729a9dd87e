"""Verify the ledger: recompute every log from its rows, and say where they are not what was kept.

Reads only. Refuses to answer "all is well" about a log it could not read whole.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rempart.disclosure.audit import LogAudit
from rempart.disclosure.audit_source import LogState
from rempart.disclosure.differences import Difference
from rempart.disclosure.note import NoteVerifier
from rempart.kernel.errors import NotFound
from rempart.storage.connect import Transaction
from rempart.storage.ledger import (
    LedgerState,
    StoredLog,
    find_undeclared_logs,
    find_undeclared_sessions,
    load_ledger_state,
)

# Differences kept to be shown; all are counted.
DIFFERENCES_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLog:
    """How much of one log was read and checked."""

    log_id: int
    origin: str
    entries: int
    tiles: int
    checkpoints: int
    sessions: int


@dataclass(slots=True)
class LedgerVerdict:
    """The outcome of a verification.

    Attributes:
        logs: What was checked, log by log.
        differences: The first differences, in the order they were found.
        count: How many differences there are.
    """

    logs: list[VerifiedLog] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    count: int = 0

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


def verify_ledger(
    tx: Transaction,
    *,
    log_id: int | None = None,
    trusted_keys: Sequence[NoteVerifier] = (),
    on_progress: Callable[[LogState, int], None] = lambda _state, _done: None,
) -> LedgerVerdict:
    """Recompute the ledger and compare it with itself.

    Args:
        tx: A transaction of a role that reads the ledger. Writers need not stop: what they add
            meanwhile is not looked at.
        log_id: Verify one log only; what belongs to no log is then left out.
        trusted_keys: Keys received some other way than from this database. A log of that name must
            have that key.
        on_progress: Called with a log and how many of its entries are done.

    Raises:
        NotFound: There is no log of that number.
    """
    state = load_ledger_state(tx, log_id)
    if log_id is not None and not state.logs and not state.headless:
        raise NotFound(f"there is no log {log_id}: leave --log out to verify all of them")
    verdict = LedgerVerdict()
    verdict.add(_check_declarations(state, trusted_keys))
    for log in state.logs:
        audit = LogAudit(
            log,
            StoredLog(tx, log.log_id),
            on_progress=lambda done, log=log: on_progress(log, done),  # type: ignore[misc]
        )
        verdict.add(audit.run())
        verdict.logs.append(
            VerifiedLog(
                log_id=log.log_id,
                origin=log.origin,
                entries=audit.entries,
                tiles=audit.tiles,
                checkpoints=audit.checkpoints,
                sessions=audit.sessions,
            )
        )
    if log_id is None:
        verdict.add(_check_orphans(tx, state, verdict))
    return verdict


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
            if log.vkey != key.vkey:
                yield _difference(
                    "log", log.log_id, "signature", "the key is not the one you trust", ("vkey",)
                )


def _check_orphans(
    tx: Transaction, state: LedgerState, verdict: LedgerVerdict
) -> Iterable[Difference]:
    """Find rows that belong to no log, and sessions that no entry opened."""
    for table, log_id in find_undeclared_logs(tx):
        yield _difference(table, log_id, "extra_row", "its log is not declared")
    if state.sessions > sum(log.sessions for log in verdict.logs):
        for session_ref in find_undeclared_sessions(tx):
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
