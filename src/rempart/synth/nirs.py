"""NIR that nobody can hold, each given once in a feed.

Refuses real numbers. People born in Corsica, overseas or abroad get their birth place and the
order number 000, never issued; the others get department 00, which does not exist, and a serial
of their own. `kernel.synthetic` makes them one at a time; this makes millions, and a test
compares.
"""

from array import array
from typing import Final, Protocol

_SERIALS: Final = 1_000_000
_STRIDE: Final = 618_033
"""Has no factor in common with a million: neighbours look unlike, and none comes twice."""

NIRS_PER_MOVE: Final = 4
"""How many NIR one moving household may hold."""


class NirSource(Protocol):
    """Gives a NIR to each person who asks, never the same twice."""

    def issue(self, *, sex: int, year: int, month: int, place: str | None = None) -> str:
        """Return fifteen characters; `place` is a wish, five characters."""


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
    """The NIR given in one feed.

    Two insurers' books do not meet while the data set has fewer than a million holders; one
    insurer's never gives a number twice, up to two million holders.

    Args:
        first: The insurer's first serial; the next insurer's is beyond its last.
    """

    def __init__(self, first: int) -> None:
        self._next = first
        # By serial: sex, year and month of the last holder, or 0. Two megabytes whatever happens.
        self._holders = array("H", bytes(2 * _SERIALS))
        self._placed: set[str] = set()

    def issue(self, *, sex: int, year: int, month: int, place: str | None = None) -> str:
        """Return fifteen characters never given before in this feed."""
        head = f"{sex}{year % 100:02d}{month:02d}"
        if place is not None:
            number = f"{head}{place}000"
            if number not in self._placed:
                self._placed.add(number)
                return add_key(number)
        while True:
            serial = self._next * _STRIDE % _SERIALS
            self._next += 1
            if self._take(head, serial):
                return add_key(f"{head}00{serial:06d}")

    def reserve(self, nir: str) -> None:
        """Never give `nir`, which somebody brings from another feed."""
        self._take(nir[:5], int(nir[7:13]))

    def _take(self, head: str, serial: int) -> bool:
        """Give a serial to people of one sex and month; false when one of them had it last."""
        holder = (int(head[0]) - 1) * 10_000 + int(head[1:]) + 1
        if self._holders[serial] == holder:
            return False
        self._holders[serial] = holder
        return True


class MoverNirs:
    """The NIR of one household known by two insurers: a function of its number alone.

    Args:
        first: The first serial of moving households, beyond those of all insurers.
        move: The household's number.
    """

    def __init__(self, first: int, move: int) -> None:
        self._next = first + move * NIRS_PER_MOVE
        self._left = NIRS_PER_MOVE
        self.issued: list[str] = []

    def issue(self, *, sex: int, year: int, month: int, place: str | None = None) -> str:  # noqa: ARG002
        """Return fifteen characters; the place wished for is not heard.

        Raises:
            IndexError: the household has had its four numbers.
        """
        if not self._left:
            raise IndexError(f"A moving household holds at most {NIRS_PER_MOVE} NIR.")
        serial = self._next * _STRIDE % _SERIALS
        self._next += 1
        self._left -= 1
        nir = add_key(f"{sex}{year % 100:02d}{month:02d}00{serial:06d}")
        self.issued.append(nir)
        return nir
