"""Birth date and birth rank, the two halves that tell beneficiaries of one NIR apart.

Refuses to be a calendar date: the national files hold birth days that no calendar has.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity

DATE_FORMAT: Final = Refusal(
    rule="birth_date_format",
    fr="La date de naissance n’a pas huit chiffres.",
    en="The birth date does not have eight digits.",
    advice_fr="Écrire JJ/MM/AAAA ou AAAAMMJJ, comme sur l’attestation.",
    advice_en="Write DD/MM/YYYY or YYYYMMDD, as on the certificate.",
)
DATE_YEAR: Final = Refusal(
    rule="birth_date_year",
    fr="L’année de naissance n’est pas possible.",
    en="The birth year is not possible.",
    advice_fr="Vérifier l’année : de 1850 à 2199, en tête de la date.",
    advice_en="Check the year: from 1850 to 2199, at the head of the date.",
)
RANK: Final = Refusal(
    rule="birth_rank",
    fr="Le rang de naissance n’est pas un chiffre de 1 à 9.",
    en="The birth rank is not a digit from 1 to 9.",
    advice_fr="Mettre 1, sauf pour un jumeau dont l’attestation porte un autre rang.",
    advice_en="Put 1, except for a twin whose certificate bears another rank.",
)

_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_FRENCH: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})", re.ASCII)
_FIRST_YEAR: Final = "1850"
_LAST_YEAR: Final = "2199"


@dataclass(frozen=True, slots=True, repr=False)
class BirthDate(Identity):
    """A birth date as the insurance files hold it: eight characters AAAAMMJJ.

    Month and day may be ones no calendar has ("lunar" dates such as 19421901): insured people born
    where the civil status gave none were registered so, and their cards say so.
    """

    text: str

    def __post_init__(self) -> None:
        if not _COMPACT.fullmatch(self.text):
            raise BadValue(DATE_FORMAT)
        if not _FIRST_YEAR <= self.text[:4] <= _LAST_YEAR:
            raise BadValue(DATE_YEAR)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read AAAAMMJJ, AAAA-MM-JJ or JJ/MM/AAAA.

        Raises:
            BadValue: the text has none of these shapes, or the year is impossible.
        """
        stripped = text.strip()
        if french := _FRENCH.fullmatch(stripped):
            day, month, year = french.groups()
            return cls(year + month + day)
        if iso := _ISO.fullmatch(stripped):
            return cls("".join(iso.groups()))
        return cls(stripped)

    @property
    def calendar_date(self) -> date | None:
        """The day in the calendar, or None for a lunar date."""
        try:
            return date(int(self.text[:4]), int(self.text[4:6]), int(self.text[6:]))
        except ValueError:
            return None

    def format(self) -> str:
        """Write the date the French way, JJ/MM/AAAA, lunar or not."""
        return f"{self.text[6:]}/{self.text[4:6]}/{self.text[:4]}"


@dataclass(frozen=True, slots=True, repr=False)
class BirthRank(Identity):
    """The rank, 1 to 9, that tells apart people of one NIR born the same day (twins)."""

    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 9:
            raise BadValue(RANK)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one digit from 1 to 9.

        Raises:
            BadValue: the text is anything else.
        """
        stripped = text.strip()
        if len(stripped) != 1 or stripped not in "123456789":
            raise BadValue(RANK)
        return cls(int(stripped))

    def format(self) -> str:
        """Write the digit."""
        return str(self.number)
