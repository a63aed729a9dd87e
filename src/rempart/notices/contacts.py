"""Where a person is reached, and by which way they are written to.

Refuses to write to somebody who died, to send anything by itself where an address is protected, and
to write to a child. Whoever is reached by no way is held for a person to decide, never forgotten.
"""

import enum
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.kernel.email_address import EmailAddress
from rempart.kernel.findings import Language
from rempart.notices.media import Variant

ADDRESS_LINES: Final = 6
ADDRESS_LINE_CHARS: Final = 38
"""What a window and the sorting machines of the post take (AFNOR XP Z10-011)."""


class ContactFlag(enum.IntFlag):
    """What chooses a way and a print without opening a contact."""

    DECEASED = 1
    PROTECTED = 2
    """Where this person lives must not be known: nothing is sent by itself."""
    BY_POST = 4
    LARGE_PRINT = 8
    PLAIN = 16
    MINOR = 32
    NO_REPRESENTATIVE = 64
    HAS_EMAIL = 128
    HAS_ADDRESS = 256
    FOREIGN = 512
    AGE_UNKNOWN = 1024


NO_FLAG: Final = ContactFlag(0)


class Channel(enum.StrEnum):
    """The way a message goes."""

    EMAIL = "email"
    LETTER = "letter"
    SPACE = "space"
    """Nothing is sent: it is read in the member space."""


class Unreachable(enum.StrEnum):
    """Why nothing is sent to somebody; a person decides what to do."""

    DECEASED = "deceased"
    NO_REPRESENTATIVE = "no_representative"
    PROTECTED_ADDRESS = "protected_address"
    NO_CONTACT = "no_contact"


_BARS: Final = (
    (ContactFlag.DECEASED, Unreachable.DECEASED),
    (ContactFlag.NO_REPRESENTATIVE, Unreachable.NO_REPRESENTATIVE),
    (ContactFlag.PROTECTED, Unreachable.PROTECTED_ADDRESS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where to reach one person, as the insurer says.

    Args:
        recipient: Whoever reads: the person, or a child's representative.
        person: A child's first names; empty for others.
        email: Empty: none that can be written to.
        address: The lines under the name; empty: none that a letter can be sent to.
        country: In capitals, as the last line of an envelope; empty: France.
        left_on: When the insurer says that the contract ended.
    """

    recipient: str
    person: str = ""
    email: EmailAddress | None = None
    address: tuple[str, ...] = ()
    country: str = ""
    left_on: date | None = None
    flags: ContactFlag = NO_FLAG
    language: Language = "fr"

    def __post_init__(self) -> None:
        if len(self.address) > ADDRESS_LINES:
            raise ValueError(f"address: {ADDRESS_LINES} lines at most")
        if any(len(line) > ADDRESS_LINE_CHARS for line in self.address):
            raise ValueError(f"address: {ADDRESS_LINE_CHARS} characters a line at most")

    def __repr__(self) -> str:
        return "<Contact>"


@dataclass(frozen=True, slots=True)
class Way:
    """By which way somebody is written to, or why they are not."""

    channel: Channel
    held: Unreachable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What a member chose in their own space; None: nothing."""

    channel: Channel | None = None
    language: Language | None = None
    variant: Variant | None = None


NO_PREFERENCE: Final = Preference()


def find_bar(flags: ContactFlag) -> Unreachable | None:
    """Return why somebody gets neither e-mail nor letter; None: they may."""
    return next((why for flag, why in _BARS if flags & flag), None)


def decide_way(
    flags: ContactFlag | None, *, has_space: bool, wanted: Preference = NO_PREFERENCE
) -> Way:
    """Say by which way one person is written to.

    Args:
        flags: Of their contact; None: the insurer gave none.
        has_space: Whether they have a member space of their own.
        wanted: What they asked for: held to where it can be.

    Returns:
        The way, or the first reason met not to send: died, a child without a representative, a
        protected address, no way at all.
    """
    if flags is None:
        return Way(Channel.SPACE) if has_space else Way(Channel.LETTER, Unreachable.NO_CONTACT)
    can_read_space = has_space and not flags & ContactFlag.MINOR
    bar = find_bar(flags)
    if bar is Unreachable.PROTECTED_ADDRESS and can_read_space:
        return Way(Channel.SPACE)
    if bar is not None:
        return Way(Channel.LETTER, bar)
    possible = [
        channel
        for channel, holds in (
            (Channel.EMAIL, flags & ContactFlag.HAS_EMAIL and not flags & ContactFlag.BY_POST),
            (Channel.LETTER, flags & ContactFlag.HAS_ADDRESS),
            (Channel.EMAIL, flags & ContactFlag.HAS_EMAIL),
            (Channel.SPACE, can_read_space),
        )
        if holds
    ]
    if wanted.channel in possible:
        return Way(wanted.channel)
    return Way(possible[0]) if possible else Way(Channel.LETTER, Unreachable.NO_CONTACT)


def decide_variant(flags: ContactFlag | None, wanted: Preference = NO_PREFERENCE) -> Variant:
    """Say how the text is printed: as the person asked, or as the insurer says."""
    if wanted.variant is not None:
        return wanted.variant
    if flags is None:
        return Variant.STANDARD
    if flags & ContactFlag.LARGE_PRINT:
        return Variant.LARGE_PRINT
    return Variant.PLAIN if flags & ContactFlag.PLAIN else Variant.STANDARD


def name_household(contact: Contact) -> str | None:
    """Return what two letters for one door have in common: the addressee and the address.

    Two adults of one address are two households: neither reads the other's letter. None: no
    address, or one that is protected.
    """
    if not contact.address or contact.flags & ContactFlag.PROTECTED:
        return None
    words = " ".join((contact.recipient, *contact.address, contact.country)).casefold()
    return " ".join("".join(one if one.isalnum() else " " for one in words).split())
