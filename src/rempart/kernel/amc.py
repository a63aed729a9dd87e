"""The number of a complementary insurer (AMC).

Refuses to guess a key: no public text gives one, so only the directory of insurers can tell whether
a number is somebody's.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import remove_spaces

FORMAT: Final = Refusal(
    rule="amc_number",
    fr="Le numéro d’AMC ne compte pas 8 à 10 chiffres.",
    en="The AMC number does not have 8 to 10 digits.",
    advice_fr="Recopier le numéro AMC du bloc normalisé de la carte de tiers payant.",
    advice_en="Copy the AMC number from the standard block of the tiers payant card.",
)
_match: Final = re.compile(r"\d{10}", re.ASCII).fullmatch
_match_short: Final = re.compile(r"\d{8,10}", re.ASCII).fullmatch
_NOBODY: Final = "0" * 10


@dataclass(frozen=True, slots=True)
class AmcNumber:
    """Ten digits, padded with zeros on the left as on invoices; names a company, so it prints.

    Raises:
        BadValue: not ten digits, or all zeros.
    """

    number: str

    def __post_init__(self) -> None:
        if not _match(self.number) or self.number == _NOBODY:
            raise BadValue(FORMAT)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read eight to ten digits as cards print them, spaces welcome.

        Raises:
            BadValue: the text is anything else.
        """
        compact = remove_spaces(text)
        if not _match_short(compact):
            raise BadValue(FORMAT)
        return cls(compact.zfill(10))

    @property
    def is_synthetic(self) -> bool:
        """Tell whether it is one of the numbers kept for invented insurers, those from 99."""
        return self.number.startswith("99")

    def format(self) -> str:
        """Write the ten digits."""
        return self.number
