"""Verification of payee: does the name go with the account, says the bank that holds it.

The four answers of the scheme of European banks (S32): match, close match, no match, impossible.
Refuses to keep a name: a close match comes with the holder's own, which is dropped here. A bank
that does not answer never stops a change; it makes it wait longer.
"""

import enum
from dataclasses import dataclass
from typing import Final, Protocol

from rempart.accounts.bank_details import PayeeCheck
from rempart.kernel.errors import Unavailable
from rempart.kernel.iban import Iban


class PayeeProvider(Protocol):
    """Whoever asks the payee's bank: a bank, or a provider of the scheme."""

    @property
    def name(self) -> str:
        """What the provider is called; stored beside its answer."""
        ...

    def check(self, iban: Iban, payee_name: str) -> PayeeCheck:
        """Ask, and answer within a few seconds.

        Raises:
            Unavailable: nobody answered.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeAnswer:
    """What was answered, and by whom it was asked."""

    check: PayeeCheck
    provider: str


class NoPayeeProvider:
    """What an installation without a provider has: nothing is ever verified."""

    name: Final = ""

    def check(self, iban: Iban, payee_name: str) -> PayeeCheck:  # noqa: ARG002
        """Answer that nobody can be asked."""
        return PayeeCheck.UNAVAILABLE


class _LastDigit(enum.Enum):
    """What the fake provider answers, by the last digit of the IBAN."""

    MATCH = "012345"
    CLOSE_MATCH = "67"
    NO_MATCH = "8"
    UNAVAILABLE = "9"


class FakePayeeProvider:
    """For demonstrations and tests: the last digit of the IBAN decides.

    0 to 5: match. 6, 7: close match. 8: no match. 9: the bank does not answer.
    """

    name: Final = "fake"

    def check(self, iban: Iban, payee_name: str) -> PayeeCheck:  # noqa: ARG002
        """Answer as the table above says; a letter is a match.

        Raises:
            Unavailable: the last digit is 9.
        """
        last = iban.number[-1]
        found = next((one for one in _LastDigit if last in one.value), _LastDigit.MATCH)
        if found is _LastDigit.UNAVAILABLE:
            raise Unavailable("the payee's bank does not answer: the change will wait longer")
        return PayeeCheck[found.name]


def ask_payee(provider: PayeeProvider, iban: Iban, payee_name: str) -> PayeeAnswer:
    """Ask a provider; no answer is an answer too.

    Args:
        provider: Whom to ask.
        iban: The account to be paid.
        payee_name: The name it should have.
    """
    try:
        check = provider.check(iban, payee_name)
    except (Unavailable, OSError):
        check = PayeeCheck.UNAVAILABLE
    return PayeeAnswer(check=check, provider=provider.name)
