"""Show claims to who did not bill them: the agents of a member's insurer, and the member.

Lists say states and amounts. An agent who opens one is shown acts of a person: that is on record,
durably, before it is read. Refuses another's claim as one that does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.claims import signals
from rempart.claims.signals import Signal, SignalKind, find_signals
from rempart.claims.stored_steps import parse_amo
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.findings import Language
from rempart.kernel.listing import Listing
from rempart.storage import claim_pages, insured_claims
from rempart.storage.connect import Transaction
from rempart.storage.insured_claims import BillerName, InsuredColumn, InsuredFilter, InsuredRow
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.claims.explain_claim import ClaimExplained, explain_claim
from rempart.workflows.claims.hold_claims import find_holder
from rempart.workflows.claims.read_pecs import (
    PecColumn,
    PecLine,
    PecNumbers,
    PecRow,
    list_pecs,
    read_pec_lines,
)
from rempart.workflows.ledger.read_on_record import Readings

__all__ = ["BillerName", "InsuredColumn", "InsuredFilter", "InsuredRow", "Signal", "SignalKind"]

SIGNAL_DAYS: Final = signals.DAYS
PURPOSE: Final = "an insurer follows a claim of its member"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSheet:
    """One claim in words, who billed it, and what compulsory insurance withheld, in cents."""

    explained: ClaimExplained
    biller: BillerName | None
    levy_cents: int


def list_insured_claims(
    tx: Transaction, asker: Asker, listing: Listing[InsuredColumn], which: InsuredFilter
) -> tuple[list[InsuredRow], int]:
    """Return one page of the claims of the insurer's members, and how many there are.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    check_can(asker.visitor, Permission.READ_INSURED_CLAIMS, now=asker.now)
    return insured_claims.list_claims(tx, listing, which)


def list_own_claims(
    tx: Transaction, asker: Asker, listing: Listing[InsuredColumn], which: InsuredFilter
) -> tuple[list[InsuredRow], int]:
    """Return one page of the member's own claims, and how many there are.

    Raises:
        NotAllowed: they are not a member.
    """
    check_can(asker.visitor, Permission.READ_OWN_CLAIMS, now=asker.now)
    return insured_claims.list_claims(tx, listing, which)


def name_billers(tx: Transaction, rows: list[InsuredRow]) -> Mapping[int, BillerName]:
    """Return who billed these claims, by reference."""
    return insured_claims.name_billers(tx, {row.establishment_ref for row in rows})


def read_insured_claim(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    claim_ref: int,
    *,
    by: Author,
    language: Language,
) -> ClaimSheet:
    """Return one claim of a member of the asker's insurer, once it is on record that they read it.

    Args:
        tx: A transaction with the asker's ticket.
        readings: Where the reading is recorded.
        asker: An agent of the insurer.
        claim_ref: Which claim.
        by: The asker, as the author of the reading.
        language: Of the words.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such claim for them; nothing is recorded.
        LedgerUnavailable: it cannot be recorded: nothing is shown.
    """
    check_can(asker.visitor, Permission.READ_INSURED_CLAIMS, now=asker.now)
    found = claim_pages.load_claim(tx, claim_ref)
    if found is None:
        raise NotFound("no such claim")
    _record(readings, asker, Subject(found.person_ref, found.insurer_id), "claim", by=by)
    return _explain(tx, asker, claim_ref, language)


