"""Sessions bound to a key of the device: what a browser must prove, and for how long it counts.

Refuses every algorithm but one. A browser that cannot do this keeps a session of the usual kind.

Source: W3C Device Bound Session Credentials, editor's draft of 17 February 2026.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import AccessDenied

PROOF_TYPE: Final = "dbsc+jwt"
ALGORITHM: Final = "ES256"
CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
# Browsers bound how often they sign: six times in nine minutes is the tightest known.
COOKIE_LIFETIME: Final = timedelta(minutes=10)
_LONGEST: Final = 200

Claims: TypeAlias = Mapping[str, object]


class DeviceNotProved(AccessDenied):
    """What a browser sent does not prove its device; `reason` says why, in words of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the proof of the device is refused ({reason})")
        self.reason = reason


def check_device_header(header: Claims) -> None:
    """Accept the header of a proof.

    Raises:
        DeviceNotProved: it is of another type or algorithm, or demands what is not understood.
    """
    if header.get("typ") != PROOF_TYPE:
        raise DeviceNotProved("type")
    if header.get("alg") != ALGORITHM:
        raise DeviceNotProved("algorithm")
    if "crit" in header:
        raise DeviceNotProved("critical header")


def check_device_claims(claims: Claims, *, address: str) -> str:
    """Accept the claims of a proof whose signature holds; return the challenge it answers.

    Args:
        claims: What was signed.
        address: Where it was sent. The claim `aud` is optional: browsers differ.

    Raises:
        DeviceNotProved: it was made for elsewhere, or answers no challenge.
    """
    if claims.get("aud", address) != address:
        raise DeviceNotProved("audience")
    challenge = claims.get("jti")
    if not isinstance(challenge, str) or not 0 < len(challenge) <= _LONGEST:
        raise DeviceNotProved("challenge")
    return challenge


def needs_device(visitor: Visitor, permission: Permission, *, is_policy: bool) -> bool:
    """Say whether an act waits for a session bound to its device.

    Args:
        visitor: Who asks.
        permission: What they want to do.
        is_policy: Whether this installation asks it of sensitive acts.
    """
    return is_policy and GRANTS[permission].step_up and not visitor.is_bound
