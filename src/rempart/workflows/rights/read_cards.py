"""What pages show of cards, and what people do there: members with theirs, insurers with theirs.

Refuses to open the print of a card that is not the visitor's: the database gives it to nobody else.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission, check_can
from rempart.exchange.card_letter import CardPrint, decode_print, render_letters
from rempart.kernel.errors import NotFound
from rempart.kernel.instants import to_paris_day
from rempart.rights.card import CardSerial
from rempart.storage import card_pages, cards
from rempart.storage.card_pages import (
    BatchColumn,
    CardColumn,
    ListedBatch,
    ListedCard,
    OwnCard,
)
from rempart.storage.cards import FoundCard
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.web_session import record_event
from rempart.workflows.rights import card_events
from rempart.workflows.rights.issue_cards import OPERATOR
from rempart.workflows.settlement.change_bank_details import Asker

__all__ = ["BatchColumn", "CardColumn", "FoundCard", "ListedBatch", "ListedCard", "OwnCard"]

MOST_OWN_CARDS: Final = 60


class OpensPrints(Protocol):
    """Opens what prints a card."""

    def open(self, serial: bytes, sealed: bytes) -> bytes:
        """Open the print of one card."""
        ...


@dataclass(frozen=True, slots=True)
class MyCard:
    """A card of the visitor: its facts, and what prints it while it counts."""

    row: OwnCard
    printed: CardPrint | None

    @property
    def serial(self) -> CardSerial:
        """Its number."""
        return CardSerial(self.row.serial)


@dataclass(frozen=True, slots=True)
class MyCards:
    """What « Ma carte » shows: cards that count, earlier ones, whether one is on its way."""

    current: tuple[MyCard, ...]
    past: tuple[MyCard, ...]
    ordered: bool


def read_my_cards(tx: Transaction, asker: Asker, seal: OpensPrints) -> MyCards:
    """Return the visitor's own cards.

    Raises:
        NotAllowed: they are no member.
        NotFound: their account leads to no person.
    """
    check_can(asker.visitor, Permission.READ_OWN_CARDS, now=asker.now)
    person_ref = _find_person(asker)
    rows = card_pages.list_own_cards(
        tx, person_ref, today=to_paris_day(asker.now), limit=MOST_OWN_CARDS
    )
    all_cards = [MyCard(row, _open(seal, row)) for row in rows]
    return MyCards(
        current=tuple(card for card in all_cards if card.printed is not None),
        past=tuple(card for card in all_cards if card.printed is None),
        ordered=cards.has_waiting_order(tx, person_ref),
    )


def read_my_card(tx: Transaction, asker: Asker, seal: OpensPrints, serial: str) -> MyCard:
    """Return one of the visitor's cards that count.

    Raises:
        NotAllowed: they are no member.
        NotFound: none of theirs that counts has this number.
    """
    wanted = CardSerial.parse(serial)
    for card in read_my_cards(tx, asker, seal).current:
        if card.serial == wanted:
            return card
    raise NotFound("no card in force has this number")


def print_my_card(card: MyCard, *, now: datetime) -> bytes:
    """Return the letter of a card as a PDF, for its holder to read or to print at home."""
    if card.printed is None:
        raise NotFound("a card that counts no more is not printed again")
    return render_letters([card.printed], operator=OPERATOR, made_at=now, for_screen=True)


def declare_lost(tx: Transaction, asker: Asker, serial: str) -> None:
    """Take the visitor's own card out of use, now, and order another.

    Raises:
        NotAllowed: they are no member.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound: none of theirs that counts has this number.
    """
    check_can(asker.visitor, Permission.ORDER_OWN_CARD, now=asker.now)
    wanted = _parse(serial)
    card = card_events.revoke_card(tx, wanted, "lost")
    card_events.order_card(tx, wanted, "lost", asked_by=asker.visitor.actor_ref)
    _record(tx, SecurityEventKind.CARD_REVOKED, asker, card)


def order_my_card(tx: Transaction, asker: Asker, *, large_print: bool) -> None:
    """Order a new card for the visitor; the present one counts until it is made.

    Raises:
        NotAllowed: they are no member.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound: their account leads to no person.
        Conflict: one is on its way.
    """
    check_can(asker.visitor, Permission.ORDER_OWN_CARD, now=asker.now)
    person_ref = _find_person(asker)
    if asker.visitor.insurer_id is None:
        raise NotFound("no insurer behind this account")
    card_events.order_first_card(
        tx,
        insurer_id=asker.visitor.insurer_id,
        person_ref=person_ref,
        large_print=large_print,
        asked_by=asker.visitor.actor_ref,
    )
    _record(tx, SecurityEventKind.CARD_ORDERED, asker, None)


def list_batches(
    tx: Transaction,
    asker: Asker,
    *,
    sort: BatchColumn,
    descending: bool,
    limit: int,
    offset: int = 0,
) -> tuple[list[ListedBatch], int]:
    """Return one page of the insurer's batches, and how many there are."""
    check_can(asker.visitor, Permission.READ_CARDS, now=asker.now)
    return card_pages.list_batches(tx, sort=sort, descending=descending, limit=limit, offset=offset)


