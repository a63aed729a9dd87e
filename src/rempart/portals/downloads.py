"""Files given out piece by piece: few at a time, since each keeps a thread for as long as it lasts.

Refuses one more than that: whoever comes next is told when to come back, and pages go on.
"""

import threading
from collections.abc import Iterator
from typing import Final, Self

MOST_AT_ONCE: Final = 2
"""Of one process of the portals; there are three threads at least."""
RETRY_AFTER_S: Final = 30
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


class Download(Iterator[bytes]):
    """The pieces of a file; it has a place from its making until it is closed.

    Args:
        pieces: They, made as they leave.

    Raises:
        TooManyDownloads: every place is taken.
    """

    _has_place = False

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        if not _places.acquire(blocking=False):
            raise TooManyDownloads
        self._has_place = True

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Make the next piece."""
        try:
            return next(self._pieces)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """Give the place back, whether all was sent or the browser left."""
        if self._has_place:
            self._has_place = False
            _places.release()

    def __del__(self) -> None:
        """Give the place back when no server said that it was done."""
        self.close()


class TooManyDownloads(Exception):
    """Every place is taken."""
