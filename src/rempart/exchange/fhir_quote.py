"""A quote and a prise en charge as FHIR R4B: `Claim` in, `ClaimResponse` out.

Use `predetermination` asks for a quote, `preauthorization` for a prise en charge. The answer says
what the one in JSON says, no more and no less: an element of it that has no place here stops the
program. Refuses to send an identifier back: the patient is not named.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from rempart.disclosure.fields import Field
from rempart.exchange.billed_claim import BilledClaim, Fault
from rempart.exchange.fhir_claim import RULE_SYSTEM, read_fhir_claim
from rempart.exchange.fhir_feed import BASE, EXTENSIONS, Identifier
from rempart.exchange.quote_answer import PecPromise, QuotedLine, QuoteFinding, QuoteTotal

QUOTE: Final = "predetermination"
PROMISE: Final = "preauthorization"
ADJUDICATION_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/adjudication"
AMO_SYSTEM: Final = f"{BASE}/adjudication"
_CURRENCY: Final = "EUR"
_DISPLAY: Final = "display"
# What each amount of ours is called in FHIR; `amo` is this project's own: FHIR has one payer.
_CATEGORIES: Final[Mapping[str, tuple[str, str]]] = {
    "billed_cents": (ADJUDICATION_SYSTEM, "submitted"),
    "base_cents": (ADJUDICATION_SYSTEM, "eligible"),
    "amo_cents": (AMO_SYSTEM, "amo"),
    "amc_cents": (ADJUDICATION_SYSTEM, "benefit"),
    "reste_a_charge_cents": (ADJUDICATION_SYSTEM, "copay"),
}


class FhirCare(NamedTuple):
    """A quote or a prise en charge that is asked for.

    Attributes:
        use: `QUOTE` or `PROMISE`.
        claim: The acts and the person; its invoice is the caller's own number.
        digits: The six digits of the electronic card; empty for none.
        assertion: What a terminal signed of a Vitale card; empty for none.
    """

    use: str
    claim: BilledClaim
    digits: str
    assertion: str


class _Mark(msgspec.Struct, frozen=True, rename="camel"):
    url: str = ""
    value_string: str = ""


class _Head(msgspec.Struct, frozen=True):
    use: str
    type: msgspec.Raw
    identifier: tuple[Identifier, ...] = ()
    extension: tuple[_Mark, ...] = ()


class _Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log: str
    index: int
    checkpoint: str


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whatever an answer in JSON may say."""

    rights: str
    domain: str
    care_date: date
    consigne: str
    reason: str = ""
    lines: tuple[QuotedLine, ...] = ()
    findings: tuple[QuoteFinding, ...] = ()
    total: QuoteTotal | None = None
    pec: PecPromise | None = None


class _Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    answer: _Answer
    receipt: _Receipt


_HEAD: Final = msgspec.json.Decoder(_Head)
_REPLY: Final = msgspec.json.Decoder(_Reply)


def read_fhir_care(body: bytes) -> FhirCare | tuple[Fault, ...]:
    """Read a `Claim` of use `predetermination` or `preauthorization`, or say what is wrong.

    Raises:
        MalformedRequest: it is not JSON.
    """
    claim = read_fhir_claim(body, uses=(QUOTE, PROMISE))
    if not isinstance(claim, BilledClaim):
        return claim
    head = _HEAD.decode(body)
    marks = {one.url: one.value_string for one in head.extension}
    return FhirCare(
        use=head.use,
        claim=claim,
        digits=marks.get(f"{EXTENSIONS}/presence-digits", ""),
        assertion=marks.get(f"{EXTENSIONS}/vitale-assertion", ""),
    )


def write_claim_response(answer: bytes, *, asked: bytes, today: date) -> bytes:
    """Write what an answer in JSON says as a `ClaimResponse`.

    Args:
        answer: The answer and its receipt.
        asked: The `Claim`: its use, type and own number are repeated.
        today: The day of the answer.
    """
    said, head = _REPLY.decode(answer), _HEAD.decode(asked)
    told = said.answer
    response: dict[str, Any] = {
        "resourceType": "ClaimResponse",
        "extension": _list_facts(said),
        "status": "active",
        "type": head.type,
        "use": head.use,
        "patient": {"type": "Patient", "display": "-"},
        "created": today.isoformat(),
        "insurer": {"type": "Organization", "display": "Rempart"},
        "outcome": "complete",
    }
    if head.identifier and head.identifier[0].value.strip():
        response["request"] = {"type": "Claim", "identifier": _repeat(head.identifier[0])}
    notes: list[str] = []
    items = _write_items(told, notes)
    if items:
        response["item"] = items
    if told.total is not None:
        amounts = msgspec.structs.asdict(told.total)
        response["total"] = [
            {"category": _categorise(name), "amount": _euros(cents)}
            for name, cents in amounts.items()
        ]
    if told.pec is not None:
        response["preAuthRef"] = told.pec.number
        response["preAuthPeriod"] = {
            "start": today.isoformat(),
            "end": told.pec.expires_on.isoformat(),
        }
    if notes:
        response["processNote"] = [
            {"number": number, "type": _DISPLAY, "text": text, "language": _FRENCH}
            for number, text in enumerate(notes, 1)
        ]
    return msgspec.json.encode(response)


