"""A lot as it comes in, kept in memory until it is whole, squeezed: it may be read several times.

Refuses to write it anywhere: a lot holds identifiers. Refuses a lot larger than its bounds, as it
came and as it is kept.
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import Final

from rempart.kernel.errors import BodyTooLarge

MOST_BYTES: Final = 260_000_000
"""Two million lines of 128 characters and their ends."""
MOST_LINES: Final = 2_500_000
"""A claim in JSON takes a hundred bytes at least; empty lines are read too, and take time."""
MOST_KEPT_BYTES: Final = 48_000_000
"""Squeezed; a lot of a hundred thousand claims takes some ten megabytes."""
MOST_LINE_BYTES: Final = 64 * 1024
_BLOCK: Final = 256 * 1024


class LotSpool:
    """The bytes of one lot.

    Args:
        most_bytes: How many it may have.
        most_kept_bytes: How many may be kept of it.
        most_lines: How many lines it may have.
    """

    def __init__(
        self,
        *,
        most_bytes: int = MOST_BYTES,
        most_kept_bytes: int = MOST_KEPT_BYTES,
        most_lines: int = MOST_LINES,
    ) -> None:
        self._most = most_bytes, most_kept_bytes, most_lines
        self._squeeze = zlib.compressobj(1)
        self._hash = hashlib.sha256()
        self._kept: list[bytes] = []
        self.size = 0
        self.kept_size = 0
        self._ends = 0

    def __repr__(self) -> str:
        return f"<LotSpool of {self.size} bytes>"

    def write(self, block: bytes) -> None:
        """Take the next bytes.

        Raises:
            BodyTooLarge: they are too many; the lot is to be cut.
        """
        self.size += len(block)
        self._ends += block.count(b"\n")
        self._hash.update(block)
        self._keep(self._squeeze.compress(block))

    def close(self) -> bytes:
        """End the lot; return the SHA-256 of its bytes."""
        self._keep(self._squeeze.flush())
        return self._hash.digest()

    def lines(self) -> Iterator[bytes]:
        """Return its lines, without their ends; of a line far too long, the beginning."""
        pending = b""
        for block in self._blocks():
            *lines, pending = (pending + block).split(b"\n")
            yield from lines
            # Cut rather than kept: no reader takes such a line, whatever its end.
            pending = pending[: MOST_LINE_BYTES + 1]
        if pending:
            yield pending

    def _keep(self, squeezed: bytes) -> None:
        if squeezed:
            self._kept.append(squeezed)
            self.kept_size += len(squeezed)
        if self.size > self._most[0] or self.kept_size > self._most[1]:
            raise BodyTooLarge(f"a lot has at most {self._most[0]} bytes")
        if self._ends > self._most[2]:
            raise BodyTooLarge(f"a lot has at most {self._most[2]} lines")

    def _blocks(self) -> Iterator[bytes]:
        loosen = zlib.decompressobj()
        for squeezed in self._kept:
            yield loosen.decompress(squeezed, _BLOCK)
            while loosen.unconsumed_tail:
                yield loosen.decompress(loosen.unconsumed_tail, _BLOCK)
        yield loosen.flush()
