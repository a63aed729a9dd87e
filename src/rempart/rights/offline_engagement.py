"""Numbers that promise payment while the door is shut: lent beforehand, bounded, reported after.

Refuses to promise more than was lent: so many numbers a day and establishment, each worth so much.
A number carries no tag: it counts because its batch is in our books, and a batch cannot be guessed.
"""

import enum
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from rempart.kernel.crockford import decode_number, encode_number, normalise_code
from rempart.kernel.findings import BadValue, Refusal

PREFIX: Final = "HL"
_LETTERS: Final = 14
_PLACE_BITS: Final = 8
BATCH_BITS: Final = 62

NUMBERS_A_DAY: Final = 40
"""Lent to one establishment in one Paris day."""
MOST_AT_ONCE: Final = 20
AMOUNT_CENTS: Final = 30_000
"""The most that one number promises."""
DAY_MS: Final = 24 * 60 * 60 * 1000
LENT_FOR_MS: Final = 7 * DAY_MS
"""A number not used by then is worth nothing."""
REPORTED_WITHIN_MS: Final = 30 * DAY_MS
LIST_AGE_DAYS: Final = 7
"""A card checked against an older list was not green, and nothing was promised."""

OFFLINE_NUMBER: Final = Refusal(
    rule="offline_number",
    fr="Ce numéro hors ligne n’a pas la forme attendue.",
    en="This offline number does not have the shape expected.",
    advice_fr="Recopier HL et les quatorze lettres et chiffres affichés.",
    advice_en="Copy HL and the fourteen letters and digits shown.",
)


class RefusedBecause(enum.StrEnum):
    """Why a number that came back promises nothing, in the order of the tests."""

    UNKNOWN_NUMBER = "unknown_number"
    """Never lent, or to another establishment; the two look the same."""
    USED = "used"
    """It came back before, with something else."""
    OUT_OF_DAYS = "out_of_days"
    """Given before it was lent or after its days, or reported too late."""
    OVER_AMOUNT = "over_amount"
    LIST_TOO_OLD = "list_too_old"
    UNKNOWN_CARD = "unknown_card"
    """No card of ours had this code, or it was revoked before the day it was shown."""
    NOT_COVERED = "not_covered"
    """The card's own days or domains did not cover this care."""


class Lent(NamedTuple):
    """A batch as our books have it."""

    batch_ref: int
    establishment_ref: int
    size: int
    amount_cents: int
    issued_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineNumber:
    """One number of a batch; its place is from 1.

    Raises:
        ValueError: the batch or the place does not fit.
    """

    batch_ref: int
    place: int

    def __post_init__(self) -> None:
        if not 0 <= self.batch_ref < 1 << BATCH_BITS or not 0 < self.place < 1 << _PLACE_BITS:
            raise ValueError("no such offline number")

    @classmethod
    def parse(cls, text: str) -> "OfflineNumber":
        """Read a number; dashes, spaces, lower case, O, I and L are forgiven.

        Raises:
            BadValue: not of the shape.
        """
        # The prefix has an L, which is read as 1 like every other.
        code = normalise_code(text)
        number = decode_number(code[len(PREFIX) :])
        if not code.startswith(normalise_code(PREFIX)) or number is None:
            raise BadValue(OFFLINE_NUMBER)
        if len(code) != len(PREFIX) + _LETTERS:
            raise BadValue(OFFLINE_NUMBER)
        try:
            return cls(batch_ref=number >> _PLACE_BITS, place=number & (1 << _PLACE_BITS) - 1)
        except ValueError:
            raise BadValue(OFFLINE_NUMBER) from None

    def format(self) -> str:
        """Write it as it is shown: `HL-XXXX-XXXX-XXXX-XX`."""
        code = encode_number(self.batch_ref << _PLACE_BITS | self.place, _LETTERS)
        return f"{PREFIX}-{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineReport:
    """What a device says it promised while the door was shut.

    Args:
        number: The number it gave.
        amount_cents: What is claimed under it.
        given_ms: When, by the device's clock.
        care_date: The day of care.
        list_issued_on: The day of the list of revocations that the card was checked against.
    """

    number: OfflineNumber
    amount_cents: int
    given_ms: int
    care_date: date
    list_issued_on: date


def decide_number(
    report: OfflineReport,
    lent: Lent | None,
    *,
    establishment_ref: int | None,
    given_on: date,
    now_ms: int,
) -> RefusedBecause | None:
    """Say why a number promises nothing, whatever card it was given for; None when it may.

    Args:
        report: What came back.
        lent: Its batch, if our books have one.
        establishment_ref: Who reports it.
        given_on: The Paris day of `report.given_ms`.
        now_ms: The instant of the report.
    """
    if lent is None or lent.establishment_ref != establishment_ref:
        return RefusedBecause.UNKNOWN_NUMBER
    if report.number.place > lent.size:
        return RefusedBecause.UNKNOWN_NUMBER
    in_days = lent.issued_ms <= report.given_ms < lent.expires_ms
    in_days = in_days and report.care_date == given_on
    if not in_days or not 0 <= now_ms - report.given_ms <= REPORTED_WITHIN_MS:
        return RefusedBecause.OUT_OF_DAYS
    if not 0 < report.amount_cents <= lent.amount_cents:
        return RefusedBecause.OVER_AMOUNT
    if not 0 <= (given_on - report.list_issued_on).days <= LIST_AGE_DAYS:
        return RefusedBecause.LIST_TOO_OLD
    return None
