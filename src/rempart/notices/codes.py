"""The code printed on a message, by which its reader checks that it is genuine.

Derived, so that the same letter can be written again; what is kept is a digest of it. Refuses to
read a code with a slip of the hand: its last letter says so, before anything is looked up.
"""

import hashlib
import hmac
from itertools import count
from typing import Final

from rempart.kernel.crockford import (
    ALPHABET,
    decode_number,
    encode_number,
    format_groups,
    normalise_code,
)

CODE_LETTERS: Final = 12
_BITS: Final = 5 * CODE_LETTERS
# Crockford's check, by which a wrong letter and two neighbours exchanged both show. Its five extra
# symbols are not used, since people type letters and digits: such a code is drawn again.
_MODULUS: Final = 37
_LABEL: Final = b"rempart notice code\n"


def derive_code(key: bytes, campaign_ref: int, person_ref: int) -> str:
    """Return the code of one person's message in one campaign: `7KQ2-9M4F-0ZR8-P`.

    Args:
        key: The campaign's own, 32 bytes.
        campaign_ref: The campaign.
        person_ref: Whom the message is about.
    """
    subject = campaign_ref.to_bytes(8, "big") + person_ref.to_bytes(8, "big")
    for draw in count():
        digest = hmac.digest(key, _LABEL + subject + draw.to_bytes(2, "big"), "sha256")
        number = int.from_bytes(digest[:8], "big") >> (64 - _BITS)
        letter = _find_check_letter(number)
        if letter:
            break
    return format_groups(encode_number(number, CODE_LETTERS) + letter)


def digest_code(text: str) -> bytes | None:
    """Return what is kept of a code, as somebody typed it; None: it cannot be a code of ours.

    >>> digest_code("7KQ2-9M4F-0ZR8-A") is None
    True
    """
    code = normalise_code(text)
    number = decode_number(code[:CODE_LETTERS])
    if len(code) != CODE_LETTERS + 1 or number is None or code[-1] != _find_check_letter(number):
        return None
    return hashlib.sha256(_LABEL + code.encode()).digest()


def _find_check_letter(number: int) -> str:
    """Return the last letter of a code; empty: this number makes no code."""
    rest = number % _MODULUS
    return ALPHABET[rest] if rest < len(ALPHABET) else ""
