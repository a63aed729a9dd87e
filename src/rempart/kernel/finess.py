"""The FINESS number of a health establishment.

Refuses to tell a legal body from a site: the number does not say it.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from stdnum import luhn

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import remove_spaces

FORMAT: Final = Refusal(
    rule="finess_format",
    fr="Le numéro FINESS n’a pas 9 chiffres (2A ou 2B en tête pour la Corse).",
    en="The FINESS number does not have 9 digits (starting with 2A or 2B for Corsica).",
    advice_fr="Recopier les 9 caractères du numéro de l’établissement.",
    advice_en="Copy the 9 characters of the establishment's number.",
)
KEY: Final = Refusal(
    rule="finess_key",
    fr="Le dernier chiffre du numéro FINESS ne correspond pas aux huit premiers.",
    en="The last digit of the FINESS number does not match the first eight.",
    advice_fr="Un chiffre est faux ou deux sont inversés : recopier le numéro.",
    advice_en="One digit is wrong or two are swapped: copy the number again.",
)
_match: Final = re.compile(r"(?:\d\d|2[AB])\d{7}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Finess:
    """Nine characters: department (2), serial, and a Luhn key; names a place, so it prints.

    The key of a Corsican number (2A, 2B) is not checked: no public text says which digits the
    letters count for.

    Raises:
        BadValue: not nine characters, or a wrong key.
    """

    number: str

    def __post_init__(self) -> None:
        if not _match(self.number):
            raise BadValue(FORMAT)
        if self.number.isdigit() and not luhn.is_valid(self.number):
            raise BadValue(KEY)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read nine characters, spaces and lower case welcome.

        Raises:
            BadValue: not nine characters, or a wrong key.
        """
        return cls(remove_spaces(text).upper())

    @property
    def is_synthetic(self) -> bool:
        """Tell whether no establishment can hold it: no department has the number 00."""
        return self.number.startswith("00")

    def format(self) -> str:
        """Write the nine characters in groups: `00 000 001 8`."""
        return f"{self.number[:2]} {self.number[2:5]} {self.number[5:8]} {self.number[8]}"
