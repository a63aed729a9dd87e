"""What of a decision is shown, and what the professional is told to do.

Refuses to tell a stranger from a member: without the card, every closed answer is the same.
"""

import enum

from rempart.rights.coverage import RightsDecision, RightsOpen


class ShownReason(enum.Enum):
    """The reason in a closed answer."""

    NOT_OPEN = "not_open"
    """Without the card: says nothing of the person, not even whether there is one."""
    OUT_OF_PERIOD = "out_of_period"
    SUSPENDED = "suspended"
    DOMAIN_NOT_COVERED = "domain_not_covered"
    UNKNOWN_CARD = "unknown_card"
    """No card in use has this code; a code cannot be guessed, so this tells nothing of anybody."""


class Consigne(enum.Enum):
    """What the professional should do next."""

    BILL_AMC = "bill_amc"
    ASK_FOR_CARD = "ask_for_card"
    COLLECT_FROM_MEMBER = "collect_from_member"
    CONTACT_INSURER = "contact_insurer"


_CONSIGNES = {
    ShownReason.NOT_OPEN: Consigne.ASK_FOR_CARD,
    ShownReason.UNKNOWN_CARD: Consigne.ASK_FOR_CARD,
    ShownReason.OUT_OF_PERIOD: Consigne.COLLECT_FROM_MEMBER,
    ShownReason.SUSPENDED: Consigne.CONTACT_INSURER,
    ShownReason.DOMAIN_NOT_COVERED: Consigne.COLLECT_FROM_MEMBER,
}


def decide_shown_reason(decision: RightsDecision | None, *, presence: bool) -> ShownReason | None:
    """Say which reason the answer shows.

    Args:
        decision: What was decided; None when the identifiers lead to nobody.
        presence: Whether the card's own code was given: proof that its holder is there.

    Returns:
        None when rights are open; NOT_OPEN for every other case without presence; with presence
        the exact reason.
    """
    if isinstance(decision, RightsOpen):
        return None
    if not presence:
        return ShownReason.NOT_OPEN
    if decision is None:
        return ShownReason.UNKNOWN_CARD
    return ShownReason(decision.reason.value)


def decide_consigne(reason: ShownReason | None) -> Consigne:
    """Say what the professional should do, given the reason shown (None: rights are open)."""
    return Consigne.BILL_AMC if reason is None else _CONSIGNES[reason]
