"""The RPPS, number of a health professional.

Refuses to look anybody up: a well-formed number may belong to nobody.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from stdnum import luhn

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity, remove_spaces

FORMAT: Final = Refusal(
    rule="rpps_format",
    fr="Le numéro RPPS n’a pas 11 chiffres.",
    en="The RPPS number does not have 11 digits.",
    advice_fr="Recopier les 11 chiffres de la carte professionnelle.",
    advice_en="Copy the 11 digits of the professional card.",
)
KEY: Final = Refusal(
    rule="rpps_key",
    fr="Le dernier chiffre du numéro RPPS ne correspond pas aux dix premiers.",
    en="The last digit of the RPPS number does not match the first ten.",
    advice_fr="Un chiffre est faux ou deux sont inversés : recopier le numéro.",
    advice_en="One digit is wrong or two are swapped: copy the number again.",
)
_match: Final = re.compile(r"\d{11}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True, repr=False)
class Rpps(Identity):
    """Eleven digits, the last one a Luhn key; prints as `<Rpps>`.

    Raises:
        BadValue: not eleven digits, or a wrong key.
    """

    number: str

    def __post_init__(self) -> None:
        if not _match(self.number):
            raise BadValue(FORMAT)
        if not luhn.is_valid(self.number):
            raise BadValue(KEY)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read eleven digits, spaces welcome.

        Raises:
            BadValue: not eleven digits, or a wrong key.
        """
        return cls(remove_spaces(text))

    @property
    def is_synthetic(self) -> bool:
        """Tell whether nobody can hold this number: none was ever issued from 99."""
        return self.number.startswith("99")

    def format(self) -> str:
        """Write the eleven digits."""
        return self.number
