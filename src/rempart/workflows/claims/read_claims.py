"""What became of claims, told to who billed them: one claim with its acts, or a list of states.

Refuses to tell anything before the ledger holds, for each person, who is told what: a result says
whether somebody is covered and for how much. So it is a look-up like another: without a promise of
ours or the person's presence, the guard says whether it is told, and until then the claim is shown
as one that waits, in the same bytes. An establishment is told of its own claims only.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from rempart.accounts.session import Origin
from rempart.claims.states import ClaimState
from rempart.disclosure.entry import NO_KEY, Draft, Kind, Mode, Outcome, Purpose
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION, Field
from rempart.disclosure.session import SessionFacts, draft_session
from rempart.kernel.errors import NotFound
from rempart.kernel.instants import to_day_number
from rempart.storage.claims_intake import ListedClaim, StoredClaim, Wish
from rempart.storage.ledger_writer import Receipt
from rempart.tariffs.care import ActKind
from rempart.tariffs.domains import Domain
from rempart.workflows.rights.open_session import open_session
from rempart.workflows.rights.rights_desk import ClaimLook, Desk
from rempart.workflows.rights.weigh_presence import weigh_claim

__all__ = [
    "ListedClaim",
    "Receipt",
    "Record",
    "StoredClaim",
    "Told",
    "Wish",
    "judge_readings",
    "list_claims",
    "read_claim",
    "record_readings",
]

FIELDS_OF_CLAIM: Final = (
    Field.RIGHTS_STATUS | Field.CLOSED_REASON | Field.AMOUNTS | Field.BILLED_ACTS
)
FIELDS_OF_LIST: Final = Field.RIGHTS_STATUS | Field.AMOUNTS

Judge: TypeAlias = Callable[[ClaimLook], Awaitable[bool]]
"""Says whether a result may be told; see `judge_readings`."""
Record: TypeAlias = Callable[[Sequence[Draft]], Awaitable[Sequence[Receipt]]]
"""Writes entries and returns once they are durable; see `record_readings`."""


class Reader(Protocol):
    """Where claims are read."""

    async def load_claim(self, claim_ref: int, establishment_ref: int) -> StoredClaim | None:
        """Load a claim of an establishment."""
        ...

    async def tell(self, claim_ref: int) -> list[dict[str, Any]]:
        """Write that a result may be read; return its findings, as they are told."""
        ...

    async def list_claims(self, establishment_ref: int, wish: Wish) -> Sequence[ListedClaim]:
        """List claims of an establishment in the order they came, as far as it may be told."""
        ...


class Told(NamedTuple):
    """What one request is told: its entries, at least one, and who reads."""

    drafts: Sequence[Draft]
    origin: Origin


class Reading(NamedTuple):
    """Who reads, for which place, in which request."""

    origin: Origin
    establishment_ref: int
    request_id: bytes


async def read_claim(
    reader: Reader,
    claim_ref: int | None,
    *,
    reading: Reading,
    judge: Judge,
    record: Record,
) -> tuple[StoredClaim, Receipt]:
    """Return one claim with its result, once the ledger holds that it was told.

    A claim that waits is judged like one that was shared out: who is refused cannot tell them
    apart, nor somebody unknown from somebody covered.

    Args:
        reader: Where claims are.
        claim_ref: The claim; None for a reference that cannot be one.
        reading: Who reads.
        judge: Says whether a result that nothing vouches for may be told.
        record: Writes that it is told.

    Returns:
        The claim, and where the ledger has it.

    Raises:
        NotFound: the establishment billed no such claim; nothing is recorded.
        Unavailable, LedgerFenced: nothing may be told.
    """
    place = reading.establishment_ref
    found = None if claim_ref is None else await reader.load_claim(claim_ref, place)
    if found is None:
        raise NotFound("the establishment billed no such claim")
    fields = FIELDS_OF_CLAIM
    if not found.is_told:
        look = ClaimLook(
            *(reading.origin, place, found.person_ref, found.mark, found.insurer_id, found.by_card),
            named_insurer=found.named_insurer,
        )
        if await judge(look):
            # A crash after this leaves a result that may be read, of somebody the guard let pass.
            found = found._replace(findings=await reader.tell(found.claim_ref))
        else:
            found, fields = hide_result(found), Field(0)
    [receipt] = await record([_draft(found, str(found.lines[0]["act"]), fields, reading)])
    return found, receipt


def hide_result(claim: StoredClaim) -> StoredClaim:
    """Return a claim as it was when it came in, about nobody."""
    unknown = dict.fromkeys(("amo_cents", "amc_cents", "reste_a_charge_cents"))
    return claim._replace(
        state=ClaimState.RECEIVED.value,
        state_at=claim.received_at,
        person_ref=0,
        insurer_id=0,
        findings=[],
        lines=[{**line, **unknown} for line in claim.lines],
        amo_cents=None,
        amc_cents=None,
        reste_a_charge_cents=None,
    )


async def judge_readings(
    desk: Desk, looks: Sequence[ClaimLook], *, now_ms: int, today: date
) -> list[bool]:
    """Say which results may be told: what rights checks by the same evidence would be answered.

    Args:
        desk: What judges; nobody else uses it meanwhile.
        looks: Whose results.
        now_ms: The instant.
        today: Its civil date in Paris.

    Raises:
        Unavailable: they cannot be judged; nothing may be told.
    """
    asked = []
    for place, look in enumerate(looks):
        insurer_id = look.named_insurer or look.insurer_id
        is_cut = desk.posture.find_insurer_cut(insurer_id, now_ms=now_ms) is not None
        if not is_cut and await weigh_claim(desk, look, now_ms=now_ms, today=today) is None:
            asked.append(place)
    if not asked:
        return [False] * len(looks)
    refusals = await desk.guard.judge_claims([looks[place] for place in asked], now_ms=now_ms)
    told = {place for place, refusal in zip(asked, refusals, strict=True) if refusal is None}
    return [place in told for place in range(len(looks))]


async def list_claims(
    reader: Reader,
    wish: Wish,
    *,
    reading: Reading,
    record: Record,
) -> Sequence[ListedClaim]:
    """Return a page of claims, once the ledger holds each person it tells of, once each.

    A list tells no result that may not be told already: those are read one by one.

    Args:
        reader: Where claims are.
        wish: Which of them.
        reading: Who reads.
        record: Writes whom it tells of.

    Raises:
        Unavailable, LedgerFenced: nothing may be told.
    """
    found = await reader.list_claims(reading.establishment_ref, wish)
    told = {(one.person_ref, one.insurer_id): one for one in reversed(found)}
    drafts = [
        _draft(one, one.act, FIELDS_OF_LIST if one.person_ref else Field(0), reading)
        for one in reversed(told.values())
    ]
    if drafts:
        await record(drafts)
    return found


async def record_readings(
    desk: Desk, told: Sequence[Told], *, now_ms: int
) -> list[Sequence[Receipt]]:
    """Write entries in the sessions of those who read, opening them when it is their first act.

    A crash after this leaves entries of answers that never left: too much is said, never too
    little.

    Args:
        desk: Where they are written; nobody else writes meanwhile.
        told: What each request is told.
        now_ms: The instant.

    Returns:
        Of each request, where its entries are, in order; they are durable.

    Raises:
        Unavailable, LedgerFenced: nothing may be told.
    """
    found = await desk.sessions.find(
        dict.fromkeys(one.origin for one in told),
        reader=desk.sheets,
        log_id=desk.ledger.log_id,
        log_size=desk.ledger.size,
        now_ms=now_ms,
    )
    live = {origin: session.session_ref for origin, session in found.items()}
    opened: list[SessionFacts] = []
    entries: list[Draft] = []
    places: list[slice] = []
    for one in told:
        if one.origin not in live:
            facts = open_session(one.origin, now_ms=now_ms)
            live[one.origin] = facts.session_ref
            opened.append(facts)
            entries.append(draft_session(facts, request_id=one.drafts[0].request_id))
        first = len(entries)
        entries += [draft._replace(session_ref=live[one.origin]) for draft in one.drafts]
        places.append(slice(first, len(entries)))
    receipts = await desk.ledger.append(entries, sessions=opened)
    for origin, session_ref in live.items():
        desk.sessions.remember(origin, session_ref, now_ms=now_ms)
    return [receipts[place] for place in places]


def _draft(claim: StoredClaim | ListedClaim, act: str, fields: Field, reading: Reading) -> Draft:
    return Draft(
        kind=Kind.DISCLOSE if claim.person_ref else Kind.NEGATIVE,
        account_ref=reading.origin.account_ref,
        session_ref=0,
        person_ref=claim.person_ref,
        insurer_id=claim.insurer_id,
        lookup_key=NO_KEY,
        purpose=Purpose.BILLING,
        mode=Mode.CLAIM,
        domain=Domain.parse(ActKind.parse(act).domain).number,
        care_day=to_day_number(claim.first_care_on),
        outcome=Outcome.CLAIM,
        fields=fields,
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=0,
        request_id=reading.request_id,
    )
