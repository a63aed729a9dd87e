"""What the routes of claims answer: acknowledgements, findings on form, results.

An acknowledgement says nothing of the person: its bytes depend on what was sent, never on whom it
leads to.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from rempart.claims.controls import CONTROLS, NOT_OPEN, Control
from rempart.claims.references import format_reference
from rempart.claims.states import ClaimState
from rempart.exchange.billed_claim import Fault
from rempart.exchange.claim_rules import RULES
from rempart.kernel.findings import Refusal
from rempart.workflows.claims.read_claims import ListedClaim, Receipt, StoredClaim
from rempart.workflows.claims.take_lot import StoredLot

_CONTROLS: Final[Mapping[str, Control]] = MappingProxyType(
    {one.refusal.rule: one for one in (*CONTROLS, NOT_OPEN)}
)

Reference = Annotated[str, Meta(description="Reference of the claim.", examples=["7K3M-Q2ZX-0V9T"])]
Cents = Annotated[int | None, Meta(description="Cents; null until the claim is adjudicated.")]
Instant = Annotated[str, Meta(description="Instant (RFC 3339, UTC).")]


class FormFinding(msgspec.Struct, frozen=True):
    """What is wrong in the form of a claim: by which rule, where, what to do."""

    rule: Annotated[str, Meta(description="Stable name of the rule.")]
    at: Annotated[int | None, Meta(description="Line of the file; null outside a file.")]
    line: Annotated[
        int | None, Meta(description="Number of the claim's line; null for the claim itself.")
    ]
    field: Annotated[str, Meta(description="Path of the field; empty for the whole.")]
    fr: Annotated[str, Meta(description="What is wrong and what to do, in French.")]
    en: Annotated[str, Meta(description="The same in English.")]


class TakenClaim(msgspec.Struct, frozen=True):
    """A claim that was taken: technically, nothing more is said here."""

    at: Annotated[int, Meta(description="Its place in the request, from 1.")]
    invoice: Annotated[str, Meta(description="Your own number.")]
    claim: Reference


class RefusedClaim(msgspec.Struct, frozen=True):
    """A claim whose form cannot be taken: correct it and send it again."""

    at: Annotated[int, Meta(description="Its place in the request, from 1.")]
    findings: Annotated[list[FormFinding], Meta(description="All that could be found wrong.")]


class ClaimsTaken(msgspec.Struct, frozen=True):
    """The technical acknowledgement of a request."""

    accepted: Annotated[list[TakenClaim], Meta(description="Taken, in the order sent.")]
    refused: Annotated[list[RefusedClaim], Meta(description="Not taken.")]


class LotAnswer(msgspec.Struct, frozen=True):
    """The technical acknowledgement of a lot."""

    lot: Annotated[str, Meta(description="Reference of the lot.")]
    number: Annotated[str, Meta(description="Your own number.")]
    state: Annotated[
        str,
        Meta(
            description=(
                "`received`: every claim that could be read is taken. `refused`: nothing is, its "
                "end is missing or does not count what it holds. `receiving`: it was cut short, "
                "send it again and the rest is taken."
            )
        ),
    ]
    claims: Annotated[int, Meta(description="Claims taken.")]
    refused: Annotated[int, Meta(description="Claims that could not be taken.")]
    received_at: Instant
    findings: Annotated[list[FormFinding], Meta(description="The first thousand.")]


class LotsTaken(msgspec.Struct, frozen=True):
    """The lots of a file, in its order."""

    lots: Annotated[list[LotAnswer], Meta(description="One in most files.")]


class ResultFinding(msgspec.Struct, frozen=True):
    """What a control says of a claim: why, what to do, and until when."""

    rule: Annotated[str, Meta(description="Stable name of the rule.")]
    line: Annotated[int, Meta(description="Number of the line; 0 for the whole claim.")]
    severity: Annotated[str, Meta(description="`rejection`: its line stops; or `signal`.")]
    code: Annotated[str, Meta(description="The national anomaly code it resembles, or empty.")]
    recoverable: Annotated[bool, Meta(description="Whether a corrected claim may be sent.")]
    to_member: Annotated[bool, Meta(description="Whether the member may be asked instead.")]
    until: Annotated[
        str | None, Meta(description="Last day a corrected claim is taken; null: none is.")
    ]
    fr: Annotated[str, Meta(description="What is wrong and what to do, in French.")]
    en: Annotated[str, Meta(description="The same in English.")]


class ResultLine(msgspec.Struct, frozen=True):
    """One act and who pays what of it."""

    number: Annotated[int, Meta(description="Its place on the claim.")]
    act: Annotated[str, Meta(description="Code of the act.")]
    care_date: Annotated[str, Meta(description="The day of care.")]
    quantity: Annotated[int, Meta(description="How many.")]
    billed_cents: Annotated[int, Meta(description="What was billed.")]
    amo_cents: Cents
    amc_cents: Cents
    reste_a_charge_cents: Cents


class EntryPlace(msgspec.Struct, frozen=True):
    """Where the ledger has that this was told."""

    log: Annotated[str, Meta(description="Public name of the log.")]
    index: Annotated[int, Meta(description="Place of the entry in the log.", ge=0)]
    checkpoint: Annotated[str, Meta(description="Signed note of a size that includes it.")]


class ClaimSummary(msgspec.Struct, frozen=True):
    """A claim in a list: its state and amounts, no act."""

    claim: Reference
    invoice: Annotated[str, Meta(description="Your own number.")]
    state: Annotated[ClaimState, Meta(description="Where it is.")]
    received_at: Instant
    state_at: Instant
    billed_cents: Annotated[int, Meta(description="What was billed.")]
    amo_cents: Cents
    amc_cents: Cents
    reste_a_charge_cents: Cents


class ClaimList(msgspec.Struct, frozen=True):
    """A page of claims, in the order they came."""

    claims: Annotated[list[ClaimSummary], Meta(description="Of this page.")]
    next: Annotated[
        str | None, Meta(description="What to send as `after` for the next page; null at the end.")
    ]


class ClaimResult(msgspec.Struct, frozen=True):
    """A claim with all that became of it."""

    claim: Reference
    invoice: Annotated[str, Meta(description="Your own number.")]
    state: Annotated[ClaimState, Meta(description="Where it is.")]
    channel: Annotated[str, Meta(description="How it came: `json`, `fhir` or `b2`.")]
    lot: Annotated[str | None, Meta(description="Reference of its lot.")]
    replaces: Annotated[str | None, Meta(description="The claim it takes the place of.")]
    received_at: Instant
    state_at: Instant
    billed_cents: Annotated[int, Meta(description="What was billed.")]
    amo_cents: Cents
    amc_cents: Cents
    reste_a_charge_cents: Cents
    lines: Annotated[list[ResultLine], Meta(description="Its acts.")]
    findings: Annotated[list[ResultFinding], Meta(description="What its controls say.")]
    receipt: Annotated[EntryPlace, Meta(description="Its trace.")]


class CancelAsked(msgspec.Struct, frozen=True):
    """The request is written; what became of it is read with the claim."""

    claim: Reference
    cancel: Annotated[str, Meta(description="`asked`.")] = "asked"


CLAIM_ANSWERS: Final = (ClaimsTaken, LotsTaken, LotAnswer, ClaimList, ClaimResult, CancelAsked)


def describe_faults(faults: Sequence[Fault]) -> list[FormFinding]:
    """Put faults in words."""
    return [
        _describe(one.refusal, at=one.at, line=one.line, field=one.field) for one in faults
    ]  # fmt: skip


def describe_lot(lot: StoredLot) -> LotAnswer:
    """Put a lot in words."""
    return LotAnswer(
        lot=format_reference(lot.lot_ref),
        number=lot.number,
        state=lot.state,
        claims=lot.claims,
        refused=lot.refused,
        received_at=_format_instant(lot.received_at),
        findings=[
            _describe(RULES[one["rule"]], at=one["at"], line=one["line"], field=one["field"])
            for one in lot.findings
        ],
    )


def describe_claim(claim: StoredClaim, receipt: Receipt) -> ClaimResult:
    """Put a claim in words."""
    return ClaimResult(
        claim=format_reference(claim.claim_ref),
        invoice=claim.invoice,
        state=ClaimState(claim.state),
        channel=claim.channel,
        lot=None if claim.lot_ref is None else format_reference(claim.lot_ref),
        replaces=None if claim.replaces is None else format_reference(claim.replaces),
        received_at=_format_instant(claim.received_at),
        state_at=_format_instant(claim.state_at),
        billed_cents=claim.billed_cents,
        amo_cents=claim.amo_cents,
        amc_cents=claim.amc_cents,
        reste_a_charge_cents=claim.reste_a_charge_cents,
        lines=[ResultLine(**line) for line in claim.lines],
        findings=[_describe_control(one) for one in claim.findings],
        receipt=EntryPlace(receipt.origin, receipt.index, receipt.checkpoint),
    )


def describe_list(claims: Sequence[ListedClaim], *, most: int) -> ClaimList:
    """Put a page of claims in words; a page that is full may be followed by another."""
    summaries = [
        ClaimSummary(
            claim=format_reference(one.claim_ref),
            invoice=one.invoice,
            state=ClaimState(one.state),
            received_at=_format_instant(one.received_at),
            state_at=_format_instant(one.state_at),
            billed_cents=one.billed_cents,
            amo_cents=one.amo_cents,
            amc_cents=one.amc_cents,
            reste_a_charge_cents=one.reste_a_charge_cents,
        )
        for one in claims
    ]
    return ClaimList(summaries, summaries[-1].claim if len(summaries) == most else None)


def _describe(refusal: Refusal, *, at: int | None, line: int | None, field: str) -> FormFinding:
    return FormFinding(refusal.rule, at, line, field, *_say(refusal))


def _describe_control(found: Mapping[str, Any]) -> ResultFinding:
    control = _CONTROLS[found["rule"]]
    fr, en = _say(control.refusal)
    return ResultFinding(
        rule=control.refusal.rule,
        line=found["line"],
        severity=control.severity.value,
        code=control.code,
        recoverable=control.recoverable,
        to_member=control.to_member,
        until=found["until"],
        fr=fr,
        en=en,
    )


def _say(refusal: Refusal) -> tuple[str, str]:
    return f"{refusal.fr} {refusal.advice_fr}", f"{refusal.en} {refusal.advice_en}"


def _format_instant(instant: Any) -> str:
    text: str = instant.isoformat()
    return text.replace("+00:00", "Z")
