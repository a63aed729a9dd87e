"""Is this card genuine and in force, as far as one can tell without asking anybody?

Refuses to say yes on old data: what cannot be told any more is amber, never green.
"""

import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeAlias

from rempart.kernel.crockford import normalise_code
from rempart.kernel.findings import BadValue
from rempart.rights.card import Card, PresenceCode
from rempart.rights.card_documents import CardKeys, Revocations
from rempart.rights.card_payload import PayloadRefused
from rempart.rights.card_signature import SignedCard, is_signed_by, read_symbol

_OURS: Final = re.compile(r"RP\d", re.ASCII)
_THIS_VERSION: Final = "RP1"


class CardColour(enum.Enum):
    """What the counter sees first."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class CardReason(enum.Enum):
    """Why a verdict has its colour, in the order in which causes are tested."""

    NOT_A_CARD = "not_a_card"
    ONLINE_ONLY = "online_only"
    OTHER_OPERATOR = "other_operator"
    NEWER_FORMAT = "newer_format"
    DAMAGED = "damaged"
    UNKNOWN_KEY = "unknown_key"
    KEY_REVOKED = "key_revoked"
    FORGED = "forged"
    KEY_OUT_OF_DAYS = "key_out_of_days"
    REVOKED = "revoked"
    EXPIRED = "expired"
    FUTURE = "future"
    CLOCK = "clock"
    KEYS_TOO_OLD = "keys_too_old"
    NO_LIST = "no_list"
    LIST_TOO_OLD = "list_too_old"
    GENUINE = "genuine"

    @property
    def colour(self) -> CardColour:
        """The colour this reason gives."""
        if self is CardReason.GENUINE:
            return CardColour.GREEN
        return CardColour.AMBER if self in _UNDECIDED else CardColour.RED


_UNDECIDED: Final = frozenset(
    {
        CardReason.ONLINE_ONLY,
        CardReason.OTHER_OPERATOR,
        CardReason.NEWER_FORMAT,
        CardReason.CLOCK,
        CardReason.KEYS_TOO_OLD,
        CardReason.NO_LIST,
        CardReason.LIST_TOO_OLD,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignCard:
    """What a plug-in read on another operator's symbol; nothing of it is verified.

    Args:
        operator: Whose symbol it is, as the plug-in names it.
        amc_number: The five harmonised labels, empty where the symbol does not say.
        convention_type: Idem.
        csr: Idem.
        member_number: Idem.
        validity: Idem.
    """

    operator: str
    amc_number: str = ""
    convention_type: str = ""
    csr: str = ""
    member_number: str = ""
    validity: str = ""

    def __repr__(self) -> str:
        return f"<ForeignCard of {self.operator}>"


ForeignReader: TypeAlias = Callable[[str], ForeignCard | None]
"""Reads the text of another operator's symbol, or says None: it is not one of its own."""


class CardVerdict(NamedTuple):
    """What can be said of a symbol.

    Args:
        reason: The first that applies; it gives the colour.
        card: What the symbol says, once its signature is verified; None before that.
        foreign: What a plug-in read, for another operator's symbol.
    """

    reason: CardReason
    card: Card | None = None
    foreign: ForeignCard | None = None

    @property
    def colour(self) -> CardColour:
        """Green, amber or red."""
        return self.reason.colour


def verify_card(
    text: str,
    keys: CardKeys,
    revocations: Revocations | None,
    today: date,
    *,
    readers: Sequence[ForeignReader] = (),
) -> CardVerdict:
    """Say what a symbol is worth, without a network.

    Args:
        text: What was scanned or typed.
        keys: The operator's keys, from a document already verified.
        revocations: Cards that count no more, idem; None when there is no list at hand.
        today: The device's civil date in Paris.
        readers: Plug-ins for other operators' symbols, tried in order.

    Returns:
        The verdict, causes being tested in the order of `CardReason`.
    """
    read = _read(text, readers)
    if isinstance(read, CardVerdict):
        return read
    reason = _judge_key(read, keys)
    if reason is not None:
        return CardVerdict(reason)
    return CardVerdict(_judge_card(read.card, keys, revocations, today), read.card)


def _read(text: str, readers: Sequence[ForeignReader]) -> SignedCard | CardVerdict:
    letters = normalise_code(text.strip())
    if not _OURS.match(letters):
        return _read_stranger(text, readers)
    if not letters.startswith(_THIS_VERSION):
        return CardVerdict(CardReason.NEWER_FORMAT)
    try:
        return read_symbol(letters)
    except PayloadRefused:
        return CardVerdict(CardReason.DAMAGED)


def _read_stranger(text: str, readers: Sequence[ForeignReader]) -> CardVerdict:
    try:
        PresenceCode.parse(text.strip())
    except BadValue:
        for reader in readers:
            if (foreign := reader(text)) is not None:
                return CardVerdict(CardReason.OTHER_OPERATOR, foreign=foreign)
        return CardVerdict(CardReason.NOT_A_CARD)
    return CardVerdict(CardReason.ONLINE_ONLY)


def _judge_key(signed: SignedCard, keys: CardKeys) -> CardReason | None:
    key = keys.keys.get(signed.key_id)
    if key is None:
        return CardReason.UNKNOWN_KEY
    if key.revoked:
        return CardReason.KEY_REVOKED
    if not is_signed_by(signed, key.public_key):
        return CardReason.FORGED
    if not key.issues.contains(signed.card.issued_on):
        return CardReason.KEY_OUT_OF_DAYS
    return None


def _judge_card(
    card: Card, keys: CardKeys, revocations: Revocations | None, today: date
) -> CardReason:
    issues = [keys.issue] if revocations is None else [keys.issue, revocations.issue]
    newest = max(issue.issued_on for issue in issues)
    day = max(today, newest)
    if revocations is not None and revocations.may_hold(card.serial):
        return CardReason.REVOKED
    if day > card.validity.ends_on:
        return CardReason.EXPIRED
    if day < card.validity.starts_on:
        return CardReason.FUTURE
    if today < newest:
        return CardReason.CLOCK
    if keys.issue.is_too_old(day):
        return CardReason.KEYS_TOO_OLD
    if revocations is None:
        return CardReason.NO_LIST
    if revocations.issue.is_too_old(day):
        return CardReason.LIST_TOO_OLD
    return CardReason.GENUINE
