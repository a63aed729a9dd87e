"""Proofs of a device as browsers send them: a signed token in the header Secure-Session-Response.

Refuses alg none, every algorithm but ES256 and every key but a public one on P-256. The key comes
from the token at the first proof only; afterwards from the session.

Source: W3C Device Bound Session Credentials §9.10; RFC 7515, RFC 7517.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from rempart.accounts.devices import (
    ALGORITHM,
    DeviceNotProved,
    check_device_claims,
    check_device_header,
)

MAX_PROOF: Final = 4096
_MEMBERS: Final = ("kty", "crv", "x", "y")
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])


class DeviceProof(NamedTuple):
    """A proof whose signature holds: the challenge it answers, and the public key that signed."""

    challenge: str
    public_key: dict[str, str]


def read_device_proof(
    header: str, *, address: str, known_key: Mapping[str, str] | None
) -> DeviceProof:
    """Read a proof and verify it.

    Args:
        header: The value of Secure-Session-Response: a structured string around the token.
        address: Where it was sent.
        known_key: The session's key; None when the session is being bound: the token brings it.

    Raises:
        DeviceNotProved: it is no proof, or not for here, or of another key.
    """
    compact = header.strip().removeprefix('"').removesuffix('"').encode("ascii", "replace")
    if len(compact) > MAX_PROOF:
        raise DeviceNotProved("length")
    try:
        parsed = jws.extract_compact(compact)
        check_device_header(parsed.headers())
        key = known_key or _take_public(parsed.headers().get("jwk"))
        verified = jws.deserialize_compact(compact, ECKey.import_key(dict(key)), [ALGORITHM])
        claims = _OBJECT.decode(verified.payload)
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, RecursionError) as wrong:
        raise DeviceNotProved("signature") from wrong
    return DeviceProof(check_device_claims(claims, address=address), dict(key))


def _take_public(jwk: object) -> dict[str, str]:
    """Return the public members of a key on P-256, and nothing else that came with them."""
    if not isinstance(jwk, Mapping) or (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
        raise DeviceNotProved("key")
    if "d" in jwk or not all(isinstance(jwk.get(name), str) for name in _MEMBERS):
        raise DeviceNotProved("key")
    return {name: str(jwk[name]) for name in _MEMBERS}
