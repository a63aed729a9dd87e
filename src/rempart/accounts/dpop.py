"""What a DPoP proof must say: a signature of this very call, made now, for this very token.

Refuses to verify the signature and to remember proofs: `gateway.proofs` does both.

Source: RFC 9449 §4.3 (checking proofs), §8 (nonces), §11.1 (replay).
"""

import base64
import hmac
from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple
from urllib.parse import urlsplit

from rempart.kernel.errors import AccessDenied

PROOF_TYPE: Final = "dpop+jwt"
PROOF_ALGORITHMS: Final = ("ES256", "EdDSA")
# How old a proof may be, and how far ahead the clock that dated it.
MAX_AGE_S: Final = 60
MAX_AHEAD_S: Final = 30
MAX_ID_LENGTH: Final = 128
# A nonce is good for the rest of its period and for the next one.
NONCE_PERIOD_S: Final = 300

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class ProofRefused(AccessDenied):
    """The DPoP proof is missing or does not prove possession for this call."""

    code: ClassVar[str] = "invalid_dpop_proof"


class NonceNeeded(AccessDenied):
    """The DPoP proof lacks the nonce of this server: the answer gives one, sign again."""

    code: ClassVar[str] = "use_dpop_nonce"


class ProofClaims(NamedTuple):
    """The claims of a proof, typed.

    Attributes:
        method: HTTP method (`htm`).
        url: Target without query (`htu`).
        issued_s: When the caller signed, Unix seconds by its own clock (`iat`).
        proof_id: What makes it unique (`jti`).
        token_hash: Digest of the token it goes with (`ath`), empty where there is none.
        nonce: What this server gave, empty without.
    """

    method: str
    url: str
    issued_s: float
    proof_id: str
    token_hash: str
    nonce: str


def check_proof_header(header: Mapping[str, object]) -> Mapping[str, object]:
    """Return the public key in the header of a proof.

    Raises:
        ProofRefused: the type, the algorithm or the key is not one that can prove anything.
    """
    key = header.get("jwk")
    if header.get("typ") != PROOF_TYPE or header.get("alg") not in PROOF_ALGORITHMS:
        raise ProofRefused(f"sign a {PROOF_TYPE} with {' or '.join(PROOF_ALGORITHMS)}")
    if "crit" in header or not isinstance(key, dict):
        raise ProofRefused("the header of a proof has typ, alg and jwk")
    if _PRIVATE_MEMBERS & key.keys():
        raise ProofRefused("the key in a proof is public: replace the one just shown")
    return key


def check_proof(
    claims: ProofClaims, *, method: str, url: str, token_hash: str, now_s: float
) -> None:
    """Let a proof stand for this call; its nonce and its replay are judged elsewhere.

    Args:
        claims: What the proof says.
        method: The method of the call.
        url: The public address of the route called, without query.
        token_hash: Digest of the token presented with it, empty at the token endpoint.
        now_s: The instant of the call, Unix seconds.

    Raises:
        ProofRefused: it was made for another call, for another token, or at another time.
    """
    if claims.method != method or not is_same_target(claims.url, url):
        raise ProofRefused("the proof was made for another call: htm, htu")
    if token_hash and not hmac.compare_digest(claims.token_hash.encode(), token_hash.encode()):
        raise ProofRefused("the proof was made for another token: ath")
    if not -MAX_AHEAD_S <= now_s - claims.issued_s <= MAX_AGE_S:
        raise ProofRefused("the proof is too old or from the future: iat; check the clock")
    if not 0 < len(claims.proof_id) <= MAX_ID_LENGTH:
        raise ProofRefused(f"a proof has a jti of 1 to {MAX_ID_LENGTH} characters")


def is_same_target(claimed: str, url: str) -> bool:
    """Say whether `htu` names this route: query and fragment aside, host in any case.

    >>> is_same_target("HTTPS://TP.example:443/oauth/token?x=1", "https://tp.example/oauth/token")
    True
    """
    if claimed == url:
        return True
    try:
        return _normalise(claimed) == _normalise(url)
    except ValueError:
        return False


def compute_nonce(secret: bytes, period: int) -> str:
    """Compute the nonce of one period: whoever does not hold the secret cannot foresee it."""
    digest = hmac.digest(secret, b"dpop nonce" + period.to_bytes(8, signed=True), "sha256")
    return encode_segment(digest[:16])


def encode_segment(content: bytes) -> str:
    """Write bytes in base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _normalise(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port, parts.path or "/"