_FRENCH: Final = {"coding": [{"system": "urn:ietf:bcp:47", "code": "fr"}]}


def read_response_fields(body: bytes) -> int:
    """Return the bitmap of what a `ClaimResponse` carries, as whoever receives it can tell.

    Raises:
        KeyError: nobody said what an element tells.
    """
    response = msgspec.json.decode(body, type=dict[str, Any])
    fields = 0
    for name in response:
        fields |= _FIELD_OF_ELEMENT[name]
    for extension in response["extension"]:
        fields |= _FIELD_OF_EXTENSION[extension["url"].removeprefix(f"{EXTENSIONS}/")]
    return fields


_AMOUNTS: Final = Field.AMOUNTS | Field.DOMAIN_TERMS
# What each element tells; 0: the caller sent it, or it is the same in every answer.
_FIELD_OF_ELEMENT: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        (
            *("resourceType", "extension", "status", "type", "use", "patient", "created"),
            *("insurer", "request", "outcome"),
        ),
        0,
    ),
    "item": _AMOUNTS,
    "total": _AMOUNTS,
    "processNote": _AMOUNTS,
    "preAuthRef": Field.ENGAGEMENT,
    "preAuthPeriod": Field.ENGAGEMENT,
}
_FIELD_OF_EXTENSION: Final[Mapping[str, int]] = {
    "rights": Field.RIGHTS_STATUS,
    "closed-reason": Field.CLOSED_REASON,
    "consigne": Field.CONSIGNE,
    "pec-state": Field.ENGAGEMENT,
    "domain": 0,
    "care-date": 0,
    "receipt": 0,
}


def _list_facts(said: _Reply) -> list[dict[str, Any]]:
    """Return what has no element of its own."""
    told, receipt = said.answer, said.receipt
    codes = {"rights": told.rights, "domain": told.domain, "consigne": told.consigne}
    if told.reason:
        codes["closed-reason"] = told.reason
    if told.pec is not None:
        codes["pec-state"] = told.pec.state
    trace = {"log": receipt.log, "index": str(receipt.index), "checkpoint": receipt.checkpoint}
    return [
        *({"url": f"{EXTENSIONS}/{name}", "valueCode": code} for name, code in codes.items()),
        {"url": f"{EXTENSIONS}/care-date", "valueDate": told.care_date.isoformat()},
        {
            "url": f"{EXTENSIONS}/receipt",
            "extension": [{"url": name, "valueString": text} for name, text in trace.items()],
        },
    ]


def _write_items(told: _Answer, notes: list[str]) -> list[dict[str, Any]]:
    """Write each act with its amounts, and those something stands against with why."""
    items = [_write_line(line, notes) for line in told.lines]
    against: dict[int, list[QuoteFinding]] = {}
    for finding in told.findings:
        against.setdefault(finding.line, []).append(finding)
    for number, findings in against.items():
        notes += [f"{one.message} {one.advice}" for one in findings]
        if number > 0:
            items.append(
                {
                    "itemSequence": number,
                    "adjudication": [_refuse(finding) for finding in findings],
                }
            )
    return items


def _write_line(line: QuotedLine, notes: list[str]) -> dict[str, Any]:
    amounts = msgspec.structs.asdict(line)
    first = len(notes) + 1
    notes += line.explanation
    return {
        "itemSequence": line.number,
        "noteNumber": list(range(first, len(notes) + 1)),
        "adjudication": [
            {"category": _categorise(name), "amount": _euros(amounts[name])} for name in _CATEGORIES
        ],
    }


def _refuse(finding: QuoteFinding) -> dict[str, Any]:
    return {
        "category": _categorise("amc_cents"),
        "reason": {
            "coding": [{"system": RULE_SYSTEM, "code": finding.rule}],
            "text": f"{finding.message} {finding.advice}",
        },
        "amount": _euros(0),
    }


def _categorise(name: str) -> dict[str, Any]:
    system, code = _CATEGORIES[name]
    return {"coding": [{"system": system, "code": code}]}


def _euros(cents: int) -> dict[str, Any]:
    # A number of JSON with two decimals, without going through binary fractions.
    return {"value": msgspec.Raw(str(Decimal(cents).scaleb(-2)).encode()), "currency": _CURRENCY}


def _repeat(identifier: Identifier) -> dict[str, str]:
    named = {"system": identifier.system, "value": identifier.value}
    return {name: text for name, text in named.items() if text.strip()}


def describe_faults(faults: Sequence[Fault]) -> list[tuple[str, Any]]:
    """Return where each fault is, and its rule: an item by its sequence."""
    return [
        (f"item.{fault.line}.{fault.field}" if fault.line else fault.field, fault.refusal)
        for fault in faults
    ]
