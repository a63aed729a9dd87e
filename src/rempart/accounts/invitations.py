"""Invitations: a one-time code, handed over out of band, that lets one person enrol a passkey.

A recovery is an invitation that another person approved. Refuses to draw the code and to keep it:
whoever invites sees it once, the database keeps its digest.
"""

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Self

from rempart.accounts.events import SecurityEventKind
from rempart.accounts.roles import ActorKind
from rempart.accounts.visitor import Visitor
from rempart.kernel.crockford import ALPHABET, encode_number, format_groups, normalise_code
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity

CODE_LETTERS: Final = 20
CODE_BITS: Final = 100
AGENT_LIFETIME: Final = timedelta(hours=72)
MEMBER_LIFETIME: Final = timedelta(days=30)

INVITATION_CODE: Final = Refusal(
    rule="invitation_code",
    fr="Le code d’invitation n’a pas 20 lettres et chiffres.",
    en="The invitation code does not have 20 letters and digits.",
    advice_fr="Recopier les cinq groupes de quatre que vous avez reçus (jamais la lettre U).",
    advice_en="Copy the five groups of four you received (never the letter U).",
)


@dataclass(frozen=True, slots=True, repr=False)
class InvitationCode(Identity):
    """The secret of an invitation: 20 letters of base 32, 100 bits, so that nobody can guess one.

    Raises:
        BadValue: not 20 letters of the alphabet.
    """

    code: str

    def __post_init__(self) -> None:
        if len(self.code) != CODE_LETTERS or self.code.strip(ALPHABET):
            raise BadValue(INVITATION_CODE)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code; dashes, blanks, lower case, O for 0 and I or L for 1 are forgiven.

        Raises:
            BadValue: not 20 letters of the alphabet.
        """
        return cls(normalise_code("".join(text.split())))

    @classmethod
    def from_number(cls, number: int) -> Self:
        """Return the code of a number from 0 to 2**100 - 1, drawn by the caller.

        Raises:
            ValueError: the number is negative or too large.
        """
        return cls(encode_number(number, CODE_LETTERS))

    def format(self) -> str:
        """Write the code as a letter or a page shows it, in groups of four."""
        return format_groups(self.code)

    def compute_digest(self) -> bytes:
        """Return what is stored of the code; 100 random bits cannot be searched backwards."""
        return hashlib.sha256(b"rempart invitation\0" + self.code.encode("ascii")).digest()


class InvitationState(enum.StrEnum):
    """What may become of an invitation; only a waiting one opens anything."""

    WAITING = "waiting"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


class RecoveryState(enum.StrEnum):
    """What may become of a request for recovery; no code exists before it is approved."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


# From each state: the next ones, each with the event that the change writes. Time alone writes
# none: nobody did anything.
INVITATION_STEPS: Final[
    Mapping[InvitationState, Mapping[InvitationState, SecurityEventKind | None]]
] = MappingProxyType(
    {
        InvitationState.WAITING: {
            InvitationState.USED: SecurityEventKind.INVITATION_USED,
            InvitationState.REVOKED: SecurityEventKind.INVITATION_REVOKED,
            InvitationState.EXPIRED: None,
        },
        InvitationState.USED: {},
        InvitationState.REVOKED: {},
        InvitationState.EXPIRED: {},
    }
)
RECOVERY_STEPS: Final[Mapping[RecoveryState, Mapping[RecoveryState, SecurityEventKind]]] = (
    MappingProxyType(
        {
            RecoveryState.ASKED: {
                RecoveryState.APPROVED: SecurityEventKind.RECOVERY_APPROVED,
                RecoveryState.REFUSED: SecurityEventKind.RECOVERY_REFUSED,
            },
            RecoveryState.APPROVED: {},
            RecoveryState.REFUSED: {},
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRequest:
    """Somebody asked that a person without a key be invited again.

    `org_ref` is None when the person is a member.
    """

    request_ref: int
    actor_ref: int
    org_ref: int | None
    asked_by: int
    state: RecoveryState


def find_invitation_lifetime(kind: ActorKind) -> timedelta:
    """Return how long a code may wait: a letter travels, a colleague is at hand."""
    return MEMBER_LIFETIME if kind == "member" else AGENT_LIFETIME


def find_invitation_state(
    *,
    used_at: datetime | None,
    revoked_at: datetime | None,
    expires_at: datetime,
    now: datetime,
) -> InvitationState:
    """Say what has become of an invitation; at the very instant `expires_at` it is over.

    Args:
        used_at: When it was used, if it was.
        revoked_at: When it was taken back, if it was.
        expires_at: From when it is worth nothing.
        now: The present instant, by the clock that wrote the others.
    """
    if used_at is not None:
        return InvitationState.USED
    if revoked_at is not None:
        return InvitationState.REVOKED
    return InvitationState.WAITING if now < expires_at else InvitationState.EXPIRED


def check_can_decide_recovery(visitor: Visitor, request: RecoveryRequest) -> None:
    """Let a visitor approve or refuse a request for recovery, or refuse them.

    Their role is checked elsewhere (permissions); this is about the persons.

    Raises:
        NotFound: the request is another organisation's, and they are not of the host operator.
        NotAllowed: they asked for it, or it is about them.
        Conflict: somebody has decided already.
    """
    if not visitor.is_host and (request.org_ref is None or request.org_ref != visitor.org_ref):
        raise NotFound("no such request in your organisation")
    if visitor.actor_ref in {request.asked_by, request.actor_ref}:
        raise NotAllowed("a recovery is decided by another person than who asked and who gets it")
    if not RECOVERY_STEPS[request.state]:
        raise Conflict("this request was decided already: ask again if it is still needed")
