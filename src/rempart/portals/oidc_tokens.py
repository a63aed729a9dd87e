"""What makes an identity token or a logout token acceptable; anything less is refused.

Refuses before it believes: an algorithm out of the list, a key the provider does not publish, an
issuer, audience, nonce, level or instant that is not the one expected. Reads no clock and no
network: keys and the present instant are given.

Source: OpenID Connect Core 1.0 §3.1.3.7; Back-Channel Logout 1.0 §2.6; RFC 8725.
"""

import base64
import copy
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from rempart.kernel.errors import AccessDenied

ALGORITHMS: Final = ("RS256", "ES256", "PS256", "EdDSA")
SKEW_S: Final = 60
OLDEST_ID_TOKEN_S: Final = 10 * 60
OLDEST_LOGOUT_S: Final = 3 * 60
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST_NAME: Final = 255
_LOGOUT_TYPES: Final = frozenset({"logout+jwt", "application/logout+jwt", "jwt", ""})


def _make_registry() -> JWSRegistry:
    """Return the algorithms we know, and no others."""
    known = {name: copy.copy(JWSRegistry.algorithms[name]) for name in ALGORITHMS}
    # The library advises against this name, which providers use: RFC 9864 only renames it.
    known["EdDSA"].security_warning = None
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    registry.algorithms = known  # of this registry, not of the class
    return registry


_REGISTRY: Final = _make_registry()


class ProviderNotBelieved(AccessDenied):
    """A token is not what it should be; `reason` says what, in words that name nobody."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the identity provider's token is refused ({reason})")
        self.reason = reason


class UnknownKey(ProviderNotBelieved):
    """No key we know signed this token: the provider may have changed its keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an identity token must say.

    Args:
        nonce: What we sent.
        acr_values: Levels of authentication, one of which it must be; empty: any.
        fresh_since: Unix seconds after which the person must have been authenticated; None: any.
        access_token: What at_hash must match, where the token has one.
    """

    issuer: str
    client_id: str
    nonce: str
    acr_values: Sequence[str]
    fresh_since: int | None
    access_token: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identified:
    """Whom an accepted identity token names, and the provider's session."""

    subject: str
    sid: str

    def __repr__(self) -> str:
        return "<Identified>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LogoutOrder:
    """An accepted logout token: whose sessions end, and its single-use name."""

    subject: str
    sid: str
    jti: str

    def __repr__(self) -> str:
        return "<LogoutOrder>"


def read_signed(token: str, keys: KeySet) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the header and the claims of a token signed by one of the keys.

    Raises:
        UnknownKey: it names a key that is not among them, or another one signed it: providers with
            one key need not name it, and some keep its name when they change it.
        ProviderNotBelieved: it is not a signed token, or its algorithm is not one of ours.
    """
    header = _read_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise ProviderNotBelieved("algorithm")
    if "crit" in header:
        raise ProviderNotBelieved("critical header")
    kid = header.get("kid")
    usable = [key for key in keys.keys if key.get("use") != "enc"]
    named = [key for key in usable if kid is None or key.kid == kid]
    if not named:
        raise UnknownKey("unknown key")
    if len(named) > 1:
        raise ProviderNotBelieved("the key is not named")
    try:
        decoded = jwt.decode(token, named[0], registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, AttributeError) as failure:
        raise UnknownKey("signature") from failure
    return header, decoded.claims


def verify_id_token(token: str, keys: KeySet, expected: Expected, *, now: int) -> Identified:
    """Accept an identity token or refuse it.

    Args:
        token: As the token endpoint gave it.
        keys: The provider's.
        expected: What it must say.
        now: Unix seconds.

    Raises:
        UnknownKey: the keys may be out of date.
        ProviderNotBelieved: anything else is wrong.
    """
    header, claims = read_signed(token, keys)
    _check_issuer_and_audience(claims, expected.issuer, expected.client_id)
    _check_instants(claims, now=now, oldest_s=OLDEST_ID_TOKEN_S, must_expire=True)
    if not _is_same(claims.get("nonce"), expected.nonce):
        raise ProviderNotBelieved("nonce")
    if expected.acr_values and claims.get("acr") not in expected.acr_values:
        raise ProviderNotBelieved("acr")
    if expected.fresh_since is not None:
        auth_time = _read_instant(claims, "auth_time")
        if auth_time is None or auth_time < expected.fresh_since - SKEW_S:
            raise ProviderNotBelieved("auth_time")
    if "at_hash" in claims and not _is_same(
        claims["at_hash"], _compute_at_hash(expected.access_token, header["alg"])
    ):
        raise ProviderNotBelieved("at_hash")
    subject = _read_name(claims, "sub")
    if not subject:
        raise ProviderNotBelieved("sub")
    return Identified(subject=subject, sid=_read_name(claims, "sid"))


def verify_logout_token(
    token: str, keys: KeySet, *, issuer: str, client_id: str, now: int
) -> LogoutOrder:
    """Accept a logout token or refuse it; whether it served before is for the caller to know.

    Raises:
        UnknownKey: the keys may be out of date.
        ProviderNotBelieved: anything else is wrong.
    """
    header, claims = read_signed(token, keys)
    if str(header.get("typ", "")).lower() not in _LOGOUT_TYPES:
        raise ProviderNotBelieved("typ")
    _check_issuer_and_audience(claims, issuer, client_id)
    _check_instants(claims, now=now, oldest_s=OLDEST_LOGOUT_S, must_expire=False)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise ProviderNotBelieved("events")
    if "nonce" in claims:
        raise ProviderNotBelieved("a nonce has no place here")
    order = LogoutOrder(
        subject=_read_name(claims, "sub"),
        sid=_read_name(claims, "sid"),
        jti=_read_name(claims, "jti"),
    )
    if not order.jti:
        raise ProviderNotBelieved("jti")
    if not order.subject and not order.sid:
        raise ProviderNotBelieved("neither sub nor sid")
    return order


def _read_header(token: str) -> Mapping[str, Any]:
    try:
        coded, _, _ = token.split(".")
        header = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(header, type=dict[str, Any])
    except (ValueError, RecursionError) as failure:
        raise ProviderNotBelieved("unreadable") from failure


def _check_issuer_and_audience(claims: Mapping[str, Any], issuer: str, client_id: str) -> None:
    if claims.get("iss") != issuer:
        raise ProviderNotBelieved("iss")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named:
        raise ProviderNotBelieved("aud")
    # A token for several clients must say which one asked; a token for one may.
    if claims.get("azp", client_id if len(named) == 1 else None) != client_id:
        raise ProviderNotBelieved("azp")


def _check_instants(
    claims: Mapping[str, Any], *, now: int, oldest_s: int, must_expire: bool
) -> None:
    issued, expires = _read_instant(claims, "iat"), _read_instant(claims, "exp")
    if issued is None or issued > now + SKEW_S or issued < now - oldest_s - SKEW_S:
        raise ProviderNotBelieved("iat")
    if (expires is None and (must_expire or "exp" in claims)) or (
        expires is not None and expires <= now - SKEW_S
    ):
        raise ProviderNotBelieved("exp")
    not_before = _read_instant(claims, "nbf")
    if "nbf" in claims and (not_before is None or not_before > now + SKEW_S):
        raise ProviderNotBelieved("nbf")


def _read_instant(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _read_name(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise ProviderNotBelieved(name)
    return value


def _is_same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), wanted.encode())


def _compute_at_hash(access_token: str, algorithm: str) -> str:
    """Return what at_hash must be: half of the digest the signature uses (Core §3.1.3.6)."""
    hashed = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    digest = hashed(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
