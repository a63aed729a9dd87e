"""The OpenAPI document, assembled from the very types that are decoded and encoded.

Refuses a field without a description: `tests/api` reads the document as a stranger would.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from rempart import __version__
from rempart.exchange.rights_answer import ClosedAnswer, OpenAnswer
from rempart.gateway.checkpoint_header import describe_in_every_answer
from rempart.gateway.openapi_claims import CLAIM_TYPES, describe_claim_paths
from rempart.gateway.openapi_offline import OFFLINE_TYPES, describe_offline_paths
from rempart.gateway.openapi_quotes import QUOTE_TYPES, describe_quote_paths
from rempart.gateway.openapi_remittances import REMITTANCE_TYPES, describe_remittance_paths
from rempart.gateway.openapi_tokens import (
    SECURITY,
    SECURITY_SCHEMES,
    TOKEN_TYPES,
    describe_token_paths,
)
from rempart.gateway.problems import TEXTS, Problem
from rempart.gateway.questions import RightsCheckRequest

_REF: Final = "#/components/schemas/{name}"
_DOCUMENT_TYPE: Final = "application/problem+json"


class Receipt(msgspec.Struct, frozen=True):
    """Proof that the answer was written in the ledger before it left."""

    log: Annotated[str, Meta(description="Public name (origin) of the log.")]
    index: Annotated[int, Meta(description="Place of the entry in the log.", ge=0)]
    checkpoint: Annotated[
        str,
        Meta(
            description=(
                "Signed note (C2SP tlog-checkpoint) of a size that includes the entry. A "
                "repetition under the same Idempotency-Key may carry a later one; the rest is the "
                "same bytes."
            )
        ),
    ]


class RightsCheckResponse(msgspec.Struct, frozen=True):
    """An answer and its receipt."""

    answer: Annotated[OpenAnswer | ClosedAnswer, Meta(description="What may be shown.")]
    receipt: Annotated[Receipt, Meta(description="Its trace.")]


class Readiness(msgspec.Struct, frozen=True):
    """Whether this process can answer now."""

    database: Annotated[bool, Meta(description="The database answers.")]
    ledger: Annotated[bool, Meta(description="The ledger can record.")]


# Why each status is sent, and by which codes.
_RIGHTS_CHECK_PROBLEMS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("malformed_request",),
    401: ("access_denied", "invalid_dpop_proof", "use_dpop_nonce", "sign_in_again"),
    403: ("presence_required", "presence_needed", "account_contained", "checks_suspended"),
    405: ("method_not_allowed",),
    409: ("conflict",),
    413: ("body_too_large",),
    415: ("unsupported_media_type",),
    422: ("invalid_request",),
    429: ("too_many_requests", "typed_allowance_spent", "slowed_down"),
    500: ("inconsistent_record", "error"),
    503: ("unavailable", "ledger_unavailable", "rights_cut"),
}
_EXTRA_HEADERS: Final[Mapping[int, tuple[str, str]]] = {
    401: ("DPoP-Nonce", "With `use_dpop_nonce`: the nonce to sign the next proofs with."),
    405: ("Allow", "The method to use."),
    429: ("Retry-After", "Seconds to wait before asking again."),
    503: ("Retry-After", "Seconds to wait before sending the same request again."),
}
_REQUEST_HEADERS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    (
        "Idempotency-Key",
        (
            "Names the request, for instance a UUID. Sent again within a day, from the same "
            "address and software and less than 30 minutes after the last answer, it gets the "
            "same answer and writes nothing; with another body it is a conflict."
        ),
        {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
    ),
    (
        "Accept-Language",
        "Language of problem documents: French (the default) or English.",
        {"type": "string", "examples": ["en"]},
    ),
    (
        "User-Agent",
        "Name of the software. With the account and the address, it tells sessions apart.",
        {"type": "string"},
    ),
)


def build_openapi() -> dict[str, Any]:
    """Assemble the OpenAPI 3.1 document."""
    types = [RightsCheckRequest, RightsCheckResponse, Problem, Readiness]
    schemas, components = msgspec.json.schema_components(
        [*types, *OFFLINE_TYPES, *TOKEN_TYPES, *QUOTE_TYPES, *REMITTANCE_TYPES, *CLAIM_TYPES],
        ref_template=_REF,
    )
    request, response, problem, readiness, *others = schemas
    offline, others = others[: len(OFFLINE_TYPES)], others[len(OFFLINE_TYPES) :]
    tokens, others = others[: len(TOKEN_TYPES)], others[len(TOKEN_TYPES) :]
    quotes, others = others[: len(QUOTE_TYPES)], others[len(QUOTE_TYPES) :]
    remittances, claims = others[: len(REMITTANCE_TYPES)], others[len(REMITTANCE_TYPES) :]
    check = _describe_rights_check(request, response, problem)
    _describe_tags(components)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Rempart gateway",
            "version": __version__,
            "summary": "Confirm the rights of one person for one domain of care (tiers payant).",
            "description": (
                "The caller sends the identifiers and learns whether tiers payant is open, for "
                "what, and with which promise to pay. Nothing is searched, listed or exported; no "
                "identifier that was not sent comes back; every answer is in the ledger before it "
                "leaves. Names follow the French trade: NIR, AMC, consigne, ticket modérateur."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": SECURITY,
        "paths": {
            "/v1/rights-checks": {"post": check},
            **describe_quote_paths(quotes, problem, asked=check),
            **describe_claim_paths(claims, problem),
            **describe_remittance_paths(remittances, problem),
            **describe_token_paths(tokens),
            **describe_offline_paths(offline, problem),
            "/v1/openapi.json": {"get": _describe_get("This document.", "application/json", {})},
            "/healthz": {"get": _describe_get("The process runs.", "text/plain", _TEXT)},
            "/readyz": {"get": _describe_readiness(readiness)},
            "/metrics": {
                "get": _describe_get(
                    "Figures for Prometheus, without identity.", "text/plain", _TEXT
                )
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }
    return describe_in_every_answer(document)


_TEXT: Final[dict[str, Any]] = {"type": "string"}
_TAGS: Final[Mapping[str, str]] = {
    "mode": "How the person is designated.",
    "rights": "Whether tiers payant is open.",
    "kind": "How the amount is set.",
}


def _describe_tags(components: dict[str, Any]) -> None:
    """Add the descriptions that types cannot carry: of the key that tells shapes apart."""
    for schema in components.values():
        for name, details in schema.get("properties", {}).items():
            if name in _TAGS and "description" not in details:
                details["description"] = _TAGS[name]


def _describe_rights_check(
    request: dict[str, Any], response: dict[str, Any], problem: dict[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": "check_rights",
        "summary": "Check rights: one person, one domain, one day",
        "description": (
            "Identifiers typed by hand get the same closed answer, in bytes and in time, whether "
            "the person is unknown, not covered or suspended: ask for the card. A card's code is "
            "proof of presence, and a closed answer then says why. A body has at most 4096 bytes."
        ),
        "parameters": [
            {"name": name, "in": "header", "description": text, "schema": schema}
            for name, text, schema in _REQUEST_HEADERS
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {
            "200": {
                "description": "Answered, and written in the ledger.",
                "content": {"application/json": {"schema": response}},
            },
            **{
                str(status): _describe_problem(status, codes, problem)
                for status, codes in _RIGHTS_CHECK_PROBLEMS.items()
            },
        },
    }


def _describe_problem(
    status: int, codes: tuple[str, ...], problem: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": "; ".join(f"`{code}`: {TEXTS[code].title['en']}" for code in codes),
        "content": {_DOCUMENT_TYPE: {"schema": problem}},
    }
    if status in _EXTRA_HEADERS:
        name, text = _EXTRA_HEADERS[status]
        described["headers"] = {name: {"description": text, "schema": {"type": "string"}}}
    return described


def _describe_readiness(schema: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {
        "summary": "Whether this process can answer now",
        "security": [],
        "responses": {
            "200": {"description": "It can.", "content": content},
            "503": {"description": "It cannot yet; it recovers by itself.", "content": content},
        },
    }


def _describe_get(summary: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    content = {media_type: {"schema": schema}}
    return {
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": summary, "content": content}},
    }
