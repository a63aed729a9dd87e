"""NIR that nobody can hold, each given once in a feed.

Refuses order numbers other than 000, which is never issued: only the birth place, sex and month
tell people apart. When a place is full the number moves to another commune, then to department
00. `kernel.synthetic` makes them one at a time; this makes millions, and a test compares.
"""

from random import Random
from typing import Final, Protocol

from rempart.synth.places import Places

_TRIES: Final = 12
_BIRTH_MONTHS: Final = 12
_SERIALS: Final = 1_000_000
_MOVER_STRIDE: Final = 7919
NIRS_PER_MOVE: Final = 4
"""How many NIR one moving household may hold."""


class NirSource(Protocol):
    """Gives a NIR to each person who asks, never the same twice."""

    def issue(self, *, sex: int, year: int, month: int, place: int) -> str:
        """Return fifteen characters; `place` is a number of `Places.codes`, a wish only."""


def add_key(number: str) -> str:
    """Return thirteen characters and their key.

    >>> add_key("1800500123456")
    '180050012345615'
    """
    if number[6] > "9":
        value = int(number[:5] + ("19" if number[6] == "A" else "18") + number[7:])
    else:
        value = int(number)
    return f"{number}{97 - value % 97:02d}"


def to_waiting_number(nir: str) -> str:
    """Return the NIA that the holder of a NIR had before it: 7 or 8 in place of 1 or 2."""
    return add_key(("7" if nir[0] == "1" else "8") + nir[1:13])


class NirBook:
    """The NIR given in one feed: 11 MB whatever the number of members.

    One bit for each sex, year, month and place; a set for the few uncertain months.
    """

    def __init__(self, rng: Random, places: Places) -> None:
        self._rng = rng
        self._places = places
        self._codes = places.codes
        self._given = bytearray(2 * 100 * _BIRTH_MONTHS * len(places.codes) // 8 + 1)
        self._uncertain: set[str] = set()
        self._spare = 0
        self._number = {code: number for number, code in enumerate(places.codes)}

    def issue(self, *, sex: int, year: int, month: int, place: int) -> str:
        """Return fifteen characters never given before in this feed."""
        head = f"{sex}{year % 100:02d}{month:02d}"
        for _ in range(_TRIES):
            code = self._codes[place]
            if self._take(head, sex=sex, year=year, month=month, place=place):
                return add_key(f"{head}{code}000")
            place = self._places.draw_birth_place(self._rng, near="75")
        self._spare += 1  # from the top down: moving households count from the bottom up
        return add_key(f"{head}00{-self._spare % _SERIALS:06d}")

    def reserve(self, nir: str) -> None:
        """Never give `nir`, which somebody brings from another feed."""
        place = self._number.get(nir[5:10])
        if place is not None:
            year, month = int(nir[1:3]), int(nir[3:5])
            self._take(nir[:5], sex=int(nir[0]), year=year, month=month, place=place)

    def _take(self, head: str, *, sex: int, year: int, month: int, place: int) -> bool:
        """Mark a number as given; false when it was."""
        if month > _BIRTH_MONTHS:
            number = head + self._codes[place]
            new = number not in self._uncertain
            self._uncertain.add(number)
            return new
        slot = ((sex - 1) * 100 + year % 100) * _BIRTH_MONTHS + month - 1
        index, bit = divmod(slot * len(self._codes) + place, 8)
        mask = 1 << bit
        if self._given[index] & mask:
            return False
        self._given[index] |= mask
        return True


class MoverNirs:
    """The NIR of one household known by two insurers: a function of its number alone.

    Each of its numbers has its own birth place, so that two moving households never share one;
    when places run out (about 10 000 households), department 00 and a serial.
    """

    def __init__(self, move: int, places: Places, *, offset: int) -> None:
        self._next = move * NIRS_PER_MOVE
        self._last = self._next + NIRS_PER_MOVE
        self._offset = offset
        self._codes = places.codes
        self.issued: list[str] = []

    def issue(self, *, sex: int, year: int, month: int, place: int) -> str:  # noqa: ARG002
        """Return fifteen characters; the place wished for is not heard.

        Raises:
            IndexError: the household has had its four numbers.
        """
        if self._next == self._last:
            raise IndexError(f"A moving household holds at most {NIRS_PER_MOVE} NIR.")
        head = f"{sex}{year % 100:02d}{month:02d}"
        count = len(self._codes)
        if self._next < count:
            spread = (self._offset + self._next * _MOVER_STRIDE) % count
            tail = f"{self._codes[spread]}000"
        else:
            tail = f"00{(self._next - count) % _SERIALS:06d}"
        self._next += 1
        nir = add_key(head + tail)
        self.issued.append(nir)
        return nir
