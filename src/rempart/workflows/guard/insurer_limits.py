"""Set what may be asked about an insurer's members, and how many files its agents open: stricter.

Refuses to loosen what the operator bounds: its own limits hold besides. What tightens holds within
two seconds everywhere; what loosens waits a day.
"""

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.member_files import MOST_FILES_A_DAY
from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import InvalidRequest, NotAllowed
from rempart.kernel.listing import Listing
from rempart.storage import insurer_limits
from rempart.storage.connect import Transaction
from rempart.storage.insurer_limits import LimitColumn, ListedLimit, NewLimit
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import record_event

__all__ = ["LimitColumn", "ListedLimit", "NewLimit"]

MOST_TYPED = 10_000
REASON_LIMIT = 500


def list_limits(
    tx: Transaction, asker: Asker, listing: Listing[LimitColumn]
) -> tuple[list[ListedLimit], int]:
    """Return one page of the limits of the asker's insurer, the newest first, and how many.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    return insurer_limits.list_limits(tx, _check_agent(asker, Permission.READ_FIGURES), listing)


def set_limits(tx: Transaction, asker: Asker, new: NewLimit, *, limit_ref: int) -> None:
    """Set the limits of the asker's insurer.

    Raises:
        NotAllowed: not theirs to set (StepUpNeeded: not without a fresh ceremony).
        InvalidRequest: a bound is impossible, or there is no reason.
    """
    insurer_id = _check_agent(asker, Permission.SET_OWN_LIMITS)
    bound = new.policy.typed_persons_per_day
    if bound is not None and not 0 <= bound <= MOST_TYPED:
        raise InvalidRequest(f"typed_persons_per_day: 0 to {MOST_TYPED}, or nothing")
    if not 1 <= new.files_per_day <= MOST_FILES_A_DAY:
        raise InvalidRequest(f"files_per_day: 1 to {MOST_FILES_A_DAY}")
    words = " ".join(new.reason.split())
    if not 1 <= len(words) <= REASON_LIMIT:
        raise InvalidRequest(f"reason: 1 to {REASON_LIMIT} letters")
    kept = NewLimit(policy=new.policy, files_per_day=new.files_per_day, reason=words)
    visitor = asker.visitor
    insurer_limits.insert_limit(
        tx, kept, limit_ref=limit_ref, insurer_id=insurer_id, set_by=visitor.actor_ref
    )
    record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.LIMITS_SET,
            actor_ref=visitor.actor_ref,
            session_ref=visitor.session_ref,
            org_ref=visitor.org_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
        ),
    )


def _check_agent(asker: Asker, permission: Permission) -> int:
    check_can(asker.visitor, permission, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotAllowed("limits on members are their insurer's to set")
    return asker.visitor.insurer_id
