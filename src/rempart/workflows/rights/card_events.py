"""What happens to cards after they are made: lost, revoked, reissued; keys; what verifiers take.

Refuses to let a revoked card's code open anything: its keys leave with the revocation, in one
transaction. Offline, a revocation counts from the next published list.
"""

import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.periods import Period
from rempart.rights.card import CardSerial
from rempart.rights.card_documents import CardKey, Issue, RootSigner, make_revocations
from rempart.rights.card_signature import CardSigner
from rempart.storage import card_lists, card_sharing, cards
from rempart.storage.card_lists import StoredKey
from rempart.storage.card_sharing import SharingOutcome
from rempart.storage.cards import FoundCard
from rempart.storage.connect import Transaction

KEYS_GOOD_FOR_DAYS: Final = 35
REVOCATIONS_GOOD_FOR_DAYS: Final = 7
DOMAINS_GOOD_FOR_DAYS: Final = 400
KEY_LIFETIME: Final = timedelta(days=730)
"""How long a new key may issue; its cards count for a year after that at most."""

KINDS: Final = ("keys", "revocations", "domains")


@dataclass(frozen=True, slots=True)
class Published:
    """What was published.

    Args:
        number: Of the list of revocations.
        keys: Keys listed.
        revoked: Cards listed as revoked.
        closed: Keys of expired cards that open nothing any more.
    """

    number: int
    keys: int
    revoked: int
    closed: int


def publish_documents(
    tx: Transaction, root: RootSigner, *, operator: str, today: date
) -> Published:
    """Sign and publish keys, revocations and domains; take expired cards out of reach.

    To be run every day, and after a revocation that cannot wait.

    Args:
        tx: An open transaction of the role `feeds`.
        root: Signs documents.
        operator: Whose they are.
        today: Paris civil date.
    """
    closed = card_lists.close_expired(tx, today)
    issues = {
        kind: Issue(
            operator=operator,
            number=_next_number(tx, kind),
            issued_on=today,
            good_for_days=days,
        )
        for kind, days in zip(
            KINDS,
            (KEYS_GOOD_FOR_DAYS, REVOCATIONS_GOOD_FOR_DAYS, DOMAINS_GOOD_FOR_DAYS),
            strict=True,
        )
    }
    keys = [_describe_key(row) for row in card_lists.list_signing_keys(tx)]
    revocations = make_revocations(
        issues["revocations"], card_lists.list_revoked_serials(tx, today)
    )
    bodies = {
        "keys": root.sign_keys(issues["keys"], keys),
        "revocations": root.sign_revocations(revocations),
        "domains": root.sign_domains(issues["domains"]),
    }
    for kind, body in bodies.items():
        card_lists.add_document(tx, kind, issues[kind].number, today, body)
    return Published(issues["revocations"].number, len(keys), len(revocations), closed)


def add_key(tx: Transaction, seed: bytes, today: date) -> CardSigner:
    """Bring a new signing key into use from today; the others stop issuing, and still count."""
    signer = CardSigner(seed)
    for key in card_lists.list_signing_keys(tx):
        card_lists.end_signing_key(tx, key.key_id, today)
    card_lists.add_signing_key(
        tx, signer.key_id, signer.public_key, Period(today, today + KEY_LIFETIME)
    )
    return signer


def find_key_in_force(tx: Transaction, today: date) -> StoredKey | None:
    """Return the key that issues today: the newest of those that may."""
    usable = [
        key
        for key in card_lists.list_signing_keys(tx)
        if not key.revoked and key.from_on <= today <= key.to_on
    ]
    return usable[-1] if usable else None


def revoke_key(tx: Transaction, key_id: bytes) -> None:
    """Say that no card of a key counts any more: its cards must be issued again.

    Raises:
        NotFound: no such key counts.
    """
    if not card_lists.revoke_signing_key(tx, key_id):
        raise NotFound("no key in use has this id: see `rempart cards keys`")


def revoke_card(tx: Transaction, serial: CardSerial, reason: str) -> FoundCard:
    """Take a card back: its code opens nothing from the end of the transaction.

    Returns:
        The card, as it was.

    Raises:
        NotFound: no card in force, of the asker's, has this number.
    """
    card = cards.find_card(tx, serial)
    if card is None or not cards.revoke_card(tx, serial.value, reason):
        raise NotFound("no card in force has this number")
    return card


