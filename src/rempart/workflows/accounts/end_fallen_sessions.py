"""End at once the sessions that rest on something just suspended or changed, with their events.

Refuses to end a session that stands: the database decides which have fallen.
"""

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.storage import people
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.web_session import Whence, record_event

FROM_THE_COMMAND_LINE = Whence(address="", agent="")


def end_fallen_sessions(
    tx: Transaction,
    *,
    org_ref: int | None = None,
    actor_ref: int | None = None,
    by_ref: int | None = None,
    whence: Whence = FROM_THE_COMMAND_LINE,
) -> int:
    """End the fallen sessions of an organisation, of a person, or of both; return how many.

    Args:
        tx: The transaction of the act that made them fall.
        org_ref: Only in this organisation, those it hosts and those its agents are lent to.
        actor_ref: Only of this person and of those they answer for.
        by_ref: Who did the act; None for the command line.
        whence: Where from.
    """
    ended = people.end_fallen_sessions(tx, org_ref=org_ref, actor_ref=actor_ref)
    for session in ended:
        record_event(
            tx,
            SecurityEvent(
                kind=SecurityEventKind.SESSION_ENDED,
                actor_ref=session.actor_ref,
                by_ref=by_ref,
                session_ref=session.session_ref,
                org_ref=session.org_ref,
                address=whence.address,
                agent=whence.agent,
                details={"reason": "suspended"},
            ),
        )
    return len(ended)
