"""The answer to a rights check as JSON, and which disclosed fields its bytes carry.

Refuses to carry any identifier: there is no place for a name, a NIR, a contract or a reference, and
a key that is not in `_FIELD_OF_KEY` cannot be added to an answer.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from rempart.disclosure.fields import Field
from rempart.rights.answer import Consigne, ShownReason, decide_consigne
from rempart.rights.coverage import DomainTerms, Forfait, Rate, RightsOpen
from rempart.tariffs.domains import Domain

Circuit = Annotated[
    str | None,
    Meta(description="Code of the network (circuit) the professional must be in; null: any."),
]
Conditions = Annotated[
    tuple[str, ...], Meta(description="Codes of the conditions to be met, in the insurer's order.")
]
DomainCode = Annotated[str, Meta(description="The domain asked.")]
CareDate = Annotated[date, Meta(description="The care date asked.")]


class RateTerms(msgspec.Struct, frozen=True, tag_field="kind", tag="rate"):
    """A share of the base de remboursement, compulsory insurance (AMO) included."""

    rate_bp: Annotated[int, Meta(description="Basis points: 10000 is 100 %.")]
    circuit: Circuit
    conditions: Conditions


class ForfaitTerms(msgspec.Struct, frozen=True, tag_field="kind", tag="forfait"):
    """A fixed amount."""

    amount_cents: Annotated[int, Meta(description="Euro cents.")]
    circuit: Circuit
    conditions: Conditions


class TicketModerateurTerms(msgspec.Struct, frozen=True, tag_field="kind", tag="ticket_moderateur"):
    """What compulsory insurance leaves on its own tariff (ticket modérateur), and no more."""

    circuit: Circuit
    conditions: Conditions


TermsOfDomain: TypeAlias = RateTerms | ForfaitTerms | TicketModerateurTerms


class Engagement(msgspec.Struct, frozen=True):
    """The promise to pay: quote its number on the invoice."""

    number: Annotated[str, Meta(description="Engagement number, RP and four groups of four.")]
    expires_on: Annotated[
        date, Meta(description="Last day, included, on which it is worth payment.")
    ]


class OpenAnswer(msgspec.Struct, frozen=True, tag_field="rights", tag="open"):
    """Tiers payant is open for this domain on this day."""

    domain: DomainCode
    care_date: CareDate
    terms: Annotated[TermsOfDomain, Meta(description="What the contract pays in this domain.")]
    engagement: Annotated[Engagement, Meta(description="The insurer's promise to pay.")]
    consigne: Annotated[Consigne, Meta(description="What to do: bill the insurer.")]


class ClosedAnswer(msgspec.Struct, frozen=True, tag_field="rights", tag="closed"):
    """Tiers payant is not open. Without the card's code, the reason is always `not_open`."""

    domain: DomainCode
    care_date: CareDate
    reason: Annotated[
        ShownReason,
        Meta(
            description=(
                "`not_open` when the identifiers were typed: it says nothing of the person, not "
                "even whether there is one. With the card's code, the exact reason."
            )
        ),
    ]
    consigne: Annotated[
        Consigne,
        Meta(
            description=(
                "What to do: ask for the card, collect from the member (the insurer does not pay), "
                "or have the member contact the insurer."
            )
        ),
    ]


Answer: TypeAlias = OpenAnswer | ClosedAnswer

# What each key of an answer tells the caller. None: the caller sent it.
_FIELD_OF_KEY: Final[Mapping[str, Field | None]] = {
    "rights": Field.RIGHTS_STATUS,
    "domain": None,
    "care_date": None,
    "reason": Field.CLOSED_REASON,
    "terms": Field.DOMAIN_TERMS,
    "engagement": Field.ENGAGEMENT,
    "consigne": Field.CONSIGNE,
    # Of quotes and prises en charge: amounts come with the rows of the contract that decided.
    "lines": Field.AMOUNTS | Field.DOMAIN_TERMS,
    "findings": Field.AMOUNTS,
    "total": Field.AMOUNTS,
    "pec": Field.ENGAGEMENT,
}


def add_fields(keys: Iterable[str]) -> int:
    """Return the bitmap of what an answer with these keys tells.

    Raises:
        KeyError: nobody said what a key tells.
    """
    fields = 0
    for key in keys:
        fields |= _FIELD_OF_KEY[key] or 0
    return fields


def list_keys(answer_type: type[msgspec.Struct]) -> list[str]:
    """Return the keys of a shape of answer; it has no optional one."""
    tag_field = answer_type.__struct_config__.tag_field
    return [*(field.encode_name for field in msgspec.structs.fields(answer_type)), str(tag_field)]


# A key without a field stops the program here.
_FIELDS_OF_SHAPE: Final = {
    shape: add_fields(list_keys(shape)) for shape in (OpenAnswer, ClosedAnswer)
}
_ENCODER: Final = msgspec.json.Encoder()


def compute_fields(answer: Answer) -> int:
    """Return the bitmap of `disclosure.fields.Field` that the bytes of `answer` carry.

    An answer has no optional key, so its shape decides.
    """
    return _FIELDS_OF_SHAPE[type(answer)]


def read_fields(body: bytes) -> int:
    """Return the bitmap of what a reply's bytes carry, as whoever receives them can tell.

    Raises:
        ValueError: the bytes are no reply.
    """
    reply = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    keys = msgspec.json.decode(reply.get("answer", b"{}"), type=dict[str, object])
    return add_fields(key for key in keys if key in _FIELD_OF_KEY)


def encode_answer(answer: msgspec.Struct) -> bytes:
    """Write the one JSON form of an answer."""
    return _ENCODER.encode(answer)


def build_open_answer(
    decision: RightsOpen, *, domain: Domain, care_date: date, engagement: Engagement
) -> OpenAnswer:
    """Say that rights are open, for what, and promise payment."""
    return OpenAnswer(
        domain.code,
        care_date,
        build_terms(decision.terms_of_domain),
        engagement,
        Consigne.BILL_AMC,
    )


def build_closed_answer(reason: ShownReason, *, domain: Domain, care_date: date) -> ClosedAnswer:
    """Say that rights are not open, with the reason that may be shown."""
    return ClosedAnswer(domain.code, care_date, reason, decide_consigne(reason))


def build_terms(terms: DomainTerms) -> TermsOfDomain:
    """Return what a contract pays in one domain, as answers write it."""
    if isinstance(terms, Rate):
        return RateTerms(terms.rate_bp, terms.circuit, terms.conditions)
    if isinstance(terms, Forfait):
        return ForfaitTerms(terms.amount_cents, terms.circuit, terms.conditions)
    return TicketModerateurTerms(terms.circuit, terms.conditions)
