"""Readers of Vitale cards: whether one of ours signed that it read this very person, just now.

Refuses to tell what is wrong with an assertion, and to believe a terminal of another place. Nothing
here looks the person up: an assertion about nobody is checked like any other.
"""

import base64
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from rempart.gateway.problems import InvalidQuestion
from rempart.gateway.signatures import (
    BadSignature,
    Compact,
    PublicKey,
    read_object,
    split_compact,
)
from rempart.kernel.findings import Refusal
from rempart.rights.lookup import TypedIdentifiers, canonical_typed

ASSERTION_TYPE: Final = "rempart-vitale+jws"
MAX_AGE_S: Final = 60
CLOCK_SKEW_S: Final = 10
MAX_ASSERTION_LETTERS: Final = 2048
MAX_KEPT: Final = 10_000
# A revoked terminal is believed for so long at most.
KEPT_FOR_S: Final = 4.0
_DOMAIN: Final = b"rempart vitale v1\0"

ASSERTION: Final = Refusal(
    rule="terminal_assertion",
    fr="Cette lecture de carte n'est pas signée par un terminal enregistré ici.",
    en="This card reading is not signed by a terminal registered here.",
    advice_fr="Relire la carte ; vérifier que le terminal est enregistré et à l'heure.",
    advice_en="Read the card again; check that the terminal is registered and its clock right.",
)


class FoundTerminal(Protocol):
    """A terminal in use."""

    @property
    def establishment_ref(self) -> int:
        """Where it stands."""
        ...

    @property
    def jwk(self) -> Mapping[str, object]:
        """Its public key."""
        ...


LoadTerminal = Callable[[str], Awaitable[FoundTerminal | None]]
UseNonce = Callable[[bytes, float], Awaitable[bool]]


class Terminals:
    """Checks what terminals sign.

    Args:
        load: Finds a terminal in use by the name of its key.
        use_nonce: Uses an assertion up (digest, last second); False when it was used before.
        audience: The address of rights checks.
    """

    def __init__(self, load: LoadTerminal, use_nonce: UseNonce, *, audience: str) -> None:
        self._load = load
        self._use_nonce = use_nonce
        self._audience = audience
        self._known: dict[str, tuple[float, int, PublicKey] | None] = {}

    async def check(
        self,
        assertion: str,
        typed: TypedIdentifiers,
        *,
        establishment_ref: int | None,
        now_ms: int,
    ) -> None:
        """Believe an assertion once, or refuse the question.

        Raises:
            InvalidQuestion: it does not hold here, now, for these identifiers; which of these is
                not said.
            Unavailable: the database does not answer.
        """
        try:
            expires_s = await self._verify(assertion, typed, establishment_ref, now_ms / 1000)
        except BadSignature as wrong:
            raise InvalidQuestion([("identifiers.assertion", ASSERTION)]) from wrong
        digest = hashlib.sha256(_DOMAIN + assertion.encode("ascii")).digest()
        if not await self._use_nonce(digest, expires_s):
            raise InvalidQuestion([("identifiers.assertion", ASSERTION)])

    async def _verify(
        self, assertion: str, typed: TypedIdentifiers, establishment_ref: int | None, now_s: float
    ) -> float:
        if len(assertion) > MAX_ASSERTION_LETTERS or not assertion.isascii():
            raise BadSignature("too long")
        token = split_compact(assertion.encode("ascii"))
        header = token.read_header()
        kid = header.get("kid")
        if header.get("typ") != ASSERTION_TYPE or not isinstance(kid, str):
            raise BadSignature("another type")
        place, key = await self._find(kid)
        if place != establishment_ref:
            raise BadSignature("a terminal of another place")
        key.verify(header.get("alg"), token)
        return _check_claims(token, typed, audience=self._audience, now_s=now_s)

    async def _find(self, kid: str) -> tuple[int, PublicKey]:
        known = self._known.get(kid)
        if known is None or known[0] < time.monotonic():
            terminal = await self._load(kid)
            if terminal is None:
                self._known.pop(kid, None)
                raise BadSignature("no such terminal")
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            known = (
                time.monotonic() + KEPT_FOR_S,
                terminal.establishment_ref,
                PublicKey(terminal.jwk),
            )
            self._known[kid] = known
        return known[1], known[2]


def compute_subject(typed: TypedIdentifiers) -> str:
    """Return what a terminal signs of the person it read: base64url of a digest."""
    canonical = canonical_typed(
        typed.amc_number.number,
        typed.insured_nir.number,
        typed.birth_date.text,
        typed.birth_rank.format(),
    )
    digest = hashlib.sha256(_DOMAIN + canonical).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_claims(token: Compact, typed: TypedIdentifiers, *, audience: str, now_s: float) -> float:
    """Check what the claims say; return until when the assertion could be used again."""
    claims = read_object(token.payload)
    issued_s, nonce = claims.get("iat"), claims.get("jti")
    if claims.get("aud") != audience or claims.get("sub") != compute_subject(typed):
        raise BadSignature("said of another person, or to somebody else")
    if not isinstance(issued_s, int) or isinstance(issued_s, bool):
        raise BadSignature("not dated")
    if not isinstance(nonce, str) or not 16 <= len(nonce) <= 128:
        raise BadSignature("no nonce")
    if not -CLOCK_SKEW_S <= now_s - issued_s <= MAX_AGE_S:
        raise BadSignature("old, or of the future")
    return float(issued_s + MAX_AGE_S + CLOCK_SKEW_S)


async def know_no_terminal(_: str) -> None:
    """Find none: where no terminal is kept."""


async def refuse_nonce(_: bytes, __: float) -> bool:
    """Use nothing up: where no terminal is kept."""
    return False
