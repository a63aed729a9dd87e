"""Share claims out, a batch at a time: controls, amounts, uses, money, all in one transaction.

A crash leaves a batch whole or not begun; several may work at once, each on its own people. Refuses
to stop for anything but a hold on the claim itself: claims and payments go on when rights are cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from rempart.claims.adjudication import AdjudicatedLine, Contract
from rempart.claims.claim import Claim
from rempart.claims.controls import (
    REVIEWED,
    STOPPED,
    ClaimFinding,
    Known,
    Right,
)
from rempart.claims.decision import Decided, Ground, decide_claim
from rempart.claims.states import ClaimEvent, ClaimState, move_claim
from rempart.claims.stored_steps import format_amo, format_step
from rempart.kernel.errors import InconsistentRecord
from rempart.kernel.instants import to_paris_day
from rempart.rights.presence import FACE_KNOWN_DAYS
from rempart.settlement.journal import adjudicate
from rempart.storage.adjudication import Reader, WaitingClaim, count_waiting
from rempart.storage.adjudication_writes import (
    ClaimResult,
    DueRow,
    EventRow,
    Kept,
    LineResult,
    NewHold,
    PartRow,
    UseRow,
    Writer,
)
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.claims.facts import NEEDS_PEC, Facts, Library, Quoted
from rempart.workflows.claims.undo_claims import TakenBack, undo_claims

__all__ = ["BatchDone", "Library", "adjudicate_batch", "count_waiting"]

BATCH: Final = 500
REPLACED: Final = "replaced by another claim"
CONTRADICTION: Final = "the record contradicts itself"
_NOBODY: Final = 0


class BatchDone(NamedTuple):
    """What a batch came to: claims by what became of them, and statements it took."""

    claims: int
    adjudicated: int
    rejected: int
    held: int
    statements: int


class _Contracted(NamedTuple):
    """The contract that pays a line, and the insurer's reference of it."""

    contract_ref: int
    contract: Contract


class _Prepared(NamedTuple):
    """What a claim is decided on."""

    claim: Claim
    known: Known
    paying: dict[int, _Contracted]
    quoted: Quoted


@dataclass(slots=True)
class _Results:
    """What a batch writes."""

    lines: list[LineResult] = field(default_factory=list)
    parts: list[PartRow] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    uses: list[UseRow] = field(default_factory=list)
    claims: list[ClaimResult] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    engagements: list[Kept] = field(default_factory=list)
    pecs: list[Kept] = field(default_factory=list)
    holds: list[NewHold] = field(default_factory=list)
    carried: list[int] = field(default_factory=list)
    promised: set[int] = field(default_factory=set)


def adjudicate_batch(
    tx: Transaction, library: Library, *, today: date, size: int = BATCH
) -> BatchDone:
    """Share out the next claims; nothing is left to do when it returns 0 claims.

    Args:
        tx: A transaction of the settler, which the caller commits.
        library: What batches have in common.
        today: The civil date in Paris.
        size: How many claims a batch takes, or a few times that of people who have many.
    """
    reader, writer = Reader(tx), Writer(tx)
    claims = reader.take_waiting(size)
    if claims:
        claims = _take_replaced_back(reader, writer, claims, today=today)
    if not claims:
        return BatchDone(0, 0, 0, 0, reader.statements + writer.statements)
    facts, results = Facts(reader, library, claims), _Results()
    for one in claims:
        _settle(facts, one, results)
    _write(writer, results, today=today)
    states = [one.state for one in results.claims]
    return BatchDone(
        claims=len(states),
        adjudicated=states.count(ClaimState.ADJUDICATED),
        rejected=states.count(ClaimState.REJECTED),
        held=states.count(ClaimState.HELD),
        statements=reader.statements + writer.statements,
    )


def _take_replaced_back(
    reader: Reader, writer: Writer, claims: Sequence[WaitingClaim], *, today: date
) -> list[WaitingClaim]:
    """Take back what claims of the batch replace; leave those whose old person is worked on."""
    replacing = {one.replaces: one for one in claims if one.replaces is not None}
    if not replacing:
        return list(claims)
    left, replaced = set(), []
    for row in reader.find_whose([ref for ref in replacing if ref is not None]):
        one = replacing[row.claim_ref]
        if row.establishment_ref != one.establishment_ref:
            continue
        if not reader.lock_person(row.person_ref or row.claim_ref):
            left.add(one.claim_ref)
        else:
            replaced.append(TakenBack(row.claim_ref, one.account_ref, REPLACED))
    undone = undo_claims(writer, replaced, today=today)
    return [one for one in claims if one.claim_ref not in left | undone]


