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
from rempart.storage.analytics import SealedFiles
from rempart.storage.cold_history import ColdHistory, list_cold, read_cold_history
from rempart.storage.connect import Transaction
from rempart.storage.ledger_tiles import UnfinishedTiles
from rempart.storage.member_history import (
    Away,
    Consultation,
    HistoryColumn,
    Reader,
    Reported,
)
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import record_event
from rempart.workflows.ledger.prove_entry import prove_own_entry
from rempart.workflows.ledger.record_act import ActsLog, record_act

__all__ = [
    "Away",
    "Consultation",
    "History",
    "HistoryColumn",
    "Page",
    "Reader",
    "Reported",
    "SealedFiles",
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
# Readings of the two halves of a history, when segments move from one to the other.
_ATTEMPTS: Final = 3


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
    tx: Transaction,
    visitor: Visitor,
    acts: ActsLog,
    page: Page,
    *,
    files: SealedFiles | None,
    now_ms: int,
) -> History:
    """Return one page of the entries about the visitor, once the reading is in the ledger.

    Entries that left the database are read in the files of their segments; what cannot be read
    there is among `away`.

    Raises:
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
        Conflict: segments leave the database while they are read, again and again.
    """
    person_ref = _record_reading(tx, visitor, acts, now_ms=now_ms)
    for _ in range(_ATTEMPTS):
        found = read_cold_history(tx, files, person_ref)
        cold = found.to_json()
        rows, total = member_history.list_history(
            tx, page.listing, cold=cold, from_ms=page.from_ms, to_ms=page.to_ms
        )
        months = member_history.count_months(tx, cold=cold)
        # A segment that left meanwhile might be in neither half: look again.
        if list_cold(tx) == found.segments:
            break
    else:
        raise Conflict("the ledger's segments are being moved: ask again")
    read = {(one.log_id, one.segment) for one in found.read}
    return History(
        rows=rows,
        total=total,
        months=months,
        since_ms=member_history.load_reach(tx),
        away=[one for one in member_history.list_away(tx) if (one.log_id, one.segment) not in read],
        reported=member_history.list_reported(tx, visitor.actor_ref),
    )


def read_consultation(
    tx: Transaction,
    visitor: Visitor,
    acts: ActsLog,
    *,
    files: SealedFiles | None,
    log_id: int,
    idx: int,
    now_ms: int,
) -> tuple[Consultation, Reported | None]:
    """Return one entry about the visitor, and what became of their report of it.

    Raises:
        NotFound: the visitor is shown no such entry: none, somebody else's, or not for now.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    person_ref = _record_reading(tx, visitor, acts, now_ms=now_ms)
    found = _load(tx, files, person_ref, log_id, idx)
    return found, member_history.list_reported(tx, visitor.actor_ref).get((log_id, idx))


def prove_consultation(
    tx: Transaction,
    visitor: Visitor,
    acts: ActsLog,
    unfinished: UnfinishedTiles,
    *,
    files: SealedFiles | None,
    log_id: int,
    idx: int,
    now_ms: int,
) -> tuple[Consultation, str]:
    """Return one entry about the visitor and its proof.

    Raises:
        NotFound, InconsistentRecord, Unavailable: see `prove_own_entry`.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    person_ref = _record_reading(tx, visitor, acts, now_ms=now_ms)
    found = _load(tx, files, person_ref, log_id, idx)
    store = None if files is None else files.store
    whom = Subject(person_ref, visitor.insurer_id or 0)
    return found, prove_own_entry(tx, log_id, idx, unfinished, store=store, whom=whom)


def report_consultation(
    tx: Transaction,
    asker: Asker,
    *,
    files: SealedFiles | None,
    log_id: int,
    idx: int,
    words: str,
) -> None:
    """Tell the operator that one does not know who consulted, or why.

    Args:
        tx: A transaction with the member's ticket.
        asker: The member.
        files: The files of cold segments.
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
    found = _load(tx, files, _find_person(visitor), log_id, idx)
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


def _load(
    tx: Transaction, files: SealedFiles | None, person_ref: int, log_id: int, idx: int
) -> Consultation:
    if 0 <= log_id <= _LAST_LOG and 0 <= idx <= _LAST_INDEX:
        found = member_history.load_one(tx, log_id, idx, cold=ColdHistory().to_json())
        if found is None and files is not None:
            cold = read_cold_history(tx, files, person_ref).to_json()
            found = member_history.load_one(tx, log_id, idx, cold=cold)
        if found is not None:
            return found
    raise NotFound("no such entry is shown to you")


def _find_person(visitor: Visitor) -> int:
    if visitor.person_ref is None or visitor.insurer_id is None:
        raise NotFound("only a member has a history of their own")
    return visitor.person_ref


def _record_reading(tx: Transaction, visitor: Visitor, acts: ActsLog, *, now_ms: int) -> int:
    """Record that the visitor reads about themselves, unless this visit did within the hour."""
    person_ref = _find_person(visitor)
    if member_history.has_read(tx, since_ms=now_ms - READING_MS):
        return person_ref
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
        subject=Subject(person_ref, visitor.insurer_id or 0),
    )
    return person_ref
