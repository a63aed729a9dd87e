"""What a software signs about itself: who it is (assertion), and that a call is its own (proof).

Refuses to be used twice: each has a number of its own, and lives a minute.

Source: RFC 7523 (private_key_jwt), RFC 9449 (DPoP).
"""

import base64
import hashlib
import secrets
import time
from typing import Any, Final

from rempart.client.keys import SigningKey

LIFETIME_S: Final = 60


def make_assertion(key: SigningKey, *, client_id: str, audience: str) -> str:
    """Sign who this software is, for the token endpoint.

    Args:
        key: The registered key.
        client_id: The registered name.
        audience: The installation it is for: its public address.
    """
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME_S,
        "jti": secrets.token_urlsafe(16),
    }
    return key.sign({"typ": "JWT", "kid": key.thumbprint}, claims)


def make_proof(key: SigningKey, *, method: str, url: str, token: str = "", nonce: str = "") -> str:
    """Sign one call: the `DPoP` header.

    Args:
        key: The key the token is, or will be, bound to.
        method: HTTP method of the call.
        url: Its public address, without query.
        token: The access token that goes with it; empty at the token endpoint.
        nonce: What the server last gave in `DPoP-Nonce`; empty before.
    """
    claims: dict[str, Any] = {
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
        "jti": secrets.token_urlsafe(16),
    }
    if token:
        digest = hashlib.sha256(token.encode()).digest()
        claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if nonce:
        claims["nonce"] = nonce
    return key.sign({"typ": "dpop+jwt", "jwk": key.bare_jwk}, claims)
