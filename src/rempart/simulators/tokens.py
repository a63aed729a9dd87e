"""What a simulated provider signs: identity tokens, access tokens, logout tokens, userinfo.

Signs wrongly only when a fault was asked for.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey

from rempart.simulators.faults import Fault

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
ELSEWHERE: Final = "https://autre-fournisseur.invalid/auth/realms/autre"
ID_TOKEN_LIFETIME_S: Final = 120
_KEY_BITS: Final = 2048
_DAY_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Signer:
    """The keys of a provider: its own, and one it never published, for faults."""

    key: RSAKey
    unpublished: RSAKey

    @classmethod
    def create(cls) -> "Signer":
        """Draw both keys."""
        return cls(*(RSAKey.generate_key(_KEY_BITS, auto_kid=True) for _ in range(2)))

    @property
    def kid(self) -> str:
        """The name of the published key."""
        return self.key.thumbprint()

    def describe_keys(self) -> dict[str, Any]:
        """Return the JWKS."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def sign(self, claims: Mapping[str, Any], fault: Fault | None = None, typ: str = "JWT") -> str:
        """Sign claims, correctly unless the fault concerns the signature."""
        header = {"alg": "RS256", "kid": self.kid, "typ": typ}
        match fault:
            case Fault.ALG_NONE:
                return f"{_join({**header, 'alg': 'none'}, claims)}."
            case Fault.HS256_WITH_PUBLIC_KEY:
                message = _join({**header, "alg": "HS256"}, claims)
                secret = self.key.as_pem(private=False)
                mac = hmac.new(secret, message.encode(), hashlib.sha256).digest()
                return f"{message}.{_encode(mac)}"
            case Fault.UNKNOWN_KEY:
                other = {**header, "kid": self.unpublished.thumbprint()}
                return jwt.encode(other, dict(claims), self.unpublished, algorithms=["RS256"])
            case Fault.STOLEN_KID | Fault.USERINFO_SIGNED_BY_ANOTHER:
                return jwt.encode(header, dict(claims), self.unpublished, algorithms=["RS256"])
            case Fault.NOT_A_TOKEN:
                return "ceci.n’est.pas-un-jeton"
        return jwt.encode(header, dict(claims), self.key, algorithms=["RS256"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an identity token says: who signed in, where, how, and for whom."""

    issuer: str
    client_id: str
    subject: str
    sid: str
    nonce: str
    acr: str
    auth_time: int
    access_token: str
    claims: Mapping[str, Any] = field(default_factory=dict)


def make_id_token(facts: Facts, *, now: float, fault: Fault | None) -> dict[str, Any]:
    """Return the claims of an identity token, with the fault asked for."""
    issued = int(now)
    claims: dict[str, Any] = {
        **facts.claims,
        "iss": facts.issuer,
        "sub": facts.subject,
        "aud": facts.client_id,
        "azp": facts.client_id,
        "exp": issued + ID_TOKEN_LIFETIME_S,
        "iat": issued,
        "auth_time": facts.auth_time,
        "jti": secrets.token_urlsafe(12),
        "typ": "ID",
        "sid": facts.sid,
        "acr": facts.acr,
        "at_hash": compute_at_hash(facts.access_token),
    }
    if facts.nonce:
        claims["nonce"] = facts.nonce
    match fault:
        case Fault.WRONG_NONCE:
            claims["nonce"] = secrets.token_urlsafe(16)
        case Fault.NONCE_MISSING:
            claims.pop("nonce", None)
        case Fault.WRONG_AUDIENCE:
            claims["aud"] = "un-autre-client"
            claims["azp"] = "un-autre-client"
        case Fault.WRONG_AUTHORIZED_PARTY:
            claims["aud"] = [facts.client_id, "un-autre-client"]
            claims["azp"] = "un-autre-client"
        case Fault.WRONG_ISSUER:
            claims["iss"] = ELSEWHERE
        case Fault.EXPIRED:
            claims["iat"], claims["exp"] = issued - 3600, issued - 3600 + ID_TOKEN_LIFETIME_S
        case Fault.FROM_THE_FUTURE:
            claims["iat"], claims["exp"] = issued + _DAY_S, issued + _DAY_S + ID_TOKEN_LIFETIME_S
        case Fault.WRONG_AT_HASH:
            claims["at_hash"] = compute_at_hash("un autre jeton")
        case Fault.WEAK_ACR:
            claims["acr"] = "0"
        case Fault.OLD_SIGN_IN:
            claims["auth_time"] = issued - 2 * 3600
    return claims


def make_logout_claims(
    *, issuer: str, client_id: str, subject: str, sid: str, now: float
) -> dict[str, Any]:
    """Return the claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4)."""
    return {
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "iat": int(now),
        "exp": int(now) + 120,
        "jti": secrets.token_urlsafe(12),
        "sid": sid,
        "events": {LOGOUT_EVENT: {}},
    }


def compute_at_hash(access_token: str) -> str:
    """Return the at_hash of an access token for RS256 (OpenID Connect Core §3.1.3.6)."""
    return _encode(hashlib.sha256(access_token.encode()).digest()[:16])


def compute_challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    return _encode(hashlib.sha256(verifier.encode()).digest())


def _join(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(dict(claims)).encode())}"


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
