"""What the host operator asks the ledger about a person by name, and what it has shown later.

Two people decide each. Refuses to answer before the reading is in the ledger, and to keep or show
the identifiers that were typed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.inquiries import (
    DisplayHold,
    HoldState,
    Inquiry,
    InquiryPurpose,
    InquiryState,
    check_can_answer,
    check_hold,
    check_is_host,
    check_is_open,
    check_second_person,
)
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.second_person import Entitled
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import inquiries, people
from rempart.storage.connect import Transaction
from rempart.storage.inquiries import (
    Answered,
    ApprovedInquiry,
    HoldColumn,
    InquiryColumn,
    InsurerChoice,
    list_insurers,
)
from rempart.storage.member_history import Away, HistoryColumn, list_away
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref, record_event
from rempart.workflows.ledger.record_act import ActsLog, record_act

__all__ = [
    "Answer",
    "Answered",
    "ApprovedInquiry",
    "HoldColumn",
    "HoldRequest",
    "InquiryColumn",
    "InsurerChoice",
    "approve_hold",
    "approve_inquiry",
    "ask_hold",
    "ask_inquiry",
    "check_inquiry",
    "lift_hold",
    "list_holds",
    "list_inquiries",
    "list_insurers",
    "read_answer",
    "read_hold",
    "read_inquiry",
    "refuse_hold",
    "refuse_inquiry",
]

REASON_LIMIT: Final = 500
AUTHORITY_LIMIT: Final = 60
REFERENCE_LIMIT: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One page of the answer to an inquiry.

    Args:
        inquiry: The question.
        rows: Entries about the person.
        total: How many there are.
        away: Periods whose entries the page cannot show.
    """

    inquiry: Inquiry
    rows: Sequence[Answered]
    total: int
    away: Sequence[Away]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """What a judicial authority asks not to be shown for a time.

    Args:
        authority: Who asks.
        reference: Their file.
        account_refs: Whose entries.
        from_ms: First instant of the entries.
        to_ms: The instant after the last one.
        ends_at: From when they are shown.
    """

    authority: str
    reference: str
    account_refs: tuple[int, ...]
    from_ms: int
    to_ms: int
    ends_at: datetime


# ------------------------------------------------------------------------------- inquiries


def ask_inquiry(
    tx: Transaction,
    asker: Asker,
    *,
    lookup_key: bytes,
    insurer_id: int,
    purpose: InquiryPurpose,
    reason: str,
) -> int:
    """Ask about one person; return the inquiry's reference. A colleague approves it.

    Args:
        tx: A transaction with the asker's ticket.
        asker: An agent of the host operator.
        lookup_key: What the identifiers typed lead to; they are not kept.
        insurer_id: The person's insurer.
        purpose: Why, of a closed list.
        reason: Why, in words. They name nobody.

    Raises:
        InvalidRequest: no reason, or too long.
        NotFound: the asker is not of the host operator.
    """
    _check_asks(asker, Permission.ASK_INQUIRY)
    inquiry_ref = draw_ref()
    inquiries.ask_inquiry(
        tx,
        inquiry_ref,
        lookup_key=lookup_key,
        insurer_id=insurer_id,
        purpose=purpose,
        reason=_read_words(reason, "reason", REASON_LIMIT),
    )
    _record(tx, asker, SecurityEventKind.INQUIRY_ASKED, inquiry=inquiry_ref)
    return inquiry_ref


def list_inquiries(
    tx: Transaction, asker: Asker, listing: Listing[InquiryColumn]
) -> tuple[list[Inquiry], int]:
    """Return one page of the inquiries, and how many there are."""
    _check_asks(asker, Permission.ASK_INQUIRY)
    return inquiries.list_inquiries(tx, listing)


def read_inquiry(tx: Transaction, asker: Asker, inquiry_ref: int) -> Inquiry:
    """Return one inquiry.

    Raises:
        NotFound: no such inquiry for the asker.
    """
    _check_asks(asker, Permission.ASK_INQUIRY)
    found = inquiries.load_inquiry(tx, inquiry_ref)
    if found is None:
        raise NotFound("no such inquiry")
    return found


def approve_inquiry(tx: Transaction, asker: Asker, inquiry_ref: int) -> None:
    """Agree to a colleague's question: it is answered for seven days.

    Raises:
        NotFound: no such inquiry (also NotAllowed: see `check_second_person`).
        Conflict: it was decided already.
    """
    check_can(asker.visitor, Permission.APPROVE_INQUIRY, now=asker.now)
    inquiry = read_inquiry(tx, asker, inquiry_ref)
    _check_colleague_asked(tx, asker, inquiry)
    _decide_inquiry(tx, asker, inquiry, InquiryState.APPROVED)


