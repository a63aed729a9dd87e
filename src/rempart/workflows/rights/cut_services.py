"""Cut rights, and give them back: who, what, why, until when it is looked at again.

Refuses to let one person cut or restore everything, and to touch claims or payments. Whoever may
cut one insurer or one way in may undo it alone: the other way round, care would wait for somebody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rempart.accounts.events import SecurityEventKind
from rempart.accounts.permissions import Permission
from rempart.accounts.second_person import are_apart
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.rights.cuts import CutReason, CutScope
from rempart.storage import continuity
from rempart.storage.connect import Transaction
from rempart.storage.continuity import CutRow, InsurerName, Touched
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import (
    COMMAND_LINE_REF,
    Asker,
    find_host_actor,
)
from rempart.workflows.rights.tell_cut import tell_cut

__all__ = ["CutRow", "InsurerName", "Touched"]

NOTE_LIMIT: Final = 500
LONGEST_REVIEW: Final = timedelta(days=30)
TOUCHED_DURING: Final = timedelta(days=1)
HISTORY: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRequest:
    """What somebody wants cut.

    Args:
        scope: What.
        amc_number: The insurer's number, for that scope only.
        reason: Why, as anybody may read it.
        note: Why, for colleagues only; no person is named.
        review_at: When somebody looks at it again.
        ends_at: When it ends by itself; None when somebody must end it.
    """

    scope: CutScope
    reason: CutReason
    review_at: datetime
    amc_number: str | None = None
    note: str = ""
    ends_at: datetime | None = None


def cut_services(
    tx: Transaction, asker: Asker | None, request: CutRequest, *, cut_ref: int, now: datetime
) -> bool:
    """Cut, or ask a second person to; say whether it is cut now.

    Args:
        tx: A transaction with the asker's ticket, or one of the command line.
        asker: An agent of the host; None for the command line.
        request: What.
        cut_ref: A reference of the request: the same one sent twice cuts once.
        now: The instant.

    Raises:
        NotAllowed: their role does not cut (StepUpNeeded: not without a fresh ceremony).
        InvalidRequest: no such insurer, or dates that cannot be.
        Conflict: the same is cut, or asked for, already.
    """
    by_ref = find_host_actor(asker, Permission.CUT_SERVICES)
    insurer = _find_insurer(tx, request)
    if len(request.note) > NOTE_LIMIT:
        raise InvalidRequest(f"note: at most {NOTE_LIMIT} letters")
    if not now < request.review_at <= now + LONGEST_REVIEW:
        raise InvalidRequest(f"review: within {LONGEST_REVIEW.days} days from now")
    if request.ends_at is not None and request.ends_at <= now:
        raise InvalidRequest("end: after now")
    starts = request.scope is not CutScope.RIGHTS
    # Committed, it bites within two seconds in every gateway. A crash before leaves nothing cut.
    if not continuity.insert_cut(
        tx,
        cut_ref=cut_ref,
        scope=request.scope,
        insurer=insurer,
        reason=request.reason,
        note=request.note.strip(),
        asked_by=by_ref,
        asked_at=now,
        review_at=request.review_at,
        ends_at=request.ends_at,
        starts=starts,
    ):
        raise Conflict("the same is cut, or asked for, already")
    if starts:
        tell_cut(tx, asker, _lock(tx, cut_ref), SecurityEventKind.SERVICES_CUT, now=now)
    return starts


def approve_cut(tx: Transaction, asker: Asker | None, cut_ref: int, *, now: datetime) -> None:
    """Be the second person: everything is cut from now on.

    Raises:
        NotFound: no such request.
        NotAllowed: they asked for it, or they are no second person beside whoever did.
        Conflict: it began, or was withdrawn.
    """
    by_ref = find_host_actor(asker, Permission.CUT_SERVICES)
    cut = _lock(tx, cut_ref)
    if cut.starts_at is not None or cut.ended_at is not None:
        raise Conflict("nothing waits here")
    _check_second_person(tx, asker, cut.asked_by, by_ref, asked_at=cut.asked_at, now=now)
    continuity.approve_cut(tx, cut_ref, by_ref=by_ref, at=now)
    tell_cut(tx, asker, _lock(tx, cut_ref), SecurityEventKind.SERVICES_CUT, now=now)


def restore_services(tx: Transaction, asker: Asker | None, cut_ref: int, *, now: datetime) -> bool:
    """Give rights back, withdraw a request, or be the first of two; say whether it is over.

    Raises:
        NotFound: no such cut.
        NotAllowed: their role does not cut.
        Conflict: it is over, or they asked for its end already.
    """
    by_ref = find_host_actor(asker, Permission.CUT_SERVICES)
    cut = _lock(tx, cut_ref)
    if cut.ended_at is not None:
        raise Conflict("it is over")
    if cut.scope != CutScope.RIGHTS or cut.starts_at is None:
        continuity.end_cut(tx, cut_ref, by_ref=by_ref, at=now)
        if cut.starts_at is not None:
            tell_cut(tx, asker, cut, SecurityEventKind.SERVICES_RESTORED, now=now)
        return True
    if cut.restore_asked_at is None:
        continuity.ask_restore(tx, cut_ref, by_ref=by_ref, at=now)
        return False
    if cut.restore_asked_by == by_ref:
        raise Conflict("they asked for its end already: somebody else confirms it")
    _check_second_person(
        tx, asker, cut.restore_asked_by, by_ref, asked_at=cut.restore_asked_at, now=now
    )
    continuity.end_cut(tx, cut_ref, by_ref=by_ref, at=now)
    tell_cut(tx, asker, cut, SecurityEventKind.SERVICES_RESTORED, now=now)
    return True


def list_cuts(tx: Transaction, *, now: datetime) -> list[CutRow]:
    """List what is cut, was cut lately or waits, as far as the asker may see it, newest first.

    A cut that began is public, its note is not: the database shows it to the host's agents only.

    Args:
        tx: A transaction with the visitor's ticket, or one of the command line.
        now: The instant.
    """
    return continuity.list_cuts(tx, since=now - HISTORY)


def list_insurers(tx: Transaction) -> Sequence[InsurerName]:
    """List the insurers that may be cut."""
    return continuity.list_insurers(tx)


def preview_cut(
    tx: Transaction, scope: CutScope, amc_number: str | None, *, now: datetime
) -> Touched:
    """Count whom a cut would have touched during the last day; for one way in, everybody.

    Raises:
        InvalidRequest: no such insurer.
    """
    insurer_id = None
    if scope is CutScope.INSURER:
        insurer = continuity.find_insurer(tx, amc_number or "")
        if insurer is None:
            raise InvalidRequest("insurer: no such number")
        insurer_id = insurer.insurer_id
    since_ms = int((now - TOUCHED_DURING).timestamp() * 1000)
    return continuity.count_touched(tx, insurer_id=insurer_id, since_ms=since_ms)


def _find_insurer(tx: Transaction, request: CutRequest) -> InsurerName | None:
    if request.scope is not CutScope.INSURER:
        return None
    insurer = continuity.find_insurer(tx, request.amc_number or "")
    if insurer is None:
        raise InvalidRequest("insurer: no such number")
    return insurer


def _lock(tx: Transaction, cut_ref: int) -> CutRow:
    cut = continuity.lock_cut(tx, cut_ref)
    if cut is None:
        raise NotFound("no such cut")
    return cut


def _check_second_person(
    tx: Transaction,
    asker: Asker | None,
    first_ref: int | None,
    second_ref: int,
    *,
    asked_at: datetime,
    now: datetime,
) -> None:
    """Refuse whoever is no second person: the same one, or a puppet of theirs."""
    if first_ref == second_ref:
        raise NotAllowed("two persons cut and restore everything: leave it to a colleague")
    if asker is None or first_ref in (None, COMMAND_LINE_REF):
        return  # whoever holds the machine is another person than whoever uses the console
    people = list_entitled(tx, asker.visitor.org_ref, Permission.CUT_SERVICES)
    if not are_apart(people, first_ref or 0, second_ref, asked_at=asked_at, at=now):
        raise NotAllowed("a second person was there before, and was not invited by the first")
