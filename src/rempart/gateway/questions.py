"""The question as software sends it: JSON in, a `Question` that can be true out, or all the faults.

Refuses to repeat a value that was sent: a fault names the field and the rule.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from rempart.disclosure.entry import Purpose
from rempart.gateway.problems import InvalidQuestion
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import MalformedRequest
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.nir import Nir
from rempart.kernel.periods import Period
from rempart.rights.lookup import Identifiers, TypedIdentifiers, parse_card_code
from rempart.rights.presence import PresenceDigits
from rempart.tariffs.domains import DOMAINS, Domain
from rempart.workflows.rights.rights_desk import Question

MAX_BODY_BYTES: Final = 4096

PurposeName = Literal["billing", "quote", "admission", "recheck"]
Given = TypeVar("Given")
Value = TypeVar("Value")
Decoded = TypeVar("Decoded")


AmcText = Annotated[
    str,
    Meta(
        description="Number of the complementary insurer (numéro AMC): 8 to 10 digits.",
        examples=["9900000001"],
    ),
]
NirText = Annotated[
    str,
    Meta(
        description="NIR of the insured (assuré, not ayant droit), 15 characters with the key.",
        examples=["284050000100104"],
    ),
]
BirthDateText = Annotated[
    str,
    Meta(
        description="Birth date of the beneficiary, AAAAMMJJ, as on the certificate.",
        examples=["19840512"],
    ),
]
BirthRankNumber = Annotated[
    int,
    Meta(description="Birth rank (rang de naissance), 1 to 9; 1 but for twins.", examples=[1]),
]


class IdentifiersTyped(
    msgspec.Struct, frozen=True, tag_field="mode", tag="typed", forbid_unknown_fields=True
):
    """Identifiers typed by hand, without the card: every refusal looks the same."""

    amc_number: AmcText
    insured_nir: NirText
    birth_date: BirthDateText
    birth_rank: BirthRankNumber


class IdentifiersCode(
    msgspec.Struct, frozen=True, tag_field="mode", tag="code", forbid_unknown_fields=True
):
    """Typed identifiers and the six digits of the electronic card, for care at a distance.

    A wrong code, one used by somebody else and an unknown person get the same closed answer.
    """

    amc_number: AmcText
    insured_nir: NirText
    birth_date: BirthDateText
    birth_rank: BirthRankNumber
    presence_digits: Annotated[
        str,
        Meta(
            description="The six digits that the electronic card shows now; they last a minute.",
            examples=["402917"],
        ),
    ]


class IdentifiersVitale(
    msgspec.Struct, frozen=True, tag_field="mode", tag="vitale", forbid_unknown_fields=True
):
    """What a registered terminal read from a Vitale card, and signed."""

    amc_number: AmcText
    insured_nir: NirText
    birth_date: BirthDateText
    birth_rank: BirthRankNumber
    assertion: Annotated[
        str,
        Meta(
            description=(
                "Compact JWS of the terminal (ES256 or EdDSA): `typ` `rempart-vitale+jws`, `kid` "
                "the thumbprint of its key (RFC 7638); claims `aud` the address of rights checks, "
                "`iat` seconds, `jti` a nonce used once, `sub` base64url of SHA-256 over "
                "`rempart vitale v1`, a zero byte and `typed|AMC|NIR|AAAAMMJJ|rank` (ten digits, "
                "thirteen characters, eight digits, one digit)."
            )
        ),
    ]


class IdentifiersCard(
    msgspec.Struct, frozen=True, tag_field="mode", tag="card", forbid_unknown_fields=True
):
    """The code on a card: proof that the card was there, so that a refusal says its reason."""

    card_code: Annotated[
        str,
        Meta(
            description=(
                "Presence code of a signed card: 26 characters and one for the beneficiary's line; "
                "or the 20 characters of a feed's card. Case, spaces and dashes do not matter."
            ),
            examples=["7K3M-Q2ZX-0V9T-5RBN-HC41"],
        ),
    ]


AnyIdentifiers: TypeAlias = IdentifiersTyped | IdentifiersCard | IdentifiersCode | IdentifiersVitale


class RightsCheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person, one domain of care, one day."""

    identifiers: Annotated[
        AnyIdentifiers, Meta(description="The person, as the caller knows them.")
    ]
    domain: Annotated[
        str,
        Meta(
            description="Code of the care domain (domaine de soins).",
            extra_json_schema={"enum": list(DOMAINS)},
        ),
    ]
    care_date: Annotated[
        date,
        Meta(
            description=(
                "The day care is given (not the day of the call), Paris civil date; at most "
                "27 months before and 90 days after today."
            )
        ),
    ]
    purpose: Annotated[
        PurposeName,
        Meta(
            description=(
                "Why: billing (facturation), quote (devis), admission, or recheck of a check made "
                "before. It is written in the ledger."
            )
        ),
    ]


_DECODER: Final = msgspec.json.Decoder(RightsCheckRequest)
_PURPOSES: Final[dict[str, Purpose]] = {
    "billing": Purpose.BILLING,
    "quote": Purpose.QUOTE,
    "admission": Purpose.ADMISSION,
    "recheck": Purpose.RECHECK,
}
# Where msgspec says it stopped: "... - at `$.identifiers.birth_rank`"; nothing means the whole.
_PATH: Final = re.compile(r"at `\$\.?([a-z_.\[\]0-9]*)")
_MISSING_KEY: Final = re.compile(r"^Object missing required field `([a-z_]+)`")