def list_cards(
    tx: Transaction,
    asker: Asker,
    batch_ref: int,
    *,
    sort: CardColumn,
    descending: bool,
    limit: int,
    offset: int = 0,
) -> tuple[list[ListedCard], int]:
    """Return one page of the cards of a batch, and how many there are."""
    check_can(asker.visitor, Permission.READ_CARDS, now=asker.now)
    return card_pages.list_batch_cards(
        tx, batch_ref, sort=sort, descending=descending, limit=limit, offset=offset
    )


def count_orders(tx: Transaction, asker: Asker) -> int:
    """Return how many of the insurer's orders wait."""
    check_can(asker.visitor, Permission.READ_CARDS, now=asker.now)
    return card_pages.count_orders(tx)


def read_card(tx: Transaction, asker: Asker, serial: str) -> FoundCard:
    """Return one card of the insurer.

    Raises:
        NotAllowed: not theirs to see.
        NotFound: no card of this insurer has this number.
    """
    check_can(asker.visitor, Permission.READ_CARDS, now=asker.now)
    found = cards.find_card(tx, _parse(serial))
    if found is None:
        raise NotFound("no card has this number")
    return found


def take_card_back(tx: Transaction, asker: Asker, serial: str, reason: str) -> None:
    """Revoke a card of the insurer, for one of the reasons an insurer has.

    Raises:
        NotAllowed: not theirs to do.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound: no card in force of this insurer has this number.
    """
    check_can(asker.visitor, Permission.MANAGE_CARDS, now=asker.now)
    card = card_events.revoke_card(tx, _parse(serial), reason)
    _record(tx, SecurityEventKind.CARD_REVOKED, asker, card)


def order_again(
    tx: Transaction,
    asker: Asker,
    serial: str,
    purpose: str,
    *,
    large_print: bool,
) -> None:
    """Order a card in place of one of the insurer's.

    Raises:
        NotAllowed: not theirs to do.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound: no card of this insurer has this number.
        Conflict: one is ordered for its holder already.
    """
    check_can(asker.visitor, Permission.MANAGE_CARDS, now=asker.now)
    card = card_events.order_card(
        tx,
        _parse(serial),
        purpose,
        large_print=large_print,
        asked_by=asker.visitor.actor_ref,
    )
    _record(tx, SecurityEventKind.CARD_ORDERED, asker, card)


def share_line(tx: Transaction, asker: Asker, serial: str, line: int, with_serial: str) -> None:
    """Put the child on a line of a card on another adult's card too.

    Raises:
        NotAllowed: not theirs to do.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound, InvalidRequest, Conflict: as `card_events.share_child`.
    """
    check_can(asker.visitor, Permission.MANAGE_CARDS, now=asker.now)
    card = card_events.share_child(
        tx, _parse(serial), line, _parse(with_serial), asked_by=asker.visitor.actor_ref
    )
    _record(tx, SecurityEventKind.CARD_ORDERED, asker, card)


def unshare_line(tx: Transaction, asker: Asker, serial: str, line: int) -> None:
    """Take the child on a line of a card off it.

    Raises:
        NotAllowed: not theirs to do.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound, InvalidRequest, Conflict: as `card_events.unshare_child`.
    """
    check_can(asker.visitor, Permission.MANAGE_CARDS, now=asker.now)
    card = card_events.unshare_child(tx, _parse(serial), line, asked_by=asker.visitor.actor_ref)
    _record(tx, SecurityEventKind.CARD_ORDERED, asker, card)


def _find_person(asker: Asker) -> int:
    person_ref = asker.visitor.person_ref
    if person_ref is None:
        raise NotFound("no person behind this account")
    return person_ref


def _parse(serial: str) -> CardSerial:
    found = CardSerial.parse(serial)
    if found is None:
        raise NotFound("no card has this number")
    return found


def _open(seal: OpensPrints, row: OwnCard) -> CardPrint | None:
    return None if row.sealed is None else decode_print(seal.open(row.serial, row.sealed))


def _record(tx: Transaction, kind: SecurityEventKind, asker: Asker, card: FoundCard | None) -> None:
    visitor = asker.visitor
    label = {} if card is None else {"label": CardSerial(card.serial).format()}
    record_event(
        tx,
        SecurityEvent(
            kind=kind,
            actor_ref=visitor.actor_ref,
            session_ref=visitor.session_ref,
            org_ref=visitor.org_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
            details=label,
        ),
    )
