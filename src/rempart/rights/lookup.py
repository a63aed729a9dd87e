"""From what a professional types or scans to the key under which rights are found.

Refuses to search: only the exact identifiers give the key, and the key tells nothing of them.
"""

import hmac
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.crockford import ALPHABET, encode_number, format_groups, normalise_code
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity
from rempart.kernel.nir import Nir
from rempart.rights.card import PresenceCode, canonical_presence

CARD_LETTERS: Final = 20
LOOKUP_KEY_BYTES: Final = 16
SECRET_BYTES: Final = 32

CARD_CODE: Final = Refusal(
    rule="card_code",
    fr="Le code de la carte n’a pas 20 lettres et chiffres.",
    en="The card code does not have 20 letters and digits.",
    advice_fr="Recopier les cinq groupes de quatre imprimés sur la carte (jamais la lettre U).",
    advice_en="Copy the five groups of four printed on the card (never the letter U).",
)


@dataclass(frozen=True, slots=True, repr=False)
class CardCode(Identity):
    """The secret of a card: 20 letters of base 32, 100 bits, so that nobody can guess one.

    Raises:
        BadValue: not 20 letters of the alphabet.
    """

    code: str

    def __post_init__(self) -> None:
        if len(self.code) != CARD_LETTERS or self.code.strip(ALPHABET):
            raise BadValue(CARD_CODE)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code; dashes, spaces, lower case, O for 0 and I or L for 1 are forgiven.

        Raises:
            BadValue: not 20 letters of the alphabet.
        """
        return cls(normalise_code(text))

    @classmethod
    def from_number(cls, number: int) -> Self:
        """Return the code of a number from 0 to 2**100 - 1, drawn by the caller."""
        return cls(encode_number(number, CARD_LETTERS))

    def format(self) -> str:
        """Write the code as the card prints it, in groups of four."""
        return format_groups(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedIdentifiers:
    """What the certificate shows and the professional types."""

    amc_number: AmcNumber
    insured_nir: Nir
    birth_date: BirthDate
    birth_rank: BirthRank


Identifiers: TypeAlias = TypedIdentifiers | CardCode | PresenceCode


def parse_card_code(text: str) -> CardCode | PresenceCode:
    """Read the code of a card: 20 letters of a feed's card, or 27 of a card of ours.

    The length tells them apart; whatever has neither is refused as the usual code is.

    Raises:
        BadValue: it is neither.
    """
    letters = len(normalise_code(text))
    return PresenceCode.parse(text) if letters > CARD_LETTERS + 2 else CardCode.parse(text)


def canonical_typed(amc_number: str, nir_number: str, birth_date: str, birth_rank: str) -> bytes:
    """Return the bytes the lookup key of typed identifiers is computed from.

    Takes text already validated, so that a file of millions of rows need not build objects.

    Args:
        amc_number: Ten digits.
        nir_number: Thirteen characters, upper case, without key.
        birth_date: Eight characters AAAAMMJJ.
        birth_rank: One digit.
    """
    return f"typed|{amc_number}|{nir_number}|{birth_date}|{birth_rank}".encode("ascii")


def canonical_card(code: str) -> bytes:
    """Return the bytes the lookup key of a card is computed from: 20 letters, normalised."""
    return f"card|{code}".encode("ascii")


def compute_raw_lookup_key(key: bytes, canonical: bytes) -> bytes:
    """Return the 16 bytes of a lookup key; checks nothing, for loops over millions of rows."""
    return hmac.digest(key, canonical, "sha256")[:LOOKUP_KEY_BYTES]


def compute_stranger(lookup_key: bytes) -> int:
    """Return the number that stands for whom a key leads to while it leads to nobody.

    Negative, as no person's reference is: 63 bits of the key.
    """
    return -(int.from_bytes(lookup_key[:8], "big") >> 1) - 1


def compute_lookup_key(key: bytes, identifiers: Identifiers) -> bytes:
    """Return the 16 bytes under which the rights of a beneficiary are found.

    Args:
        key: The installation's secret, 32 bytes.
        identifiers: What was typed, or the code of a card.

    Raises:
        ValueError: the secret is not 32 bytes.
    """
    if len(key) != SECRET_BYTES:
        raise ValueError(f"The lookup secret must have {SECRET_BYTES} bytes, not {len(key)}.")
    if isinstance(identifiers, CardCode):
        canonical = canonical_card(identifiers.code)
    elif isinstance(identifiers, PresenceCode):
        canonical = canonical_presence(identifiers)
    else:
        canonical = canonical_typed(
            identifiers.amc_number.number,
            identifiers.insured_nir.number,
            identifiers.birth_date.text,
            identifiers.birth_rank.format(),
        )
    return compute_raw_lookup_key(key, canonical)
