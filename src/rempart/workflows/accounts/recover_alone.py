"""Ask at the machine for the recovery of somebody who administers an organisation alone.

Nobody there is left to ask. Whoever has the command line takes the call and writes the request;
somebody else, signed in at the host operator, approves it in the console and hands the code over.
Refuses where a colleague could ask, and people who give care.
"""

from typing import Final

from rempart.accounts.administration import check_can_ask_alone, is_administrator
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.roles import ROLES_OF
from rempart.kernel.errors import Conflict, InvalidRequest
from rempart.storage import people
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.register_organisation import load_organisation
from rempart.workflows.accounts.web_session import draw_ref, record_event

REASON_LIMIT: Final = 500


def ask_recovery_alone(tx: Transaction, org_ref: int, *, reason: str) -> int:
    """Ask, for the only administrator of an organisation, that they be invited again.

    The request is written as their own: they asked, by telephone or in person.

    Args:
        tx: A transaction of the role `registrar`.
        org_ref: Where they administer.
        reason: Why, and how the caller was recognised; the approver reads it.

    Returns:
        The request's reference, for the host operator's console.

    Raises:
        NotFound: no such organisation.
        InvalidRequest: no reason, or a professional: they come through Pro Santé Connect.
        Conflict: nobody administers it, several do, or a request waits already.
    """
    words = " ".join(reason.split())
    if not words or len(words) > REASON_LIMIT:
        raise InvalidRequest(f"reason: say why, in {REASON_LIMIT} letters at most")
    kind = load_organisation(tx, org_ref).kind
    people.lock_people(tx, org_ref)
    roles = [role for role in ROLES_OF[kind] if is_administrator(role, kind)]
    found = people.list_administrators(tx, org_ref, roles)
    actor_ref = check_can_ask_alone(found)
    if people.is_recovering(tx, actor_ref):
        raise Conflict("a request for this person waits already: see the console")
    request_ref = draw_ref()
    people.save_recovery(
        tx,
        request_ref=request_ref,
        actor_ref=actor_ref,
        org_ref=org_ref,
        asked_by=actor_ref,
        reason=words,
    )
    event = SecurityEvent(
        kind=SecurityEventKind.RECOVERY_ASKED,
        actor_ref=actor_ref,
        org_ref=org_ref,
        details={"by": "command line"},
    )
    record_event(tx, event)
    return request_ref
