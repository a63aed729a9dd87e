"""What the OpenAPI document says of claims and lots."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rempart.claims.states import ClaimState
from rempart.exchange.claim_json import SentClaim, SentClaims
from rempart.gateway.claim_messages import CLAIM_ANSWERS
from rempart.gateway.claim_routes import CLAIMS_PATH, FHIR_PATH, LOTS_PATH, MOST_ON_PAGE
from rempart.gateway.openapi_tokens import CLAIMS_SECURITY
from rempart.gateway.problems import TEXTS

CLAIM_TYPES: Final = (SentClaim, SentClaims, *CLAIM_ANSWERS)
_PROBLEMS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("malformed_request",),
    401: ("access_denied", "invalid_dpop_proof", "use_dpop_nonce"),
    404: ("not_found",),
    405: ("method_not_allowed",),
    413: ("body_too_large",),
    415: ("unsupported_media_type",),
    422: ("invalid_request",),
    429: ("too_many_requests",),
    500: ("error",),
    503: ("unavailable", "ledger_unavailable"),
}
_SENDING: Final = (400, 401, 405, 413, 415, 422, 429, 500, 503)
_READING: Final = (401, 404, 405, 422, 429, 500, 503)
_QUERY: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("since", "Received at this instant or later (RFC 3339).", {"type": "string"}),
    ("state", "In this state.", {"type": "string", "enum": [state.value for state in ClaimState]}),
    ("invoice", "With this invoice number.", {"type": "string", "maxLength": 64}),
    ("lot", "Of this lot.", {"type": "string"}),
    ("after", "`next` of the page before.", {"type": "string"}),
    ("most", "How many.", {"type": "integer", "minimum": 1, "maximum": MOST_ON_PAGE}),
)
_GOES_ON: Final = (
    "It works while rights are cut, while an operator holds the account, and without presence: "
    "claims and payments are never cut by a step on rights."
)


def describe_claim_paths(
    schemas: Sequence[dict[str, Any]], problem: dict[str, Any]
) -> dict[str, Any]:
    """Describe the routes of claims.

    Args:
        schemas: Those of `CLAIM_TYPES`, in order.
        problem: That of a problem document.
    """
    claim, claims, taken, lots, lot, listed, result, cancelled = schemas
    describe = _Answers(problem)
    reference = _describe_parameter("reference", "The reference given.", {"type": "string"})
    reference |= {"in": "path", "required": True}
    return {
        CLAIMS_PATH: {
            "post": {
                **_describe_sending(claim, claims),
                "responses": describe.sending(202, "Taken, and durable.", taken),
            },
            "get": {
                **_describe_listing(),
                "responses": describe.reading(200, "A page.", listed),
            },
        },
        CLAIMS_PATH + "/{reference}": {
            "get": {
                **_describe_reading(),
                "parameters": [reference],
                "responses": describe.reading(200, "The claim, and its trace.", result),
            }
        },
        CLAIMS_PATH + "/{reference}/cancel": {
            "post": {
                **_describe_cancelling(),
                "parameters": [reference],
                "responses": describe.reading(202, "Asked.", cancelled),
            }
        },
        LOTS_PATH: {
            "post": {
                **_describe_lot_sending(),
                "responses": describe.sending(202, "Taken, and durable.", lots),
            }
        },
        LOTS_PATH + "/{reference}": {
            "get": {
                "operationId": "read_lot",
                "summary": "Read the acknowledgement of a lot again",
                "security": CLAIMS_SECURITY,
                "parameters": [reference],
                "responses": describe.reading(200, "The lot.", lot),
            }
        },
        FHIR_PATH: {
            "post": {
                **_describe_fhir_sending(),
                "responses": describe.sending(
                    200,
                    "`ClaimResponse`, outcome `queued`: taken, and durable.",
                    {"type": "object"},
                    media_type="application/fhir+json",
                ),
            }
        },
    }


class _Answers:
    """Describes what routes answer, each with the problems it may have.

    Args:
        problem: The schema of a problem document.
    """

    def __init__(self, problem: dict[str, Any]) -> None:
        self._problems: dict[int, dict[str, Any]] = {
            status: {
                "description": "; ".join(f"`{code}`: {TEXTS[code].title['en']}" for code in codes),
                "content": {"application/problem+json": {"schema": problem}},
            }
            for status, codes in _PROBLEMS.items()
        }

    def sending(
        self, done: int, said: str, schema: dict[str, Any], *, media_type: str = "application/json"
    ) -> dict[str, Any]:
        """Describe the answers of a route that takes something in."""
        content = {media_type: {"schema": schema}}
        problems = {str(status): self._problems[status] for status in _SENDING}
        refused = problems["422"]
        return {
            str(done): {"description": said, "content": content},
            **problems,
            # None of what was sent is taken: the same body says why of each.
            "422": {**refused, "content": {**refused["content"], **content}},
        }

    def reading(self, done: int, said: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the answers of a route that names something."""
        content = {"application/json": {"schema": schema}}
        return {
            str(done): {"description": said, "content": content},
            **{str(status): self._problems[status] for status in _READING},
        }


