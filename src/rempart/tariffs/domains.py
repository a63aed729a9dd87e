"""The domains: families of care that a card grants one by one.

Refuses unknown codes: an insurer's own code is transcoded at the edge or reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from rempart.kernel.findings import BadValue, Language, Refusal
from rempart.tariffs.data_files import load_data_file

UNKNOWN: Final = Refusal(
    rule="domain_unknown",
    fr="Ce domaine de soins n’existe pas.",
    en="There is no such domain of care.",
    advice_fr="Utiliser l’un des codes de la carte, par exemple PHAR, MEDG ou OPTI.",
    advice_en="Use one of the codes of the card, for instance PHAR, MEDG or OPTI.",
)


@dataclass(frozen=True, slots=True)
class Domain:
    """One family of care.

    Args:
        code: Four letters, as on the card.
        number: What the ledger commits to; stable for ever.
        fr: French label.
        en: English label.
    """

    code: str
    number: int
    fr: str
    en: str

    @classmethod
    def parse(cls, code: str) -> "Domain":
        """Return the domain of a code.

        Raises:
            BadValue: no domain has this code.
        """
        try:
            return DOMAINS[code]
        except KeyError:
            raise BadValue(UNKNOWN) from None

    @classmethod
    def from_number(cls, number: int) -> "Domain":
        """Return the domain of a ledger number.

        Raises:
            BadValue: no domain has this number.
        """
        try:
            return _BY_NUMBER[number]
        except KeyError:
            raise BadValue(UNKNOWN) from None

    def label(self, language: Language = "fr") -> str:
        """Return the name people read."""
        return self.fr if language == "fr" else self.en


_FILE: Final = load_data_file("domains.toml")
SOURCE: Final[str] = _FILE["source"]
"""Where the list comes from."""
VALID_FROM: Final[date] = _FILE["valid_from"]
"""First day of the list."""

DOMAINS: Final[Mapping[str, Domain]] = MappingProxyType(
    {row["code"]: Domain(**row) for row in _FILE["domain"]}
)
"""Every domain by its code, in the order cards print them."""

_BY_NUMBER: Final = {domain.number: domain for domain in DOMAINS.values()}
