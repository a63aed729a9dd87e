"""« Qui a consulté mes droits »: what a member reads of the ledger about themselves.

Refuses to show anything before the reading itself is in the ledger. Whose entries are shown, and
which are not for now, the database decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.visitor import Visitor
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import member_history, own_account
from rempart.storage.connect import Transaction
from rempart.storage.ledger_tiles import UnfinishedTiles
from rempart.storage.member_history import (
    Away,
    Consultation,
    HistoryColumn,
    Reader,
    Reported,
)
from rempart.workflows.administer_organisation import Asker
from rempart.workflows.prove_entry import prove_own_entry
from rempart.workflows.record_act import ActsLog, record_act
from rempart.workflows.web_session import record_event

__all__ = [
    "Away",
    "Consultation",
    "History",
    "HistoryColumn",
    "Page",
    "Reader",
    "Reported",
    "prove_consultation",
    "read_consultation",
    "read_history",
    "report_consultation",
]

QUESTION: Final = "own-history"
PURPOSE: Final = "access"
# One act for each visit and hour: reading page after page is one reading.
READING_MS: Final = 3_600_000
_LAST_LOG: Final = (1 << 15) - 1
_LAST_INDEX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which entries are asked for.

    Args:
        from_ms: First instant of the period.
        to_ms: The instant after its last one.
        listing: Which of its entries.
    """

    from_ms: int
    to_ms: int
    listing: Listing[HistoryColumn]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One page of what a member is shown.

    Args:
        rows: The entries.
        total: How many the period has.
        months: How many each month has, by who read; all months, whatever the period.
        since_ms: From when the ledger goes back; None when nothing was ever recorded.
        away: Periods whose entries the page cannot show.
        reported: What the member reported, by log and index.
    """

    rows: Sequence[Consultation]
    total: int
    months: Sequence[tuple[str, Reader, int]]
    since_ms: int | None
    away: Sequence[Away]
    reported: dict[tuple[int, int], Reported]


def read_history(
    tx: Transaction, visitor: Visitor, acts: ActsLog, page: Page, *, now_ms: int
) -> History:
    """Return one page of the entries about the visitor, once the reading is in the ledger.

    Raises:
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    _record_reading(tx, visitor, acts, now_ms=now_ms)
    rows, total = member_history.list_history(
        tx, page.listing, from_ms=page.from_ms, to_ms=page.to_ms
    )
    return History(
        rows=rows,
        total=total,
        months=member_history.count_months(tx),
        since_ms=member_history.load_reach(tx),
        away=member_history.list_away(tx),
        reported=member_history.list_reported(tx, visitor.actor_ref),
    )


def read_consultation(
    tx: Transaction, visitor: Visitor, acts: ActsLog, *, log_id: int, idx: int, now_ms: int
) -> tuple[Consultation, Reported | None]:
    """Return one entry about the visitor, and what became of their report of it.

    Raises:
        NotFound: the visitor is shown no such entry: none, somebody else's, or not for now.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    _record_reading(tx, visitor, acts, now_ms=now_ms)
    found = _load(tx, log_id, idx)
    return found, member_history.list_reported(tx, visitor.actor_ref).get((log_id, idx))


def prove_consultation(
    tx: Transaction,
    visitor: Visitor,
    acts: ActsLog,
    unfinished: UnfinishedTiles,
    *,
    log_id: int,
    idx: int,
    now_ms: int,
) -> tuple[Consultation, str]:
    """Return one entry about the visitor and its proof.

    Raises:
        NotFound, InconsistentRecord: see `prove_own_entry`.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    _record_reading(tx, visitor, acts, now_ms=now_ms)
    return _load(tx, log_id, idx), prove_own_entry(tx, log_id, idx, unfinished)


def report_consultation(
    tx: Transaction, asker: Asker, *, log_id: int, idx: int, words: str
) -> None:
    """Tell the operator that one does not know who consulted, or why.

    Args:
        tx: A transaction with the member's ticket.
        asker: The member.
        log_id: The log of the entry.
        idx: Its place.
        words: What they say about it; may be empty.

    Raises:
        NotFound: they are shown no such entry.
        NotAllowed: it is their own reading.
        Conflict: they said so before.
    """
    visitor = asker.visitor
    check_can(visitor, Permission.REPORT_CONSULTATION, now=asker.now)
    found = _load(tx, log_id, idx)
    if found.reader == "self":
        raise NotAllowed("one does not report one's own reading: end the session instead")
    if (log_id, idx) in member_history.list_reported(tx, visitor.actor_ref):
        raise Conflict("this entry was reported already: the operator has it")
    event_ref = record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.CONSULTATION_REPORTED,
            actor_ref=visitor.actor_ref,
            session_ref=visitor.session_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
            details={"log": log_id, "index": idx},
        ),
    )
    own_account.save_report(tx, visitor.actor_ref, event_ref, words=words)


def _load(tx: Transaction, log_id: int, idx: int) -> Consultation:
    known = 0 <= log_id <= _LAST_LOG and 0 <= idx <= _LAST_INDEX
    found = member_history.load_one(tx, log_id, idx) if known else None
    if found is None:
        raise NotFound("no such entry is shown to you")
    return found


def _record_reading(tx: Transaction, visitor: Visitor, acts: ActsLog, *, now_ms: int) -> None:
    """Record that the visitor reads about themselves, unless this visit did within the hour."""
    if visitor.person_ref is None or visitor.insurer_id is None:
        raise NotFound("only a member has a history of their own")
    if member_history.has_read(tx, since_ms=now_ms - READING_MS):
        return
    # Before the read. A crash here leaves an act of a reading that showed nothing: too much is
    # said, never too little.
    record_act(
        acts,
        LedgerRead(
            question=QUESTION,
            purpose=PURPOSE,
            from_ms=0,
            to_ms=now_ms,
            about=About(kind="persons", count=1),
        ),
        by=Author(visitor.actor_ref, visitor.session_ref),
        subject=Subject(visitor.person_ref, visitor.insurer_id),
    )
