"""The IBAN of an account, French key included.

Refuses to print: a bank account identifies its holder. Refuses to say that the account is open.
"""

from dataclasses import dataclass
from typing import Final, Self

import schwifty
from schwifty.exceptions import SchwiftyException

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity, remove_spaces

SYNTHETIC_BANK: Final = "99999"

INVALID: Final = Refusal(
    rule="iban",
    fr="L’IBAN n’est pas valide (longueur, pays ou clé).",
    en="The IBAN is not valid (length, country or key).",
    advice_fr="Recopier l’IBAN du relevé d’identité bancaire.",
    advice_en="Copy the IBAN from the bank's statement of account identity.",
)


@dataclass(frozen=True, slots=True, repr=False)
class Iban(Identity):
    """An IBAN whose country, length, international key and national key agree; prints as `<Iban>`.

    Raises:
        BadValue: one of them does not.
    """

    number: str

    def __post_init__(self) -> None:
        try:
            schwifty.IBAN(self.number, validate_bban=True)
        except (SchwiftyException, ValueError):
            raise BadValue(INVALID) from None  # the library's message repeats the number

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an IBAN, spaces and lower case welcome.

        Raises:
            BadValue: country, length or one of the keys is wrong.
        """
        return cls(remove_spaces(text).upper())

    @property
    def is_synthetic(self) -> bool:
        """Tell whether no account can have it: France, bank code 99999, which no bank holds."""
        return self.number.startswith("FR") and self.number[4:9] == SYNTHETIC_BANK

    def format(self) -> str:
        """Write the IBAN in groups of four."""
        return " ".join(self.number[i : i + 4] for i in range(0, len(self.number), 4))