def refuse_inquiry(tx: Transaction, asker: Asker, inquiry_ref: int) -> None:
    """Refuse a question, or take one's own back: it is never answered.

    Raises:
        NotFound: no such inquiry.
        Conflict: it was decided already.
    """
    check_can(asker.visitor, Permission.APPROVE_INQUIRY, now=asker.now)
    inquiry = read_inquiry(tx, asker, inquiry_ref)
    check_is_open(inquiry.state)
    _decide_inquiry(tx, asker, inquiry, InquiryState.REFUSED)


def read_answer(
    tx: Transaction,
    asker: Asker,
    acts: ActsLog,
    inquiry_ref: int,
    listing: Listing[HistoryColumn],
) -> Answer:
    """Return who saw the person of an approved inquiry, once the reading is in the ledger.

    Every display is an act of its own, about that person: they see it in their own history.

    Raises:
        NotFound: no such inquiry.
        NotAllowed: it is not approved, or it is over.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    inquiry = read_inquiry(tx, asker, inquiry_ref)
    check_can_answer(inquiry, at=people.read_clock(tx))
    for subject in inquiries.list_subjects(tx, inquiry_ref):
        # Before the read: too much is said rather than too little.
        record_act(
            acts,
            LedgerRead(
                question="who-saw",
                purpose=inquiry.purpose.value,
                from_ms=0,
                to_ms=int(asker.now.timestamp() * 1000),
                about=About(kind="persons", count=1),
                inquiry_ref=inquiry_ref,
            ),
            by=Author(asker.visitor.actor_ref, asker.visitor.session_ref),
            subject=Subject(subject, inquiry.insurer_id),
        )
    rows, total = inquiries.list_answer(tx, inquiry_ref, listing)
    return Answer(inquiry=inquiry, rows=rows, total=total, away=list_away(tx))


def check_inquiry(
    tx: Transaction, inquiry_ref: int, *, person_refs: Sequence[int] | None = None
) -> ApprovedInquiry:
    """Return an inquiry that may be answered now: for the command line.

    Args:
        tx: A transaction of the role registrar or auditor.
        inquiry_ref: The inquiry.
        person_refs: Whom the answer would be about; None: whoever the inquiry is about.

    Raises:
        NotAllowed: it is not approved, it is over, or it is about somebody else.
    """
    found = inquiries.load_approved(tx, inquiry_ref)
    if found is None:
        raise NotAllowed(
            f"inquiry {inquiry_ref} is not approved, or is over: ask in the console, and have a "
            "colleague approve it"
        )
    if person_refs is not None and not set(person_refs) <= set(found.person_refs):
        raise NotAllowed(f"inquiry {inquiry_ref} is about somebody else")
    return found


# ------------------------------------------------------------------------------- displays held


def ask_hold(tx: Transaction, asker: Asker, wanted: HoldRequest) -> int:
    """Ask that entries be shown later; return the reference. A colleague approves it.

    Raises:
        InvalidRequest: something lacks, or the delay is longer than a year.
        NotFound: the asker is not of the host operator.
    """
    _check_asks(asker, Permission.ASK_HOLD)
    check_hold(
        account_refs=wanted.account_refs,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
        ends_at=wanted.ends_at,
        now=people.read_clock(tx),
    )
    hold_ref = draw_ref()
    inquiries.save_hold(
        tx,
        hold_ref=hold_ref,
        authority=_read_words(wanted.authority, "authority", AUTHORITY_LIMIT),
        reference=_read_words(wanted.reference, "reference", REFERENCE_LIMIT),
        account_refs=wanted.account_refs,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
        ends_at=wanted.ends_at,
        asked_by=asker.visitor.actor_ref,
    )
    _record(tx, asker, SecurityEventKind.HOLD_ASKED, hold=hold_ref)
    return hold_ref


def list_holds(
    tx: Transaction, asker: Asker, listing: Listing[HoldColumn]
) -> tuple[list[DisplayHold], int]:
    """Return one page of the delays of display, and how many there are."""
    _check_asks(asker, Permission.ASK_HOLD)
    return inquiries.list_holds(tx, listing)


def read_hold(tx: Transaction, asker: Asker, hold_ref: int) -> DisplayHold:
    """Return one delay of display.

    Raises:
        NotFound: no such delay for the asker.
    """
    _check_asks(asker, Permission.ASK_HOLD)
    found = inquiries.load_hold(tx, hold_ref)
    if found is None:
        raise NotFound("no such delay of display")
    return found


def approve_hold(tx: Transaction, asker: Asker, acts: ActsLog, hold_ref: int) -> None:
    """Agree to a colleague's delay of display; it starts at once.

    Raises:
        NotFound: no such delay (also NotAllowed: see `check_second_person`).
        Conflict: it was decided already.
        LedgerUnavailable: the act cannot be recorded: nothing is held.
    """
    check_can(asker.visitor, Permission.APPROVE_HOLD, now=asker.now)
    hold = read_hold(tx, asker, hold_ref)
    _check_colleague_asked(tx, asker, hold)
    _record_hold(acts, asker, hold, "hold-display")
    _decide_hold(tx, asker, hold, HoldState.APPROVED)


def refuse_hold(tx: Transaction, asker: Asker, hold_ref: int) -> None:
    """Refuse a delay of display, or take one's own request back.

    Raises:
        NotFound: no such delay.
        Conflict: it was decided already.
    """
    check_can(asker.visitor, Permission.APPROVE_HOLD, now=asker.now)
    hold = read_hold(tx, asker, hold_ref)
    check_is_open(hold.state)
    _decide_hold(tx, asker, hold, HoldState.REFUSED)


def lift_hold(tx: Transaction, asker: Asker, acts: ActsLog, hold_ref: int) -> None:
    """End a delay of display before its day; one person is enough to show more.

    Raises:
        NotFound: no such delay.
        Conflict: it is not in force.
        LedgerUnavailable: the act cannot be recorded.
    """
    check_can(asker.visitor, Permission.APPROVE_HOLD, now=asker.now)
    hold = read_hold(tx, asker, hold_ref)
    _record_hold(acts, asker, hold, "lift-hold")
    if not inquiries.lift_hold(tx, hold_ref, lifted_by=asker.visitor.actor_ref):
        raise Conflict("this delay of display is not in force")
    _record(tx, asker, SecurityEventKind.HOLD_LIFTED, hold=hold_ref)


def _check_asks(asker: Asker, permission: Permission) -> None:
    """Refuse whoever has not the permission, or has it for another operator than the host."""
    check_can(asker.visitor, permission, now=asker.now)
    check_is_host(asker.visitor)


def _check_colleague_asked(tx: Transaction, asker: Asker, asked: Inquiry | DisplayHold) -> None:
    """Refuse to let one person ask and approve, or a request that was decided."""
    check_is_open(asked.state)
    check_second_person(
        asker.visitor,
        asked_by=asked.asked_by,
        asked_at=asked.asked_at,
        people=_list_deciders(tx, asker),
        at=people.read_clock(tx),
    )


def _record_hold(acts: ActsLog, asker: Asker, hold: DisplayHold, question: str) -> None:
    """Record that entries of some accounts are, or are no more, shown later."""
    record_act(
        acts,
        LedgerRead(
            question=question,
            purpose=f"{hold.authority}, {hold.reference}",
            from_ms=hold.from_ms,
            to_ms=hold.to_ms,
            until_ms=int(hold.ends_at.timestamp() * 1000),
            about=About(
                kind="accounts", refs=tuple(sorted(hold.account_refs)), count=len(hold.account_refs)
            ),
            inquiry_ref=hold.hold_ref,
        ),
        by=Author(asker.visitor.actor_ref, asker.visitor.session_ref),
    )


def _decide_inquiry(tx: Transaction, asker: Asker, inquiry: Inquiry, state: InquiryState) -> None:
    if not inquiries.decide_inquiry(
        tx, inquiry.inquiry_ref, state=state, decided_by=asker.visitor.actor_ref
    ):
        raise Conflict("this inquiry was decided already")
    approved = state is InquiryState.APPROVED
    kind = SecurityEventKind.INQUIRY_APPROVED if approved else SecurityEventKind.INQUIRY_REFUSED
    _record(tx, asker, kind, concerns=inquiry.asked_by, inquiry=inquiry.inquiry_ref)


def _decide_hold(tx: Transaction, asker: Asker, hold: DisplayHold, state: HoldState) -> None:
    if not inquiries.decide_hold(
        tx, hold.hold_ref, state=state, decided_by=asker.visitor.actor_ref
    ):
        raise Conflict("this delay of display was decided already")
    approved = state is HoldState.APPROVED
    kind = SecurityEventKind.HOLD_APPROVED if approved else SecurityEventKind.HOLD_REFUSED
    _record(tx, asker, kind, concerns=hold.asked_by, hold=hold.hold_ref)


def _list_deciders(tx: Transaction, asker: Asker) -> list[Entitled]:
    return list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_INQUIRY)


def _record(
    tx: Transaction,
    asker: Asker,
    kind: SecurityEventKind,
    *,
    concerns: int | None = None,
    **details: int,
) -> None:
    visitor = asker.visitor
    record_event(
        tx,
        SecurityEvent(
            kind=kind,
            actor_ref=visitor.actor_ref if concerns is None else concerns,
            by_ref=visitor.actor_ref,
            session_ref=visitor.session_ref,
            org_ref=visitor.org_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
            details={name: str(value) for name, value in details.items()},
        ),
    )


def _read_words(text: str, name: str, limit: int) -> str:
    words = " ".join(text.split())
    if not words or len(words) > limit or not words.isprintable():
        raise InvalidRequest(f"{name}: write it, in {limit} letters at most")
    return words
