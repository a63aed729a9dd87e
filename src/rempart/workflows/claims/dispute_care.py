"""« Je n’ai pas reçu ce soin » : a member says so, their insurer looks and answers.

The words are sealed; an agent who reads them, and what was billed, is on record first. Refuses to
change the claim: who billed it, or a decision on the money, does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from rempart.accounts.permissions import Permission, check_can
from rempart.claims.disputes import (
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    check_can_dispute,
    clean_words,
)
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import disputes, insured_claims
from rempart.storage.connect import Transaction
from rempart.storage.disputes import DisputeColumn, DisputeFilter, DisputeRow, StoredDispute
from rempart.storage.insured_claims import BillerName
from rempart.storage.member_seal import Sealed
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.ledger.read_on_record import Readings

__all__ = ["DisputeColumn", "DisputeFilter", "DisputeRow"]

PURPOSE: Final = "an insurer answers a member who disputes care"


class SealsWords(Protocol):
    """Seals and opens what members and their insurer write to one another."""

    def seal(self, insurer_id: int, what: Sealed, ref: int, plain: bytes) -> bytes:
        """Seal one thing, bound to its insurer and its row."""
        ...

    def open(self, insurer_id: int, what: Sealed, ref: int, sealed: bytes) -> bytes:
        """Open what `seal` sealed for the same row."""
        ...

    def derive_marks_key(self, insurer_id: int) -> bytes:
        """Return the key under which messages of one insurer's members are compared."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One dispute as its two sides read it; `line` is 0 for the whole claim."""

    dispute_ref: int
    claim_ref: int
    line: int
    reason: DisputeReason
    words: str = field(repr=False)
    made_at: datetime
    state: DisputeState
    outcome: DisputeOutcome | None
    answer: str = field(repr=False)
    ended_at: datetime | None
    biller: BillerName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDispute:
    """What a member says of a claim, or of one line of it."""

    claim_ref: int
    line: int
    reason: DisputeReason
    words: str = field(repr=False)


def dispute_care(tx: Transaction, asker: Asker, seal: SealsWords, said: NewDispute) -> int:
    """Tell the member's insurer that care was not received; return the dispute's reference.

    Raises:
        NotAllowed: they are no member.
        NotFound: there is no such claim of theirs, or no such line of it.
        Conflict: nothing is paid for it, it is too old, or a dispute about it waits already.
        InvalidRequest: too many words.
    """
    check_can(asker.visitor, Permission.DISPUTE_CARE, now=asker.now)
    person_ref, insurer_id = find_member(asker)
    found = disputes.find_disputed_claim(tx, said.claim_ref, line=said.line)
    if found is None:
        raise NotFound("no such claim of theirs")
    check_can_dispute(claim_state=found[1], received_at=found[0], now=asker.now)
    words = clean_words(said.words, is_needed=False)
    dispute_ref = draw_ref()
    disputes.add_dispute(
        tx,
        dispute_ref=dispute_ref,
        claim_ref=said.claim_ref,
        line=said.line,
        person_ref=person_ref,
        insurer_id=insurer_id,
        reason=said.reason,
        sealed=seal.seal(insurer_id, "dispute", dispute_ref, words.encode()) if words else None,
        made_at=asker.now,
    )
    return dispute_ref


def withdraw_dispute(tx: Transaction, asker: Asker, dispute_ref: int) -> None:
    """Take back what one said, while nobody has answered.

    Raises:
        NotAllowed: they are no member.
        NotFound: there is no such dispute of theirs.
        Conflict: it was answered, or taken back.
    """
    check_can(asker.visitor, Permission.DISPUTE_CARE, now=asker.now)
    _load(tx, dispute_ref)
    _end(tx, asker, dispute_ref, state=DisputeState.WITHDRAWN)


def list_own_disputes(
    tx: Transaction, asker: Asker, listing: Listing[DisputeColumn], which: DisputeFilter
) -> tuple[list[DisputeRow], int]:
    """Return one page of the member's disputes, and how many there are.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.DISPUTE_CARE, now=asker.now)
    return disputes.list_disputes(tx, listing, which)


def read_own_dispute(tx: Transaction, asker: Asker, seal: SealsWords, dispute_ref: int) -> Dispute:
    """Return one of the member's disputes with its answer.

    Raises:
        NotAllowed: they are no member.
        NotFound: there is no such dispute of theirs.
    """
    check_can(asker.visitor, Permission.DISPUTE_CARE, now=asker.now)
    return _open(tx, seal, _load(tx, dispute_ref))


def list_disputes(
    tx: Transaction, asker: Asker, listing: Listing[DisputeColumn], which: DisputeFilter
) -> tuple[list[DisputeRow], int]:
    """Return one page of what the insurer's members dispute: no word, no act and no person.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    check_can(asker.visitor, Permission.HEAR_MEMBERS, now=asker.now)
    return disputes.list_disputes(tx, listing, which)


