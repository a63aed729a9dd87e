"""« Je n’ai pas reçu ce soin » : what a member disputes on a claim, and what becomes of it.

Refuses to accuse: a dispute asks a question, and what the insurer answers is a sentence to the
member. It changes no amount: a claim is taken back by who billed it, or by a decision on the money.
"""

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from rempart.kernel.errors import Conflict, InvalidRequest

# After that, what was paid is looked at by other means than a question to the professional.
MOST_DAYS: Final = 2 * 365
# From when a dispute that waits is shown as late to the insurer. A rule of the house.
ANSWER_DAYS: Final = 30
MOST_LETTERS: Final = 1_000
WHOLE_CLAIM: Final = 0


class DisputeReason(enum.StrEnum):
    """What the member says."""

    NOT_RECEIVED = "not_received"
    """Nothing was given that day."""
    NOT_ALL = "not_all"
    """Less was given than was billed."""
    UNKNOWN_PLACE = "unknown_place"
    """They never went there."""
    PAID_TWICE = "paid_twice"
    """They had paid for it themselves."""


class DisputeState(enum.StrEnum):
    """Where a dispute is."""

    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class DisputeOutcome(enum.StrEnum):
    """What the insurer found."""

    UPHELD = "upheld"
    """The member is right: the claim is to be taken back."""
    EXPLAINED = "explained"
    """The care was given, under another name or on another day than the member expects."""
    UNSETTLED = "unsettled"
    """Neither could be shown; the insurer keeps it in mind."""


# {state: {next state: who}}: an agent of the insurer answers, the member takes back.
STATES: Final[Mapping[DisputeState, Mapping[DisputeState, str]]] = MappingProxyType(
    {
        DisputeState.OPEN: {DisputeState.ANSWERED: "insurer", DisputeState.WITHDRAWN: "member"},
        DisputeState.ANSWERED: {},
        DisputeState.WITHDRAWN: {},
    }
)


def check_can_dispute(*, claim_state: str, received_at: datetime, now: datetime) -> None:
    """Let a member dispute a claim, or refuse.

    Args:
        claim_state: Of the claim.
        received_at: When it was billed.
        now: The instant of the request.

    Raises:
        Conflict: nothing was billed to anybody any more: it was refused, cancelled or undone; or it
            is too old.
    """
    if claim_state in {"rejected", "cancelled", "undone"}:
        raise Conflict("nothing is paid for this claim: there is nothing to dispute")
    if now - received_at > timedelta(days=MOST_DAYS):
        raise Conflict(f"claims of more than {MOST_DAYS} days are not disputed here")


def clean_words(text: str, *, is_needed: bool) -> str:
    """Return what somebody wrote, without what is not printed; line ends stay, spaces are plain.

    Raises:
        InvalidRequest: nothing where words are needed, or too many.
    """
    plain = "".join(" " if one.isspace() and one not in "\r\n" else one for one in text)
    kept = "".join(one for one in plain if one == "\n" or one.isprintable()).strip()
    if len(kept) > MOST_LETTERS or (is_needed and not kept):
        raise InvalidRequest(f"words: {int(is_needed)} to {MOST_LETTERS} letters")
    return kept


def is_late(*, state: DisputeState, made_at: datetime, now: datetime) -> bool:
    """Say whether a dispute has waited longer than it should."""
    return state is DisputeState.OPEN and now - made_at > timedelta(days=ANSWER_DAYS)
