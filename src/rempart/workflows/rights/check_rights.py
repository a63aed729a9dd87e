"""Check rights: one person, one domain, one day, for every question that waits.

The heart of Rempart: find, decide, choose what is shown, write it in the ledger, then answer.
Refuses to answer what the ledger does not hold, and to tell a caller without the card whether the
person exists.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from rempart.disclosure.entry import Draft, Kind, Mode, Outcome
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION, Field
from rempart.exchange.quote_answer import AnyAnswer, compute_any_fields
from rempart.exchange.rights_answer import (
    Answer,
    Engagement,
    build_closed_answer,
    build_open_answer,
)
from rempart.kernel.errors import InconsistentRecord, LedgerUnavailable, RempartError
from rempart.kernel.instants import to_day_number
from rempart.rights.answer import ShownReason, decide_shown_reason
from rempart.rights.coverage import (
    ClosedReason,
    RightsClosed,
    RightsDecision,
    RightsOpen,
    decide_rights,
)
from rempart.rights.cuts import RightsCut
from rempart.rights.lookup import TypedIdentifiers, compute_lookup_key
from rempart.storage.care import PromiseMoved
from rempart.storage.gateway import Found, Wanted
from rempart.workflows.ledger.ledger_page import LedgerPage, Place
from rempart.workflows.rights.quote_care import OpenCare, Priced, price_care, show_price
from rempart.workflows.rights.rights_books import Evidence, Weighed
from rempart.workflows.rights.rights_desk import Answered, Asked, Desk, Question
from rempart.workflows.rights.weigh_presence import weigh_presence

_OUTCOMES: Final = {
    ClosedReason.OUT_OF_PERIOD: Outcome.CLOSED_OUT_OF_PERIOD,
    ClosedReason.SUSPENDED: Outcome.CLOSED_SUSPENDED,
    ClosedReason.DOMAIN_NOT_COVERED: Outcome.CLOSED_DOMAIN,
}

# Pages begun while promises to replace change under them.
TRIES: Final = 3

_log = logging.getLogger("rempart.rights")


async def check_rights(
    desk: Desk, asked: Sequence[Asked], *, now_ms: int, today: date
) -> list[Answered | RempartError]:
    """Answer a batch of questions; every answer returned is durable.

    Args:
        desk: Where to read and write.
        asked: The questions, in order of arrival.
        now_ms: The instant, Unix milliseconds.
        today: Its civil date in Paris, from which engagements run.

    Returns:
        For each question, in order, the answer or the reason why there is none.

    Raises:
        Unavailable: rights or the ledger cannot be reached; no answer may leave.
        LedgerFenced: another process took the log over; no answer may leave.
    """
    page = await LedgerPage.open(desk, asked, now_ms=now_ms, today=today)
    wanted = [_want(desk, one, page.find_session(one)) for one in asked]
    found = await desk.sheets.load(wanted)
    weighed = await weigh_presence(desk, asked, wanted, found, now_ms=now_ms, today=today)
    # A crash after this leaves allowances spent for answers that never left, never the reverse.
    judged = await desk.guard.judge(asked, wanted, found, weighed, now_ms=now_ms)
    for _ in range(TRIES):
        prices = await _price(desk, asked, found, judged, today=today)
        _fill(desk, page, zip(asked, wanted, found, judged, strict=True), prices)
        try:
            return await page.commit()
        except PromiseMoved:
            # Nothing was written. Prices and promises are looked at again; look-ups were judged.
            page = await LedgerPage.open(desk, asked, now_ms=now_ms, today=today)
    raise LedgerUnavailable("promises to replace go on changing: come back")


def _fill(
    desk: Desk,
    page: LedgerPage,
    batch: Iterable[tuple[Asked, Wanted, Found, Weighed]],
    prices: Mapping[int, Priced],
) -> None:
    """Write the entries of a batch on a page, and the answers that wait for them."""
    now_ms, today = page.now_ms, page.today
    for number, (one, want, seen, evidence) in enumerate(batch):
        if page.repeat(one, seen.given):
            continue
        if isinstance(evidence, RempartError):
            page.refuse(evidence)
            continue
        try:
            decision = decide(one.question, seen, evidence)
        except InconsistentRecord as failure:
            page.refuse(failure)
            continue
        place = page.next_place(one)
        priced = prices.get(number)
        refusal = _find_cut(desk, one.question, seen, decision, now_ms=now_ms) or (
            priced and priced.refusal
        )
        if refusal:
            # It tells something of the person: an insurer that is cut, a right that is open. That
            # much is said, so it is written before, like an answer.
            page.write_refusal(one, place, refusal, draft_refusal(one, want, seen, refusal, place))
            continue
        shown: AnyAnswer
        if priced:
            shown, pec = show_price(priced, place.named, place.promise().number, today=today)
            page.write_pec(pec)
        else:
            shown = show(one.question, decision, evidence, promise=place.promise)
        entry = draft_entry(one, want, seen, decision=decision, shown=shown, place=place)
        page.write(one, place, shown, entry)


def decide(
    question: Question, found: Found, evidence: Evidence = Evidence.TYPED
) -> RightsDecision | None:
    """Decide on what was found; None when the identifiers lead to nobody, or the code is wrong.

    Raises:
        InconsistentRecord: the stored facts contradict each other. Only whoever has the card is
            told so; for the others rights are not open, as for a stranger.
    """
    decision: RightsDecision | None = None
    if found.sheet is not None:
        try:
            decision = decide_rights(
                found.sheet.build_coverages(),
                domain=question.domain,
                care_date=question.care_date,
            )
        except InconsistentRecord:
            _log.error("a sheet of feed version %d contradicts itself", found.sheet.version)
            if found.person_ref is not None and evidence is Evidence.PRESENT:
                raise
            decision = RightsClosed(ClosedReason.OUT_OF_PERIOD)
    # A stranger's sheet is a decoy: the same work was done, and nothing of it is kept.
    shown = found.person_ref is not None and evidence is not Evidence.WRONG_CODE
    return decision if shown else None


def show(
    question: Question,
    decision: RightsDecision | None,
    evidence: Evidence,
    *,
    promise: Callable[[], Engagement],
) -> Answer:
    """Choose what is shown of a decision, and promise payment when rights are open."""
    domain, care_date = question.domain, question.care_date
    if isinstance(decision, RightsOpen):
        return build_open_answer(decision, domain=domain, care_date=care_date, engagement=promise())
    present = evidence is Evidence.PRESENT
    if present and decision is None and question.mode is not Mode.CARD:
        present = False  # a terminal read a card of somebody we do not know: that is no card's code
    reason = decide_shown_reason(decision, presence=present)
    return build_closed_answer(reason or ShownReason.NOT_OPEN, domain=domain, care_date=care_date)


def _want(desk: Desk, one: Asked, session_ref: int | None) -> Wanted:
    """Say what one question needs from the database."""
    identifiers = one.question.identifiers
    return Wanted(
        compute_lookup_key(desk.lookup_secret, identifiers),
        identifiers.amc_number.number if isinstance(identifiers, TypedIdentifiers) else None,
        session_ref if one.body_digest is not None else None,
        one.request_id,
        one.origin.account_ref,
    )


def draft_entry(
    one: Asked,
    want: Wanted,
    found: Found,
    *,
    decision: RightsDecision | None,
    shown: AnyAnswer,
    place: Place,
) -> Draft:
    """Write down who was shown what about whom; exactly, whatever was shown."""
    question = one.question
    sheet = found.sheet if decision is not None else None
    return Draft(
        kind=Kind.NEGATIVE if sheet is None else Kind.DISCLOSE,
        account_ref=one.origin.account_ref,
        session_ref=place.session_ref,
        person_ref=0 if sheet is None else found.person_ref or 0,
        insurer_id=(found.named_insurer_id or 0) if sheet is None else sheet.insurer_id,
        lookup_key=want.lookup_key,
        purpose=question.purpose,
        mode=question.mode,
        domain=question.domain.number,
        care_day=to_day_number(question.care_date),
        outcome=_read_outcome(decision),
        fields=compute_any_fields(shown),
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=0 if sheet is None else sheet.version,
        request_id=one.request_id,
    )


def draft_refusal(
    one: Asked, want: Wanted, found: Found, refusal: RempartError, place: Place
) -> Draft:
    """Write down what a refusal tells: that a card's insurer is cut, or that rights are open."""
    question = one.question
    is_cut = isinstance(refusal, RightsCut)
    return Draft(
        kind=Kind.DISCLOSE,
        account_ref=one.origin.account_ref,
        session_ref=place.session_ref,
        person_ref=found.person_ref or 0,
        insurer_id=0 if found.sheet is None else found.sheet.insurer_id,
        lookup_key=want.lookup_key,
        purpose=question.purpose,
        mode=question.mode,
        domain=question.domain.number,
        care_day=to_day_number(question.care_date),
        outcome=Outcome.CUT if is_cut else Outcome.OPEN,
        fields=Field.INSURER if is_cut else Field.RIGHTS_STATUS,
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=0 if found.sheet is None else found.sheet.version,
        request_id=one.request_id,
    )


