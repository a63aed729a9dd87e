"""Access tokens as callers present them: verified once, then known by their digest until they end.

Refuses to keep a token: only digests are here. What is known of a digest cannot change, because the
token says it; whether its bearer may still act is another question, asked at every call.
"""

import hashlib
from typing import Final, NamedTuple

from rempart.accounts.dpop import encode_segment
from rempart.accounts.tokens import (
    CHECK_SCOPE,
    TOKEN_TYPE,
    AccessToken,
    check_token,
    parse_claims,
)
from rempart.gateway.signatures import BadSignature, PublicKey, read_object, split_compact
from rempart.kernel.errors import AccessDenied

MAX_KEPT: Final = 50_000


class Presented(NamedTuple):
    """A token that is ours and in force, and its digest as a proof names it (`ath`)."""

    token: AccessToken
    token_hash: str


class TokenReader:
    """Reads the tokens this installation issued.

    Args:
        key: The public key they are signed for.
        issuer: Who issues them.
        audience: The API they must be for.
    """

    def __init__(self, key: PublicKey, *, issuer: str, audience: str) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._known: dict[bytes, Presented] = {}

    def read(self, token: bytes, *, now_ms: int, scope: str = CHECK_SCOPE) -> Presented:
        """Read a token, presented for some use.

        Raises:
            AccessDenied: it is not one of ours, or not in force.
        """
        digest = hashlib.sha256(token).digest()
        known = self._known.get(digest)
        presented = known or Presented(self._verify(token), encode_segment(digest))
        try:
            check_token(
                presented.token,
                issuer=self._issuer,
                audience=self._audience,
                scope=scope,
                now_s=now_ms / 1000,
            )
        except AccessDenied:
            self._known.pop(digest, None)
            raise
        if known is None:
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            self._known[digest] = presented
        return presented

    def _verify(self, token: bytes) -> AccessToken:
        try:
            compact = split_compact(token)
            header = compact.read_header()
            self._key.verify(header.get("alg"), compact)
            claims = read_object(compact.payload)
        except BadSignature as wrong:
            raise AccessDenied("the token is not one of ours") from wrong
        # Whatever else this key may have signed is not a token: the type says so.
        if header.get("typ") != TOKEN_TYPE:
            raise AccessDenied("not an access token")
        return parse_claims(claims)
