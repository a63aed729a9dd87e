"""Tell whom a cut touches: what stops for them, since when, what goes on, whom to call.

Written in the transaction that cuts or gives back, so neither is without the other; it leaves when
warnings are sent. Refuses to tell one party of another, and who at the host decided.
"""

from datetime import datetime
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.storage.connect import Transaction
from rempart.storage.continuity import CutRow
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import record_event
from rempart.workflows.rights.read_chain import Touched, list_reached

# The names of more insurers than these are a number.
_NAMED: Final = 10


def tell_cut(
    tx: Transaction, asker: Asker | None, cut: CutRow, kind: SecurityEventKind, *, now: datetime
) -> int:
    """Write to everybody a cut touches; return to how many parties.

    Args:
        tx: The transaction of the act.
        asker: Who cut or gave back; None for the command line.
        cut: As it is now.
        kind: `SERVICES_CUT` or `SERVICES_RESTORED`.
        now: The instant.
    """
    reached = list_reached(tx, cut, now=now)
    for one in reached:
        event = SecurityEvent(
            kind=kind,
            actor_ref=None,
            by_ref=asker.visitor.actor_ref if asker else None,
            session_ref=asker.visitor.session_ref if asker else None,
            org_ref=one.party.org_ref,
            address=asker.whence.address if asker else "",
            agent=asker.whence.agent if asker else "",
            details=_describe(cut, one, host=asker.visitor.org_name if asker else ""),
        )
        warn_now(tx, record_event(tx, event))
    return len(reached)


def _describe(cut: CutRow, touched: Touched, *, host: str) -> dict[str, str]:
    return {
        "cut": str(cut.cut_ref),
        "scope": cut.scope,
        "reason": cut.reason,
        "host": host,
        "stopped": _name(touched.stopped),
        "untouched": _name(touched.untouched),
        "since": "" if cut.starts_at is None else cut.starts_at.isoformat(),
        "review_at": cut.review_at.isoformat(),
        "ends_at": "" if cut.ends_at is None else cut.ends_at.isoformat(),
    }


def _name(insurers: tuple[str, ...]) -> str:
    named = ", ".join(insurers[:_NAMED])
    return named if len(insurers) <= _NAMED else f"{named} (+ {len(insurers) - _NAMED})"
