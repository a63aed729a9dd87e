"""Proofs of possession, one per call: a DPoP signature, or the certificate of the TLS connection.

Refuses a proof seen before, by this process: its nonces are of this process too, so that a copy
sent to another gateway proves nothing there. Refuses a certificate that a stranger wrote into a
header.

Source: RFC 9449, RFC 8705 §3, RFC 9440.
"""

import base64
import functools
import hashlib
import secrets
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, NamedTuple

import msgspec

from rempart.accounts.dpop import (
    MAX_AGE_S,
    MAX_AHEAD_S,
    NONCE_PERIOD_S,
    NonceNeeded,
    ProofClaims,
    ProofRefused,
    check_proof,
    check_proof_header,
    compute_nonce,
    encode_segment,
)
from rempart.gateway.signatures import (
    BadSignature,
    Compact,
    PublicKey,
    decode_segment,
    read_object,
    split_compact,
)

# Proofs kept at once, at most; about 100 bytes each.
MAX_KEPT: Final = 400_000
# A proof cannot be accepted any longer than this after it was first seen.
KEPT_MS: Final = (MAX_AGE_S + MAX_AHEAD_S) * 1000
# A clock that goes back further than this has forgotten what it saw.
STEP_BACK_MS: Final = 5_000
MAX_HEADER_SEGMENT: Final = 1024
MAX_CERTIFICATE_HEADER: Final = 16_384


class ProofPayload(msgspec.Struct, frozen=True):
    """The claims of a proof as they are sent."""

    htm: str
    htu: str
    iat: float
    jti: str
    ath: str = ""
    nonce: str = ""


_PAYLOAD: Final = msgspec.json.Decoder(ProofPayload)


class Proved(NamedTuple):
    """A proof that holds: whose key, and the nonce to use from now on if it is another one."""

    thumbprint: str
    next_nonce: str | None


class Call(NamedTuple):
    """The call a proof must be for: method, public address without query, digest of its token."""

    method: str
    url: str
    token_hash: str = ""


