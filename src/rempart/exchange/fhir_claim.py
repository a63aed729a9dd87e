"""A claim as FHIR R4B `Claim`, and the acknowledgement as `ClaimResponse`.

Patient and Coverage are contained: nothing is fetched from anywhere. Refuses to send an identifier
back: the answer names the claim by its reference, and the person not at all. France has no profile
for tiers payant; docs/reference/claims.md gives the mapping.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from rempart.claims.claim import Basket, ClaimLine, Correction, Exoneration
from rempart.exchange.billed_claim import (
    AMOUNT,
    QUANTITY,
    TOTAL,
    BilledClaim,
    Fault,
    Read,
    find_line_faults,
)
from rempart.exchange.claim_json import SHAPE
from rempart.exchange.fhir_feed import (
    AMC_SYSTEM,
    BASE,
    CARD_SYSTEM,
    EXTENSIONS,
    CodeableConcept,
    Coverage,
    Identifier,
    Patient,
    Reference,
    find_extension,
    find_ins,
)
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import MalformedRequest
from rempart.kernel.findings import BadValue
from rempart.kernel.nir import Nir
from rempart.rights.engagement import PREFIX
from rempart.rights.lookup import Identifiers, TypedIdentifiers, parse_card_code
from rempart.tariffs.care import ActKind

CLAIM_SYSTEM: Final = f"{BASE}/claim"
RULE_SYSTEM: Final = f"{BASE}/claim-rule"
_CURRENCY: Final = "EUR"
_DIGITS: Final = 12

Made = TypeVar("Made")


class _Money(msgspec.Struct, frozen=True):
    value: Decimal = Decimal(0)
    currency: str = _CURRENCY


class _Quantity(msgspec.Struct, frozen=True):
    value: Decimal = Decimal(1)


class _Extension(msgspec.Struct, frozen=True, rename="camel"):
    url: str = ""
    value_money: _Money | None = None
    value_code: str | None = None
    value_string: str | None = None
    value_boolean: bool | None = None


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    sequence: int
    product_or_service: CodeableConcept
    serviced_date: date
    net: _Money
    quantity: _Quantity = _Quantity()
    extension: tuple[_Extension, ...] = ()


class _Insurance(msgspec.Struct, frozen=True, rename="camel"):
    coverage: Reference = Reference()
    pre_auth_ref: tuple[str, ...] = ()


class _Related(msgspec.Struct, frozen=True):
    claim: Reference = Reference()


class _Claim(msgspec.Struct, frozen=True, rename={"resource_type": "resourceType"}):
    resource_type: str
    use: str
    type: msgspec.Raw
    patient: Reference
    identifier: tuple[Identifier, ...]
    insurance: tuple[_Insurance, ...]
    item: tuple[_Item, ...]
    contained: tuple[msgspec.Raw, ...] = ()
    related: tuple[_Related, ...] = ()
    total: _Money | None = None
    extension: tuple[_Extension, ...] = ()


class _Kind(msgspec.Struct, frozen=True):
    resourceType: str = ""  # noqa: N815 - FHIR's spelling
    id: str = ""


_DECODER: Final = msgspec.json.Decoder(_Claim)


def read_fhir_claim(body: bytes, *, uses: Collection[str] = ("claim",)) -> Read:
    """Read a `Claim`; or say all that is wrong with it, as far as it could be read.

    Args:
        body: The bytes received.
        uses: Codes of use that are taken here.

    Raises:
        MalformedRequest: it is not JSON.
    """
    try:
        sent = _DECODER.decode(body)
        contained = _read_contained(sent)
    except msgspec.ValidationError as wrong:
        return (Fault(_locate(str(wrong)), SHAPE),)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest("the body is not JSON") from None
    if sent.resource_type != "Claim" or sent.use not in uses:
        return (Fault("use", SHAPE),)
    if not sent.identifier or len(sent.insurance) != 1:
        return (Fault("insurance" if sent.identifier else "identifier", SHAPE),)
    faults: list[Fault] = []
    identified = _make_identifiers(sent, contained, faults)
    lines = [_make_line(item, faults) for item in sent.item]
    made = [line for line in lines if line is not None]
    if sent.total is not None and len(made) == len(lines):
        billed = sum(line.billed_cents for line, _ in made)
        if _read_cents(sent.total) != billed:
            faults.append(Fault("total", TOTAL))
    if identified is None or faults:
        return tuple(faults)
    identifiers, birth_date = identified
    quoted = sent.insurance[0].pre_auth_ref
    return BilledClaim(
        invoice=sent.identifier[0].value,
        identifiers=identifiers,
        lines=tuple(line for line, _ in made),
        birth_date=birth_date,
        asked_amc_cents=tuple(asked_cents for _, asked_cents in made),
        engagement=next((ref for ref in quoted if ref.upper().startswith(PREFIX)), ""),
        pec=next((ref for ref in quoted if not ref.upper().startswith(PREFIX)), ""),
        in_pathway=_find(sent.extension, "in-pathway").value_boolean is not False,
        replaces=sent.related[0].claim.identifier.value if sent.related else "",
    )


def format_acknowledgement(
    body: bytes, *, created: str, reference: str | None, faults: Sequence[Fault]
) -> bytes:
    """Write the `ClaimResponse` of a claim that was taken, or refused for its form.

    Args:
        body: The claim as it was sent: its type and its own number are repeated, if readable.
        created: The instant (RFC 3339).
        reference: Of the claim; None when it was refused.
        faults: What is wrong with it.
    """
    try:
        sent = _DECODER.decode(body)
        kind, invoice = sent.type, sent.identifier[0] if sent.identifier else Identifier()
    except msgspec.MsgspecError:
        kind, invoice = msgspec.Raw(b'{"text":"?"}'), Identifier()
    answer: dict[str, Any] = {
        "resourceType": "ClaimResponse",
        "status": "active",
        "type": kind,
        "use": "claim",
        "patient": {"type": "Patient", "display": "-"},
        "created": created,
        "insurer": {"type": "Organization", "display": "Rempart"},
        "outcome": "error" if reference is None else "queued",
    }
    if reference is not None:
        answer["identifier"] = [{"system": CLAIM_SYSTEM, "value": reference}]
    if invoice.value.strip():
        named = {"system": invoice.system, "value": invoice.value}
        answer["request"] = {
            "type": "Claim",
            "identifier": {name: text for name, text in named.items() if text.strip()},
        }
    if faults:
        answer["error"] = [_describe_fault(fault) for fault in faults]
    return msgspec.json.encode(answer)


def _describe_fault(fault: Fault) -> dict[str, Any]:
    refusal = fault.refusal
    text = f"{refusal.fr} {refusal.advice_fr} / {refusal.en} {refusal.advice_en}"
    described: dict[str, Any] = {
        "code": {"coding": [{"system": RULE_SYSTEM, "code": refusal.rule}], "text": text}
    }
    if fault.field:
        described["extension"] = [{"url": f"{EXTENSIONS}/field", "valueString": fault.field}]
    if fault.line is not None and fault.line > 0:
        described["itemSequence"] = fault.line
    return described


def _read_contained(sent: _Claim) -> dict[str, Patient | Coverage]:
    """Return what the claim brings with it, under the references that lead to it."""
    found: dict[str, Patient | Coverage] = {}
    for raw in sent.contained:
        kind = msgspec.json.decode(raw, type=_Kind)
        if kind.resourceType == "Patient":
            found[f"#{kind.id}"] = msgspec.json.decode(raw, type=Patient)
        if kind.resourceType == "Coverage":
            found[f"#{kind.id}"] = msgspec.json.decode(raw, type=Coverage)
    return found


def _make_identifiers(
    sent: _Claim, contained: dict[str, Patient | Coverage], faults: list[Fault]
) -> tuple[Identifiers, str] | None:
    """Return the identifiers of the beneficiary, and their birth date."""
    patient = contained.get(sent.patient.reference)
    coverage = contained.get(sent.insurance[0].coverage.reference)
    if not isinstance(patient, Patient) or not isinstance(coverage, Coverage):
        faults.append(Fault("contained", SHAPE))
        return None
    lunar = find_extension(patient.extension, "lunar-birth-date").value_string
    text = lunar or patient.birth_date.replace("-", "")
    born = _try(lambda: BirthDate.parse(text), "patient.birthDate", faults)
    card = next((one.value for one in coverage.identifier if one.system == CARD_SYSTEM), "")
    if card:
        code = _try(lambda: parse_card_code(card), "coverage.identifier", faults)
        return None if code is None or born is None else (code, born.text)
    insured = contained.get(coverage.subscriber.reference, patient)
    nir_text = find_ins(insured) if isinstance(insured, Patient) else ""
    insurer = coverage.insurers[0].identifier if coverage.insurers else Identifier()
    amc_text = insurer.value if insurer.system == AMC_SYSTEM else ""
    amc = _try(lambda: AmcNumber.parse(amc_text), "coverage.payor", faults)
    nir = _try(lambda: Nir.parse(nir_text), "coverage.subscriber", faults)
    rank = _try(lambda: BirthRank(patient.multiple_birth_integer), "patient.multipleBirth", faults)
    if amc is None or nir is None or born is None or rank is None:
        return None
    typed = TypedIdentifiers(amc_number=amc, insured_nir=nir, birth_date=born, birth_rank=rank)
    return typed, born.text


def _make_line(item: _Item, faults: list[Fault]) -> tuple[ClaimLine, int | None] | None:
    """Return a line and what is asked of the AMC for it."""
    found: list[Fault] = []
    amounts = {
        "net": item.net,
        "base": _find(item.extension, "base-amount").value_money,
        "amo": _find(item.extension, "amo-amount").value_money,
        "amc": _find(item.extension, "asked-amc-amount").value_money,
    }
    cents = {name: _read_cents(money) for name, money in amounts.items()}
    found += [
        Fault(name, AMOUNT, item.sequence)
        for name, money in amounts.items()
        if money is not None and cents[name] is None
    ]
    quantity = _read_whole(item.quantity.value)
    if quantity is None:
        found.append(Fault("quantity", QUANTITY, item.sequence))
    act = _try(
        lambda: ActKind.parse(_read_code(item.product_or_service)),
        "productOrService",
        found,
        item.sequence,
    )
    given = {
        "number": item.sequence,
        "care_date": item.serviced_date,
        "billed_cents": cents["net"] or 0,
        "quantity": 1 if quantity is None else quantity,
        "base_cents": cents["base"],
        "amo_cents": cents["amo"],
        "equipment": _find(item.extension, "equipment").value_string,
    }
    found += [
        Fault(field, refusal, item.sequence)
        for field, refusal in find_line_faults(**given, asked_amc_cents=cents["amc"])  # type: ignore[arg-type]
    ]
    marks = _read_marks(item, found)
    faults += found
    if act is None or found:
        return None
    return ClaimLine(act=act, **given, **marks), cents["amc"]  # type: ignore[arg-type]


def _read_marks(item: _Item, faults: list[Fault]) -> dict[str, Any]:
    """Return what else a line says, of closed lists."""
    marks: dict[str, Any] = {
        "early_renewal": _find(item.extension, "early-renewal").value_boolean is True
    }
    lists = (("basket", Basket), ("correction", Correction), ("exoneration", Exoneration))
    for name, kind in lists:
        code = _find(item.extension, name).value_code
        try:
            marks[name] = None if code is None else kind(code)
        except ValueError:
            faults.append(Fault(name, SHAPE, item.sequence))
    return marks


def _read_cents(money: _Money | None) -> int | None:
    """Return an amount in cents; None for another currency, or more decimals."""
    if money is None or money.currency != _CURRENCY or not _is_near(money.value):
        return None
    return _read_whole(money.value.scaleb(2))


def _read_whole(value: Decimal) -> int | None:
    """Return a whole number; None for another."""
    if not _is_near(value) or value != value.to_integral_value():
        return None
    return int(value)


def _is_near(value: Decimal) -> bool:
    """Say whether a number has as many digits as amounts have: no exponent is written out."""
    return value.is_finite() and (not value or -_DIGITS < value.adjusted() < _DIGITS)


def _find(extensions: Sequence[_Extension], name: str) -> _Extension:
    url = f"{EXTENSIONS}/{name}"
    return next((one for one in extensions if one.url == url), _Extension())


def _read_code(concept: CodeableConcept) -> str:
    return concept.coding[0].code if concept.coding else ""


def _locate(message: str) -> str:
    """Return the element a message of the decoder is about; its values are left behind."""
    _, _, path = message.partition("at `$.")
    return path.partition("`")[0].replace("[...]", "")


def _try(
    make: Callable[[], Made], field: str, faults: list[Fault], line: int | None = None
) -> Made | None:
    try:
        return make()
    except BadValue as wrong:
        faults.append(Fault(field, wrong.refusal, line))
        return None
