"""Which keys an import may have loaded already: a few megabytes that spare it most questions.

Refuses to say "never seen" wrongly; says "perhaps" too often when the file is very large, and the
database is then asked as it would have been anyway.
"""

from array import array
from operator import itemgetter
from typing import Final

from rempart.storage.feed_copy import KEY_BYTES, split_keys

_SLOTS: Final = 1 << 25


class SeenKeys:
    """Keys met so far in one file, roughly.

    Args:
        unknown_past: Whether rows were loaded that this object has not seen, as when an import
            resumes: everything is then "perhaps".
    """

    def __init__(self, *, unknown_past: bool) -> None:
        self._perhaps_all = unknown_past
        self._slots = bytearray(0 if unknown_past else _SLOTS)

    def note(self, keys: bytes) -> list[bytes]:
        """Note keys, and return those that may have been noted before.

        Args:
            keys: Sixteen bytes each, end to end; one repeated within a call counts as new.
        """
        if self._perhaps_all or not keys:
            return split_keys(keys)
        heads = array("I", keys)[:: KEY_BYTES // 4]
        places = [head & (_SLOTS - 1) for head in heads]
        slots = self._slots
        marks = [slots[places[0]]] if len(places) == 1 else itemgetter(*places)(slots)
        for place in places:
            slots[place] = 1
        found = (n * KEY_BYTES for n, mark in enumerate(marks) if mark)
        return [keys[first : first + KEY_BYTES] for first in found]
