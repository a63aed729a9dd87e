"""Lend numbers for working offline, and take back what was promised with them.

Refuses to accept a number twice, and to say what became of one before the ledger holds it: each is
a disclosure about the person whose card was shown, under the card's digest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from rempart.accounts.session import Origin
from rempart.disclosure.entry import Draft, Kind, Mode, Outcome, Purpose
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION, Field
from rempart.kernel.errors import AccessDenied, RempartError
from rempart.kernel.instants import to_day_number
from rempart.rights.coverage import RightsOpen
from rempart.rights.lookup import compute_lookup_key
from rempart.rights.offline_engagement import (
    AMOUNT_CENTS,
    LENT_FOR_MS,
    MOST_AT_ONCE,
    NUMBERS_A_DAY,
    Lent,
    OfflineNumber,
    OfflineReport,
    RefusedBecause,
    decide_number,
)
from rempart.storage.gateway import Found, Wanted
from rempart.storage.offline import Reported
from rempart.workflows.ledger.ledger_page import LedgerPage
from rempart.workflows.rights.check_rights import decide
from rempart.workflows.rights.rights_books import Evidence
from rempart.workflows.rights.rights_desk import Asked, Desk, Question


class Books(Protocol):
    """Where lent numbers are written."""

    async def lend(
        self, lent: Lent, *, account_ref: int, day: date, wanted: int, a_day: int
    ) -> int:
        """Lend up to `wanted` numbers; return how many."""
        ...

    async def load_batches(self, numbers: Sequence[OfflineNumber]) -> dict[int, Lent]:
        """Load the batches of some numbers."""
        ...

    async def load_reported(
        self, numbers: Sequence[OfflineNumber]
    ) -> dict[tuple[int, int], Reported]:
        """Load what became of those that came back before."""
        ...

    async def save(self, reported: Reported) -> bool:
        """Write what became of a number."""
        ...


class LentNumbers(NamedTuple):
    """A batch, as it is lent."""

    lent: Lent
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """One number that comes back: what the device says, and the question its card answers.

    Args:
        report: What was promised.
        question: The card's code, the domain and the day.
        given_on: The Paris day on which it was given.
        digest: SHA-256 of what was sent.
    """

    report: OfflineReport
    question: Question
    given_on: date
    digest: bytes


class Settled(NamedTuple):
    """What became of a number, and where the ledger has it."""

    number: str
    reason: RefusedBecause | None
    log: str
    entry_index: int


async def lend_numbers(
    books: Books,
    *,
    account_ref: int,
    establishment_ref: int | None,
    batch_ref: int,
    now_ms: int,
    today: date,
) -> LentNumbers:
    """Lend an establishment numbers for the days to come, as many as its day still allows.

    Args:
        books: Where they are written.
        account_ref: Who fetches them.
        establishment_ref: For which place.
        batch_ref: A reference drawn for the batch: nobody can guess it.
        now_ms: The instant.
        today: Its Paris day.

    Raises:
        AccessDenied: no establishment: there is nobody to bound.
        Unavailable: the database does not answer.
    """
    if establishment_ref is None:
        raise AccessDenied("numbers are lent to an establishment")
    lent = Lent(
        batch_ref, establishment_ref, MOST_AT_ONCE, AMOUNT_CENTS, now_ms, now_ms + LENT_FOR_MS
    )
    # Written before they leave: a crash between costs numbers nobody has, never one that counts
    # and is in no book.
    count = await books.lend(
        lent, account_ref=account_ref, day=today, wanted=MOST_AT_ONCE, a_day=NUMBERS_A_DAY
    )
    numbers = tuple(
        OfflineNumber(batch_ref=batch_ref, place=place).format() for place in range(1, count + 1)
    )
    return LentNumbers(lent._replace(size=count), numbers)


async def reconcile_offline(
    desk: Desk,
    books: Books,
    brought: Sequence[Brought],
    *,
    origin: Origin,
    establishment_ref: int | None,
    now_ms: int,
    today: date,
) -> list[Settled]:
    """Settle numbers that come back; the same sent again gets the same answer.

    Args:
        desk: Where cards are found and entries written.
        books: Where numbers are.
        brought: What comes back, each number once.
        origin: Who brings it.
        establishment_ref: For which place.
        now_ms: The instant.
        today: Its Paris day.

    Returns:
        What became of each, in order; its entry is durable.

    Raises:
        Unavailable, LedgerFenced: nothing was settled that is not in the ledger.
    """
    numbers = [one.report.number for one in brought]
    batches, known = await books.load_batches(numbers), await books.load_reported(numbers)
    asked = [
        Asked(one.question, origin, one.digest[:16], None, establishment_ref) for one in brought
    ]
    page = await LedgerPage.open(desk, asked, now_ms=now_ms, today=today)
    wanted = [_want(desk, one) for one in asked]
    found = await desk.sheets.load(wanted)
    log = desk.ledger.origin
    settled: list[Settled] = []
    fresh: list[Reported] = []
    for one, ask, want, seen in zip(brought, asked, wanted, found, strict=True):
        number = one.report.number
        before = known.get((number.batch_ref, number.place))
        reason = decide_number(
            one.report,
            batches.get(number.batch_ref),
            establishment_ref=establishment_ref,
            given_on=one.given_on,
            now_ms=now_ms,
        )
        # Another establishment's number is unknown, whatever became of it.
        if before is not None and reason is not RefusedBecause.UNKNOWN_NUMBER:
            if before.digest == one.digest:
                settled.append(_tell_again(before))
                continue
            reason = RefusedBecause.USED
        reason = reason or _decide_card(one.question, seen)
        place = page.next_place(ask)
        page.write_entry(
            ask, place, _draft(ask, want, seen, reason=reason, session_ref=place.session_ref)
        )
        settled.append(Settled(number.format(), reason, log, place.entry_index))
        if before is None and number.batch_ref in batches:
            fresh.append(_record(desk, one, reason, place.entry_index))
    await page.commit()
    return await _keep(books, settled, fresh)


async def _keep(
    books: Books, settled: Sequence[Settled], fresh: Sequence[Reported]
) -> list[Settled]:
    """Write what became of numbers, now that the ledger has them.

    A crash before leaves an entry and no row: sent again, the number gets a second entry and its
    row. The ledger says too much, never too little; a row is written once.
    """
    lost = {
        OfflineNumber(batch_ref=reported.batch_ref, place=reported.place): reported
        for reported in fresh
        if reported.reason != RefusedBecause.UNKNOWN_NUMBER and not await books.save(reported)
    }
    if not lost:
        return list(settled)
    faster = await books.load_reported(list(lost))  # by another gateway, while this one wrote
    told: dict[str, Settled] = {}
    for number, reported in lost.items():
        before = faster.get((number.batch_ref, number.place))
        if before is not None and before.digest == reported.digest:
            told[number.format()] = _tell_again(before)
    used = {number.format() for number in lost} - set(told)
    return [
        one._replace(reason=RefusedBecause.USED)
        if one.number in used
        else told.get(one.number, one)
        for one in settled
    ]


def _tell_again(before: Reported) -> Settled:
    number = OfflineNumber(batch_ref=before.batch_ref, place=before.place)
    reason = None if before.reason is None else RefusedBecause(before.reason)
    return Settled(number.format(), reason, before.log, before.idx)


def _decide_card(question: Question, seen: Found) -> RefusedBecause | None:
    try:
        decision = decide(question, seen, Evidence.PRESENT)
    except RempartError:
        return RefusedBecause.NOT_COVERED
    if decision is None:
        return RefusedBecause.UNKNOWN_CARD
    return None if isinstance(decision, RightsOpen) else RefusedBecause.NOT_COVERED


def _want(desk: Desk, one: Asked) -> Wanted:
    key = compute_lookup_key(desk.lookup_secret, one.question.identifiers)
    return Wanted(key, None, None, one.request_id)


def _record(desk: Desk, one: Brought, reason: RefusedBecause | None, index: int) -> Reported:
    number = one.report.number
    return Reported(
        number.batch_ref,
        number.place,
        one.digest,
        None if reason is None else reason.value,
        one.report.amount_cents,
        desk.ledger.log_id,
        index,
    )


def _draft(
    one: Asked, want: Wanted, seen: Found, *, reason: RefusedBecause | None, session_ref: int
) -> Draft:
    """Write down what is said of the person whose card was shown; nothing, when it is nobody's."""
    told = reason in (None, RefusedBecause.NOT_COVERED)
    sheet = seen.sheet if told and seen.person_ref is not None else None
    return Draft(
        kind=Kind.NEGATIVE if sheet is None else Kind.DISCLOSE,
        account_ref=one.origin.account_ref,
        session_ref=session_ref,
        person_ref=0 if sheet is None else seen.person_ref or 0,
        insurer_id=0 if sheet is None else sheet.insurer_id,
        lookup_key=want.lookup_key,
        purpose=Purpose.BILLING,
        mode=Mode.OFFLINE,
        domain=one.question.domain.number,
        care_day=to_day_number(one.question.care_date),
        outcome=Outcome.OPEN
        if reason is None
        else Outcome.UNKNOWN
        if sheet is None
        else Outcome.CLOSED_OUT_OF_PERIOD,
        fields=Field.RIGHTS_STATUS
        if reason is not None
        else Field.RIGHTS_STATUS | Field.ENGAGEMENT,
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=0 if sheet is None else sheet.version,
        request_id=one.request_id,
    )