def list_insured_pecs(
    tx: Transaction,
    asker: Asker,
    numbers: PecNumbers,
    listing: Listing[PecColumn],
    *,
    state: str | None = None,
) -> tuple[list[PecRow], int]:
    """Return one page of the promises made to the insurer's members, and how many there are.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    check_can(asker.visitor, Permission.READ_INSURED_CLAIMS, now=asker.now)
    return list_pecs(tx, asker, numbers, listing, state=state)


def read_insured_pec(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    numbers: PecNumbers,
    number: str,
    *,
    by: Author,
    language: Language,
) -> list[PecLine]:
    """Return the acts promised to a member of the asker's insurer, once that is on record.

    Args:
        tx: A transaction with the asker's ticket.
        readings: Where the reading is recorded.
        asker: An agent of the insurer.
        numbers: Reads the number of a promise.
        number: Of which promise.
        by: The asker, as the author of the reading.
        language: Of the names of acts.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such promise for them; nothing is recorded.
        LedgerUnavailable: it cannot be recorded: nothing is shown.
    """
    check_can(asker.visitor, Permission.READ_INSURED_CLAIMS, now=asker.now)
    found = insured_claims.find_pec_subject(tx, *numbers.parse(number))
    if found is None:
        raise NotFound("no prise en charge has this number")
    _record(readings, asker, Subject(*found), "pec", by=by)
    return read_pec_lines(tx, asker, numbers, number, language)


def read_own_claim(
    tx: Transaction, asker: Asker, claim_ref: int, *, language: Language
) -> ClaimSheet:
    """Return one of the member's own claims.

    Raises:
        NotAllowed: they are not a member.
        NotFound: there is no such claim of theirs.
    """
    check_can(asker.visitor, Permission.READ_OWN_CLAIMS, now=asker.now)
    return _explain(tx, asker, claim_ref, language)


def find_claim_signals(
    tx: Transaction, asker: Asker
) -> tuple[list[Signal], Mapping[int, BillerName]]:
    """Return what stands out among who billed for the insurer's members, and their names.

    Raises:
        NotAllowed: their role does not hold claims, or they are no insurer's agent.
    """
    check_can(asker.visitor, Permission.HOLD_CLAIMS, now=asker.now)
    insurer_id = asker.visitor.insurer_id
    if insurer_id is None:
        raise NotAllowed("signals are an insurer's: of its members' claims")
    since = asker.now - timedelta(days=signals.DAYS)
    recent = asker.now - timedelta(days=signals.RECENT_DAYS)
    found = find_signals(
        insured_claims.count_billers(tx, insurer_id, since=since, recent=recent),
        insured_claims.price_acts(tx, insurer_id, since=since),
    )
    return found, insured_claims.name_billers(tx, {one.establishment_ref for one in found})


def find_biller(tx: Transaction, asker: Asker, establishment_ref: int) -> BillerName | None:
    """Return an establishment that billed for the insurer's members; None: it did not.

    Raises:
        NotAllowed: their role does not hold claims, or they are a hosted operator's.
    """
    find_holder(asker)
    return insured_claims.name_billers(tx, {establishment_ref}).get(establishment_ref)


def name_biller(tx: Transaction, asker: Asker, establishment_ref: int) -> BillerName:
    """Return an establishment that billed for the insurer's members.

    Raises:
        NotAllowed: their role does not hold claims, or they are a hosted operator's.
        NotFound: none of theirs has this reference.
    """
    found = find_biller(tx, asker, establishment_ref)
    if found is None:
        raise NotFound("no such establishment billed for one's members")
    return found


def _explain(tx: Transaction, asker: Asker, claim_ref: int, language: Language) -> ClaimSheet:
    explained = explain_claim(tx, asker, claim_ref, language)
    place = explained.claim.establishment_ref
    return ClaimSheet(
        explained=explained,
        biller=insured_claims.name_billers(tx, {place}).get(place),
        levy_cents=sum(
            parse_amo(one.line.steps).levy_cents
            for one in explained.lines
            if one.line.amc_cents is not None
        ),
    )


def _record(
    readings: Readings, asker: Asker, subject: Subject, question: str, *, by: Author
) -> None:
    now_ms = int(asker.now.timestamp() * 1000)
    # A crash after this leaves a reading on record that showed nothing: too much is said.
    readings.record(
        LedgerRead(
            question=question,
            purpose=PURPOSE,
            from_ms=now_ms,
            to_ms=now_ms,
            about=About(kind="persons", count=int(subject.person_ref != 0)),
        ),
        by=by,
        subject=subject,
    )
