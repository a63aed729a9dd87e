"""What the OpenAPI document says of quotes and prises en charge."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from rempart.exchange.quote_answer import PecAnswer, QuoteAnswer
from rempart.exchange.rights_answer import ClosedAnswer
from rempart.gateway.fhir_quotes import FHIR_QUOTES_PATH
from rempart.gateway.pec_routes import PECS_PATH, PecList, PecStanding
from rempart.gateway.problems import TEXTS
from rempart.gateway.quote_messages import QUOTES_PATH, PecRequest, QuoteRequest


class QuoteReceipt(msgspec.Struct, frozen=True):
    """Proof that the answer was written in the ledger before it left."""

    log: Annotated[str, Meta(description="Public name (origin) of the log.")]
    index: Annotated[int, Meta(description="Place of the entry in the log.", ge=0)]
    checkpoint: Annotated[str, Meta(description="Signed note of a size that includes the entry.")]


class QuoteResponse(msgspec.Struct, frozen=True):
    """Amounts, and their receipt."""

    answer: Annotated[QuoteAnswer | ClosedAnswer, Meta(description="What may be shown.")]
    receipt: Annotated[QuoteReceipt, Meta(description="Its trace.")]


class PecResponse(msgspec.Struct, frozen=True):
    """A promise, and its receipt."""

    answer: Annotated[PecAnswer | ClosedAnswer, Meta(description="What may be shown.")]
    receipt: Annotated[QuoteReceipt, Meta(description="Its trace.")]


QUOTE_TYPES: Final = (QuoteRequest, QuoteResponse, PecRequest, PecResponse, PecStanding, PecList)
_FOLLOW: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("access_denied", "invalid_dpop_proof", "use_dpop_nonce", "sign_in_again"),
    404: ("not_found",),
    405: ("method_not_allowed",),
    409: ("conflict",),
    422: ("invalid_request",),
    429: ("too_many_requests",),
    500: ("error",),
    503: ("unavailable",),
}
_ANSWERED: Final = "Answered, and written in the ledger."


def describe_quote_paths(
    schemas: Sequence[dict[str, Any]],
    problem: dict[str, Any],
    *,
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe the routes.

    Args:
        schemas: Those of `QUOTE_TYPES`, in order.
        problem: That of a problem document.
        asked: Headers and problems of whatever is asked like a rights check.
    """
    quote, quoted, pec, promised, standing, listed = schemas
    return {
        QUOTES_PATH: {
            "post": {
                "operationId": "quote_care",
                "summary": "Compute what acts will be paid: one person, one domain, one day",
                "description": (
                    "Amounts of compulsory insurance, of the contract, and what is left, act by "
                    "act, with their reasons. It promises nothing and reserves nothing. Where "
                    "rights are not open, the answer is that of a rights check."
                ),
                **_describe_asked(quote, quoted, asked),
            }
        },
        FHIR_QUOTES_PATH: {"post": _describe_fhir(asked)},
        PECS_PATH: {
            "post": {
                "operationId": "ask_pec",
                "summary": "Ask for a prise en charge: optical, dental, hearing, hospital",
                "description": (
                    "As a quote, and its amounts bind until the last day: limits are kept for it. "
                    "Its number is an engagement number: quote it on the claim. `replaces` changes "
                    "one that was given to you."
                ),
                **_describe_asked(pec, promised, asked),
            },
            "get": {
                "operationId": "list_pecs",
                "summary": "List your establishment's prises en charge, the newest first",
                "parameters": [_BEFORE],
                **_describe_followed(listed, problem),
            },
        },
        f"{PECS_PATH}/{{number}}": {
            "get": {
                "operationId": "read_pec",
                "summary": "Read where one of your prises en charge is",
                "parameters": [_NUMBER],
                **_describe_followed(standing, problem),
            }
        },
        f"{PECS_PATH}/{{number}}/cancel": {
            "post": {
                "operationId": "cancel_pec",
                "summary": "Take one of your prises en charge back",
                "description": "No body. Once it is used by a claim, cancel the claim instead.",
                "parameters": [_NUMBER],
                **_describe_followed(standing, problem),
            }
        },
    }


def _describe_fhir(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "quote_in_fhir",
        "summary": "Ask for a quote or a prise en charge in FHIR R4B",
        "description": (
            "A `Claim` of use `predetermination` (a quote) or `preauthorization` (a prise en "
            "charge), with its Patient and Coverage contained; the mapping is in "
            "docs/reference/claims.md. The answer is a `ClaimResponse`, outcome `complete`, "
            "whether rights are open or closed. What is refused is a problem document, as "
            "everywhere."
        ),
        **_describe_asked({"type": "object"}, {"type": "object"}, asked, "application/fhir+json"),
    }


_BEFORE: Final = {
    "name": "before",
    "in": "query",
    "description": "Those asked for before this moment (RFC 3339).",
    "schema": {"type": "string", "format": "date-time"},
}
_NUMBER: Final = {
    "name": "number",
    "in": "path",
    "required": True,
    "description": "Its number.",
    "schema": {"type": "string"},
}


def _describe_asked(
    request: dict[str, Any],
    response: dict[str, Any],
    asked: Mapping[str, Any],
    media_type: str = "application/json",
) -> dict[str, Any]:
    return {
        "parameters": asked["parameters"],
        "requestBody": {"required": True, "content": {media_type: {"schema": request}}},
        "responses": {
            **asked["responses"],
            "200": {
                "description": _ANSWERED,
                "content": {media_type: {"schema": response}},
            },
        },
    }


def _describe_followed(schema: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    return {
        "responses": {
            "200": {
                "description": "Where it is.",
                "content": {"application/json": {"schema": schema}},
            },
            **{
                str(status): {
                    "description": "; ".join(
                        f"`{code}`: {TEXTS[code].title['en']}" for code in codes
                    ),
                    "content": {"application/problem+json": {"schema": problem}},
                }
                for status, codes in _FOLLOW.items()
            },
        }
    }
