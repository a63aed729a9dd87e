"""Where backups and the journal of purges are: a folder, or any store that fsspec reaches.

Refuses to write over a file: each appears under its name whole, or not at all.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from rempart.kernel.errors import Conflict, Unavailable
from rempart.storage.file_store import CHUNK, FileStore


class Written(NamedTuple):
    """One file that was written or measured: SHA-256 in hexadecimal, and its size."""

    sha256: str
    size: int


class Sink:
    """A file being written, measured on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, content: bytes, /) -> None:
        """Write some bytes."""
        self._file.write(content)
        self._digest.update(content)
        self._size += len(content)

    @property
    def measured(self) -> Written:
        """What was written so far."""
        return Written(self._digest.hexdigest(), self._size)


class BackupStore(FileStore):
    """A store of files that never change, which only this installation's user reads."""

    what = "the store of backups"
    setting = "REMPART_BACKUPS"
    file_mode = 0o600
    folder_mode = 0o700

    def write(self, name: str, fill: Callable[["Sink"], None]) -> Written:
        """Write one file whole; it is durable when this returns.

        Args:
            name: Its path within the store.
            fill: Writes its bytes; what it raises leaves no file.

        Raises:
            Conflict: there is a file of that name.
            Unavailable: the store cannot be written.
        """
        if self.has(name):
            raise Conflict(f"{name} is in the store of backups already")
        try:
            with self._write_whole(name) as file:
                sink = Sink(file)
                fill(sink)
        except OSError as failure:
            raise self._unavailable(failure) from failure
        return sink.measured

    def write_bytes(self, name: str, content: bytes) -> Written:
        """Write one short file whole: see `write`."""
        return self.write(name, lambda sink: sink.write(content))

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file to read it.

        Raises:
            Unavailable: it is not there, or cannot be read.
        """
        try:
            with self._fs.open(self._place(name), "rb") as file:
                yield file
        except OSError as failure:
            raise self._unavailable(failure) from failure

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file's pieces.

        Raises:
            Unavailable: it is not there, or cannot be read.
        """
        with self.open(name) as file:
            while piece := file.read(CHUNK):
                yield piece

    def measure(self, name: str) -> Written:
        """Return digest and size of a file.

        Raises:
            Unavailable: it is not there, or cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        for piece in self.read(name):
            digest.update(piece)
            size += len(piece)
        return Written(digest.hexdigest(), size)

    def list_names(self, folder: str) -> list[str]:
        """Return the names of the complete files of a folder, sorted.

        Raises:
            Unavailable: the store cannot be read.
        """
        try:
            return [f"{folder}/{name}" for name in self._list_names(folder)]
        except OSError as failure:
            raise self._unavailable(failure) from failure

    def _unavailable(self, failure: OSError) -> Unavailable:
        return Unavailable(
            f"the store of backups refuses ({failure.strerror or type(failure).__name__}): see "
            f"that {self._root} is there, can be written and has room, then run the same again"
        )