def order_card(
    tx: Transaction,
    serial: CardSerial,
    purpose: str,
    *,
    large_print: bool = False,
    asked_by: int | None = None,
) -> FoundCard:
    """Order a card in place of one that was made.

    A lost card is revoked at once; the others count until the new one is made.

    Raises:
        NotFound: no card of the asker's has this number.
        Conflict: an order of its holder waits already.
    """
    card = cards.find_card(tx, serial)
    if card is None:
        raise NotFound("no card has this number")
    if purpose == "lost":
        cards.revoke_card(tx, serial.value, "lost")
    added = cards.add_order(
        tx,
        order_ref=randomness.randbits(62) + 1,
        insurer_id=card.insurer_id,
        person_ref=card.holder_ref,
        serial=serial.value,
        purpose=purpose,
        large_print=large_print,
        asked_by=asked_by,
    )
    if not added and purpose != "lost":
        raise Conflict("a card is already ordered for this holder: it will come with the next run")
    return card


def order_first_card(
    tx: Transaction, *, insurer_id: int, person_ref: int, large_print: bool, asked_by: int
) -> None:
    """Order a card for somebody who has none.

    Raises:
        Conflict: one is ordered already.
    """
    added = cards.add_order(
        tx,
        order_ref=randomness.randbits(62) + 1,
        insurer_id=insurer_id,
        person_ref=person_ref,
        serial=None,
        purpose="new",
        large_print=large_print,
        asked_by=asked_by,
    )
    if not added:
        raise Conflict("a card is already ordered: it will come with the next run")


def share_child(
    tx: Transaction,
    serial: CardSerial,
    line: int,
    with_serial: CardSerial,
    *,
    asked_by: int | None = None,
) -> FoundCard:
    """Put a child who is on a card on another adult's too, and order that card again.

    Args:
        tx: An open transaction.
        serial: A card the child is on.
        line: Their line on it, from 1.
        with_serial: The card of the other adult, of the same contract.
        asked_by: The account; None at the command line.

    Returns:
        The card that is made again.

    Raises:
        NotFound: no card in force, of the asker's, has one of these numbers, or no such line.
        InvalidRequest: cards of two contracts, or an adult on that line.
        Conflict: the adults share one card, or the child is on both already.
    """
    _check_sharing(card_sharing.share_child(tx, serial.value, line, with_serial.value))
    return _order_again(tx, with_serial, asked_by)


def unshare_child(
    tx: Transaction, serial: CardSerial, line: int, *, asked_by: int | None = None
) -> FoundCard:
    """Take a child off a card that they share with another, and order that card again.

    The card's code for the child opens nothing from the end of the transaction.

    Raises:
        NotFound: no card in force, of the asker's, has this number, or no such line.
        InvalidRequest: an adult is on that line.
        Conflict: no other card has the child.
    """
    _check_sharing(card_sharing.unshare_child(tx, serial.value, line))
    return _order_again(tx, serial, asked_by)


def load_documents(tx: Transaction, kinds: Sequence[str] = KINDS) -> dict[str, str]:
    """Return the last published documents, by kind.

    Raises:
        NotFound: nothing was published yet.
    """
    found = {kind: card_lists.load_document(tx, kind) for kind in kinds}
    if any(document is None for document in found.values()):
        raise NotFound("no list was published yet: run `rempart cards publish`")
    return {kind: document[2] for kind, document in found.items() if document is not None}


def _check_sharing(outcome: SharingOutcome) -> None:
    match outcome:
        case "done":
            return
        case "unknown" | "no_line":
            raise NotFound("no card in force has this number, or this line")
        case "apart":
            raise InvalidRequest(
                "the cards are not of two adults of one contract: a child of two contracts is on "
                "the cards of both once the feed says so"
            )
        case "adult":
            raise InvalidRequest("an adult is on this line: children are shared, nobody else")
        case "together":
            raise Conflict("the adults share one card: order a separation first")
        case "last":
            raise Conflict("no other card has this child: share them first")
        case "already":
            raise Conflict("it is so already")


def _order_again(tx: Transaction, serial: CardSerial, asked_by: int | None) -> FoundCard:
    card = cards.find_card(tx, serial)
    if card is None:
        raise NotFound("no card has this number")
    # One that waits already will be made with the child, or without.
    cards.add_order(
        tx,
        order_ref=randomness.randbits(62) + 1,
        insurer_id=card.insurer_id,
        person_ref=card.holder_ref,
        serial=serial.value,
        purpose="reissue",
        large_print=False,
        asked_by=asked_by,
    )
    return card


def _next_number(tx: Transaction, kind: str) -> int:
    last = card_lists.load_document(tx, kind)
    return 1 if last is None else last[0] + 1


def _describe_key(row: StoredKey) -> CardKey:
    return CardKey(
        public_key=row.public_key,
        issues=Period(row.from_on, row.to_on),
        revoked=row.revoked,
    )
