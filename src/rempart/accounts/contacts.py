"""Where somebody may be warned: an e-mail address, a telephone that takes SMS, a postal address.

Refuses what cannot be one; knows nothing of whether anybody reads it.
"""

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Final, Literal

from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import remove_spaces

Channel = Literal["email", "sms", "letter"]
CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms", "letter")
LETTER_LIMIT: Final = 400
EMAIL_LIMIT: Final = 254
# The code sent to a new address proves that somebody reads there; it opens nothing else.
CODE_DIGITS: Final = 8
CODE_TRIES: Final = 5
CODE_LIFETIME: Final = timedelta(hours=1)
WAITING_LIMIT: Final = 3

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)+")
_PHONE: Final = re.compile(r"\+[1-9]\d{7,14}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

CHANNEL: Final = Refusal(
    rule="contact_channel",
    fr="Ce canal n’existe pas.",
    en="There is no such channel.",
    advice_fr="Écrire email, sms ou letter.",
    advice_en="Write email, sms or letter.",
)
EMAIL: Final = Refusal(
    rule="contact_email",
    fr="Ce n’est pas une adresse électronique.",
    en="This is not an e-mail address.",
    advice_fr="Écrire une adresse comme nom@exemple.fr.",
    advice_en="Write an address such as name@example.com.",
)
PHONE: Final = Refusal(
    rule="contact_phone",
    fr="Ce n’est pas un numéro de téléphone.",
    en="This is not a telephone number.",
    advice_fr="Écrire le numéro avec son pays, comme +33 6 00 00 00 00, ou à la française.",
    advice_en="Write the number with its country, such as +33 6 00 00 00 00, or the French way.",
)
LETTER: Final = Refusal(
    rule="contact_letter",
    fr="Ce n’est pas une adresse postale sur une ligne.",
    en="This is not a postal address on one line.",
    advice_fr="Écrire l’adresse sur une ligne, 400 caractères au plus.",
    advice_en="Write the address on one line of 400 characters at most.",
)


def mask_address(channel: Channel, address: str) -> str:
    """Return what its owner recognises an address by, and nobody else learns much from.

    >>> mask_address("email", "camille@exemple.fr")
    'c•••@e•••.fr'
    >>> mask_address("sms", "+33600000042")
    '•••• 42'
    """
    if channel == "email":
        name, _, host = address.partition("@")
        return f"{name[:1]}•••@{host[:1]}•••.{host.rpartition('.')[2][:20]}"
    return f"•••• {address[-2:]}" if channel == "sms" else ""


def check_can_remove(contact_ref: int, in_use: Collection[int], *, accepts_silence: bool) -> None:
    """Let somebody remove one of their addresses, or refuse.

    Args:
        contact_ref: The address.
        in_use: Theirs.
        accepts_silence: They know that nobody will be warned any more.

    Raises:
        NotFound: it is not one of theirs.
        Conflict: it is the last one, and they did not say that they accept it.
    """
    if contact_ref not in in_use:
        raise NotFound("no such address of yours")
    if len(in_use) == 1 and not accepts_silence:
        raise Conflict("it is the last one: add another first, or accept that nobody is warned")


def parse_channel(text: str) -> Channel:
    """Read the name of a channel.

    Raises:
        BadValue: there is none of this name.
    """
    for channel in CHANNELS:
        if channel == text.strip().lower():
            return channel
    raise BadValue(CHANNEL)


def parse_address(channel: Channel, text: str) -> str:
    """Read an address as it is stored: trimmed, a telephone number with its country.

    Raises:
        BadValue: nobody could be reached there.
    """
    trimmed = text.strip()
    if channel == "email":
        if len(trimmed) > EMAIL_LIMIT or not _EMAIL.fullmatch(trimmed):
            raise BadValue(EMAIL)
        return trimmed
    if channel == "sms":
        digits = re.sub(r"[.\-()]", "", remove_spaces(trimmed))
        number = re.sub(r"^0(?=[1-9]\d{8}$)", "+33", digits)
        if not _PHONE.fullmatch(number):
            raise BadValue(PHONE)
        return number
    if not trimmed or len(trimmed) > LETTER_LIMIT or _CONTROL.search(trimmed):
        raise BadValue(LETTER)
    return trimmed
