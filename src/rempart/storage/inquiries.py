"""Questions about a person by name, and delays of display, in the accounts plane.

Refuses to decide one twice, and to tell whoever asks whether the identifiers lead to anybody.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.accounts.inquiries import DisplayHold, HoldState, Inquiry, InquiryPurpose, InquiryState
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.member_history import Consultation, HistoryColumn
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("inquiries")

InquiryColumn: TypeAlias = Literal["asked", "purpose", "state"]
HoldColumn: TypeAlias = Literal["asked", "ends", "state"]


@dataclass(frozen=True, slots=True)
class Answered:
    """One entry about the person of an inquiry; the account is a pseudonym."""

    consultation: Consultation
    account_ref: int


@dataclass(frozen=True, slots=True)
class ApprovedInquiry:
    """An inquiry that may be answered now: whom it is about, and who decided so."""

    insurer_id: int
    person_refs: tuple[int, ...]
    purpose: InquiryPurpose
    asked_by: int
    decided_by: int


@dataclass(frozen=True, slots=True)
class InsurerChoice:
    """An insurer, and the AMC number that its members' identifiers are read with."""

    insurer_id: int
    name: str
    amc_number: str


def ask_inquiry(
    tx: Transaction,
    inquiry_ref: int,
    *,
    lookup_key: bytes,
    insurer_id: int,
    purpose: InquiryPurpose,
    reason: str,
) -> None:
    """Write a question down; the identifiers' key is resolved in the database and not kept."""
    tx.execute(
        QUERIES.ask_inquiry,
        {
            "inquiry_ref": inquiry_ref,
            "lookup_key": uuid.UUID(bytes=lookup_key),
            "insurer_id": insurer_id,
            "purpose": purpose.value,
            "reason": reason,
        },
    )


def list_insurers(tx: Transaction) -> list[InsurerChoice]:
    """Return the insurers whose members may be asked about, by name."""
    return [InsurerChoice(*row) for row in tx.execute(QUERIES.list_insurers)]


def list_inquiries(
    tx: Transaction, listing: Listing[InquiryColumn], *, inquiry_ref: int | None = None
) -> tuple[list[Inquiry], int]:
    """Return one page of the inquiries, or of those of one reference, and how many there are."""
    wanted = {"inquiry_ref": inquiry_ref}
    return load_page(tx, QUERIES.list_inquiries, listing, _make_inquiry, wanted)


def load_inquiry(tx: Transaction, inquiry_ref: int) -> Inquiry | None:
    """Return one inquiry; None when there is none for whoever asks."""
    found, _total = list_inquiries(tx, Listing(sort="asked"), inquiry_ref=inquiry_ref)
    return found[0] if found else None


def decide_inquiry(
    tx: Transaction, inquiry_ref: int, *, state: InquiryState, decided_by: int
) -> bool:
    """Write what was decided; False when it was decided already."""
    values = {"inquiry_ref": inquiry_ref, "state": state.value, "decided_by": decided_by}
    return tx.execute(QUERIES.decide_inquiry, values).fetchone() is not None


def list_answer(
    tx: Transaction, inquiry_ref: int, listing: Listing[HistoryColumn]
) -> tuple[list[Answered], int]:
    """Return one page of the answer to an approved inquiry, and how many entries there are."""
    wanted = {"inquiry_ref": inquiry_ref}
    return load_page(tx, QUERIES.list_answer, listing, _make_answered, wanted)


def list_subjects(tx: Transaction, inquiry_ref: int) -> list[int]:
    """Return whom an approved inquiry is about: nobody, one person, or one under two references."""
    return [row[0] for row in tx.execute(QUERIES.list_subjects, {"inquiry_ref": inquiry_ref})]


def load_approved(tx: Transaction, inquiry_ref: int) -> ApprovedInquiry | None:
    """Return an inquiry that may be answered now (role registrar or auditor)."""
    row = tx.execute(QUERIES.check_inquiry, {"inquiry_ref": inquiry_ref}).fetchone()
    if row is None:
        return None
    insurer_id, persons, purpose, asked_by, decided_by = row
    return ApprovedInquiry(
        insurer_id, tuple(persons), InquiryPurpose(purpose), asked_by, decided_by
    )


def save_hold(
    tx: Transaction,
    *,
    hold_ref: int,
    authority: str,
    reference: str,
    account_refs: tuple[int, ...],
    from_ms: int,
    to_ms: int,
    ends_at: datetime,
    asked_by: int,
) -> None:
    """Write down that entries should be shown later."""
    tx.execute(
        QUERIES.save_hold,
        {
            "hold_ref": hold_ref,
            "authority": authority,
            "reference": reference,
            "account_refs": list(account_refs),
            "from_ms": from_ms,
            "to_ms": to_ms,
            "ends_at": ends_at,
            "asked_by": asked_by,
        },
    )


def list_holds(
    tx: Transaction, listing: Listing[HoldColumn], *, hold_ref: int | None = None
) -> tuple[list[DisplayHold], int]:
    """Return one page of the delays of display, or of one reference, and how many there are."""
    return load_page(tx, QUERIES.list_holds, listing, _make_hold, {"hold_ref": hold_ref})


def load_hold(tx: Transaction, hold_ref: int) -> DisplayHold | None:
    """Return one delay of display; None when there is none for whoever asks."""
    found, _total = list_holds(tx, Listing(sort="asked"), hold_ref=hold_ref)
    return found[0] if found else None


def decide_hold(tx: Transaction, hold_ref: int, *, state: HoldState, decided_by: int) -> bool:
    """Write what was decided; False when it was decided already."""
    values = {"hold_ref": hold_ref, "state": state.value, "decided_by": decided_by}
    return tx.execute(QUERIES.decide_hold, values).fetchone() is not None


def lift_hold(tx: Transaction, hold_ref: int, *, lifted_by: int) -> bool:
    """End a delay before its day; False when there is none to end."""
    values = {"hold_ref": hold_ref, "lifted_by": lifted_by}
    return tx.execute(QUERIES.lift_hold, values).fetchone() is not None


def _make_answered(*row: Any) -> Answered:
    return Answered(Consultation(*row[:-1]), row[-1])


def _make_inquiry(*row: Any) -> Inquiry:
    (ref, insurer_id, insurer, purpose, reason, asked_by, asked_by_name, asked_at) = row[:8]
    (state, decided_by, decided_by_name, decided_at) = row[8:]
    return Inquiry(
        inquiry_ref=ref,
        insurer_id=insurer_id,
        insurer=insurer,
        purpose=InquiryPurpose(purpose),
        reason=reason,
        asked_by=asked_by,
        asked_by_name=asked_by_name,
        asked_at=asked_at,
        state=InquiryState(state),
        decided_by=decided_by,
        decided_by_name=decided_by_name,
        decided_at=decided_at,
    )


def _make_hold(*row: Any) -> DisplayHold:
    (ref, authority, reference, account_refs, from_ms, to_ms, ends_at, asked_by) = row[:8]
    (asked_by_name, asked_at, state, decided_by_name, decided_at, lifted_at) = row[8:]
    return DisplayHold(
        hold_ref=ref,
        authority=authority,
        reference=reference,
        account_refs=tuple(account_refs),
        from_ms=from_ms,
        to_ms=to_ms,
        ends_at=ends_at,
        asked_by=asked_by,
        asked_by_name=asked_by_name,
        asked_at=asked_at,
        state=HoldState(state),
        decided_by_name=decided_by_name,
        decided_at=decided_at,
        lifted_at=lifted_at,
    )
