"""Pro Santé Connect's answer about an access token (RFC 7662): whose it is, if it is in force.

Refuses a token that is not in force, of too weak a sign-in, or of somebody without an RPPS number.
Everything else in the answer, names first, is dropped here.
"""

from typing import Final, NamedTuple

import msgspec

from rempart.exchange.psc import parse_national_id
from rempart.kernel.errors import Unavailable
from rempart.kernel.rpps import Rpps

ASSURANCE: Final = "eidas1"


class PscToken(NamedTuple):
    """A token in force: the professional it is about, and the application it was given to."""

    rpps: Rpps
    client_id: str


class _Introspection(msgspec.Struct):
    active: bool
    iss: str = ""
    client_id: str = ""
    azp: str = ""
    acr: str = ""
    exp: float = 0
    national_id: str = msgspec.field(default="", name="SubjectNameID")
    username: str = ""
    preferred_username: str = ""


def parse_introspection(body: bytes, *, issuer: str, now_s: float) -> PscToken | None:
    """Return whom a token is about and to whom it was given; None when it is worth nothing here.

    Args:
        body: The provider's answer.
        issuer: The provider that must have given the token.
        now_s: The instant, Unix seconds.

    Raises:
        Unavailable: the answer is not an introspection: the provider is not itself.
    """
    try:
        read = msgspec.json.decode(body, type=_Introspection)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise Unavailable("the provider's answer about a token cannot be read") from wrong
    if not read.active or read.acr != ASSURANCE or read.exp <= now_s:
        return None
    if read.iss != issuer:
        return None
    given_to = {name for name in (read.client_id, read.azp) if name}
    if len(given_to) != 1:
        return None
    given = (read.national_id, read.username, read.preferred_username)
    found = {rpps.number: rpps for text in given if (rpps := parse_national_id(text)) is not None}
    # Two different numbers would be two people: neither is believed.
    return PscToken(found.popitem()[1], given_to.pop()) if len(found) == 1 else None
