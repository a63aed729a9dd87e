"""The bytes of a feed, unpacked on the way when they are gzip.

Refuses a damaged archive in one sentence, wherever the damage is.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from rempart.kernel.errors import FeedRefused

BLOCK_BYTES: Final = 1 << 20
_GZIP_MARK: Final = b"\x1f\x8b"


class FeedStream:
    """A file read from its beginning, as many times as wanted.

    Raises:
        FeedRefused: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            self._raw = path.open("rb")
            self._size = max(1, os.fstat(self._raw.fileno()).st_size)
        except OSError as failure:
            raise FeedRefused(f"{path} cannot be read: {failure.strerror}") from failure
        packed = self._raw.read(2) == _GZIP_MARK
        self._raw.seek(0)
        unpacked = gzip.GzipFile(fileobj=self._raw, mode="rb") if packed else self._raw
        self._stream = cast("IO[bytes]", unpacked)

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes.

        Raises:
            FeedRefused: the archive ends too early or is damaged, or the disk fails.
        """
        try:
            return self._stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as failure:
            raise FeedRefused(
                f"{self.name} is truncated or damaged gzip. Nothing was changed: "
                "ask for the file again"
            ) from failure
        except OSError as failure:
            raise FeedRefused(f"{self.name} cannot be read: {failure.strerror}") from failure

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Read the rest, block by block of `size` bytes."""
        while block := self.read(size):
            yield block

    def rewind(self, skip: int = 0) -> None:
        """Go back to the beginning, and over the first `skip` bytes."""
        self._stream.seek(0)
        self.read(skip)

    def done_share(self) -> float:
        """Return how much of the file was read, from 0 to 1."""
        return min(1.0, self._raw.tell() / self._size)

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