class ProofChecker:
    """Checks DPoP proofs, and remembers them for as long as a copy could be used.

    Args:
        draw_secret: Draws the secret behind the nonces.
    """

    def __init__(self, draw_secret: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._draw_secret = draw_secret
        self._secret = draw_secret(32)
        self._period = -1
        self._nonces = ("", "")
        self._seen: set[bytes] = set()
        self._seen_before: set[bytes] = set()
        self._turned_ms = 0
        self._now_ms = 0

    def check(
        self, proofs: Sequence[bytes], call: Call, *, thumbprint: str | None, now_ms: int
    ) -> Proved:
        """Check the proof of one call and use it up.

        Args:
            proofs: Every DPoP header of the request.
            call: What it must have been made for.
            thumbprint: The key the token is bound to; None where a token is asked for.
            now_ms: The instant of the call, Unix milliseconds.

        Raises:
            NonceNeeded: it lacks a nonce of ours that is still good; nothing was verified.
            ProofRefused: there is none, there are several, or it does not hold for this call.
        """
        compact, claims = self._read(proofs, now_ms)
        algorithm, key = _read_key(compact.header_segment)
        check_proof(
            claims,
            method=call.method,
            url=call.url,
            token_hash=call.token_hash,
            now_s=now_ms / 1000,
        )
        if thumbprint is not None and key.thumbprint != thumbprint:
            raise ProofRefused("the token is bound to another key")
        try:
            key.verify(algorithm, compact)
        except BadSignature as wrong:
            raise ProofRefused("the signature of the proof is wrong") from wrong
        self._use_up(key.thumbprint, claims.proof_id)
        newest = self._nonces[0]
        return Proved(key.thumbprint, None if claims.nonce == newest else newest)

    def check_nonce(self, proofs: Sequence[bytes], *, now_ms: int) -> None:
        """See to it that a proof has a good nonce, before anything dearer is done for it.

        Raises:
            NonceNeeded: it has not.
            ProofRefused: there is no proof, or there are several.
        """
        self._read(proofs, now_ms)

    def find_nonce(self, *, now_ms: int) -> str:
        """Return the nonce to sign with now."""
        self._advance(now_ms)
        return self._nonces[0]

    def _read(self, proofs: Sequence[bytes], now_ms: int) -> tuple[Compact, ProofClaims]:
        if len(proofs) != 1:
            raise ProofRefused("send one DPoP header")
        self._advance(now_ms)
        try:
            compact = split_compact(proofs[0])
            claims = _read_claims(compact)
        except BadSignature as wrong:
            raise ProofRefused("the DPoP header is not a proof") from wrong
        if claims.nonce not in self._nonces or not claims.nonce:
            raise NonceNeeded("sign again with the nonce of the DPoP-Nonce header")
        return compact, claims

    def _use_up(self, thumbprint: str, proof_id: str) -> None:
        name = hashlib.sha256(f"{thumbprint} {proof_id}".encode()).digest()[:16]
        if name in self._seen or name in self._seen_before:
            raise ProofRefused("the proof was used before: sign each call anew")
        self._seen.add(name)
        if len(self._seen) > MAX_KEPT // 2:
            self._renew()
            self._advance(self._now_ms)

    def _advance(self, now_ms: int) -> None:
        """Let nonces and remembered proofs age; called first at every check."""
        if now_ms < self._now_ms - STEP_BACK_MS:
            self._renew()
            self._turned_ms = now_ms
        self._now_ms = now_ms
        if now_ms - self._turned_ms >= KEPT_MS:
            # Two generations: whatever was seen stays for KEPT_MS at least.
            is_recent = now_ms - self._turned_ms < 2 * KEPT_MS
            self._seen_before = self._seen if is_recent else set()
            self._seen = set()
            self._turned_ms = now_ms
        period = now_ms // 1000 // NONCE_PERIOD_S
        if period != self._period:
            self._period = period
            newest, previous = (compute_nonce(self._secret, period - n) for n in (0, 1))
            self._nonces = (newest, previous)

    def _renew(self) -> None:
        """Forget everything at once, nonces too: what is forgotten cannot be accepted again."""
        self._secret = self._draw_secret(32)
        self._period = -1
        self._nonces = ("", "")
        self._seen = set()
        self._seen_before = set()


def make_certificate_finder(
    trusted: Sequence[IPv4Network | IPv6Network],
) -> Callable[[str, bytes | None], bytes | None]:
    """Make the function that gives the certificate of the caller's TLS connection, in DER.

    The proxy that ends TLS writes it into `Client-Cert` (RFC 9440). From any other peer the header
    is as good as absent.
    """

    @functools.lru_cache(1024)
    def is_trusted(peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in trusted)

    def find_certificate(peer: str, header: bytes | None) -> bytes | None:
        if header is None or not is_trusted(peer):
            return None
        return _decode_item(header)

    return find_certificate


def hash_certificate(certificate: bytes) -> str:
    """Compute the digest of a certificate that tokens are bound to (`x5t#S256`)."""
    return encode_segment(hashlib.sha256(certificate).digest())


def _decode_item(header: bytes) -> bytes | None:
    """Decode a binary structured field (RFC 8941 §3.3.5): base64 between colons."""
    text = header.strip()
    if not 2 < len(text) <= MAX_CERTIFICATE_HEADER or text[:1] != b":" or text[-1:] != b":":
        return None
    try:
        return base64.b64decode(text[1:-1], validate=True)
    except ValueError:
        return None


def _read_claims(compact: Compact) -> ProofClaims:
    try:
        payload = _PAYLOAD.decode(compact.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise BadSignature("the claims of a proof are missing or of another type") from wrong
    return ProofClaims(
        payload.htm, payload.htu, payload.iat, payload.jti, payload.ath, payload.nonce
    )


def _read_key(segment: bytes) -> tuple[str, PublicKey]:
    if len(segment) > MAX_HEADER_SEGMENT:
        raise ProofRefused("the header of a proof is short")
    try:
        return _read_short_key(segment)
    except BadSignature as wrong:
        raise ProofRefused("the header of a proof has typ, alg and jwk") from wrong


# One software signs all its calls with one key: its header comes again and again, the same bytes.
@functools.lru_cache(4096)
def _read_short_key(segment: bytes) -> tuple[str, PublicKey]:
    header = read_object(decode_segment(segment))
    key = PublicKey(check_proof_header(header))
    return str(header["alg"]), key
