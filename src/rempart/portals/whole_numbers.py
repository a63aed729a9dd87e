"""Whole numbers that browsers send in addresses and forms: references, places in a list.

Refuses what is no number of ours: signs, superscripts, and numbers that no column of the database
holds; Python would not even read the longest.
"""

from typing import Final

BIGGEST_REF: Final = (1 << 63) - 1


def read_whole(text: str, *, most: int = BIGGEST_REF) -> int | None:
    """Return a whole number of at most `most`; None when the text is no such number.

    >>> read_whole("12"), read_whole("²"), read_whole("9" * 5000), read_whole("3", most=2)
    (12, None, None, None)
    """
    if not text.isdecimal() or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None
