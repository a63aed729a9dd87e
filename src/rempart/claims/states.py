"""The life of a claim and of a prise en charge (PEC): their states, and what leads where.

Two closed tables: what is not in them cannot happen. Refuses to forget: what was wrong is undone by
a new event, never by going back.

Source: returns to professionals as public documentation tells them (acknowledgement, payment,
rejection, rectification), S18 for the anomaly codes.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rempart.kernel.errors import Conflict


class ClaimState(enum.StrEnum):
    """Where a claim is."""

    RECEIVED = "received"
    """Acknowledged: it could be read. Nothing is said yet of what is due."""
    HELD = "held"
    """Waits for somebody: an insurer's review, a doubt on who billed it."""
    REJECTED = "rejected"
    """Nothing of it is due; its findings say why and what may be corrected."""
    ADJUDICATED = "adjudicated"
    """Shared out: what is due of it waits for the next run."""
    REMITTED = "remitted"
    """In a transfer that was sent."""
    PAID = "paid"
    """The bank confirmed the transfer."""
    CANCELLED = "cancelled"
    """Taken back before it was paid."""
    UNDONE = "undone"
    """Cancelled or rectified after it was paid: what was paid is due back."""


class ClaimEvent(enum.StrEnum):
    """What happens to a claim."""

    HOLD = "hold"
    ADJUDICATE = "adjudicate"
    REJECT = "reject"
    REMIT = "remit"
    CONFIRM = "confirm"
    RETURN = "return"
    """The transfer came back: it is due again."""
    CANCEL = "cancel"
    """Its biller takes it back, or replaces it by another."""


CLAIM_STATES: Final[Mapping[tuple[ClaimState, ClaimEvent], ClaimState]] = MappingProxyType(
    {
        (ClaimState.RECEIVED, ClaimEvent.HOLD): ClaimState.HELD,
        (ClaimState.RECEIVED, ClaimEvent.ADJUDICATE): ClaimState.ADJUDICATED,
        (ClaimState.RECEIVED, ClaimEvent.REJECT): ClaimState.REJECTED,
        (ClaimState.RECEIVED, ClaimEvent.CANCEL): ClaimState.CANCELLED,
        (ClaimState.HELD, ClaimEvent.ADJUDICATE): ClaimState.ADJUDICATED,
        (ClaimState.HELD, ClaimEvent.REJECT): ClaimState.REJECTED,
        (ClaimState.HELD, ClaimEvent.CANCEL): ClaimState.CANCELLED,
        (ClaimState.ADJUDICATED, ClaimEvent.REMIT): ClaimState.REMITTED,
        (ClaimState.ADJUDICATED, ClaimEvent.CANCEL): ClaimState.CANCELLED,
        (ClaimState.REMITTED, ClaimEvent.CONFIRM): ClaimState.PAID,
        (ClaimState.REMITTED, ClaimEvent.RETURN): ClaimState.ADJUDICATED,
        (ClaimState.REMITTED, ClaimEvent.CANCEL): ClaimState.UNDONE,
        (ClaimState.PAID, ClaimEvent.RETURN): ClaimState.ADJUDICATED,
        (ClaimState.PAID, ClaimEvent.CANCEL): ClaimState.UNDONE,
    }
)
"""What leads where; everything else is refused."""


class PecState(enum.StrEnum):
    """Where a prise en charge is."""

    ASKED = "asked"
    AGREED = "agreed"
    """A promise, with its amounts, until its last day."""
    REFUSED = "refused"
    REPLACED = "replaced"
    """Changed: another one holds in its place."""
    CANCELLED = "cancelled"
    USED = "used"
    """A claim was paid on it; it is worth nothing more."""
    EXPIRED = "expired"
    """Its last day has passed: it keeps no limit; care given before may still be billed on it."""


class PecEvent(enum.StrEnum):
    """What happens to a prise en charge."""

    AGREE = "agree"
    REFUSE = "refuse"
    CHANGE = "change"
    CANCEL = "cancel"
    USE = "use"
    GIVE_BACK = "give_back"
    """The claim that used it was cancelled."""
    EXPIRE = "expire"


PEC_STATES: Final[Mapping[tuple[PecState, PecEvent], PecState]] = MappingProxyType(
    {
        (PecState.ASKED, PecEvent.AGREE): PecState.AGREED,
        (PecState.ASKED, PecEvent.REFUSE): PecState.REFUSED,
        (PecState.ASKED, PecEvent.CANCEL): PecState.CANCELLED,
        (PecState.AGREED, PecEvent.CHANGE): PecState.REPLACED,
        (PecState.AGREED, PecEvent.CANCEL): PecState.CANCELLED,
        (PecState.AGREED, PecEvent.USE): PecState.USED,
        (PecState.AGREED, PecEvent.EXPIRE): PecState.EXPIRED,
        (PecState.EXPIRED, PecEvent.USE): PecState.USED,
        (PecState.USED, PecEvent.GIVE_BACK): PecState.AGREED,
    }
)
"""What leads where; all else is refused. That a contract ends later is not an event of it."""


def move_claim(state: ClaimState, event: ClaimEvent) -> ClaimState:
    """Return the state an event leads to.

    Raises:
        Conflict: the event cannot happen in this state.
    """
    try:
        return CLAIM_STATES[state, event]
    except KeyError:
        raise Conflict(f"a claim that is {state} cannot {event}: read its state again") from None
