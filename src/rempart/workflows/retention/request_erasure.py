"""Ask that openings of the ledger be erased, and decide it: two people of the host operator.

Refuses to erase: that is `rempart ledger erase run`, on the machine that has the files.
"""

from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission
from rempart.disclosure.erasure import (
    CASE_LETTERS,
    ERASURE_STEPS,
    ErasureGround,
    ErasureRequest,
    ErasureState,
    check_can_approve_erasure,
    check_can_refuse_erasure,
)
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import erasures
from rempart.storage.connect import Transaction
from rempart.storage.erasures import ErasureColumn, ListedErasure
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host
from rempart.workflows.accounts.web_session import draw_ref, record_event

__all__ = [
    "CASE_LETTERS",
    "ErasureColumn",
    "ListedErasure",
    "approve_erasure",
    "ask_erasure",
    "list_erasures",
    "read_erasure",
    "refuse_erasure",
]

_NOT_HERE: Final = "no such erasure"


def ask_erasure(
    tx: Transaction,
    asker: Asker,
    *,
    log_id: int,
    indexes: tuple[int, ...],
    ground: ErasureGround,
    case_number: str,
) -> int:
    """Ask that openings be erased; return the request's reference. A colleague approves it.

    Args:
        tx: A transaction with the asker's ticket.
        asker: Somebody of the host operator.
        log_id: The log.
        indexes: Which entries, sorted, each once.
        ground: Why.
        case_number: Where the decision is kept on paper; never a person's name.

    Raises:
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        InvalidRequest: the log has no such entries, or no case was named.
    """
    check_can_as_host(asker, Permission.ASK_ERASURE)
    case = " ".join(case_number.split())
    if not case.isprintable() or not 1 <= len(case) <= CASE_LETTERS:
        raise InvalidRequest(f"case: name the file, in {CASE_LETTERS} letters at most")
    if log_id < 1 or not indexes or indexes[-1] >= erasures.load_log_size(tx, log_id):
        raise InvalidRequest("entries: this log has no such entries; log 0 is never erased")
    request = ErasureRequest(
        request_ref=draw_ref(),
        log_id=log_id,
        indexes=indexes,
        ground=ground,
        case_number=case,
        state=ErasureState.ASKED,
        asked_by=asker.visitor.actor_ref,
        asked_at=asker.now,
    )
    erasures.save_request(tx, request)
    _record(tx, asker, SecurityEventKind.ERASURE_ASKED, request)
    return request.request_ref


def approve_erasure(tx: Transaction, asker: Asker, request_ref: int) -> None:
    """Approve somebody else's request; the openings go when it is carried out.

    Raises:
        NotFound: there is no such request for them.
        NotAllowed, StepUpNeeded: their role or session does not allow it, or they are no second
            person beside who asked.
        Conflict: it was decided already.
    """
    check_can_as_host(asker, Permission.APPROVE_ERASURE)
    request = _load(tx, request_ref)
    people = list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_ERASURE)
    check_can_approve_erasure(asker.visitor, request, people, at=erasures.read_clock(tx))
    _decide(tx, asker, request, ErasureState.APPROVED)


def refuse_erasure(tx: Transaction, asker: Asker, request_ref: int) -> None:
    """Refuse a request, or take one's own back.

    Raises:
        NotFound: there is no such request for them.
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        Conflict: it was decided already.
    """
    check_can_as_host(asker, Permission.APPROVE_ERASURE)
    request = _load(tx, request_ref)
    check_can_refuse_erasure(request)
    _decide(tx, asker, request, ErasureState.REFUSED)


def list_erasures(
    tx: Transaction, asker: Asker, listing: Listing[ErasureColumn]
) -> tuple[list[ListedErasure], int]:
    """Return one page of the requests, and how many there are.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: they are not of the host operator.
    """
    check_can_as_host(asker, Permission.READ_ERASURES)
    return erasures.list_page(tx, listing)


def read_erasure(tx: Transaction, asker: Asker, request_ref: int) -> ListedErasure:
    """Return one request.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such request for them.
    """
    check_can_as_host(asker, Permission.READ_ERASURES)
    found = erasures.load_listed(tx, request_ref)
    if found is None:
        raise NotFound(_NOT_HERE)
    return found


def _load(tx: Transaction, request_ref: int) -> ErasureRequest:
    request = erasures.load_request(tx, request_ref)
    if request is None:
        raise NotFound(_NOT_HERE)
    return request


def _decide(tx: Transaction, asker: Asker, request: ErasureRequest, state: ErasureState) -> None:
    decided_by = asker.visitor.actor_ref
    if not erasures.decide(tx, request.request_ref, state=state, decided_by=decided_by):
        raise Conflict("this erasure was decided already")
    kind = ERASURE_STEPS[request.state][state]
    if kind is not None:
        _record(tx, asker, kind, request)


def _record(
    tx: Transaction, asker: Asker, kind: SecurityEventKind, request: ErasureRequest
) -> None:
    record_event(
        tx,
        SecurityEvent(
            kind=kind,
            actor_ref=asker.visitor.actor_ref,
            session_ref=asker.visitor.session_ref,
            org_ref=asker.visitor.org_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
            details={
                "request_ref": request.request_ref,
                "log": request.log_id,
                "openings": len(request.indexes),
            },
        ),
    )
