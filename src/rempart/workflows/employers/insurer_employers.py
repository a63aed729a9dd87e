"""An insurer's collective contracts: what each employer told, and what waits for a decision."""

from collections.abc import Sequence
from datetime import date

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import InvalidRequest, NotAllowed
from rempart.kernel.listing import Listing
from rempart.storage import employers
from rempart.storage.connect import Transaction
from rempart.storage.employers import GroupContract, MovementColumn, MovementRow
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.jobs.enqueue import enqueue

__all__ = ["GroupContract", "MovementColumn", "MovementRow"]

REASON_LIMIT = 300
MOST_DECIDED = 200


def list_employers(tx: Transaction, asker: Asker, *, today: date) -> list[GroupContract]:
    """Return the insurer's collective contracts.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    _check_agent(asker, Permission.READ_EMPLOYERS)
    return employers.list_groups(tx, today)


def list_movements(
    tx: Transaction, asker: Asker, listing: Listing[MovementColumn], *, only: str = ""
) -> tuple[list[MovementRow], int]:
    """Return one page of the movements its employers told, of one state when `only` names it.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    _check_agent(asker, Permission.READ_EMPLOYERS)
    return employers.list_movements(tx, listing, only=only)


def decide_movements(
    tx: Transaction, asker: Asker, movement_refs: Sequence[int], *, accepted: bool, reason: str
) -> int:
    """Accept movements that wait, or refuse them with a reason; return how many it decided.

    What is accepted is applied by the next job, asked for here.

    Raises:
        NotAllowed: they are not an insurer's agent who manages its contracts.
        InvalidRequest: nothing is chosen, or a refusal has no reason.
    """
    _check_agent(asker, Permission.DECIDE_MOVEMENTS)
    words = " ".join(reason.split())
    if not 1 <= len(movement_refs) <= MOST_DECIDED:
        raise InvalidRequest(f"movements: 1 to {MOST_DECIDED}")
    if len(words) > REASON_LIMIT or not (accepted or words):
        raise InvalidRequest(f"reason: 1 to {REASON_LIMIT} letters, for a refusal")
    state = "accepted" if accepted else "refused"
    by = asker.visitor.actor_ref
    decided = employers.decide_movements(tx, movement_refs, state, by=by, reason=words)
    if accepted and decided:
        enqueue(tx, "settle_employers")
    return decided


def _check_agent(asker: Asker, permission: Permission) -> None:
    check_can(asker.visitor, permission, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotAllowed("collective contracts are their insurer's")
