"""The part of the OpenAPI document that tells how to come in: tokens, proofs, certificates."""

from typing import Any, Final

from rempart.accounts.dpop import PROOF_ALGORITHMS
from rempart.accounts.tokens import CHECK_SCOPE, CLAIMS_SCOPE
from rempart.gateway.token_messages import (
    KEYS_PATH,
    METADATA_PATH,
    ServerMetadata,
    SigningKeys,
    TokenGiven,
    TokenRefusal,
    TokenRequest,
)
from rempart.workflows.accounts.issue_token import TOKEN_PATH

TOKEN_TYPES: Final = (TokenRequest, TokenGiven, TokenRefusal, SigningKeys, ServerMetadata)
# Either way, a token alone opens nothing.
SECURITY: Final[list[dict[str, list[str]]]] = [
    {"token": [CHECK_SCOPE], "dpop": []},
    {"token": [CHECK_SCOPE], "certificate": []},
]
CLAIMS_SECURITY: Final[list[dict[str, list[str]]]] = [
    {"token": [CLAIMS_SCOPE], "dpop": []},
    {"token": [CLAIMS_SCOPE], "certificate": []},
]
SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "token": {
        "type": "oauth2",
        "description": (
            "An access token of ten minutes, given for one software and one professional, bound to "
            "a key: `Authorization: DPoP …` with a proof, or `Authorization: Bearer …` over mutual "
            "TLS."
        ),
        "flows": {
            "clientCredentials": {
                "tokenUrl": TOKEN_PATH,
                "scopes": {CHECK_SCOPE: "Check rights.", CLAIMS_SCOPE: "Send claims."},
            }
        },
    },
    "dpop": {
        "type": "http",
        "scheme": "DPoP",
        "description": (
            "With each call, a header `DPoP`: a JWT (RFC 9449) of type `dpop+jwt`, signed with the "
            f"key the token is bound to ({' or '.join(PROOF_ALGORITHMS)}), that names the method "
            "(`htm`), the public address (`htu`), the time (`iat`), itself (`jti`), the token "
            "(`ath`) and the `nonce` of this server. Each proof serves once."
        ),
    },
    "certificate": {
        "type": "mutualTLS",
        "description": (
            "The certificate of the TLS connection is the one the token is bound to (RFC 8705)."
        ),
    },
}

_REFUSALS: Final = {
    400: (
        "`invalid_request`, `invalid_grant`, `invalid_scope`, `unauthorized_client`, "
        "`unsupported_grant_type`, `invalid_dpop_proof`, or `use_dpop_nonce`: sign another proof "
        "with the nonce given."
    ),
    401: (
        "`invalid_client`: the software is unknown, revoked, or did not prove itself; which, is "
        "not said."
    ),
    405: "`invalid_request`: use POST.",
    413: "`invalid_request`: the form is too long.",
    429: "`temporarily_unavailable`: too many requests.",
    500: "`server_error`: an unexpected failure, told anonymously.",
    503: "`temporarily_unavailable`: the database or Pro Santé Connect does not answer.",
}
_HEADERS: Final = {
    400: ("DPoP-Nonce", "With `use_dpop_nonce`: the nonce to sign with."),
    405: ("Allow", "The method to use."),
    429: ("Retry-After", "Seconds to wait before asking again."),
    503: ("Retry-After", "Seconds to wait before asking again."),
}


def describe_token_paths(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe the routes of tokens.

    Args:
        schemas: Those of `TOKEN_TYPES`, in their order.
    """
    request, given, refusal, keys, metadata = schemas
    return {
        TOKEN_PATH: {"post": _describe_token_request(request, given, refusal)},
        KEYS_PATH: {
            "get": _describe_document(
                "Public keys of access tokens", "application/jwk-set+json", keys
            )
        },
        METADATA_PATH: {
            "get": _describe_document("Where and how to ask for tokens", _JSON, metadata)
        },
    }


_JSON: Final = "application/json"


def _describe_token_request(
    request: dict[str, Any], given: dict[str, Any], refusal: dict[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": "give_token",
        "summary": "Get an access token: one software, one professional, one key",
        "description": (
            "The software proves itself by an assertion it signs or by its TLS certificate, and "
            "shows the token Pro Santé Connect gave to the professional (RFC 8693). The token it "
            "gets is bound to the key of the DPoP proof, or to the certificate."
        ),
        "security": [],
        "parameters": [
            {
                "name": "DPoP",
                "in": "header",
                "description": (
                    "A proof for this address, without `ath`; its key is the one the token will be "
                    "bound to. Not with a certificate."
                ),
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": request}},
        },
        "responses": {
            "200": {
                "description": "Given; nobody keeps it here.",
                "content": {_JSON: {"schema": given}},
                "headers": _describe_header("DPoP-Nonce", "The nonce to use from now on, if new."),
            },
            **{
                str(status): {
                    "description": description,
                    "content": {_JSON: {"schema": refusal}},
                    **(
                        {"headers": _describe_header(*_HEADERS[status])}
                        if status in _HEADERS
                        else {}
                    ),
                }
                for status, description in _REFUSALS.items()
            },
        },
    }


def _describe_header(name: str, text: str) -> dict[str, Any]:
    return {name: {"description": text, "schema": {"type": "string"}}}


def _describe_document(summary: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    content = {media_type: {"schema": schema}}
    return {
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": f"{summary}.", "content": content}},
    }
