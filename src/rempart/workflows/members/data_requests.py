"""What members ask of their data, and how their insurer answers, within the month of the law.

Refuses an answer without words, an extension after the month, and to erase what a text keeps: what
may go is planned, and two people of the host approve it like any other erasure.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.listing import Listing
from rempart.retention.fields import Fact, Field
from rempart.retention.lives import Facts
from rempart.retention.requests import (
    WORDS_LIMIT,
    Erasable,
    RequestKind,
    RequestState,
    check_can_step,
    compute_due_day,
    decide_erasable,
)
from rempart.retention.terms import add_months
from rempart.storage import data_requests, member_files, retention_runs
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.data_requests import DataRequest, RequestColumn
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.jobs.enqueue import MOST_JOB_REF, enqueue
from rempart.workflows.retention.hold_data import HoldRequest, place_hold
from rempart.workflows.retention.plan_retention import plan_request
from rempart.workflows.retention.retention_schedules import read_in_force

__all__ = ["WORDS_LIMIT", "DataRequest", "RequestColumn", "RequestKind"]

LETTER_MONTHS: Final = 12
"""How long ago a letter may have come, when it is written down."""
_NOT_HERE: Final = "there is no such request"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSheet:
    """One request as whoever answers it reads it.

    Args:
        request: The request.
        due_on: The last day to answer.
        erasable: Field by field, what may go and what a text keeps.
        can_extend: Whether the person may still be told that it takes longer.
    """

    request: DataRequest
    due_on: date
    erasable: tuple[Erasable, ...]
    can_extend: bool


def make_request(tx: Transaction, asker: Asker, kind: RequestKind, details: str) -> int:
    """Ask something of one's own data; return the request's reference.

    Raises:
        NotAllowed: they are no member.
        InvalidRequest: a rectification that does not say what is wrong.
    """
    check_can(asker.visitor, Permission.MAKE_REQUEST, now=asker.now)
    visitor = asker.visitor
    if visitor.person_ref is None or visitor.insurer_id is None:
        raise NotFound(_NOT_HERE)
    request_ref = draw_ref() % MOST_JOB_REF + 1
    data_requests.save_request(
        tx,
        request_ref,
        insurer_id=visitor.insurer_id,
        person_ref=visitor.person_ref,
        kind=kind,
        details=_read_details(kind, details),
        made_by=visitor.actor_ref,
        received_on=asker.today,
    )
    return request_ref


def write_letter(
    tx: Transaction,
    asker: Asker,
    file_ref: int,
    *,
    kind: RequestKind,
    details: str,
    received_on: date,
) -> int:
    """Write down what came by letter, of whom an open file is about; return its reference.

    The month counts from the day the letter came, not from the day it is written down.

    Args:
        tx: A transaction of the visitor.
        asker: Who answers for the insurer's members.
        file_ref: The file they have open: the person may have left, and have no space here.
        kind: What is asked.
        details: In the person's words; they may be empty, but for a rectification.
        received_on: The day the letter came, Paris civil date.

    Raises:
        NotAllowed: they do not answer for the members.
        NotFound: this session has no such file of a person open.
        InvalidRequest: nothing to correct is said, or the letter is to come or over a year old.
    """
    check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
    opened = member_files.read_file(tx, file_ref)
    if opened is None or not opened.person_ref:
        raise NotFound("this file is not open any more")
    today = asker.today
    if not add_months(today, -LETTER_MONTHS) <= received_on <= today:
        raise InvalidRequest(
            "when did the letter come?", (("received_on", "from a year ago to today"),)
        )
    request_ref = draw_ref() % MOST_JOB_REF + 1
    data_requests.save_request(
        tx,
        request_ref,
        insurer_id=opened.insurer_id,
        person_ref=opened.person_ref,
        kind=kind,
        details=_read_details(kind, details),
        made_by=asker.visitor.actor_ref,
        received_on=received_on,
    )
    return request_ref


def _read_details(kind: RequestKind, details: str) -> str:
    words = details.strip()
    if kind is RequestKind.RECTIFICATION and not words:
        raise InvalidRequest("say what is wrong", (("details", "what to correct"),))
    if len(words) > WORDS_LIMIT:
        raise InvalidRequest("too long", (("details", f"{WORDS_LIMIT} letters at most"),))
    return words


def list_own(tx: Transaction, asker: Asker, *, most: int = 100) -> tuple[list[DataRequest], int]:
    """Return one's own requests, the newest first, so many at most, and how many there are.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.MAKE_REQUEST, now=asker.now)
    return data_requests.list_page(tx, Listing(sort="received", limit=most))


def list_requests(
    tx: Transaction, asker: Asker, listing: Listing[RequestColumn]
) -> tuple[list[DataRequest], int]:
    """Return one page of what an insurer's members asked, and how many there are.

    Raises:
        NotAllowed: their role does not allow it.
    """
    check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
    return data_requests.list_page(tx, listing)


