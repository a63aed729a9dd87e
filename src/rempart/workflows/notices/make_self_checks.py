"""Make the lists that answer cards: what everybody concerned was told, sealed for their own card.

A card answers for its holder and for the children on it: other adults have their own letter. Killed
anywhere, it is run again: a list is replaced in one transaction. Refuses to keep a card's secret.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from rempart.exchange.card_letter import decode_print
from rempart.incidents.packages import decide_is_minor
from rempart.kernel.instants import to_paris_day
from rempart.notices.self_check import (
    CERTAINTIES,
    DOUBTS,
    NONCE_BYTES,
    SALT_BYTES,
    DrawBytes,
    SealedAnswer,
    choose_bits,
    compute_prefix,
    fill_buckets,
    seal_answer,
)
from rempart.rights.card import CardSerial
from rempart.storage import self_checks
from rempart.storage.connect import Transaction
from rempart.storage.self_checks import CheckablePage, HeldCard, ListedAnswer
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.rights.read_cards import OpensPrints

_BASIS: Final = "rempart self-check v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMaker:
    """What lists are made with.

    Args:
        notices: An autocommit connection of the role notifier.
        cards: An autocommit connection of the role feeds.
        prints: Opens what cards are printed from: their secret is nowhere else.
        draw: Random bytes.
        now: The present instant.
        report: Told how many answers were sealed, now and then; may raise to stop.
    """

    notices: Transaction
    cards: Transaction
    prints: OpensPrints
    draw: DrawBytes
    now: datetime
    report: Callable[[int], None] = lambda _done: None


def make_self_checks(maker: ListMaker) -> int:
    """Make the list of every public page that has none, or an old one; return how many were made.

    Raises:
        InconsistentRecord: what a card is printed from does not open.
    """
    made = 0
    with maker.notices.transaction():
        self_checks.forget_idle_lists(maker.notices)
        pages = self_checks.list_checkable_pages(maker.notices)
    for page in pages:
        made += _make_list(maker, page)
    return made


def _make_list(maker: ListMaker, page: CheckablePage) -> bool:
    with maker.cards.transaction():
        held, ever = self_checks.measure_cards(maker.cards, page.insurer_id)
    with maker.notices.transaction():
        messages = self_checks.measure_messages(maker.notices, page)
        said = (_BASIS, *CERTAINTIES, *DOUBTS, *messages, held, ever)
        basis = hashlib.sha256(repr(said).encode()).digest()
        if basis == page.basis:
            return False
        if messages[0] == 0:
            self_checks.forget_list(maker.notices, page)
            return False
        salt = maker.draw(SALT_BYTES)
        bits = choose_bits(held)
        entries = list(_seal_all(maker, page, salt, bits))
        self_checks.replace_list(
            maker.notices,
            page,
            list_ref=draw_ref(),
            basis=basis,
            salt=salt,
            buckets=fill_buckets(entries, bits, maker.draw),
        )
    return True


def _seal_all(
    maker: ListMaker, page: CheckablePage, salt: bytes, bits: int
) -> Iterator[tuple[int, bytes]]:
    today = to_paris_day(maker.now.astimezone(UTC))
    done = 0
    for block in self_checks.iterate_answers(maker.notices, page):
        told = {one.person_ref: one for one in block}
        with maker.cards.transaction():
            lines = self_checks.list_held_cards(maker.cards, page.insurer_id, list(told))
        for line in lines:
            secret = _open_line(maker.prints, line, today)
            if secret is not None:
                answer = _describe(told[line.person_ref], line.place)
                sealed = seal_answer(salt, secret, answer, maker.draw(NONCE_BYTES))
                yield compute_prefix(page.amc_number, CardSerial(line.serial), bits), sealed
        done += len(block)
        maker.report(done)


def _open_line(prints: OpensPrints, line: HeldCard, today: date) -> bytes | None:
    """Return the secret of a card, when it answers for this line; None when it does not."""
    card = decode_print(prints.open(line.serial, line.sealed)).card
    person = card.beneficiaries[line.place - 1]
    is_child = decide_is_minor(person.birth_date.text.replace("-", ""), on=today) is True
    return card.secret if line.is_holder or is_child else None


def _describe(told: ListedAnswer, place: int) -> SealedAnswer:
    return SealedAnswer(
        place=place,
        certainty=told.certainty,
        doubt=told.doubt,
        exposed=told.exposed,
        not_exposed=told.not_exposed,
        number=told.package_number,
    )
