"""Ask the ledger the two questions: who has seen a person, whom a session or an account has seen.

The question is an act of the ledger itself, durable before the first row is read: too much is said
rather than too little. Refuses to answer about a named person without an inquiry that two people
agreed to, and to leave out of the answer what could not be looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rempart.disclosure.acts import (
    MAX_REFERENCES,
    MAX_TEXT,
    About,
    Author,
    LedgerRead,
    Subject,
)
from rempart.disclosure.reach import Reach
from rempart.kernel.errors import InvalidRequest, NotAllowed
from rempart.storage import ledger_questions
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Transaction
from rempart.storage.ledger_expressions import Seen, SeenPerson
from rempart.storage.ledger_sources import find_sources
from rempart.workflows.ledger.inquiries import check_inquiry
from rempart.workflows.ledger.record_act import ActsLog, record_act, record_acts

__all__ = ["Period", "Reader", "Seen", "SeenPerson", "WhoSaw", "ask_seen_by", "ask_who_saw"]

WHO_SAW: Final = "who-saw"
SEEN_BY: Final = "seen-by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a question is about in time: Unix milliseconds, `to_ms` excluded.

    Raises:
        InvalidRequest: it ends before it starts.
    """

    from_ms: int
    to_ms: int

    def __post_init__(self) -> None:
        if not 0 <= self.from_ms < self.to_ms:
            raise InvalidRequest("the period ends before it starts: check the two instants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who asks, and with what the ledger is read.

    Args:
        tx: A transaction of the role auditor.
        acts: The acts log.
        by: Who asks.
        files: The files of sealed segments.
    """

    tx: Transaction
    acts: ActsLog
    by: Author
    files: SealedFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoSaw:
    """Every entry about some persons, oldest first, and how far the look reached."""

    entries: Sequence[Seen]
    reach: Reach


def find_persons(tx: Transaction, lookup_key: bytes) -> list[int]:
    """Return the persons a key leads to, or ever led to.

    Args:
        tx: A transaction of the role feeds.
        lookup_key: 16 bytes, computed from what was typed.
    """
    return ledger_questions.find_persons(tx, lookup_key)


def ask_who_saw(
    reader: Reader, *, inquiry_ref: int, person_refs: Sequence[int] | None, period: Period
) -> WhoSaw:
    """Answer who has seen the persons of an inquiry.

    Args:
        reader: Who asks, and with what.
        inquiry_ref: The inquiry, which two people agreed to.
        person_refs: Some of its persons; None for all of them. Nobody (identifiers that lead to
            none) is refused like somebody else: the refusal does not tell who exists.
        period: What is asked about.

    Raises:
        NotAllowed: the inquiry is not approved, is over, or is about somebody else.
        LedgerUnavailable: the question cannot be recorded: nothing was read.
        Unavailable: a sealed segment cannot be read; the question is on record all the same.
        Conflict: a segment was moved meanwhile: ask again.
    """
    inquiry = check_inquiry(reader.tx, inquiry_ref, person_refs=person_refs)
    persons = inquiry.person_refs if person_refs is None else sorted(set(person_refs))
    if not persons:
        raise NotAllowed(f"inquiry {inquiry_ref} is about somebody else")
    sources = find_sources(
        reader.tx,
        reader.files,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
    )
    act = LedgerRead(
        question=WHO_SAW,
        purpose=inquiry.purpose.value,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        about=About(kind="persons", count=1),
        inquiry_ref=inquiry_ref,
    )
    # One act for each person, each about that person: they see it in their own history. A crash
    # from here on leaves a question on record whose answer nobody got.
    record_acts(
        reader.acts,
        [(act, Subject(person, inquiry.insurer_id)) for person in persons],
        by=reader.by,
    )
    entries = ledger_questions.who_saw(sources, persons, from_ms=period.from_ms, to_ms=period.to_ms)
    return WhoSaw(entries=entries, reach=sources.reach)


def ask_seen_by(
    reader: Reader,
    *,
    account_refs: Sequence[int] = (),
    session_refs: Sequence[int] = (),
    period: Period,
    reason: str,
) -> tuple[Reach, Iterator[SeenPerson]]:
    """Answer whom some accounts, or some sessions, have seen.

    Args:
        reader: Who asks, and with what.
        account_refs: The accounts; or
        session_refs: the sessions. Exactly one of the two is given.
        period: What is asked about.
        reason: Why, in words that name nobody: it is kept for ever.

    Returns:
        How far the look reaches, and the persons, by person then insurer, as they are read: while
        they are, `Unavailable` (a sealed segment) and `Conflict` (one was moved: ask again) may
        come, and what was read so far is not the answer.

    Raises:
        InvalidRequest: no reason, or not exactly one kind of reference, or too many.
        LedgerUnavailable: the question cannot be recorded: nothing was read.
    """
    kind, refs = _choose(account_refs, session_refs)
    if not reason.strip() or len(reason) > MAX_TEXT or not reason.isprintable():
        raise InvalidRequest(f"say why, in one line of at most {MAX_TEXT} characters")
    sources = find_sources(
        reader.tx,
        reader.files,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
    )
    record_act(
        reader.acts,
        LedgerRead(
            question=SEEN_BY,
            purpose=reason.strip(),
            from_ms=period.from_ms,
            to_ms=period.to_ms,
            about=About(
                kind=kind, refs=refs if len(refs) <= MAX_REFERENCES else (), count=len(refs)
            ),
        ),
        by=reader.by,
    )
    return sources.reach, ledger_questions.seen_by(
        sources,
        **{"account_refs" if kind == "accounts" else "session_refs": refs},
        from_ms=period.from_ms,
        to_ms=period.to_ms,
    )


def _choose(
    account_refs: Sequence[int], session_refs: Sequence[int]
) -> tuple[str, tuple[int, ...]]:
    if bool(account_refs) == bool(session_refs):
        raise InvalidRequest("ask about accounts or about sessions: exactly one of the two")
    kind, refs = ("accounts", account_refs) if account_refs else ("sessions", session_refs)
    chosen = tuple(sorted(set(refs)))
    ledger_questions.check_references(chosen)
    return kind, chosen
