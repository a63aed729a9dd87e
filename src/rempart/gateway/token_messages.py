"""What the token endpoint reads and answers, as types: the very ones that are encoded.

Refuses a field without a description: the API's description is made from them.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from rempart.accounts.dpop import PROOF_ALGORITHMS
from rempart.accounts.oauth import OAuthError
from rempart.accounts.software import (
    ASSERTION_ALGORITHMS,
    ASSERTION_TYPE,
    CLIENT_CREDENTIALS,
    PORTAL_SESSION,
    PSC_TOKEN,
    TOKEN_EXCHANGE,
)
from rempart.accounts.tokens import CHECK_SCOPE, CLAIMS_SCOPE, SCOPES
from rempart.workflows.accounts.issue_token import (
    TOKEN_PATH,
    Issuer,
    build_public_jwk,
    compute_key_id,
)

KEYS_PATH: Final = "/oauth/jwks"
METADATA_PATH: Final = "/.well-known/oauth-authorization-server"


class TokenRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The form that asks for a token; each field once."""

    grant_type: Annotated[
        str,
        Meta(
            description="What is shown in exchange.",
            extra_json_schema={"enum": [TOKEN_EXCHANGE, CLIENT_CREDENTIALS]},
        ),
    ]
    client_assertion_type: Annotated[
        str, Meta(description=f"`{ASSERTION_TYPE}`; not with a certificate.")
    ] = ""
    client_assertion: Annotated[
        str,
        Meta(
            description=(
                "A JWT that the software signs about itself, once for each request (RFC 7523): "
                "`iss` and `sub` its client_id, `aud` this endpoint or the issuer, `exp` at most "
                "five minutes ahead, `jti`; header `kid` one of its registered keys, `alg` one of "
                + ", ".join(ASSERTION_ALGORITHMS)
                + "."
            )
        ),
    ] = ""
    client_id: Annotated[
        str, Meta(description="The software; needed with a certificate only (RFC 8705).")
    ] = ""
    subject_token: Annotated[
        str,
        Meta(description="For an exchange: the access token Pro Santé Connect gave."),
    ] = ""
    subject_token_type: Annotated[
        str, Meta(description=f"For an exchange: `{PSC_TOKEN}` (the portals: `{PORTAL_SESSION}`).")
    ] = ""
    situation: Annotated[
        str,
        Meta(
            description=(
                "FINESS or SIRET number of the establishment where the professional acts; needed "
                "when they work in several."
            )
        ),
    ] = ""
    professional: Annotated[
        str,
        Meta(
            description=(
                "Without a person's token: RPPS number of the professional who answers for the "
                "structure; needed when several could."
            )
        ),
    ] = ""
    scope: Annotated[
        str,
        Meta(
            description=(
                f"`{CHECK_SCOPE}`, which is the default, `{CLAIMS_SCOPE}`, or both with a space "
                "between."
            )
        ),
    ] = ""


class TokenGiven(msgspec.Struct, frozen=True, omit_defaults=True):
    """An access token, worth nothing without the key it is bound to."""

    access_token: Annotated[
        str, Meta(description="A JWT (`at+jwt`); software need not look inside.")
    ]
    token_type: Annotated[
        str,
        Meta(description="How to present it: `DPoP` with a proof, `Bearer` with the certificate."),
    ]
    expires_in: Annotated[int, Meta(description="Seconds it lives: at most 600.")]
    scope: Annotated[str, Meta(description="What it is for.")]
    issued_token_type: Annotated[
        str, Meta(description="For an exchange: what was given (RFC 8693).")
    ] = ""


class TokenRefusal(msgspec.Struct, frozen=True):
    """Why no token is given, in the words of OAuth."""

    error: Annotated[
        str,
        Meta(
            description="Stable; the one thing software should read.",
            extra_json_schema={"enum": [error.value for error in OAuthError]},
        ),
    ]
    error_description: Annotated[str, Meta(description="For whoever writes the software.")]


class SigningKey(msgspec.Struct, frozen=True):
    """A public key that access tokens are signed for (RFC 7517, RFC 8037)."""

    kty: Annotated[str, Meta(description="Family of the key.")]
    crv: Annotated[str, Meta(description="Its curve.")]
    x: Annotated[str, Meta(description="The key.")]
    alg: Annotated[str, Meta(description="The algorithm it is used with.")]
    use: Annotated[str, Meta(description="What for: signatures.")]
    kid: Annotated[str, Meta(description="Its name: its thumbprint (RFC 7638).")]


class SigningKeys(msgspec.Struct, frozen=True):
    """The public keys in use."""

    keys: Annotated[list[SigningKey], Meta(description="One at least.")]


class ServerMetadata(msgspec.Struct, frozen=True):
    """What a software must know to ask for tokens (RFC 8414)."""

    issuer: Annotated[str, Meta(description="The installation, as tokens name it.")]
    token_endpoint: Annotated[str, Meta(description="Where tokens are given.")]
    jwks_uri: Annotated[str, Meta(description="Where the public keys are.")]
    response_types_supported: Annotated[
        list[str], Meta(description="None: nobody signs in with a browser here.")
    ]
    grant_types_supported: Annotated[list[str], Meta(description="What may be exchanged.")]
    scopes_supported: Annotated[list[str], Meta(description="What tokens may be for.")]
    token_endpoint_auth_methods_supported: Annotated[
        list[str], Meta(description="How a software proves itself.")
    ]
    token_endpoint_auth_signing_alg_values_supported: Annotated[
        list[str], Meta(description="What it may sign its assertions with.")
    ]
    tls_client_certificate_bound_access_tokens: Annotated[
        bool, Meta(description="Tokens may be bound to a certificate (RFC 8705).")
    ]
    dpop_signing_alg_values_supported: Annotated[
        list[str], Meta(description="What proofs may be signed with (RFC 9449).")
    ]


def build_metadata(url: str) -> ServerMetadata:
    """Build the authorization server's metadata."""
    return ServerMetadata(
        issuer=url,
        token_endpoint=url + TOKEN_PATH,
        jwks_uri=url + KEYS_PATH,
        response_types_supported=[],
        grant_types_supported=[TOKEN_EXCHANGE, CLIENT_CREDENTIALS],
        scopes_supported=list(SCOPES),
        token_endpoint_auth_methods_supported=["private_key_jwt", "tls_client_auth"],
        token_endpoint_auth_signing_alg_values_supported=list(ASSERTION_ALGORITHMS),
        tls_client_certificate_bound_access_tokens=True,
        dpop_signing_alg_values_supported=list(PROOF_ALGORITHMS),
    )


def build_keys(issuer: Issuer) -> SigningKeys:
    """Build the set of public keys that access tokens are signed for."""
    jwk = build_public_jwk(issuer.key_seed)
    key = SigningKey(
        kty=jwk["kty"], crv=jwk["crv"], x=jwk["x"], alg="EdDSA", use="sig", kid=compute_key_id(jwk)
    )
    return SigningKeys([key])
