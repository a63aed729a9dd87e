"""Claims in JSON: one, several, or one a line in a lot.

Refuses a claim alone and reads the others: whatever is wrong is told with its line and its field.
Refuses to repeat a value that was sent.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from rempart.claims.claim import Basket, ClaimLine, Correction, Exoneration
from rempart.exchange.billed_claim import BilledClaim, Fault, Read, find_line_faults
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import MalformedRequest
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.nir import Nir
from rempart.rights.lookup import Identifiers, TypedIdentifiers, parse_card_code
from rempart.tariffs.care import ActKind

MOST_CLAIMS: Final = 200
"""In one request; more make a lot."""

SHAPE: Final = Refusal(
    rule="claim_shape",
    fr="Ce champ manque, n’existe pas, ou n’est pas du type attendu.",
    en="This field is missing, does not exist, or is not of the type expected.",
    advice_fr="Voir le nom et le type du champ dans /v1/openapi.json.",
    advice_en="See the field's name and type in /v1/openapi.json.",
)
TOO_MANY: Final = Refusal(
    rule="claim_too_many",
    fr="Une requête porte de 1 à 200 factures.",
    en="A request carries 1 to 200 claims.",
    advice_fr="Envoyer un lot : POST /v1/lots.",
    advice_en="Send a lot: POST /v1/lots.",
)
JSON_RULES: Final = (SHAPE, TOO_MANY)

Given = TypeVar("Given")
Made = TypeVar("Made")


class BeneficiaryTyped(
    msgspec.Struct, frozen=True, tag_field="mode", tag="typed", forbid_unknown_fields=True
):
    """Identifiers of the beneficiary, as in a rights check."""

    amc_number: Annotated[str, Meta(description="Number of the complementary insurer (AMC).")]
    insured_nir: Annotated[str, Meta(description="NIR of the insured, 15 characters.")]
    birth_date: Annotated[str, Meta(description="Birth date of the beneficiary, AAAAMMJJ.")]
    birth_rank: Annotated[int, Meta(description="Birth rank, 1 to 9; 1 but for twins.")]

    def __repr__(self) -> str:
        return "<BeneficiaryTyped>"


class BeneficiaryCard(
    msgspec.Struct, frozen=True, tag_field="mode", tag="card", forbid_unknown_fields=True
):
    """The code on the beneficiary's card, and the birth date printed beside it."""

    card_code: Annotated[str, Meta(description="Presence code of the card.")]
    birth_date: Annotated[str, Meta(description="Birth date of the beneficiary, AAAAMMJJ.")]

    def __repr__(self) -> str:
        return "<BeneficiaryCard>"


class SentLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One act billed. Amounts are whole cents of all units together."""

    number: Annotated[int, Meta(description="Its place on the claim, from 1.")]
    act: Annotated[str, Meta(description="Code of the act, such as G, AMI, PH7 or VER.")]
    care_date: Annotated[date, Meta(description="The day of care, Paris civil date.")]
    billed_cents: Annotated[int, Meta(description="What is asked for it, cents.")]
    quantity: Annotated[int, Meta(description="How many acts, boxes or days.")] = 1
    base_cents: Annotated[
        int | None, Meta(description="Base de remboursement; a national tariff comes before it.")
    ] = None
    amo_cents: Annotated[
        int | None, Meta(description="What compulsory insurance paid; null to compute it.")
    ] = None
    asked_amc_cents: Annotated[
        int | None, Meta(description="What you expect of the complementary insurer.")
    ] = None
    basket: Annotated[Basket | None, Meta(description="Offer of 100 % Santé.")] = None
    equipment: Annotated[
        str | None, Meta(description="What lines of one pair of glasses have in common.")
    ] = None
    correction: Annotated[Correction | None, Meta(description="How strong the glasses are.")] = None
    exoneration: Annotated[
        Exoneration | None, Meta(description="Why compulsory insurance pays all of the base.")
    ] = None
    early_renewal: Annotated[
        bool, Meta(description="Whether sight changed: glasses before the delay.")
    ] = False


class SentClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Acts billed together for one person."""

    invoice: Annotated[str, Meta(description="Your own number, 1 to 64 characters.")]
    beneficiary: Annotated[
        BeneficiaryTyped | BeneficiaryCard, Meta(description="The person cared for.")
    ]
    lines: Annotated[list[SentLine], Meta(description="The acts, 1 to 200.")]
    in_pathway: Annotated[
        bool, Meta(description="Whether care followed the coordinated pathway.")
    ] = True
    engagement: Annotated[
        str, Meta(description="Engagement number of the rights check; empty for none.")
    ] = ""
    pec: Annotated[str, Meta(description="Number of the prise en charge; empty for none.")] = ""
    replaces: Annotated[
        str,
        Meta(
            description=(
                "Reference of a claim of yours that this one takes the place of: that one is "
                "cancelled. A claim that was rejected or cancelled is sent again by naming it here."
            )
        ),
    ] = ""


class SentClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several claims; a request may also carry one claim without `claims` around it."""

    claims: Annotated[list[SentClaim], Meta(description="1 to 200 claims.")]


class _RawClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claims: list[msgspec.Raw]


class _RawLines(msgspec.Struct, frozen=True):
    lines: list[msgspec.Raw] = []


_CLAIM: Final = msgspec.json.Decoder(SentClaim)
_LINE: Final = msgspec.json.Decoder(SentLine)
_RAW_LINES: Final = msgspec.json.Decoder(_RawLines)
_RAW_CLAIMS: Final = msgspec.json.Decoder(_RawClaims)
_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
# Where the decoder says it stopped: "... - at `$.beneficiary.birth_rank`".
_PATH: Final = re.compile(r"at `\$\.?([a-z_.]*)")
_MISSING: Final = re.compile(r"missing required field `([a-z_]+)`")
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def split_claims(body: bytes) -> list[bytes]:
    """Cut a request into its claims, each still in bytes.

    Raises:
        MalformedRequest: it is not JSON, or neither a claim nor `claims`.
    """
    try:
        keys = _KEYS.decode(body)
        if "claims" not in keys:
            return [body]
        return [bytes(raw) for raw in _RAW_CLAIMS.decode(body).claims]
    except _UNREADABLE:
        raise MalformedRequest("the body is not a JSON object of claims") from None


def read_claim(text: bytes) -> Read:
    """Read one claim; or say all that is wrong with it, as far as it could be read.

    Args:
        text: One JSON object.
    """
    try:
        sent = _CLAIM.decode(text)
    except msgspec.ValidationError as wrong:
        return _find_shape_faults(text, str(wrong))
    except _UNREADABLE:
        return (Fault("", SHAPE),)
    faults: list[Fault] = []
    born = _try(BirthDate.parse, sent.beneficiary.birth_date, "beneficiary.birth_date", faults)
    identifiers = _make_identifiers(sent.beneficiary, born, faults)
    lines = [make_line(line, faults) for line in sent.lines]
    if identifiers is None or born is None or faults:
        return tuple(faults)
    return BilledClaim(
        invoice=sent.invoice,
        identifiers=identifiers,
        lines=tuple(line for line in lines if line is not None),
        birth_date=born.text,
        asked_amc_cents=tuple(line.asked_amc_cents for line in sent.lines),
        engagement=sent.engagement,
        pec=sent.pec,
        in_pathway=sent.in_pathway,
        replaces=sent.replaces,
    )


def _find_shape_faults(text: bytes, message: str) -> tuple[Fault, ...]:
    """Say which lines are not of the shape expected, or which field of the claim."""
    faults = []
    try:
        raw_lines = _RAW_LINES.decode(text).lines
    except _UNREADABLE:
        raw_lines = []
    for place, raw in enumerate(raw_lines, 1):
        try:
            _LINE.decode(raw)
        except msgspec.ValidationError as wrong:
            faults.append(Fault(_locate(str(wrong)), SHAPE, place))
        except _UNREADABLE:
            faults.append(Fault("", SHAPE, place))
    return tuple(faults) or (Fault(_locate(message), SHAPE),)


def _locate(message: str) -> str:
    """Return the field a message of the decoder is about; its values are left behind."""
    found, missing = _PATH.search(message), _MISSING.search(message)
    path = [found[1]] if found and found[1] else []
    return ".".join(path + ([missing[1]] if missing else []))


def _make_identifiers(
    given: BeneficiaryTyped | BeneficiaryCard, born: BirthDate | None, faults: list[Fault]
) -> Identifiers | None:
    if isinstance(given, BeneficiaryCard):
        return _try(parse_card_code, given.card_code, "beneficiary.card_code", faults)
    amc_number = _try(AmcNumber.parse, given.amc_number, "beneficiary.amc_number", faults)
    insured_nir = _try(Nir.parse, given.insured_nir, "beneficiary.insured_nir", faults)
    rank = _try(BirthRank, given.birth_rank, "beneficiary.birth_rank", faults)
    if born is None or amc_number is None or insured_nir is None or rank is None:
        return None
    return TypedIdentifiers(
        amc_number=amc_number, insured_nir=insured_nir, birth_date=born, birth_rank=rank
    )


def make_line(line: SentLine, faults: list[Fault]) -> ClaimLine | None:
    """Make the line that was sent; None when something is wrong, which is added to `faults`."""
    found = [
        Fault(field, refusal, line.number)
        for field, refusal in find_line_faults(
            number=line.number,
            care_date=line.care_date,
            quantity=line.quantity,
            billed_cents=line.billed_cents,
            base_cents=line.base_cents,
            amo_cents=line.amo_cents,
            asked_amc_cents=line.asked_amc_cents,
            equipment=line.equipment,
        )
    ]
    act = _try(ActKind.parse, line.act, "act", found, line.number)
    faults += found
    if act is None or found:
        return None
    return ClaimLine(
        number=line.number,
        act=act,
        care_date=line.care_date,
        billed_cents=line.billed_cents,
        quantity=line.quantity,
        base_cents=line.base_cents,
        amo_cents=line.amo_cents,
        basket=line.basket,
        equipment=line.equipment,
        correction=line.correction,
        exoneration=line.exoneration,
        early_renewal=line.early_renewal,
    )


def _try(
    make: Callable[[Given], Made],
    given: Given,
    field: str,
    faults: list[Fault],
    line: int | None = None,
) -> Made | None:
    try:
        return make(given)
    except BadValue as wrong:
        faults.append(Fault(field, wrong.refusal, line))
        return None
