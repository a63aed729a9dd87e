"""The answer to a quote or a prise en charge as JSON: amounts line by line, and why.

Refuses, as every answer does, to carry any identifier: numbers of lines and codes of acts are those
the caller sent.
"""

from datetime import date
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from rempart.claims.adjudication import AdjudicatedLine
from rempart.claims.explanation import explain_line
from rempart.claims.quote import CareAsked, Quote
from rempart.exchange.rights_answer import (
    Answer,
    CareDate,
    DomainCode,
    add_fields,
    compute_fields,
    list_keys,
)
from rempart.rights.answer import Consigne
from rempart.tariffs.domains import Domain

Cents = Annotated[int, Meta(description="Euro cents.", ge=0)]


class QuotedLine(msgspec.Struct, frozen=True):
    """What becomes of one act."""

    number: Annotated[int, Meta(description="The number sent.")]
    act: Annotated[str, Meta(description="The code of act sent.")]
    billed_cents: Annotated[int, Meta(description="What was sent, euro cents.")]
    base_cents: Annotated[int, Meta(description="Base de remboursement, euro cents.")]
    amo_cents: Annotated[int, Meta(description="What compulsory insurance pays, euro cents.")]
    amc_cents: Annotated[int, Meta(description="What the contract pays, euro cents.")]
    reste_a_charge_cents: Annotated[int, Meta(description="What is left to pay, euro cents.")]
    explanation: Annotated[
        tuple[str, ...], Meta(description="How it came about, a sentence at a time, in French.")
    ]


class QuoteFinding(msgspec.Struct, frozen=True):
    """What a claim of these acts would be told."""

    line: Annotated[int, Meta(description="Number of the line.")]
    rule: Annotated[str, Meta(description="The rule; stable.")]
    message: Annotated[str, Meta(description="What is wrong, in French.")]
    advice: Annotated[str, Meta(description="What to do, in French.")]


class QuoteTotal(msgspec.Struct, frozen=True):
    """Sums of the lines that would be paid; the parts add up to what is billed of them."""

    billed_cents: Cents
    amo_cents: Cents
    amc_cents: Cents
    reste_a_charge_cents: Cents


class PecPromise(msgspec.Struct, frozen=True):
    """What was decided of a prise en charge."""

    number: Annotated[
        str, Meta(description="Its number, an engagement number: quote it on the claim.")
    ]
    state: Annotated[
        str,
        Meta(
            description="`agreed`: the amounts bind until the last day. `refused`: nothing is due.",
            extra_json_schema={"enum": ["agreed", "refused"]},
        ),
    ]
    expires_on: Annotated[date, Meta(description="Last day, included, on which care may be given.")]


Lines = Annotated[
    tuple[QuotedLine, ...], Meta(description="The acts that would be paid, in the order sent.")
]
Findings = Annotated[
    tuple[QuoteFinding, ...], Meta(description="What stands against the others; often empty.")
]
Total = Annotated[QuoteTotal, Meta(description="The sums.")]
Next = Annotated[Consigne, Meta(description="What to do: bill the insurer.")]


class QuoteAnswer(msgspec.Struct, frozen=True, tag_field="rights", tag="open"):
    """Rights are open, and this is what would be paid today. It promises nothing."""

    domain: DomainCode
    care_date: CareDate
    lines: Lines
    findings: Findings
    total: Total
    consigne: Next


class PecAnswer(msgspec.Struct, frozen=True, tag_field="rights", tag="open"):
    """Rights are open, and this is what the insurer promises."""

    domain: DomainCode
    care_date: CareDate
    lines: Lines
    findings: Findings
    total: Total
    pec: Annotated[PecPromise, Meta(description="The promise, or that there is none.")]
    consigne: Next


AnyAnswer: TypeAlias = Answer | QuoteAnswer | PecAnswer

_FIELDS_OF_SHAPE: Final = {
    shape: add_fields(list_keys(shape)) for shape in (QuoteAnswer, PecAnswer)
}


def compute_any_fields(answer: AnyAnswer) -> int:
    """Return the bitmap of what the bytes of any answer carry."""
    if isinstance(answer, QuoteAnswer | PecAnswer):
        return _FIELDS_OF_SHAPE[type(answer)]
    return compute_fields(answer)


def build_quote_answer(
    quote: Quote, care: CareAsked, *, domain: Domain, pec: PecPromise | None
) -> QuoteAnswer | PecAnswer:
    """Say what would be paid and, for a prise en charge, what is promised."""
    day = care.lines[0].care_date
    lines = tuple(_build_line(one) for one in quote.lines)
    findings = tuple(
        QuoteFinding(one.line, refusal.rule, refusal.fr, refusal.advice_fr)
        for one in quote.findings
        for refusal in [one.control.refusal]
    )
    total = QuoteTotal(
        billed_cents=sum(line.billed_cents for line in lines),
        amo_cents=quote.amo_cents,
        amc_cents=quote.amc_cents,
        reste_a_charge_cents=sum(line.reste_a_charge_cents for line in lines),
    )
    if pec is None:
        return QuoteAnswer(domain.code, day, lines, findings, total, Consigne.BILL_AMC)
    return PecAnswer(domain.code, day, lines, findings, total, pec, Consigne.BILL_AMC)


def _build_line(one: AdjudicatedLine) -> QuotedLine:
    return QuotedLine(
        number=one.line.number,
        act=one.line.act.code,
        billed_cents=one.line.billed_cents,
        base_cents=one.amo.base_cents,
        amo_cents=one.amo.paid_cents,
        amc_cents=one.amc_cents,
        reste_a_charge_cents=one.reste_a_charge_cents,
        explanation=tuple(explain_line(one)),
    )
