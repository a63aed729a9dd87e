"""The NIR, number of a person in the national register, and the NIA that precedes it.

Refuses numbers that are well keyed but mean nothing (month 13, commune 000): a check key alone
accepts one wrong number in 97. Never prints itself.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from stdnum.fr import nir as stdnum_nir

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity, remove_spaces

_SEX: Final = "[1278]"
_MONTH: Final = r"(?:0[1-9]|1[0-2]|[23]\d|4[0-2]|[5-9]\d)"
_COMMUNE: Final = r"(?:00[1-9]|0[1-9]\d|[1-8]\d\d|9[0-8]\d|990)"
_PLACE: Final = (
    rf"(?:(?:0[1-9]|[1-8]\d|9[0-6]|99|2[AB]){_COMMUNE}"  # department, commune; or 99, country
    r"|9[78]\d(?:0[1-9]|[1-8]\d|90)"  # overseas: three-digit department, two-digit commune
    r"|00\d{3})"  # synthetic: no department has this number
)
_NUMBER: Final = rf"{_SEX}\d\d{_MONTH}{_PLACE}\d{{3}}"
_match_number: Final = re.compile(_NUMBER, re.ASCII).fullmatch
_match_keyed: Final = re.compile(rf"{_NUMBER}(?:0[1-9]|[1-8]\d|9[0-7])", re.ASCII).fullmatch
# Whole columns, one number a line or none: possessive, so that a million fields cost no memory.
_match_column: Final = re.compile(
    rf"(?:(?:{_NUMBER}(?:0[1-9]|[1-8]\d|9[0-7]))?\n)*+", re.ASCII
).fullmatch
_match_digits: Final = re.compile(r"\d{5}(?:\d\d|2[AB])\d{6}", re.ASCII).fullmatch
_match_month: Final = re.compile(_MONTH, re.ASCII).fullmatch


class NirKind(enum.Enum):
    """Whether the number is definitive."""

    NIR = "nir"
    NIA = "nia"
    """Waiting number (numéro identifiant d'attente), until the identity is certified."""


LENGTH: Final = Refusal(
    rule="nir_length",
    fr="Le NIR n’a pas 15 caractères (13 et la clé).",
    en="The NIR does not have 15 characters (13 and the key).",
    advice_fr="Recopier le numéro entier avec sa clé à deux chiffres.",
    advice_en="Copy the whole number with its two-digit key.",
)
CHARACTERS: Final = Refusal(
    rule="nir_characters",
    fr="Le NIR contient un caractère qui n’est pas un chiffre (hors 2A et 2B de la Corse).",
    en="The NIR has a character that is not a digit (other than 2A and 2B for Corsica).",
    advice_fr="Vérifier la confusion entre la lettre O et le zéro, ou entre I et 1.",
    advice_en="Look for the letter O in place of zero, or I in place of 1.",
)
SEX: Final = Refusal(
    rule="nir_sex",
    fr="Le premier chiffre du NIR n’est ni 1 ni 2 (ni 7 ni 8 pour un numéro d’attente).",
    en="The first digit of the NIR is neither 1 nor 2 (nor 7 nor 8 for a waiting number).",
    advice_fr="Vérifier le premier chiffre sur l’attestation.",
    advice_en="Check the first digit on the certificate.",
)
MONTH: Final = Refusal(
    rule="nir_month",
    fr="Le mois de naissance du NIR n’existe pas (01 à 12, ou 20 à 42 et 50 à 99).",
    en="The birth month of the NIR does not exist (01 to 12, or 20 to 42 and 50 to 99).",
    advice_fr="Vérifier les 4e et 5e chiffres sur l’attestation.",
    advice_en="Check the 4th and 5th digits on the certificate.",
)
COMMUNE: Final = Refusal(
    rule="nir_commune",
    fr="La commune de naissance du NIR n’existe pas (001 à 990, ou 01 à 90 outre-mer).",
    en="The birth commune of the NIR does not exist (001 to 990, or 01 to 90 overseas).",
    advice_fr="Vérifier les 8e, 9e et 10e chiffres sur l’attestation.",
    advice_en="Check the 8th, 9th and 10th digits on the certificate.",
)
COUNTRY: Final = Refusal(
    rule="nir_country",
    fr="Le pays de naissance du NIR n’existe pas (001 à 990).",
    en="The birth country of the NIR does not exist (001 to 990).",
    advice_fr="Vérifier les trois chiffres qui suivent 99 sur l’attestation.",
    advice_en="Check the three digits after 99 on the certificate.",
)
KEY: Final = Refusal(
    rule="nir_key",
    fr="La clé du NIR ne correspond pas à ses treize premiers caractères.",
    en="The key of the NIR does not match its first thirteen characters.",
    advice_fr="Un caractère est faux ou deux sont inversés : recopier le numéro.",
    advice_en="One character is wrong or two are swapped: copy the number again.",
)
REFUSALS: Final = (LENGTH, CHARACTERS, SEX, MONTH, COUNTRY, COMMUNE, KEY)
"""Every reason for refusing a NIR, in the order of the tests."""


@dataclass(frozen=True, slots=True, repr=False)
class Nir(Identity):
    """A NIR or NIA that can exist, without its key.

    Args:
        number: Thirteen characters: sex, year (2), month (2), place (5), order (3).

    Raises:
        BadValue: the first thing that cannot be, in the order of `REFUSALS`.

    Source:
        S6; the key is computed by python-stdnum (S7).
    """

    number: str

    def __post_init__(self) -> None:
        if not _match_number(self.number):
            raise BadValue(_find_refusal(self.number))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read fifteen characters, thirteen and the key; spaces and a lower-case 2a are welcome.

        Raises:
            BadValue: the first thing that cannot be, in the order of `REFUSALS`.
        """
        compact = remove_spaces(text).upper()
        if len(compact) != 15:
            raise BadValue(LENGTH)
        if not compact[13:].isascii() or not compact[13:].isdigit():
            raise BadValue(CHARACTERS)
        nir = cls(compact[:13])
        if stdnum_nir.calc_check_digits(nir.number) != compact[13:]:
            raise BadValue(KEY)
        return nir

    @property
    def key(self) -> int:
        """The check key, 1 to 97."""
        return compute_nir_key(self.number)

    @property
    def sex(self) -> int:
        """1 for a man, 2 for a woman, whatever the kind of number."""
        return 1 if self.number[0] in "17" else 2

    @property
    def kind(self) -> NirKind:
        """NIA when the number starts with 7 or 8, NIR otherwise."""
        return NirKind.NIA if self.number[0] in "78" else NirKind.NIR

    @property
    def year_of_century(self) -> int:
        """The last two digits of the birth year; the century is not in the number."""
        return int(self.number[1:3])

    @property
    def birth_month(self) -> int:
        """1 to 12, or 20 to 42 and 50 to 99 when the civil status gave no certain month."""
        return int(self.number[3:5])

    @property
    def place(self) -> str:
        """The five characters of the birth place."""
        return self.number[5:10]

    @property
    def department(self) -> str:
        """Two characters, or three overseas (`974`); `99` abroad."""
        return self.number[5:8] if self.number[5:7] in ("97", "98") else self.number[5:7]

    @property
    def is_synthetic(self) -> bool:
        """Tell whether nobody can hold this number: department 00, or order 000 (never issued)."""
        return self.number[5:7] == "00" or self.number[10:] == "000"

    def format(self) -> str:
        """Write the fifteen characters in the usual groups: `2 84 05 00 123 456 78`."""
        n = self.number
        groups = (n[0], n[1:3], n[3:5], n[5:7], n[7:10], n[10:13], f"{self.key:02d}")
        return " ".join(groups)

    def format_compact(self) -> str:
        """Write the fifteen characters without spaces, as files carry them."""
        return f"{self.number}{self.key:02d}"


def compute_nir_key(number: str) -> int:
    """Return the key of thirteen characters: 97 minus the remainder by 97.

    Corsica counts as 19 (2A) and 18 (2B). The number need not mean anything.

    Raises:
        BadValue: the text is not thirteen digits (2A and 2B aside).
    """
    if not _match_digits(number):
        raise BadValue(LENGTH if len(number) != 13 else CHARACTERS)
    return 97 - _digits(number) % 97


def is_valid_nir(text: str) -> bool:
    """Tell whether `Nir.parse` accepts `text`, in about a microsecond: for millions of rows."""
    if not _match_keyed(text):
        compact = remove_spaces(text).upper()
        return compact != text and is_valid_nir(compact)
    number = int(text[:13]) if text[6] <= "9" else _digits(text)
    return (number + int(text[13:])) % 97 == 0


def read_nir_column(texts: Sequence[str]) -> list[str] | None:
    """Return the thirteen characters of each of many numbers given with their key.

    Args:
        texts: At least one; fifteen characters each, or empty, which gives the empty text.

    Returns:
        What `Nir.parse` would, several times faster; None when one of them needs a closer look.
    """
    joined = "\n".join(texts) + "\n"
    if joined.count("\n") != len(texts) or not _match_column(joined):
        return None
    # 2A and 2B can only be Corsica here: no other letter matched.
    numbers = map(int, joined.replace("2A", "19").replace("2B", "18").split())
    wrong = [number for number in numbers if (number // 100 + number % 100) % 97]
    return None if wrong else [text[:13] for text in texts]


def _digits(text: str) -> int:
    if text[6] == "A":
        return int(f"{text[:5]}19{text[7:13]}")
    if text[6] == "B":
        return int(f"{text[:5]}18{text[7:13]}")
    return int(text[:13])


def _find_refusal(number: str) -> Refusal:
    """Name the first thing wrong with thirteen characters known to be wrong."""
    if len(number) != 13:
        return LENGTH
    if not _match_digits(number):
        return CHARACTERS
    if number[0] not in "1278":
        return SEX
    if not _match_month(number[3:5]):
        return MONTH
    # Every pair of digits is some department, overseas, abroad, or Algeria, Morocco, Tunisia.
    return COUNTRY if number[5:7] == "99" else COMMUNE
