"""Questions about a person by name, and delays of display, in the accounts plane.

Refuses to decide one twice, and to tell whoever asks whether the identifiers lead to anybody.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.accounts.inquiries import DisplayHold, HoldState, Inquiry, InquiryPurpose, InquiryState
from rempart.storage.connect import Transaction
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
    tx: Transaction,
    *,
    inquiry_ref: int | None = None,
    sort: InquiryColumn = "asked",
    descending: bool = True,
    limit: int = 1,
    offset: int = 0,
) -> tuple[list[Inquiry], int]:
    """Return one page of the inquiries, or one of them, and how many there are."""
    rows = tx.execute(
        QUERIES.list_inquiries,
        {
            "inquiry_ref": inquiry_ref,
            **_order(sort, descending=descending, limit=limit, offset=offset),
        },
    ).fetchall()
    return [_make_inquiry(row) for row in rows], int(rows[0][-1]) if rows else 0


def decide_inquiry(
    tx: Transaction, inquiry_ref: int, *, state: InquiryState, decided_by: int
) -> bool:
    """Write what was decided; False when it was decided already."""
    values = {"inquiry_ref": inquiry_ref, "state": state.value, "decided_by": decided_by}
    return tx.execute(QUERIES.decide_inquiry, values).fetchone() is not None


def list_answer(
    tx: Transaction,
    inquiry_ref: int,
    *,
    sort: HistoryColumn,
    descending: bool,
    limit: int,
    offset: int,
) -> tuple[list[Answered], int]:
    """Return one page of the answer to an approved inquiry, and how many entries there are."""
    rows = tx.execute(
        QUERIES.list_answer,
        {
            "inquiry_ref": inquiry_ref,
            **_order(sort, descending=descending, limit=limit, offset=offset),
        },
    ).fetchall()
    found = [Answered(Consultation(*row[:-2]), row[-2]) for row in rows]
    return found, int(rows[0][-1]) if rows else 0


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
    tx: Transaction,
    *,
    hold_ref: int | None = None,
    sort: HoldColumn = "asked",
    descending: bool = True,
    limit: int = 1,
    offset: int = 0,
) -> tuple[list[DisplayHold], int]:
    """Return one page of the delays of display, or one of them, and how many there are."""
    rows = tx.execute(
        QUERIES.list_holds,
        {
            "hold_ref": hold_ref,
            **_order(sort, descending=descending, limit=limit, offset=offset),
        },
    ).fetchall()
    return [_make_hold(row) for row in rows], int(rows[0][-1]) if rows else 0


def decide_hold(tx: Transaction, hold_ref: int, *, state: HoldState, decided_by: int) -> bool:
    """Write what was decided; False when it was decided already."""
    values = {"hold_ref": hold_ref, "state": state.value, "decided_by": decided_by}
    return tx.execute(QUERIES.decide_hold, values).fetchone() is not None


def lift_hold(tx: Transaction, hold_ref: int, *, lifted_by: int) -> bool:
    """End a delay before its day; False when there is none to end."""
    values = {"hold_ref": hold_ref, "lifted_by": lifted_by}
    return tx.execute(QUERIES.lift_hold, values).fetchone() is not None


def _order(sort: str, *, descending: bool, limit: int, offset: int) -> dict[str, Any]:
    direction = -1 if descending else 1
    return {"sort": sort, "direction": direction, "limit": limit, "offset": offset}


def _make_inquiry(row: tuple[Any, ...]) -> Inquiry:
    (ref, insurer_id, insurer, purpose, reason, asked_by, asked_by_name, asked_at) = row[:8]
    (state, decided_by, decided_by_name, decided_at, _total) = row[8:]
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


def _make_hold(row: tuple[Any, ...]) -> DisplayHold:
    (ref, authority, reference, account_refs, from_ms, to_ms, ends_at, asked_by) = row[:8]
    (asked_by_name, asked_at, state, decided_by_name, decided_at, lifted_at, _total) = row[8:]
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
