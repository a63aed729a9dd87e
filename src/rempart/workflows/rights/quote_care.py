"""Compute what acts will be paid, for the questions of a batch that ask, and prepare the promises.

Only where rights are open: everybody else is answered as to a rights check, so that amounts tell
nothing more of who exists. Refuses to replace a promise of somebody else, or one that was used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from rempart.claims.benefit_table import BenefitTable
from rempart.claims.book import TableBook
from rempart.claims.card_table import make_card_table
from rempart.claims.counters import add_uses
from rempart.claims.known_rights import find_joining
from rempart.claims.quote import (
    CareAsked,
    Place,
    Quote,
    QuoteGround,
    StandingPec,
    make_quote,
)
from rempart.claims.states import PecState
from rempart.exchange.quote_answer import PecAnswer, PecPromise, QuoteAnswer, build_quote_answer
from rempart.kernel.errors import Conflict
from rempart.rights.coverage import Coverage, RightsOpen
from rempart.storage.care import AMO, PecRow, format_lines, format_uses
from rempart.tariffs.parameters import value_on
from rempart.workflows.rights.rights_desk import Asked, Desk

CARD_TABLE: Final = ""
"""The code of a table made of what a card prints, where an insurer gave none of its own."""


class OpenCare(NamedTuple):
    """A question about acts, whose rights are open.

    Attributes:
        asked: The question.
        care: Its acts.
        person_ref: Whom it is about.
        insurer_id: Who pays.
        opened: The coverage that grants the right.
        coverages: All those of the person.
    """

    asked: Asked
    care: CareAsked
    person_ref: int
    insurer_id: int
    opened: RightsOpen
    coverages: Sequence[Coverage]


class Priced(NamedTuple):
    """What was computed of a question; a refusal when its promise cannot be replaced.

    Attributes:
        known: What told the person's promises apart before.
    """

    open_care: OpenCare
    quote: Quote
    refusal: Conflict | None
    known: int


async def price_care(desk: Desk, wanted: Sequence[OpenCare], *, today: date) -> list[Priced]:
    """Compute the amounts of every question, in their order; five reads whatever their number.

    A promise of the batch keeps its part of limits from those after it, and of two that would take
    the place of one, the first does.

    Raises:
        Unavailable: the database does not answer.
    """
    if not wanted:
        return []
    persons = list({one.person_ref for one in wanted})
    pecs = await desk.care.load_pecs(
        [one.care.replaces for one in wanted if one.care.replaces is not None]
    )
    refusals = _check_all_replaced(wanted, pecs, today)
    replaced = [
        one.care.replaces
        for one, refusal in zip(wanted, refusals, strict=True)
        if one.care.replaces is not None and refusal is None
    ]
    # Before what they keep of limits: what is promised between the two is then noticed.
    known = await desk.care.sum_promises_up(persons)
    loaded = await desk.care.load_used(persons, today=today, replaced=replaced)
    used = {whose: dict(held) for whose, held in loaded.items()}
    books = await desk.tables.load_books(desk.care, (one.insurer_id for one in wanted))
    places = {one.asked.establishment_ref or 0 for one in wanted}
    billers = await desk.care.load_billers(sorted(places), day=today)
    priced: list[Priced] = []
    for one, refusal in zip(wanted, refusals, strict=True):
        contract_ref = one.opened.coverage.contract_ref
        held = used.setdefault((one.person_ref, contract_ref), {})
        ground = QuoteGround(
            table=_choose_table(books[one.insurer_id], one),
            joined_on=find_joining(one.coverages, contract_ref),
            biller=replace(
                billers[one.asked.establishment_ref or 0], mark=one.asked.origin.account_ref
            ),
            used=held,
            amo_used=used.get((one.person_ref, AMO), {}),
        )
        quote = make_quote(one.care, ground)
        priced.append(Priced(one, quote, refusal, known[one.person_ref]))
        if one.care.promises and refusal is None:
            held.update(add_uses(held, quote.uses))
    return priced


def show_price(
    priced: Priced, place: Place, number: str, *, today: date
) -> tuple[QuoteAnswer | PecAnswer, PecRow | None]:
    """Return the answer and, when a prise en charge was asked, the promise to write with it.

    Args:
        priced: What was computed.
        place: The entry that will tell it.
        number: The engagement number of that entry.
        today: From which a promise runs.
    """
    one, quote = priced.open_care, priced.quote
    domain = one.asked.question.domain
    if not one.care.promises:
        return build_quote_answer(quote, one.care, domain=domain, pec=None), None
    state = PecState.AGREED if quote.amc_cents else PecState.REFUSED
    expires_on = today + timedelta(days=value_on("pec_validity_days", today))
    promise = PecPromise(number, state.value, expires_on)
    answer = build_quote_answer(quote, one.care, domain=domain, pec=promise)
    return answer, _make_row(priced, place, state, expires_on)


def _choose_table(book: TableBook, one: OpenCare) -> BenefitTable:
    """Return the table that pays: the insurer's, or what the card says."""
    coverage, day = one.opened.coverage, one.care.lines[0].care_date
    chosen = book.find(coverage.terms, day)
    return chosen or make_card_table(CARD_TABLE, coverage.terms, coverage.period)


def _check_all_replaced(
    wanted: Iterable[OpenCare], pecs: Mapping[Place, StandingPec], today: date
) -> list[Conflict | None]:
    """Say of each question why it may not replace what it names; of two for one, the first may."""
    left = dict(pecs)
    refusals = []
    for one in wanted:
        refusal = _check_replaced(one, left, today)
        if one.care.promises and one.care.replaces is not None and refusal is None:
            del left[one.care.replaces]
        refusals.append(refusal)
    return refusals


def _check_replaced(
    one: OpenCare, pecs: Mapping[Place, StandingPec], today: date
) -> Conflict | None:
    if one.care.replaces is None:
        return None
    pec = pecs.get(one.care.replaces)
    is_theirs = (
        pec is not None
        and pec.establishment_ref == one.asked.establishment_ref
        and pec.person_ref == one.person_ref
        and pec.domain == one.asked.question.domain.code
        and pec.find_state(today) is PecState.AGREED
    )
    return None if is_theirs else Conflict("the promise to replace is not one that can be")


def _make_row(priced: Priced, place: Place, state: PecState, expires_on: date) -> PecRow:
    one, quote = priced.open_care, priced.quote
    replaces = one.care.replaces
    is_agreed = state is PecState.AGREED
    return PecRow(
        log_id=place.log_id,
        idx=place.idx,
        establishment_ref=one.asked.establishment_ref or 0,
        account_ref=one.asked.origin.account_ref,
        person_ref=one.person_ref,
        insurer_id=one.insurer_id,
        contract_ref=one.opened.coverage.contract_ref,
        domain=one.asked.question.domain.code,
        care_on=one.care.lines[0].care_date,
        state=state.value,
        expires_on=expires_on,
        billed_cents=one.care.billed_cents,
        amo_cents=quote.amo_cents,
        amc_cents=quote.amc_cents,
        lines=format_lines(quote),
        uses=format_uses(quote.uses if is_agreed else ()),
        replaces_log=replaces.log_id if replaces else None,
        replaces_idx=replaces.idx if replaces else None,
        known=priced.known,
    )
