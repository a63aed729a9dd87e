"""Hold accounts by a step, agree to it, end it; release what the guard held by itself.

Refuses to let one person hold many accounts, and to touch claims, payments or pages of one's own:
no step does. Whoever may end a measure does it alone, in one click: care would wait otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from rempart.accounts.containment import (
    USUAL_REVIEW,
    EndReason,
    MeasureReason,
    MeasureStep,
    MeasureTarget,
    OwnRelease,
    check_times,
    needs_second_person,
)
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission
from rempart.accounts.second_person import are_apart
from rempart.disclosure.acts import About, Author, LedgerRead
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound, StepUpNeeded
from rempart.storage import containment
from rempart.storage.connect import Transaction
from rempart.storage.containment import (
    FoundTarget,
    LookupFigures,
    MeasureRow,
    NewMeasure,
    Whom,
)
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import (
    COMMAND_LINE_REF,
    Asker,
    find_host_actor,
)
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import record_event
from rempart.workflows.guard.my_limits import read_my_limits
from rempart.workflows.ledger.read_on_record import Readings

__all__ = ["LookupFigures", "MeasureRow", "Whom"]

NOTE_LIMIT: Final = 500
TOUCHED_DURING: Final = timedelta(days=7)
HISTORY: Final = timedelta(days=90)
PURPOSE: Final = "garde des comptes"
# The kind of event of an account that was held for what its days were like.
_BY_ITS_DAYS: Final = "contained"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """What somebody wants done, to whom.

    Args:
        step: What.
        target: To whom.
        target_ref: Which account, establishment or software.
        profession: Which profession; the one or the other.
        reason: Why, as the professional reads it.
        note: Why, for colleagues only; no person is named.
        review_at: When somebody looks at it again; None: when it is usual for the step.
        ends_at: When it ends by itself; None when somebody must end it.
        is_exercise: Whether it is a rehearsal: shown as one, and ended within the half hour.
        event_ref: What the guard saw, when it is about that.
    """

    step: MeasureStep
    target: MeasureTarget
    reason: MeasureReason
    target_ref: int | None = None
    profession: str | None = None
    note: str = ""
    review_at: datetime | None = None
    ends_at: datetime | None = None
    is_exercise: bool = False
    event_ref: int | None = None

    @property
    def whom(self) -> Whom:
        """Whom it touches."""
        return Whom(self.target, self.target_ref, self.profession)


class Contained(NamedTuple):
    """A measure that was written: whether it began, or waits for a second person."""

    measure_ref: int
    starts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a measure would do, told before.

    Args:
        name: What the target is called.
        accounts: How many accounts it touches.
        needs_two: Whether a colleague must agree.
        figures: What it would have touched these seven days; None where the ledger is not read.
    """

    name: str
    accounts: int
    needs_two: bool
    figures: LookupFigures | None = None


def contain(
    tx: Transaction,
    asker: Asker | None,
    request: MeasureRequest,
    *,
    measure_ref: int,
    now: datetime,
) -> Contained:
    """Hold accounts by a step, or ask a second person to.

    Args:
        tx: A transaction with the asker's ticket, or one of the command line.
        asker: An agent of the host; None for the command line.
        request: What, to whom, why.
        measure_ref: A reference of the request: the same one sent twice holds once.
        now: The instant.

    Raises:
        NotAllowed: their role does not contain (StepUpNeeded: not without a fresh ceremony).
        NotFound: no such target.
        InvalidRequest: times or words that cannot be, or the portals: they are cut at Services.
        Conflict: the same is in force, or asked for, already.
    """
    by_ref = find_host_actor(asker, Permission.CONTAIN)
    target = _find_target(tx, request.whom)
    if len(request.note) > NOTE_LIMIT:
        raise InvalidRequest(f"note: at most {NOTE_LIMIT} letters")
    review_at = request.review_at or now + USUAL_REVIEW[request.step]
    check_times(
        now=now, review_at=review_at, ends_at=request.ends_at, is_exercise=request.is_exercise
    )
    accounts, alone = containment.count_touched(tx, request.whom, author=by_ref)
    starts = not needs_second_person(request.target, accounts=accounts, alone_today=alone)
    # Committed, it bites within two seconds in every gateway. A crash before leaves nobody held.
    if not containment.insert_measure(
        tx,
        NewMeasure(
            measure_ref=measure_ref,
            step=request.step,
            whom=request.whom,
            reason=request.reason,
            note=request.note.strip(),
            is_exercise=request.is_exercise,
            event_ref=request.event_ref,
            asked_by=by_ref,
            asked_at=now,
            review_at=review_at,
            ends_at=request.ends_at,
            starts=starts,
        ),
    ):
        raise Conflict("the same is in force, or asked for, already")
    kind = SecurityEventKind.MEASURE_BEGUN if starts else SecurityEventKind.MEASURE_ASKED
    _tell(tx, asker, kind, request.whom, target, _list_facts(request.step, request.is_exercise))
    return Contained(measure_ref, starts)