def _settle(facts: Facts, one: WaitingClaim, results: _Results) -> None:
    """Decide one claim, and note what is to be written of it."""
    holds = facts.holds.get(one.claim_ref, [])
    rejecting = [hold for hold in holds if hold.decision == "reject"]
    if one.state == ClaimState.HELD:
        results.carried.append(one.claim_ref)
    try:
        prepared = _prepare(facts, one)
    except (InconsistentRecord, ValueError):
        # Nobody is refused for what the platform wrote wrongly: somebody looks at it.
        hold = NewHold(draw_ref(), one.claim_ref, _NOBODY, None, CONTRADICTION)
        _hold(one, [hold], [ClaimFinding(0, STOPPED, None)], results)
        return
    if prepared.quoted.promises:
        results.promised.add(one.claim_ref)
    if rejecting:
        findings = [ClaimFinding(0, REVIEWED, None)]
        _close(one, ClaimEvent.REJECT, findings, results, actor_ref=rejecting[0].decided_by)
        return
    new_holds = _list_holds(facts, one)
    waits = bool(new_holds) or any(hold.decision is None for hold in holds)
    ground = Ground(
        contracts={number: paying.contract for number, paying in prepared.paying.items()},
        amo_counters=facts.get_counters(one.person_ref, _NOBODY),
        is_held=waits,
    )
    if prepared.quoted.pec is not None and not waits:
        facts.release_pec(prepared.quoted.pec)
    decided = decide_claim(prepared.claim, prepared.known, ground)
    match decided.event:
        case ClaimEvent.HOLD:
            facts.note_received(one, [line.number for line in prepared.claim.lines])
            findings = [*decided.findings, ClaimFinding(0, STOPPED, None)]
            _hold(one, new_holds, findings, results)
        case ClaimEvent.REJECT:
            if prepared.quoted.pec is not None:
                facts.keep_pec(prepared.quoted.pec)
            _close(one, ClaimEvent.REJECT, decided.findings, results)
        case _:
            facts.note_received(one, [shared.line.number for shared in decided.lines])
            facts.note_used(prepared.quoted, one.claim_ref)
            _share(one, prepared, decided, results)
            _collect_uses(one, prepared, ground, results)


def _prepare(facts: Facts, one: WaitingClaim) -> _Prepared:
    """Find everything a claim is decided on.

    Raises:
        InconsistentRecord, ValueError: what was written contradicts itself.
    """
    claim, coverages = facts.make_claim(one), facts.find_coverages(one)
    quoted = facts.read_quoted(one)
    rights, paying, lacking = {}, {}, set()
    for line in claim.lines:
        standing = facts.find_right(coverages, quoted, line)
        rights[line.number] = standing.right if one.person_ref else Right.UNKNOWN
        if standing.coverage is not None:
            contract = facts.make_contract(one, standing.coverage, coverages, line)
            paying[line.number] = _Contracted(standing.coverage.contract_ref, contract)
        if line.act.code in NEEDS_PEC and not _is_promised(quoted, line.act.domain):
            lacking.add(line.number)
    numbers = [line.number for line in claim.lines]
    asked = {
        line.number: line.asked_amc_cents
        for line in facts.lines[one.claim_ref]
        if line.asked_amc_cents is not None
    }
    known = Known(
        today=to_paris_day(one.received_at),
        rights=rights,
        twins=facts.find_twins(one),
        asked_amc_cents=asked or None,
        needs_pec=lacking,
        bad_engagement=numbers if quoted.is_bad else (),
    )
    return _Prepared(claim, known, _merge(paying), quoted)


def _merge(paying: dict[int, _Contracted]) -> dict[int, _Contracted]:
    """Let lines that one contract pays by one table share one contract."""
    shared: dict[tuple[int, int], _Contracted] = {}
    return {
        number: shared.setdefault((one.contract_ref, id(one.contract.table)), one)
        for number, one in paying.items()
    }


def _is_promised(quoted: Quoted, domain: str) -> bool:
    return any(promise.domain.code == domain for promise in quoted.promises)


def _list_holds(facts: Facts, one: WaitingClaim) -> list[NewHold]:
    """Return the holds that watches place on a claim, but those that were decided already."""
    decided = {hold.insurer_id for hold in facts.holds.get(one.claim_ref, ())}
    return [
        NewHold(draw_ref(), one.claim_ref, watch.insurer_id, watch.watch_ref, watch.reason)
        for watch in facts.watches.get(one.establishment_ref, ())
        if watch.insurer_id in (_NOBODY, one.insurer_id) and watch.insurer_id not in decided
    ]


