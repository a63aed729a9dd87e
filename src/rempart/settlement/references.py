"""What transfers, calls for funds and files are called at the bank: one reference leads back.

A remittance and a call carry a creditor reference (ISO 11649, `RF` and two check digits) with a
number in digits: whoever copies one of them wrong names nothing else, which letters would not give.
Refuses a reference whose check digits are wrong.
"""

from typing import Final, Literal, TypeAlias

from stdnum import iso11649
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

from rempart.kernel.crockford import ALPHABET, decode_number, encode_number

ReferenceKind: TypeAlias = Literal["remittance", "call"]

_MARKS: Final[dict[ReferenceKind, str]] = {"remittance": "V", "call": "A"}
_DIGITS: Final = 14
_HEAD: Final = 5
_LETTERS: Final = 10
_KNOWN: Final = frozenset(ALPHABET)


def format_reference(kind: ReferenceKind, number: int) -> str:
    """Write the reference of a remittance or of a call for funds.

    >>> format_reference("remittance", 1)
    'RF42V00000000000001'
    """
    body = f"{_MARKS[kind]}{number:0>{_DIGITS}}"
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


def read_reference(text: str) -> tuple[ReferenceKind, int] | None:
    """Return what a reference leads to; None when it is not one of ours.

    >>> read_reference("rf42 V000 0000 0000 001")
    ('remittance', 1)
    >>> read_reference("RF42V00000000000002")
    """
    try:
        reference = str(iso11649.validate(text))
    except ValidationError:
        return None
    mark, code = reference[_HEAD - 1 : _HEAD], reference[_HEAD:]
    kinds = [kind for kind, letter in _MARKS.items() if letter == mark]
    if not kinds or len(code) != _DIGITS or not (code.isascii() and code.isdecimal()):
        return None
    return kinds[0], int(code)


def find_references(text: str) -> list[tuple[ReferenceKind, int]]:
    """Return the references of ours in what somebody wrote on a transfer, in order."""
    words = text.upper().replace("/", " ").replace(",", " ").split()
    found = [read_reference(word) for word in words]
    return [one for one in found if one is not None]


def format_message_id(file_id: int) -> str:
    """Write what a file is called at the bank: the same each time it is written."""
    return f"RP{encode_number(file_id, _LETTERS)}"


def read_message_id(text: str) -> int | None:
    """Return the file that a message identifier leads to; None when it is not one of ours."""
    mark, code = text[:2], text[2 : 2 + _LETTERS]
    if mark != "RP" or len(code) != _LETTERS or not set(code) <= _KNOWN:
        return None
    return decode_number(code)