def _describe_listing() -> dict[str, Any]:
    return {
        "operationId": "list_claims",
        "summary": "List your establishment's claims, in the order they came",
        "description": (
            "States, your own invoice numbers and amounts; no act, nobody's name. Each person "
            "told of is in the ledger before the page leaves: ask for what is new, with `since` "
            "or `after`."
        ),
        "security": CLAIMS_SECURITY,
        "parameters": [_describe_parameter(*one) for one in _QUERY],
    }


def _describe_reading() -> dict[str, Any]:
    return {
        "operationId": "read_claim",
        "summary": "Read one of your establishment's claims, with its result",
        "description": (
            "Acts, amounts and findings of its controls. It is a disclosure: the entry is in the "
            "ledger before the answer leaves."
        ),
        "security": CLAIMS_SECURITY,
    }


def _describe_cancelling() -> dict[str, Any]:
    return {
        "operationId": "cancel_claim",
        "summary": "Take a claim back",
        "description": (
            "Written at once and done within minutes. What was paid of it already is due back, "
            f"and is taken off the next payment. No body. {_GOES_ON}"
        ),
        "security": CLAIMS_SECURITY,
    }


def _describe_sending(claim: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "send_claims",
        "summary": "Send a claim, or up to 200",
        "description": (
            "A technical acknowledgement: the same whoever the person is, known or not, covered "
            "or not. What is due is computed afterwards and read with the claim. A claim is known "
            "by its content (establishment, invoice, identifiers, lines, promise quoted): sent "
            "again by any channel it gets the reference it has, so that no Idempotency-Key is "
            "needed. A claim whose form is wrong is refused alone, and the others are taken; 422 "
            f"with the same body when none is. {_GOES_ON}"
        ),
        "security": CLAIMS_SECURITY,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [claim, claims]}}},
        },
    }


def _describe_lot_sending() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "operationId": "send_lot",
        "summary": "Send a lot of claims in a file",
        "description": (
            "`application/x-ndjson`: a claim a line, as in `POST /v1/claims`. `text/plain`: lines "
            "of 128 characters modelled on norme B2. Up to 260 MB. Answered once all is durable. "
            "A lot that was cut short is sent again: what it brought is not taken twice. The same "
            f"bytes are one lot. {_GOES_ON}"
        ),
        "security": CLAIMS_SECURITY,
        "parameters": [
            _describe_parameter(
                "number", "Your own number of a lot in JSON.", {"type": "string", "maxLength": 64}
            )
        ],
        "requestBody": {
            "required": True,
            "content": {"application/x-ndjson": {"schema": text}, "text/plain": {"schema": text}},
        },
    }


def _describe_fhir_sending() -> dict[str, Any]:
    return {
        "operationId": "submit_fhir_claim",
        "summary": "Send a claim in FHIR R4B",
        "description": (
            "A `Claim` of use `claim`, with its Patient and Coverage contained; the mapping is in "
            "docs/reference/claims.md. The answer is a `ClaimResponse`: outcome `queued`, or "
            f"`error` (422) with the findings on its form. {_GOES_ON}"
        ),
        "security": CLAIMS_SECURITY,
        "requestBody": {
            "required": True,
            "content": {"application/fhir+json": {"schema": {"type": "object"}}},
        },
    }


def _describe_parameter(name: str, said: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": said, "schema": schema}