MISSING: Final = Refusal(
    rule="field_missing",
    fr="Le champ est obligatoire.",
    en="The field is required.",
    advice_fr="L'ajouter, voir /v1/openapi.json.",
    advice_en="Add it, see /v1/openapi.json.",
)
UNKNOWN: Final = Refusal(
    rule="field_unknown",
    fr="L'objet contient un champ qui n'existe pas.",
    en="The object has a field that does not exist.",
    advice_fr="Retirer ce champ, voir /v1/openapi.json.",
    advice_en="Remove that field, see /v1/openapi.json.",
)
SHAPE: Final = Refusal(
    rule="field_shape",
    fr="La valeur n'est pas du type attendu.",
    en="The value is not of the type expected.",
    advice_fr="Voir le type et un exemple dans /v1/openapi.json.",
    advice_en="See the type and an example in /v1/openapi.json.",
)
CARE_DATE: Final = Refusal(
    rule="care_date",
    fr="La date des soins est trop ancienne ou trop lointaine.",
    en="The care date is too old or too far ahead.",
    advice_fr="Au plus 27 mois avant et 90 jours après aujourd'hui.",
    advice_en="At most 27 months before and 90 days after today.",
)


def parse_question(body: bytes, *, care_dates: Period) -> Question:
    """Read the body of a rights check.

    Args:
        body: The bytes received.
        care_dates: The days that may be asked about today.

    Raises:
        MalformedRequest: the bytes are not JSON.
        InvalidQuestion: a field is missing, unknown, of the wrong type (the first one met), or
            cannot be true (all of them).
    """
    return _build_question(decode_body(_DECODER, body), care_dates)


def decode_body(decoder: msgspec.json.Decoder[Decoded], body: bytes) -> Decoded:
    """Decode a body.

    Raises:
        MalformedRequest: the bytes are not JSON.
        InvalidQuestion: a field is missing, unknown or of the wrong type: the first one met.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as wrong:
        raise InvalidQuestion([_locate(str(wrong))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest("the body is not JSON") from None


def read_person(
    given: AnyIdentifiers, faults: list[tuple[str, Refusal]]
) -> tuple[Identifiers | None, PresenceDigits | None]:
    """Read who is asked about, and the digits of their card; what is wrong goes to `faults`."""
    identifiers = _build_identifiers(given, faults)
    digits = (
        _try(PresenceDigits.parse, given.presence_digits, "identifiers.presence_digits", faults)
        if isinstance(given, IdentifiersCode)
        else None
    )
    return identifiers, digits


def _build_question(request: RightsCheckRequest, care_dates: Period) -> Question:
    faults: list[tuple[str, Refusal]] = []
    given = request.identifiers
    identifiers, digits = read_person(given, faults)
    domain = _try(Domain.parse, request.domain, "domain", faults)
    if not care_dates.contains(request.care_date):
        faults.append(("care_date", CARE_DATE))
    if identifiers is None or domain is None or faults:
        raise InvalidQuestion(faults)
    return Question(
        identifiers=identifiers,
        domain=domain,
        care_date=request.care_date,
        purpose=_PURPOSES[request.purpose],
        digits=digits,
        assertion=given.assertion if isinstance(given, IdentifiersVitale) else None,
    )


def _build_identifiers(
    given: AnyIdentifiers, faults: list[tuple[str, Refusal]]
) -> Identifiers | None:
    if isinstance(given, IdentifiersCard):
        return _try(parse_card_code, given.card_code, "identifiers.card_code", faults)
    amc_number = _try(AmcNumber.parse, given.amc_number, "identifiers.amc_number", faults)
    insured_nir = _try(Nir.parse, given.insured_nir, "identifiers.insured_nir", faults)
    birth_date = _try(BirthDate.parse, given.birth_date, "identifiers.birth_date", faults)
    birth_rank = _try(BirthRank, given.birth_rank, "identifiers.birth_rank", faults)
    if amc_number is None or insured_nir is None or birth_date is None or birth_rank is None:
        return None
    return TypedIdentifiers(
        amc_number=amc_number,
        insured_nir=insured_nir,
        birth_date=birth_date,
        birth_rank=birth_rank,
    )


def _try(
    build: Callable[[Given], Value], given: Given, path: str, faults: list[tuple[str, Refusal]]
) -> Value | None:
    """Build a value, or note why it cannot be."""
    try:
        return build(given)
    except BadValue as wrong:
        faults.append((path, wrong.refusal))
        return None


def _locate(message: str) -> tuple[str, Refusal]:
    """Turn a message of the decoder into a path and a rule; its values are left behind."""
    found = _PATH.search(message)
    path = found[1].replace("[", ".").replace("]", "") if found else ""
    if missing := _MISSING_KEY.match(message):
        return f"{path}.{missing[1]}".lstrip("."), MISSING
    if message.startswith("Object contains unknown field"):
        return path, UNKNOWN
    return path, SHAPE
