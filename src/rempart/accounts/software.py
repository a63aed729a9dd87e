"""Software that asks for tokens: how it proves itself, and which tokens it may ask for.

Refuses to verify a signature or a certificate chain: `gateway.client_authentication` and the proxy
that ends TLS do. Says the same of a software that is unknown, revoked or badly signed for.

Source: RFC 7523 §3 (client assertions), RFC 8705 §2.1 (mutual TLS), RFC 8693 (token exchange).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from rempart.accounts.oauth import GrantRefused, OAuthError

TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
CLIENT_CREDENTIALS: Final = "client_credentials"
PSC_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
PORTAL_SESSION: Final = "urn:rempart:params:token-type:portal-session"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS: Final = ("EdDSA", "ES256", "PS256", "RS256")
# A signed statement about a browser session is not an access token, whoever reads it.
PORTAL_SESSION_TYPE: Final = "portal-session+jwt"
MAX_AHEAD_S: Final = 300
CLOCK_SKEW_S: Final = 30
MAX_ID_LENGTH: Final = 256


class SoftwareKey(NamedTuple):
    """A public key of a software that has not ended."""

    kid: str
    jwk: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """A registered software.

    `publisher_ref` is None for the portals of this installation. `certificate_subject` is set when
    it proves itself by its TLS certificate, `establishment_ref` when it may call for one structure
    without a person's token. `psc_clients` are its names at Pro Santé Connect: tokens given to
    another one are not its to present. `stopped` tells that it was revoked or its publisher
    suspended.
    """

    client_ref: int
    client_id: str
    publisher_ref: int | None
    scopes: tuple[str, ...]
    certificate_subject: str | None
    establishment_ref: int | None
    psc_clients: frozenset[str]
    stopped: bool
    keys: tuple[SoftwareKey, ...]

    @property
    def is_portals(self) -> bool:
        """Whether this is the software of the portals themselves."""
        return self.publisher_ref is None

    def find_key(self, kid: object) -> SoftwareKey | None:
        """Return the key of this name, if it has not ended."""
        return next((key for key in self.keys if key.kid == kid), None)


class Statement(NamedTuple):
    """What a signed statement of a software says of itself: its name and its last second."""

    statement_id: str
    expires_s: int


class BadStatement(ValueError):
    """A signed statement that cannot be accepted; never shown to anybody."""


def check_statement(
    claims: Mapping[str, object], *, client_id: str, audiences: Collection[str], now_s: float
) -> Statement:
    """Accept what a software signed about itself: a client assertion, or a session of the portals.

    Args:
        claims: Its claims; the signature is verified elsewhere.
        client_id: The software it must come from.
        audiences: What it may be addressed to, one of them at least.
        now_s: The instant, Unix seconds.

    Returns:
        What makes it usable once.

    Raises:
        BadStatement: it is from or for somebody else, has expired, lives too long or is unnamed.
    """
    if claims.get("iss") != client_id:
        raise BadStatement("iss")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(one in audiences for one in named if isinstance(one, str)):
        raise BadStatement("aud")
    expires_s = _read_instant(claims, "exp")
    if not now_s - CLOCK_SKEW_S < expires_s <= now_s + MAX_AHEAD_S + CLOCK_SKEW_S:
        raise BadStatement("exp")
    for name in ("iat", "nbf"):
        if name in claims and _read_instant(claims, name) > now_s + CLOCK_SKEW_S:
            raise BadStatement(name)
    statement_id = claims.get("jti")
    if not isinstance(statement_id, str) or not 0 < len(statement_id) <= MAX_ID_LENGTH:
        raise BadStatement("jti")
    return Statement(statement_id, int(expires_s))


def check_assertion(
    claims: Mapping[str, object], *, client_id: str, audiences: Collection[str], now_s: float
) -> Statement:
    """Accept a client assertion: a statement a software makes about itself.

    Raises:
        BadStatement: see `check_statement`; or its subject is somebody else.
    """
    if claims.get("sub") != client_id:
        raise BadStatement("sub")
    return check_statement(claims, client_id=client_id, audiences=audiences, now_s=now_s)


def check_can_ask_token(
    software: Software,
    *,
    grant_type: str,
    subject_token_type: str,
    scope: str,
    by_certificate: bool,
) -> None:
    """Let a software, already recognised, ask for one kind of token.

    Args:
        software: Who asks.
        grant_type: By which grant.
        subject_token_type: What it exchanges, empty when it exchanges nothing.
        scope: What the token is to be for: names, with a space between.
        by_certificate: Whether it proved itself by a TLS certificate.

    Raises:
        GrantRefused: the grant does not exist or is not for this software, or the scope is not.
    """
    if grant_type not in (TOKEN_EXCHANGE, CLIENT_CREDENTIALS):
        raise GrantRefused(
            OAuthError.UNSUPPORTED_GRANT_TYPE,
            f"grant_type: {TOKEN_EXCHANGE} or {CLIENT_CREDENTIALS}",
        )
    if not set(scope.split(" ")) <= set(software.scopes):
        raise GrantRefused(OAuthError.INVALID_SCOPE, "scope: not granted to this software")
    if grant_type == CLIENT_CREDENTIALS:
        if not by_certificate or software.establishment_ref is None:
            raise GrantRefused(
                OAuthError.UNAUTHORIZED_CLIENT,
                "a token without a person is for the software of one structure, by mutual TLS",
            )
        return
    if subject_token_type not in (PSC_TOKEN, PORTAL_SESSION):
        raise GrantRefused(OAuthError.INVALID_REQUEST, f"subject_token_type: {PSC_TOKEN}")
    if software.is_portals is not (subject_token_type == PORTAL_SESSION):
        raise GrantRefused(
            OAuthError.UNAUTHORIZED_CLIENT, "subject_token_type: not for this software"
        )


def _read_instant(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadStatement(name)
    return value
