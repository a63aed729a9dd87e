"""An e-mail address that a message may be sent to. Refuses what only some servers would take.

What stands in an envelope is one address and nothing else: no name, no comment, no quotes, no
second line. Never prints itself.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Self

from rempart.kernel.findings import BadValue, Refusal

LOCAL_CHARS: Final = 64
ADDRESS_CHARS: Final = 254
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
# Letters of which IDNA 2003 and IDNA 2008 make two domains: who reads at one is not who is meant.
_TWO_DOMAINS: Final = frozenset("ßẞς\u200c\u200d")

UNUSABLE: Final = Refusal(
    rule="email_address",
    fr="L’adresse électronique ne peut pas être celle d’un envoi.",
    en="The e-mail address cannot be written to.",
    advice_fr="Écrire une seule adresse, comme nom@domaine.fr, sans nom, guillemet ni espace.",
    advice_en="Write one address, such as name@domain.fr, without a name, a quote or a space.",
)


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """One address, its domain in ASCII and lower case.

    Args:
        address: As it stands in an envelope.
    """

    address: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as people write it.

        Examples:
            >>> EmailAddress.parse(" lou@Mél.fr ").address
            'lou@xn--ml-bja.fr'
            >>> EmailAddress.parse("lou@mel.fr")
            <EmailAddress>

        Raises:
            BadValue: it has more, or less, than one address that every server takes.

        Source:
            S96: RFC 5321, §4.1.2 and §4.5.3.1; letters beyond ASCII before the `@` need SMTPUTF8.
        """
        local, at, domain = text.strip().rpartition("@")
        if not at or len(local) > LOCAL_CHARS or not _LOCAL.fullmatch(local):
            raise BadValue(UNUSABLE)
        if not _TWO_DOMAINS.isdisjoint(domain):
            raise BadValue(UNUSABLE)
        try:
            ascii_domain = domain.encode("idna").decode("ascii").lower()
        except UnicodeError:
            raise BadValue(UNUSABLE) from None
        labels = ascii_domain.split(".")
        if len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdecimal():
            raise BadValue(UNUSABLE)
        address = f"{local}@{ascii_domain}"
        if len(address) > ADDRESS_CHARS:
            raise BadValue(UNUSABLE)
        return cls(address)

    def __repr__(self) -> str:
        return "<EmailAddress>"

    __str__ = __repr__
