"""Invitations: a one-time code, handed over out of band, that lets one person enrol a passkey.

A recovery is an invitation that another person approved. Refuses to draw the code and to keep it:
whoever invites sees it once, the database keeps its digest.
"""

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Self

from rempart.accounts.events import SecurityEventKind
from rempart.accounts.roles import ActorKind
from rempart.accounts.second_person import Entitled, are_apart
from rempart.accounts.visitor import Visitor
from rempart.kernel.crockford import ALPHABET, encode_number, format_groups, normalise_code
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity

CODE_LETTERS: Final = 24
CODE_BITS: Final = 120
AGENT_LIFETIME: Final = timedelta(hours=72)
MEMBER_LIFETIME: Final = timedelta(days=30)

INVITATION_CODE: Final = Refusal(
    rule="invitation_code",
    fr="Le code d’invitation n’a pas 24 lettres et chiffres.",
    en="The invitation code does not have 24 letters and digits.",
    advice_fr="Recopier les six groupes de quatre que vous avez reçus (jamais la lettre U).",
    advice_en="Copy the six groups of four you received (never the letter U).",
)


@dataclass(frozen=True, slots=True, repr=False)
class InvitationCode(Identity):
    """The secret of an invitation: 24 letters of base 32, 120 bits, so that nobody can guess one.

    Raises:
        BadValue: not 24 letters of the alphabet.
    """

    code: str

    def __post_init__(self) -> None:
        if len(self.code) != CODE_LETTERS or self.code.strip(ALPHABET):
            raise BadValue(INVITATION_CODE)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code; dashes, blanks, lower case, O for 0 and I or L for 1 are forgiven.

        Raises:
            BadValue: not 24 letters of the alphabet.
        """
        return cls(normalise_code("".join(text.split())))

    @classmethod
    def from_number(cls, number: int) -> Self:
        """Return the code of a number from 0 to 2**120 - 1, drawn by the caller.

        Raises:
            ValueError: the number is negative or too large.
        """
        return cls(encode_number(number, CODE_LETTERS))

    def format(self) -> str:
        """Write the code as a letter or a page shows it, in groups of four."""
        return format_groups(self.code)

    def compute_digest(self) -> bytes:
        """Return what is stored of the code; 120 random bits cannot be searched backwards."""
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

    `org_ref` is None when the person is a member; `asked_at` is by the database's clock.
    """

    request_ref: int
    actor_ref: int
    org_ref: int | None
    asked_by: int
    asked_at: datetime
    state: RecoveryState


def find_invitation_lifetime(kind: ActorKind) -> timedelta:
    """Return how long a code may wait: a letter travels, a colleague is at hand."""
    return MEMBER_LIFETIME if kind == "member" else AGENT_LIFETIME


def check_can_decide_recovery(visitor: Visitor, request: RecoveryRequest) -> None:
    """Let a visitor refuse a request for recovery, or refuse them.

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


def check_can_approve_recovery(
    visitor: Visitor, request: RecoveryRequest, people: Sequence[Entitled], *, at: datetime
) -> None:
    """Let a visitor approve a request for recovery, or refuse them.

    Args:
        visitor: Who would approve.
        request: The request.
        people: Those of the person's organisation who may approve, or lately could.
        at: Now.

    Raises:
        NotAllowed: a colleague who does not count as a second person beside who asked: a thief
            would invite one. For other organisations than its own, the host operator approves.
            Also NotFound and Conflict: see `check_can_decide_recovery`.
    """
    check_can_decide_recovery(visitor, request)
    if visitor.is_host and request.org_ref != visitor.org_ref:
        return
    asked_at = request.asked_at
    if not are_apart(people, request.asked_by, visitor.actor_ref, asked_at=asked_at, at=at):
        raise NotAllowed(
            "who asks and who approves were both there for a month, neither invited by the other: "
            "have another administrator or the host operator approve; at the host itself, "
            "`rempart organisation recover`"
        )


def check_can_approve_at_the_machine(
    request: RecoveryRequest, people: Sequence[Entitled], *, is_host: bool, at: datetime
) -> None:
    """Let the command line approve a request that nobody in the host operator can.

    Args:
        request: The request.
        people: Those of the host operator who may approve, or lately could.
        is_host: Whether the request is about somebody of the host operator.
        at: Now.

    Raises:
        NotAllowed: it is about somebody of another organisation.
        Conflict: it was decided already, or a colleague can approve it.
    """
    if not is_host:
        raise NotAllowed("the host operator decides on this request, in its console")
    if not RECOVERY_STEPS[request.state]:
        raise Conflict("this request was decided already: ask again if it is still needed")
    others = {person.actor_ref for person in people} - {request.actor_ref}
    asked = request.asked_by
    if any(are_apart(people, asked, other, asked_at=request.asked_at, at=at) for other in others):
        raise Conflict("a colleague can approve this request: have them do it")