def _hold(
    one: WaitingClaim,
    holds: Sequence[NewHold],
    findings: Iterable[ClaimFinding],
    results: _Results,
) -> None:
    results.holds.extend(holds)
    if one.state == ClaimState.HELD:
        # It waits already, and goes on waiting for somebody else.
        results.claims.append(_make_result(one, ClaimState.HELD, findings))
        return
    _close(one, ClaimEvent.HOLD, findings, results)


def _close(
    one: WaitingClaim,
    event: ClaimEvent,
    findings: Iterable[ClaimFinding],
    results: _Results,
    *,
    actor_ref: int | None = None,
) -> None:
    """Note a claim of which nothing is due now."""
    state = move_claim(ClaimState(one.state), event)
    results.claims.append(_make_result(one, state, findings))
    results.events.append(EventRow(one.claim_ref, event.value, state.value, actor_ref))


def _share(one: WaitingClaim, prepared: _Prepared, decided: Decided, results: _Results) -> None:
    """Note the lines of a claim that was shared out, its parts, and the promises it kept."""
    for shared in decided.lines:
        number = shared.line.number
        results.lines.append(
            LineResult(
                *(one.claim_ref, number, shared.amo.paid_cents, shared.amc_cents),
                shared.reste_a_charge_cents,
                format_amo(shared.amo),
            )
        )
        for part, paying in zip(shared.parts, [prepared.paying[number]], strict=True):
            results.places.append(one.establishment_ref)
            results.parts.append(
                PartRow(
                    *(0, one.claim_ref, number, 1, one.insurer_id, paying.contract_ref),
                    *(paying.contract.table.code, part.cents),
                    part.benefit.label if part.benefit else "",
                    [format_step(step) for step in part.steps],
                )
            )
    if prepared.quoted.engagement is not None:
        results.engagements.append(Kept(*prepared.quoted.engagement, one.claim_ref))
    if (pec := prepared.quoted.pec) is not None:
        results.pecs.append(Kept(pec.log_id, pec.idx, one.claim_ref))
    state = move_claim(ClaimState(one.state), ClaimEvent.ADJUDICATE)
    results.claims.append(_make_result(one, state, decided.findings, decided.lines))
    results.events.append(EventRow(one.claim_ref, ClaimEvent.ADJUDICATE.value, state.value))


def _collect_uses(
    one: WaitingClaim, prepared: _Prepared, ground: Ground, results: _Results
) -> None:
    """Note what the claim used, and let counters begin the next claim with nothing to tell."""
    counters = {
        paying.contract_ref: paying.contract.counters for paying in prepared.paying.values()
    }
    for contract_ref, used in {_NOBODY: ground.amo_counters, **counters}.items():
        if one.person_ref:
            results.uses.extend(
                UseRow(one.claim_ref, one.person_ref, contract_ref, use) for use in used.uses
            )
        used.uses.clear()


def _make_result(
    one: WaitingClaim,
    state: ClaimState,
    findings: Iterable[ClaimFinding],
    lines: Sequence[AdjudicatedLine] = (),
) -> ClaimResult:
    found = [_format_finding(finding) for finding in findings]
    if not lines:
        return ClaimResult(one.claim_ref, state.value, None, None, None, found)
    return ClaimResult(
        one.claim_ref,
        state.value,
        sum(shared.amo.paid_cents for shared in lines),
        sum(shared.amc_cents for shared in lines),
        sum(shared.reste_a_charge_cents for shared in lines),
        found,
    )


def _format_finding(finding: ClaimFinding) -> dict[str, Any]:
    until = None if finding.until is None else finding.until.isoformat()
    return {"line": finding.line, "rule": finding.control.refusal.rule, "until": until}


def _write(writer: Writer, results: _Results, *, today: date) -> None:
    """Write a batch; money last, in the same transaction as what it is for."""
    refs = writer.draw_parts(len(results.parts)) if results.parts else []
    parts = [part._replace(part_ref=ref) for part, ref in zip(results.parts, refs, strict=True)]
    writer.save_lines(results.lines)
    writer.add_parts(parts)
    writer.add_uses(results.uses)
    writer.save_claims(
        results.claims,
        promised=results.promised,
        presence_since=today - timedelta(days=FACE_KNOWN_DAYS),
    )
    writer.add_events(results.events)
    writer.use_engagements(results.engagements)
    writer.use_pecs(results.pecs)
    writer.carry_holds(results.carried)
    writer.add_holds(results.holds)
    owed = [
        DueRow(part.part_ref, place, part.insurer_id, part.cents)
        for part, place in zip(parts, results.places, strict=True)
        if part.cents
    ]
    writer.append_entries(
        [
            adjudicate(
                one.part_ref,
                establishment=one.establishment_ref,
                insurer=one.insurer_id,
                cents=one.cents,
            )
            for one in owed
        ]
    )
    writer.add_dues(owed, since=today)
