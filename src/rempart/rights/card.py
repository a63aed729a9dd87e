"""A tiers payant card: what its symbol says, to whom, for which days.

Refuses to hold a NIR or a name: a symbol is read by anybody who sees the card.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.crockford import (
    ALPHABET,
    decode_number,
    encode_number,
    format_groups,
    normalise_code,
)
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity
from rempart.kernel.periods import Period
from rempart.rights.coverage import DomainTerms

PRESENCE_BYTES: Final = 16
PRESENCE_LETTERS: Final = 26
MAX_BENEFICIARIES: Final = 15
MAX_GUARANTEES: Final = 8
MAX_TEXT: Final = 40
"""Letters at most of a label, a circuit or a condition."""

SERIAL_BYTES: Final = 10
SERIAL_LETTERS: Final = 16
FIRST_DAY: Final = date(2020, 1, 1)
"""Day 0 of the dates in a symbol; the last one is 65,535 days later."""

_SERIAL_DOMAIN: Final = b"rempart card serial v1\0"
_ENDS: Final = date.fromordinal(FIRST_DAY.toordinal() + 0xFFFF)

PRESENCE_CODE: Final = Refusal(
    rule="presence_code",
    fr="Le code de présence n’a pas 26 lettres et chiffres suivis du numéro du bénéficiaire.",
    en="The presence code does not have 26 letters and digits followed by the beneficiary’s place.",
    advice_fr="Recopier le code imprimé sous le symbole, puis le numéro de la ligne du tableau.",
    advice_en="Copy the code printed under the symbol, then the number of the line of the table.",
)


@dataclass(frozen=True, slots=True, repr=False)
class PresenceCode(Identity):
    """The secret of a card, 128 bits drawn for it alone, and which of its beneficiaries is meant.

    Args:
        secret: 16 bytes.
        place: Line of the card's table, from 1 to 15.

    Raises:
        BadValue: not 16 bytes, or no such place.
    """

    secret: bytes
    place: int

    def __post_init__(self) -> None:
        if len(self.secret) != PRESENCE_BYTES or not 1 <= self.place <= MAX_BENEFICIARIES:
            raise BadValue(PRESENCE_CODE)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 26 letters and the place's; dashes, spaces, lower case, O, I and L are forgiven.

        Raises:
            BadValue: the text is anything else.
        """
        code = normalise_code(text)
        number = decode_number(code)
        if len(code) != PRESENCE_LETTERS + 1 or number is None or number >> 133:
            raise BadValue(PRESENCE_CODE)
        return cls((number >> 5).to_bytes(PRESENCE_BYTES), number & 31)

    @property
    def code(self) -> str:
        """The 26 letters of the card, without the place."""
        return encode_number(int.from_bytes(self.secret), PRESENCE_LETTERS)

    def format(self) -> str:
        """Write the code and the place as a professional's software sends them: 27 letters."""
        return self.code + ALPHABET[self.place]

    def format_printed(self) -> str:
        """Write the card's 26 letters as they are printed, in groups of four."""
        return format_groups(self.code)


def canonical_presence(presence: PresenceCode) -> bytes:
    """Return the bytes the lookup key of one beneficiary of one card is computed from."""
    return f"presence|{presence.code}|{presence.place}".encode("ascii")


def compute_presence_key(key: bytes, presence: PresenceCode) -> bytes:
    """Return the 16 bytes under which a card's beneficiary is found.

    Args:
        key: The installation's secret for look-ups, 32 bytes.
        presence: The card's code and the line of its table.
    """
    return hmac.digest(key, canonical_presence(presence), "sha256")[:16]