def preview(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    whom: Whom,
    *,
    now: datetime,
) -> Cost:
    """Tell what a measure would cost: accounts, and look-ups of the last seven days.

    Raises:
        NotAllowed: their role does not contain.
        NotFound: no such target.
        LedgerUnavailable: the reading cannot be recorded: nothing is counted.
    """
    cost = count_cost(tx, asker, whom)
    since_ms = int((now - TOUCHED_DURING).timestamp() * 1000)
    now_ms = int(now.timestamp() * 1000)
    refs = () if whom.target_ref is None else (whom.target_ref,)
    of_account = whom.target is MeasureTarget.ACCOUNT
    read = LedgerRead(
        question="measure-preview",
        purpose=PURPOSE,
        from_ms=since_ms,
        to_ms=now_ms,
        about=About(kind="accounts", refs=refs, count=1)
        if of_account
        else About(kind="everything", count=0),
    )
    by = Author(asker.visitor.actor_ref, asker.visitor.session_ref)
    readings.go_on(read, by=by, now_ms=now_ms)
    figures = containment.count_lookups(tx, whom, accounts=cost.accounts, since_ms=since_ms)
    return Cost(name=cost.name, accounts=cost.accounts, needs_two=cost.needs_two, figures=figures)


def count_cost(tx: Transaction, asker: Asker | None, whom: Whom) -> Cost:
    """Tell how many accounts a measure touches and whether a colleague must agree.

    Raises:
        NotAllowed: their role does not contain.
        NotFound: no such target.
    """
    by_ref = find_host_actor(asker, Permission.CONTAIN)
    target = _find_target(tx, whom)
    accounts, alone = containment.count_touched(tx, whom, author=by_ref)
    needs_two = needs_second_person(whom.target, accounts=accounts, alone_today=alone)
    return Cost(name=target.name, accounts=accounts, needs_two=needs_two)


def approve(tx: Transaction, asker: Asker | None, measure_ref: int, *, now: datetime) -> None:
    """Be the second person: the measure begins.

    Raises:
        NotAllowed: they asked for it, or they are no second person beside whoever did.
        Conflict: it began, or was withdrawn, or never was.
    """
    by_ref = find_host_actor(asker, Permission.CONTAIN)
    measure = _lock(tx, measure_ref)
    if not measure.waits(now):
        raise Conflict("nothing waits here")
    if measure.asked_by == by_ref:
        raise NotAllowed("two persons hold so many accounts: leave it to a colleague")
    if asker is not None and measure.asked_by != COMMAND_LINE_REF:
        people = list_entitled(tx, asker.visitor.org_ref, Permission.CONTAIN)
        if not are_apart(people, measure.asked_by, by_ref, asked_at=measure.asked_at, at=now):
            raise NotAllowed("a second person was there before, and was not invited by the first")
    containment.approve_measure(tx, measure_ref, by_ref=by_ref, at=now)
    _tell_of(tx, asker, SecurityEventKind.MEASURE_BEGUN, measure)


def end_measure(
    tx: Transaction,
    asker: Asker | None,
    measure_ref: int,
    *,
    now: datetime,
    reason: EndReason = EndReason.OVER,
) -> None:
    """End a measure, or withdraw a request: one person, at once.

    Raises:
        NotAllowed: their role does not release.
        Conflict: it is over, or never was.
    """
    by_ref = find_host_actor(asker, Permission.RELEASE)
    measure = _lock(tx, measure_ref)
    waits = measure.waits(now)
    if not waits and not measure.is_in_force(now):
        raise Conflict("it is over")
    containment.end_measure(
        tx,
        measure_ref,
        by_ref=by_ref,
        at=now,
        reason=EndReason.WITHDRAWN if waits else reason,
    )
    if not waits:
        _tell_of(tx, asker, SecurityEventKind.MEASURE_ENDED, measure)


def list_measures(tx: Transaction, asker: Asker | None, *, now: datetime) -> list[MeasureRow]:
    """List measures in force, waiting, or over for less than ninety days, the newest first.

    Raises:
        NotAllowed: their role does not read the guard.
    """
    find_host_actor(asker, Permission.READ_GUARD)
    return containment.list_measures(tx, since=now - HISTORY)


def find_measure(
    tx: Transaction, asker: Asker | None, measure_ref: int, *, now: datetime
) -> MeasureRow:
    """Return one measure of the list.

    Raises:
        NotAllowed: their role does not read the guard.
        NotFound: no such measure.
    """
    for row in list_measures(tx, asker, now=now):
        if row.measure_ref == measure_ref:
            return row
    raise NotFound("no such measure")


def find_whom(tx: Transaction, target: MeasureTarget, number: str) -> Whom:
    """Find whom a number names: RPPS, FINESS or SIRET, public name of a software, profession.

    Raises:
        NotFound: nobody.
    """
    if target is MeasureTarget.PROFESSION:
        if number not in containment.list_professions(tx):
            raise NotFound("no professional has this profession")
        return Whom(target, profession=number)
    ref = containment.find_reference(tx, target, number)
    if ref is None:
        raise NotFound("nobody has this number")
    return Whom(target, ref)


