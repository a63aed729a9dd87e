"""Take claims in: make sure they can be read, say so, and say nothing of whom they are about.

Refuses to judge: a claim is acknowledged whoever it names and whatever holds who sends it; whether
anything is due is told later. Identifiers become a reference here and are forgotten.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rempart.claims.references import compute_claim_digest, parse_reference
from rempart.exchange.billed_claim import BilledClaim, Fault, find_faults
from rempart.exchange.claim_rules import NOT_YOURS
from rempart.kernel.findings import BadValue
from rempart.rights.engagement import parse_engagement
from rempart.rights.lookup import TypedIdentifiers, compute_lookup_key
from rempart.storage.claims_intake import FoundPerson, NewClaim, NewLine


class Shelf(Protocol):
    """Where claims are written."""

    async def find_persons(self, keys: Sequence[bytes]) -> Sequence[FoundPerson]:
        """Find whom look-up keys lead to, in their order."""
        ...

    async def find_own(self, wanted: Sequence[tuple[int, int]]) -> set[int]:
        """Find which claims, by reference and establishment, are that establishment's."""
        ...

    async def save(self, claims: Sequence[NewClaim], lines: Sequence[NewLine]) -> set[int]:
        """Write claims, all or none; return the references of those that are new."""
        ...

    async def find_known(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Find the references of claims that were written before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Office:
    """Everything taking claims in needs.

    Args:
        shelf: Where they are written.
        lookup_secret: What identifiers, claims and lots are keyed with.
        engagement_secret: What engagement numbers are tagged with.
        draw_reference: Draws a reference of `REFERENCE_BITS` bits, never 0.
    """

    shelf: Shelf
    lookup_secret: bytes
    engagement_secret: bytes
    draw_reference: Callable[[], int]


class Sender(NamedTuple):
    """Who sends, for which place, by which software and in which format."""

    establishment_ref: int
    account_ref: int
    client_ref: int
    channel: str


class Sent(NamedTuple):
    """A claim and who sends it, in which lot."""

    claim: BilledClaim
    sender: Sender
    lot_ref: int | None = None


class Taken(NamedTuple):
    """A claim that is written; one that was sent before has the reference it had."""

    claim_ref: int
    is_new: bool


class Refused(NamedTuple):
    """A claim that cannot be taken, and why."""

    faults: tuple[Fault, ...]


class Prepared(NamedTuple):
    """A claim that can be taken: what is written of it, but whom it is about."""

    sent: Sent
    lookup_key: bytes
    digest: bytes
    engagement: tuple[int, int] | None
    replaces: int | None


def prepare_claim(office: Office, sent: Sent) -> Prepared | Refused:
    """Check the form of a claim; nothing is looked up.

    Args:
        office: Its secrets are used, its shelf is not.
        sent: The claim.
    """
    claim = sent.claim
    faults = list(find_faults(claim))
    engagement = replaces = None
    if claim.engagement:
        try:
            engagement = parse_engagement(office.engagement_secret, claim.engagement)
        except BadValue as wrong:
            faults.append(Fault("engagement", wrong.refusal))
    if claim.replaces:
        replaces = parse_reference(claim.replaces)
        if replaces is None:
            faults.append(Fault("replaces", NOT_YOURS))
    if faults:
        return Refused(tuple(fault._replace(at=claim.at) for fault in faults))
    lookup_key = compute_lookup_key(office.lookup_secret, claim.identifiers)
    digest = compute_claim_digest(
        office.lookup_secret,
        establishment_ref=sent.sender.establishment_ref,
        invoice=claim.invoice,
        lookup_key=lookup_key,
        born=claim.birth_date,
        lines=claim.lines,
        conditions=(claim.in_pathway, engagement, claim.pec, replaces),
    )
    return Prepared(sent, lookup_key, digest, engagement, replaces)


async def take_claims(office: Office, sent: Sequence[Sent]) -> list[Taken | Refused]:
    """Take a batch of claims in; whatever is returned as taken is durable.

    Three statements, or four when a claim replaces another or was sent before, for the whole batch.

    Args:
        office: Where they are written.
        sent: The claims, in order of arrival; of any senders.

    Returns:
        For each claim, in order, its reference or why it cannot be taken. The same claim sent
        again gets the same reference, whichever way it comes.

    Raises:
        Unavailable: nothing of the batch was written, or all of it: sent again, it is written once.
    """
    ready = [prepare_claim(office, one) for one in sent]
    prepared = await _check_replaced(office, ready)
    by_digest = {one.digest: one for one in prepared if isinstance(one, Prepared)}
    references = await _write(office, list(by_digest.values()))
    return [
        one if isinstance(one, Refused) else references[one.digest]
        for one in prepared
    ]  # fmt: skip


async def _check_replaced(
    office: Office, ready: Sequence[Prepared | Refused]
) -> list[Prepared | Refused]:
    """Refuse a claim that would replace another's: said as of a reference nobody has."""
    wanted = [
        (one.replaces, one.sent.sender.establishment_ref)
        for one in ready
        if isinstance(one, Prepared) and one.replaces is not None
    ]
    own = await office.shelf.find_own(wanted) if wanted else set()
    return [
        Refused((Fault("replaces", NOT_YOURS, at=one.sent.claim.at),))
        if isinstance(one, Prepared) and one.replaces is not None and one.replaces not in own
        else one
        for one in ready
    ]


async def _write(office: Office, prepared: Sequence[Prepared]) -> dict[bytes, Taken]:
    """Write what is not known yet, and find the references of what is."""
    if not prepared:
        return {}
    persons = await office.shelf.find_persons([one.lookup_key for one in prepared])
    rows, lines = [], []
    for one, person in zip(prepared, persons, strict=True):
        claim_ref = office.draw_reference()
        rows.append(_make_row(one, person, claim_ref))
        lines += _make_lines(one.sent.claim, claim_ref)
    # A crash after this leaves claims whose biller was not answered: sent again, they get the
    # references they have.
    fresh = await office.shelf.save(rows, lines)
    taken = {
        one.digest: Taken(row.claim_ref, is_new=True)
        for one, row in zip(prepared, rows, strict=True)
        if row.claim_ref in fresh
    }
    known = [one.digest for one in prepared if one.digest not in taken]
    if known:
        found = await office.shelf.find_known(known)
        taken |= {digest: Taken(found[digest], is_new=False) for digest in known}
    return taken


def _make_row(one: Prepared, person: FoundPerson, claim_ref: int) -> NewClaim:
    claim, sender = one.sent.claim, one.sent.sender
    days = [line.care_date for line in claim.lines]
    return NewClaim(
        claim_ref=claim_ref,
        establishment_ref=sender.establishment_ref,
        account_ref=sender.account_ref,
        client_ref=sender.client_ref,
        lot_ref=one.sent.lot_ref,
        channel=sender.channel,
        invoice=claim.invoice,
        digest=one.digest.hex(),
        person_ref=person.person_ref,
        insurer_id=person.insurer_id,
        born=claim.birth_date,
        in_pathway=claim.in_pathway,
        engagement_log=one.engagement[0] if one.engagement else None,
        engagement_idx=one.engagement[1] if one.engagement else None,
        pec_number=claim.pec or None,
        first_care_on=min(days),
        last_care_on=max(days),
        billed_cents=sum(line.billed_cents for line in claim.lines),
        replaces=one.replaces,
        by_card=not isinstance(claim.identifiers, TypedIdentifiers),
        named_amc=(
            claim.identifiers.amc_number.number
            if isinstance(claim.identifiers, TypedIdentifiers)
            else None
        ),
    )


def _make_lines(claim: BilledClaim, claim_ref: int) -> list[NewLine]:
    return [
        NewLine(
            claim_ref=claim_ref,
            number=line.number,
            act=line.act.code,
            care_on=line.care_date,
            quantity=line.quantity,
            billed_cents=line.billed_cents,
            base_cents=line.base_cents,
            given_amo_cents=line.amo_cents,
            asked_amc_cents=asked_cents,
            basket=line.basket,
            equipment=line.equipment,
            correction=line.correction,
            exoneration=line.exoneration,
            early_renewal=line.early_renewal,
        )
        for line, asked_cents in zip(claim.lines, claim.asked_amc_cents, strict=True)
    ]