async def _price(
    desk: Desk,
    asked: Sequence[Asked],
    found: Sequence[Found],
    judged: Sequence[Weighed],
    *,
    today: date,
) -> dict[int, Priced]:
    """Compute the amounts of the questions about acts whose rights are open, by their number."""
    wanted: dict[int, OpenCare] = {}
    for number, (one, seen, evidence) in enumerate(zip(asked, found, judged, strict=True)):
        care = one.question.care
        if care is None or seen.given or isinstance(evidence, RempartError):
            continue
        with contextlib.suppress(InconsistentRecord):
            decision = decide(one.question, seen, evidence)
            if isinstance(decision, RightsOpen) and seen.person_ref and seen.sheet:
                wanted[number] = OpenCare(
                    asked=one,
                    care=care,
                    person_ref=seen.person_ref,
                    insurer_id=seen.sheet.insurer_id,
                    opened=decision,
                    coverages=seen.sheet.build_coverages(),
                )
    priced = await price_care(desk, list(wanted.values()), today=today)
    return dict(zip(wanted, priced, strict=True))


def _find_cut(
    desk: Desk,
    question: Question,
    found: Found,
    decision: RightsDecision | None,
    *,
    now_ms: int,
) -> RightsCut | None:
    """Return why a card leads nowhere now. Typed questions were stopped at the door, by a name."""
    typed = isinstance(question.identifiers, TypedIdentifiers)
    if typed or decision is None or found.sheet is None:
        return None
    return desk.posture.find_insurer_cut(found.sheet.insurer_id, now_ms=now_ms)


def _read_outcome(decision: RightsDecision | None) -> Outcome:
    if decision is None:
        return Outcome.UNKNOWN
    return Outcome.OPEN if isinstance(decision, RightsOpen) else _OUTCOMES[decision.reason]