def read_dispute(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    seal: SealsWords,
    dispute_ref: int,
    *,
    by: Author,
) -> Dispute:
    """Return what a member of the asker's insurer says, once it is on record that they read it.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such dispute for them; nothing is recorded.
        LedgerUnavailable: it cannot be recorded: nothing is shown.
    """
    check_can(asker.visitor, Permission.HEAR_MEMBERS, now=asker.now)
    found = _load(tx, dispute_ref)
    record_hearing(readings, asker, Subject(found.person_ref, found.insurer_id), "dispute", by=by)
    return _open(tx, seal, found)


def answer_dispute(
    tx: Transaction,
    asker: Asker,
    seal: SealsWords,
    dispute_ref: int,
    *,
    outcome: DisputeOutcome,
    words: str,
) -> None:
    """Tell a member what was found.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such dispute for them.
        Conflict: it was answered, or taken back.
        InvalidRequest: no words, or too many.
    """
    check_can(asker.visitor, Permission.HEAR_MEMBERS, now=asker.now)
    found = _load(tx, dispute_ref)
    plain = clean_words(words, is_needed=True).encode()
    sealed = seal.seal(found.insurer_id, "answer", dispute_ref, plain)
    _end(tx, asker, dispute_ref, state=DisputeState.ANSWERED, outcome=outcome.value, answer=sealed)


def name_billers(tx: Transaction, rows: list[DisputeRow]) -> Mapping[int, BillerName]:
    """Return who billed what is disputed, by reference."""
    return insured_claims.name_billers(tx, {row.establishment_ref for row in rows})


def find_member(asker: Asker) -> tuple[int, int]:
    """Return the person and the insurer of a member.

    Raises:
        NotFound: their account leads to no person.
    """
    visitor = asker.visitor
    if visitor.person_ref is None or visitor.insurer_id is None:
        raise NotFound("no person behind this account")
    return visitor.person_ref, visitor.insurer_id


def record_hearing(
    readings: Readings, asker: Asker, subject: Subject, question: str, *, by: Author
) -> None:
    """Put on record that an agent reads what a member wrote, before it is opened.

    Raises:
        LedgerUnavailable: it cannot be recorded: nothing may be opened.
    """
    now_ms = int(asker.now.timestamp() * 1000)
    # A crash after this leaves a reading on record that showed nothing: too much is said.
    readings.record(
        LedgerRead(
            question=question,
            purpose=PURPOSE,
            from_ms=now_ms,
            to_ms=now_ms,
            about=About(kind="persons", count=1),
        ),
        by=by,
        subject=subject,
    )


def _load(tx: Transaction, dispute_ref: int) -> StoredDispute:
    found = disputes.load_dispute(tx, dispute_ref)
    if found is None:
        raise NotFound("no such dispute")
    return found


def _open(tx: Transaction, seal: SealsWords, found: StoredDispute) -> Dispute:
    place = found.establishment_ref
    ref, insurer_id = found.dispute_ref, found.insurer_id
    return Dispute(
        dispute_ref=ref,
        claim_ref=found.claim_ref,
        line=found.line,
        reason=DisputeReason(found.reason),
        words=seal.open(insurer_id, "dispute", ref, found.sealed).decode() if found.sealed else "",
        made_at=found.made_at,
        state=DisputeState(found.state),
        outcome=None if found.outcome is None else DisputeOutcome(found.outcome),
        answer=seal.open(insurer_id, "answer", ref, found.answer).decode() if found.answer else "",
        ended_at=found.ended_at,
        biller=insured_claims.name_billers(tx, {place}).get(place),
    )


def _end(
    tx: Transaction,
    asker: Asker,
    dispute_ref: int,
    *,
    state: DisputeState,
    outcome: str | None = None,
    answer: bytes | None = None,
) -> None:
    ended = disputes.end_dispute(
        tx,
        dispute_ref,
        state=state.value,
        outcome=outcome,
        answer=answer,
        ended_by=asker.visitor.actor_ref,
        ended_at=asker.now,
    )
    if not ended:
        raise Conflict("this dispute waits for no answer")
