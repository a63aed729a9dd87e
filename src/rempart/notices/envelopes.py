"""What stands on an envelope in place of a person: a number that only we can have written.

Whoever gets a returned envelope, or a server's report, reads no name there and learns no code. A
number that somebody made up, or mistyped, is not one of ours: nobody moves another's message by
writing to us. Refuses nothing: what is not ours is None.
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rempart.kernel.crockford import decode_number, encode_number, format_groups, normalise_code

_NUMBER_LETTERS: Final = 10
_MAIL_TAG: Final = 8
_POST_TAG: Final = 4
_POST_NUMBER: Final = 8
_BITS_OF_A_LETTER: Final = 5
MAIL_LETTERS: Final = _NUMBER_LETTERS + _MAIL_TAG
_MAIL_TOKEN: Final = re.compile(rf"(?<![0-9A-Za-z])[0-9A-Za-z]{{{MAIL_LETTERS}}}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class EnvelopeKey:
    """What tells our numbers from others.

    Args:
        key: 32 bytes, for this use only.
    """

    key: bytes

    def __repr__(self) -> str:
        return "<EnvelopeKey>"

    def mail_token(self, number: int) -> str:
        """Write a message's number for servers: eighteen letters that survive a change of case."""
        return encode_number(number, _NUMBER_LETTERS) + self._tag(b"mail", number, _MAIL_TAG)

    def read_mail_token(self, text: str) -> int | None:
        """Return the number that a token says, or None when we did not write it."""
        return self._read(b"mail", normalise_code(text), _NUMBER_LETTERS, _MAIL_TAG)

    def find_mail_tokens(self, text: str) -> Iterator[int]:
        """Yield the numbers of ours that stand somewhere in a text, in order."""
        for found in _MAIL_TOKEN.finditer(text):
            number = self.read_mail_token(found.group())
            if number is not None:
                yield number

    def post_reference(self, number: int) -> str:
        """Write a message's number for an envelope's window: three groups of four.

        Raises:
            ValueError: the number passes 2^40.
        """
        return format_groups(
            encode_number(number, _POST_NUMBER) + self._tag(b"post", number, _POST_TAG)
        )

    def read_post_reference(self, text: str) -> int | None:
        """Return the number that somebody copied from an envelope, or None: not ours, mistyped."""
        return self._read(b"post", normalise_code(text), _POST_NUMBER, _POST_TAG)

    def _read(self, use: bytes, code: str, letters: int, tag_letters: int) -> int | None:
        if len(code) != letters + tag_letters:
            return None
        number = decode_number(code[:letters])
        if number is None:
            return None
        ours = self._tag(use, number, tag_letters).encode()
        return number if hmac.compare_digest(ours, code[letters:].encode()) else None

    def _tag(self, use: bytes, number: int, letters: int) -> str:
        digest = hmac.digest(self.key, use + number.to_bytes(8, "big"), "sha256")
        bits = letters * _BITS_OF_A_LETTER
        return encode_number(int.from_bytes(digest[:8], "big") >> (64 - bits), letters)