def release_account(
    tx: Transaction,
    asker: Asker | None,
    account_ref: int,
    *,
    now: datetime,
    reason: EndReason = EndReason.CLEARED,
) -> None:
    """Release what the guard held by itself: an operator any account, an owner their own.

    Raises:
        NotAllowed: their role does not release, or an operator looks at this one first
            (StepUpNeeded: an owner confirms who they are, then may).
        Conflict: nothing holds the account.
    """
    if asker is not None and asker.visitor.actor_ref == account_ref:
        return _release_own(tx, asker)
    find_host_actor(asker, Permission.RELEASE)
    held = containment.list_contained(tx, [account_ref])
    if not held:
        raise Conflict("nothing holds this account: somebody released it")
    # The guard learns from a look at days that were its owner's, from nothing else.
    were_its_own = held[0].kind == _BY_ITS_DAYS and reason is not EndReason.GIVEN_BACK
    containment.release_account(
        tx, account_ref, at_ms=int(now.timestamp() * 1000), keep_allowance=not were_its_own
    )
    whom = Whom(MeasureTarget.ACCOUNT, account_ref)
    target = _find_target(tx, whom)
    kind = SecurityEventKind.ACCOUNT_RELEASED
    _tell(tx, asker, kind, whom, target, {"reason": reason.value})
    return None


def release_many(
    tx: Transaction,
    asker: Asker | None,
    account_refs: Sequence[int],
    *,
    now: datetime,
    reason: EndReason = EndReason.CLEARED,
) -> list[int]:
    """Release several accounts at once; return those that were held, in order of reference.

    Raises:
        NotAllowed: their role does not release, or one of them is their own.
    """
    find_host_actor(asker, Permission.RELEASE)
    if asker is not None and asker.visitor.actor_ref in account_refs:
        raise NotAllowed("nobody releases their own account among others")
    held = [one.account_ref for one in containment.list_contained(tx, account_refs)]
    for account_ref in held:
        release_account(tx, asker, account_ref, now=now, reason=reason)
    return held


def _release_own(tx: Transaction, asker: Asker) -> None:
    decided = read_my_limits(tx, asker).own_release
    if decided is OwnRelease.NOTHING_HELD:
        raise Conflict("nothing holds this account")
    if decided is OwnRelease.CEREMONY_FIRST:
        raise StepUpNeeded("an owner confirms who they are before their account is released")
    if decided is not OwnRelease.ALLOWED or not containment.release_own(tx):
        raise NotAllowed("an operator looks at this account first: call them")
    event = SecurityEvent(
        kind=SecurityEventKind.OWN_ACCOUNT_RELEASED,
        actor_ref=asker.visitor.actor_ref,
        session_ref=asker.visitor.session_ref,
        org_ref=asker.visitor.org_ref,
        address=asker.whence.address,
        agent=asker.whence.agent,
    )
    warn_now(tx, record_event(tx, event))


def _find_target(tx: Transaction, whom: Whom) -> FoundTarget:
    found = containment.find_target(tx, whom)
    if found is None:
        raise NotFound("no such account, establishment, software or profession")
    if found.is_portal:
        raise InvalidRequest("the portals are cut at Services, with what still works")
    return found


def _lock(tx: Transaction, measure_ref: int) -> MeasureRow:
    measure = containment.lock_measure(tx, measure_ref)
    if measure is None:
        # Pages change nothing of what is over: it is not theirs to lock.
        raise Conflict("it is over, or never was")
    return measure


def _list_facts(step: str, is_exercise: bool) -> dict[str, str]:
    return {"step": str(step)} | ({"exercise": "yes"} if is_exercise else {})


def _tell_of(
    tx: Transaction, asker: Asker | None, kind: SecurityEventKind, measure: MeasureRow
) -> None:
    target = _find_target(tx, measure.whom)
    _tell(tx, asker, kind, measure.whom, target, _list_facts(measure.step, measure.exercise))


def _tell(
    tx: Transaction,
    asker: Asker | None,
    kind: SecurityEventKind,
    whom: Whom,
    target: FoundTarget,
    facts: dict[str, str],
) -> None:
    """Write the event and, once somebody is held or let go, the warnings of whom it concerns."""
    about = {"target": whom.target.value}
    if whom.profession is not None:
        about["profession"] = whom.profession
    asked = kind is SecurityEventKind.MEASURE_ASKED
    event = SecurityEvent(
        kind=kind,
        actor_ref=None if asked else target.actor_ref,
        by_ref=asker.visitor.actor_ref if asker else None,
        session_ref=asker.visitor.session_ref if asker else None,
        # A profession has no organisation: the host's own keeps the event.
        org_ref=_own_org(asker) if asked or target.org_ref is None else target.org_ref,
        address=asker.whence.address if asker else "",
        agent=asker.whence.agent if asker else "",
        details={**about, **facts} if asker else {**about, **facts, "by": "command line"},
    )
    event_ref = record_event(tx, event)
    if not asked and whom.target is not MeasureTarget.PROFESSION:
        warn_now(tx, event_ref)


def _own_org(asker: Asker | None) -> int | None:
    return None if asker is None else asker.visitor.org_ref