@dataclass(frozen=True, slots=True)
class CardSerial:
    """The number of a card: printed, listed, revoked by; tells nothing of its code.

    Raises:
        ValueError: not ten bytes.
    """

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != SERIAL_BYTES:
            raise ValueError(f"A card's serial has {SERIAL_BYTES} bytes, not {len(self.value)}.")

    @classmethod
    def of(cls, secret: bytes) -> Self:
        """Return the serial of the card that has this secret."""
        return cls(hashlib.sha256(_SERIAL_DOMAIN + secret).digest()[:SERIAL_BYTES])

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read sixteen letters, with the usual forgiveness; None when it is no serial."""
        code = normalise_code(text)
        number = decode_number(code)
        if len(code) != SERIAL_LETTERS or number is None:
            return None
        return cls(number.to_bytes(SERIAL_BYTES))

    @property
    def code(self) -> str:
        """The sixteen letters, without dashes."""
        return encode_number(int.from_bytes(self.value), SERIAL_LETTERS)

    def format(self) -> str:
        """Write the serial as it is printed, four groups of four."""
        return format_groups(self.code)

    def __str__(self) -> str:
        return self.format()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardBeneficiary:
    """One line of a card's table.

    Args:
        birth_date: Eight characters, lunar dates included.
        birth_rank: Tells twins apart.
        initial: First letter of the given name, A to Z, or "" when it has none of these.
        guarantee: Which of the card's guarantees, from 0.
        starts_on: First day, when later than the card's, or None.
        ends_on: Last day, when earlier than the card's, or None.

    Raises:
        ValueError: the initial is not a letter, or there cannot be such a guarantee.
    """

    birth_date: BirthDate
    birth_rank: BirthRank
    initial: str
    guarantee: int
    starts_on: date | None = None
    ends_on: date | None = None

    def __post_init__(self) -> None:
        if self.initial and not (len(self.initial) == 1 and "A" <= self.initial <= "Z"):
            raise ValueError("The initial on a card is one letter from A to Z, or nothing.")
        if not 0 <= self.guarantee < MAX_GUARANTEES:
            raise ValueError(f"A card has at most {MAX_GUARANTEES} guarantees.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a symbol says, before it is signed.

    Args:
        issued_on: Day the card was made, Paris civil date.
        validity: Days on which it counts, both ends included.
        amc_number: The insurer.
        convention_type: One to four letters or digits.
        csr: Critère secondaire de routage; may be empty.
        responsible: Whether the contract is a "contrat responsable".
        member_number: The member's number.
        secret: The presence code's 16 bytes.
        guarantees: Terms per code of domain, each shared by some beneficiaries.
        beneficiaries: In the order of the card's table.

    Raises:
        ValueError: something of it cannot be written in a symbol.
    """

    issued_on: date
    validity: Period
    amc_number: AmcNumber
    convention_type: str
    csr: str
    responsible: bool
    member_number: str
    secret: bytes
    guarantees: tuple[Mapping[str, DomainTerms], ...]
    beneficiaries: tuple[CardBeneficiary, ...]

    def __post_init__(self) -> None:
        for day in (self.issued_on, self.validity.starts_on, self.validity.ends_on):
            _check_day(day)
        for text in (self.convention_type, self.csr, self.member_number):
            check_text(text)
        if len(self.secret) != PRESENCE_BYTES:
            raise ValueError(f"A card's secret has {PRESENCE_BYTES} bytes.")
        if not 1 <= len(self.beneficiaries) <= MAX_BENEFICIARIES:
            raise ValueError(f"A card has 1 to {MAX_BENEFICIARIES} beneficiaries.")
        if not 1 <= len(self.guarantees) <= MAX_GUARANTEES:
            raise ValueError(f"A card has 1 to {MAX_GUARANTEES} guarantees.")
        for one in self.beneficiaries:
            if one.guarantee >= len(self.guarantees):
                raise ValueError("A beneficiary of the card has a guarantee that it does not have.")
            _check_own_days(one, self.validity)

    def __repr__(self) -> str:
        return f"<Card {self.serial}>"

    @property
    def serial(self) -> CardSerial:
        """The card's number."""
        return CardSerial.of(self.secret)

    def presence(self, place: int) -> PresenceCode:
        """Return the presence code of the beneficiary at one place, from 1."""
        return PresenceCode(self.secret, place)

    def period_of(self, beneficiary: CardBeneficiary) -> Period:
        """Return the days on which one beneficiary is covered, both ends included."""
        return Period(
            beneficiary.starts_on or self.validity.starts_on,
            beneficiary.ends_on or self.validity.ends_on,
        )


def check_text(text: str) -> None:
    """Refuse a label that a symbol cannot hold.

    Raises:
        ValueError: too long, or not printable ASCII.
    """
    if len(text) > MAX_TEXT or not all(" " <= letter <= "~" for letter in text):
        raise ValueError(f"A label of a card has at most {MAX_TEXT} ASCII characters.")


def _check_day(day: date) -> None:
    if not FIRST_DAY <= day <= _ENDS:
        raise ValueError(f"The day {day} cannot be written on a card: from {FIRST_DAY} to {_ENDS}.")


def _check_own_days(beneficiary: CardBeneficiary, validity: Period) -> None:
    starts_on, ends_on = beneficiary.starts_on, beneficiary.ends_on
    if starts_on is not None and not validity.starts_on < starts_on <= validity.ends_on:
        raise ValueError("A beneficiary's own first day is after the card's.")
    if ends_on is not None and not validity.starts_on <= ends_on < validity.ends_on:
        raise ValueError("A beneficiary's own last day is before the card's.")
    Period(starts_on or validity.starts_on, ends_on or validity.ends_on)
