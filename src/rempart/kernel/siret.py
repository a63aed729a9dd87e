"""The SIRET of an establishment, whose first nine digits are the SIREN of its company.

Refuses the exception some post offices enjoy: no insured care is billed from one.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from stdnum import luhn

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity, remove_spaces

FORMAT: Final = Refusal(
    rule="siret_format",
    fr="Le SIRET n’a pas 14 chiffres.",
    en="The SIRET does not have 14 digits.",
    advice_fr="Recopier les 14 chiffres : SIREN puis numéro interne.",
    advice_en="Copy the 14 digits: SIREN, then internal number.",
)
SIREN_KEY: Final = Refusal(
    rule="siret_siren_key",
    fr="Le neuvième chiffre du SIRET ne correspond pas aux huit premiers.",
    en="The ninth digit of the SIRET does not match the first eight.",
    advice_fr="Le SIREN est faux : recopier ses neuf chiffres.",
    advice_en="The SIREN is wrong: copy its nine digits again.",
)
KEY: Final = Refusal(
    rule="siret_key",
    fr="Le dernier chiffre du SIRET ne correspond pas aux treize premiers.",
    en="The last digit of the SIRET does not match the first thirteen.",
    advice_fr="Un chiffre du numéro interne est faux : recopier les cinq derniers.",
    advice_en="A digit of the internal number is wrong: copy the last five again.",
)
_match: Final = re.compile(r"\d{14}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True, repr=False)
class Siret(Identity):
    """Fourteen digits with two Luhn keys; some companies are one person, so it does not print.

    Raises:
        BadValue: not fourteen digits, or one of the two keys is wrong.
    """

    number: str

    def __post_init__(self) -> None:
        if not _match(self.number):
            raise BadValue(FORMAT)
        if not luhn.is_valid(self.number[:9]):
            raise BadValue(SIREN_KEY)
        if not luhn.is_valid(self.number):
            raise BadValue(KEY)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read fourteen digits, spaces welcome.

        Raises:
            BadValue: not fourteen digits, or one of the two keys is wrong.
        """
        return cls(remove_spaces(text))

    @property
    def siren(self) -> str:
        """The nine digits of the company."""
        return self.number[:9]

    @property
    def is_synthetic(self) -> bool:
        """Tell whether no company can hold it: the published register has no SIREN in 0000."""
        return self.number.startswith("0000")

    def format(self) -> str:
        """Write the fourteen digits in groups: `000 000 018 00012`."""
        n = self.number
        return f"{n[:3]} {n[3:6]} {n[6:9]} {n[9:]}"
