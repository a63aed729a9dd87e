"""What is kept, cut as the law cuts it: each field is decided, archived and deleted by itself.

Refuses a field without a subject: of each kind of data one knows whether it is about a person or
about one claim of theirs.
"""

import enum
from typing import Final


class Field(enum.StrEnum):
    """One kind of data about somebody."""

    CIVIL = "civil"
    """Names, birth date and rank."""
    NIR = "nir"
    """Social security number, and the keys computed from it."""
    NUMBERS = "numbers"
    """Contract and member numbers, codes of cards."""
    CONTACT = "contact"
    """Address, e-mail, phone."""
    COVERAGE = "coverage"
    """Dates and guarantees of contracts."""
    CARD = "card"
    """Cards, their keys and prints."""
    ACCOUNT = "account"
    """The member's own access."""
    CARE = "care"
    """Acts of a claim."""
    LIMITS = "limits"
    """What a claim used of limits."""
    PAYMENT = "payment"
    """Amounts and dates of a claim."""
    PROMISE = "promise"
    """A prise en charge."""
    LOOKUPS = "lookups"
    """Entries of the ledger about somebody: they leave by whole segments."""


IDENTITY: Final = frozenset({Field.CIVIL, Field.NIR, Field.NUMBERS, Field.CONTACT})
"""Fields of the sealed identity, which can be taken out of it one by one."""
OF_PERSON: Final = frozenset({*IDENTITY, Field.COVERAGE, Field.CARD, Field.ACCOUNT})
"""Fields whose subject is a person."""
OF_CLAIM: Final = frozenset({Field.CARE, Field.LIMITS, Field.PAYMENT})
"""Fields whose subject is one claim."""


class Fact(enum.StrEnum):
    """What a period counts from."""

    CONTRACT_END = "contract_end"
    """Last day of the last contract, portability included."""
    LAST_PAYMENT = "last_payment"
    """The last time money was paid for them."""
    SETTLED = "settled"
    """The day a claim or a promise came to its end."""
    CARE = "care"
    """Last day of care of a claim."""
    LOOKUP = "lookup"
    """The day of a consultation."""


class Phase(enum.StrEnum):
    """Where a field is.

    Source: S113 (active base, intermediate archive, deletion).
    """

    ACTIVE = "active"
    ARCHIVE = "archive"
    GONE = "gone"
