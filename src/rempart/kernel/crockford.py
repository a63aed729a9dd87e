"""Crockford's base 32: codes that people read aloud and copy by hand.

Refuses the letters people confuse when writing, and forgives them when reading.

Source:
    S21.
"""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two letters at a time: every engagement number of the door is written here.
_PAIRS: Final = tuple(first + second for first in ALPHABET for second in ALPHABET)
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}
_FORGIVEN: Final = str.maketrans("OIL", "011", "- \u00a0\u202f")
_GROUP: Final = 4


def normalise_code(text: str) -> str:
    """Return the code without dashes and spaces, upper case, O read as 0, I and L as 1."""
    return text.upper().translate(_FORGIVEN)


def encode_number(number: int, length: int) -> str:
    """Write a number in `length` letters, an even number of them.

    Raises:
        ValueError: the number is negative or does not fit.
    """
    if not 0 <= number < 1 << (5 * length):
        raise ValueError(f"The number does not fit in {length} letters of base 32.")
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * length - 10, -10, -10)])


def decode_number(code: str) -> int | None:
    """Read a normalised code; None when a letter is not of the alphabet."""
    number = 0
    for letter in code:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return number


def format_groups(code: str) -> str:
    """Cut a code in groups of four joined by dashes."""
    return "-".join(code[i : i + _GROUP] for i in range(0, len(code), _GROUP))