def count_waiting(tx: Transaction, asker: Asker) -> tuple[int, int]:
    """Return how many requests wait for an answer, and how many of them beyond their time.

    Raises:
        NotAllowed: their role does not allow it.
    """
    check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
    return data_requests.count_waiting(tx, asker.today)


def read_request(tx: Transaction, asker: Asker, request_ref: int) -> RequestSheet:
    """Return one request with what may be erased and what the law keeps.

    Raises:
        NotAllowed, NotFound: it is not for them, or not there.
    """
    check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
    request = _load(tx, request_ref)
    today = asker.today
    return RequestSheet(
        request=request,
        due_on=find_due_day(request),
        erasable=tuple(_explain(tx, request_ref, today)),
        can_extend=request.state is RequestState.OPEN
        and today <= compute_due_day(request.received_on),
    )


def find_due_day(request: DataRequest) -> date:
    """Return the last day to answer a request."""
    return compute_due_day(request.received_on, extended=request.extended_at is not None)


def extend_request(tx: Transaction, asker: Asker, request_ref: int, words: str) -> None:
    """Tell the person, within the month, that it takes up to two more, and why.

    Raises:
        NotAllowed, NotFound: it is not for them, or not there.
        Conflict: it is too late, or it was answered.
        InvalidRequest: nothing is said.
    """
    check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
    request = _load(tx, request_ref)
    _check_step(request, RequestState.EXTENDED, asker, words)
    if not data_requests.extend(tx, request_ref, words=words.strip()):
        raise Conflict("somebody else answered meanwhile: read it again")


def answer_request(
    tx: Transaction, asker: Asker, request_ref: int, words: str, *, accept: bool
) -> None:
    """Answer a request: what is accepted is done, a refusal says why.

    A restriction holds the person's data from now on; an erasure is planned as far as the law
    allows, for two people of the host to approve.

    Raises:
        NotAllowed, NotFound: it is not for them, or not there.
        Conflict: it was answered already.
        InvalidRequest: nothing is said.
    """
    check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
    request = _load(tx, request_ref)
    state = RequestState.ANSWERED if accept else RequestState.REFUSED
    _check_step(request, state, asker, words)
    by = asker.visitor.actor_ref
    if not data_requests.answer(tx, request_ref, state=state, words=words.strip(), by=by):
        raise Conflict("somebody else answered meanwhile: read it again")
    if not accept:
        return
    if request.kind is RequestKind.ERASURE:
        enqueue(tx, "plan_erasure", request_ref=request_ref)
    elif request.kind is RequestKind.RESTRICTION:
        of = data_requests.find_person(tx, request_ref)
        if of is None:
            raise NotFound(_NOT_HERE)
        hold = HoldRequest(
            kind="restriction",
            insurer_id=of.insurer_id,
            person_ref=of.person_ref,
            reason=f"request {request_ref} (GDPR article 18)",
        )
        place_hold(tx, hold, by=by)


def plan_requested(tx: Transaction, request_ref: int, day: date) -> int | None:
    """Plan what a person asked to be erased, once their insurer agreed; return the run.

    Args:
        tx: A transaction of the keeper.
        request_ref: The request.
        day: The day.

    Returns:
        None when the law keeps everything, or the request was not accepted.
    """
    of = data_requests.find_person(tx, request_ref)
    if of is None or (of.kind, of.state) != (RequestKind.ERASURE, RequestState.ANSWERED):
        return None
    return plan_request(tx, request_ref, of.person_ref, day)


def resume_requested(begin: OpenTransaction, day: date) -> int:
    """Plan again what people asked to be erased and something held; return how many runs.

    Args:
        begin: Begins a transaction of the keeper; one for each request.
        day: The day.
    """
    with begin() as tx:
        held = retention_runs.list_held(tx)
    planned = 0
    for request_ref in held:
        with begin() as tx:
            if retention_runs.take_held(tx, request_ref):
                planned += plan_requested(tx, request_ref, day) is not None
    return planned


def _load(tx: Transaction, request_ref: int) -> DataRequest:
    request = data_requests.load_request(tx, request_ref)
    if request is None:
        raise NotFound(_NOT_HERE)
    return request


def _check_step(request: DataRequest, to: RequestState, asker: Asker, words: str) -> None:
    check_can_step(
        request.state,
        to,
        received_on=request.received_on,
        on=asker.today,
        words=words,
    )


def _explain(tx: Transaction, request_ref: int, today: date) -> list[Erasable]:
    asker = data_requests.read_asker(tx, request_ref)
    if asker is None:
        return []
    there = [field for field in Field if field in {*asker.active, *asker.archived}]
    facts: Facts = {Fact.CONTRACT_END: asker.contract_end}
    if asker.last_payment is not None:
        facts = {**facts, Fact.LAST_PAYMENT: asker.last_payment}
    return decide_erasable(
        read_in_force(tx),
        there,
        facts,
        on=today,
        events=data_requests.list_events(tx, request_ref),
        holds=data_requests.load_holds(tx, asker.held_by),
    )
