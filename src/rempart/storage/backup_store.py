"""Where backups and the journal of purges are: a folder, or any store that fsspec reaches.

Refuses to write over a file: each appears under its name whole, or not at all.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import fsspec

from rempart.kernel.errors import Conflict, SetupError, Unavailable

_CHUNK: Final = 1 << 20
_PARTIAL: Final = ".partial"


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


class BackupStore:
    """A store of files that never change.

    Args:
        url: A path or a URL.
        options: What fsspec's file system of that URL takes.
    """

    def __init__(self, url: str, **options: Any) -> None:
        try:
            self._fs, root = fsspec.url_to_fs(url, **options)
        except (ImportError, ValueError) as failure:
            raise SetupError(
                f"the store of backups cannot be used ({type(failure).__name__}): set "
                "REMPART_BACKUPS to a folder or a URL that fsspec knows, and install its driver"
            ) from failure
        self._root = root.rstrip("/")
        protocol = self._fs.protocol
        self._local = "file" in ((protocol,) if isinstance(protocol, str) else tuple(protocol))

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self._root)

    @property
    def local(self) -> Path | None:
        """The folder; None when it is elsewhere."""
        return Path(self._root) if self._local else None

    def write(self, name: str, fill: Callable[["Sink"], None]) -> Written:
        """Write one file whole; it is durable when this returns.

        A crash leaves at most a file whose name ends in `.partial`, which `sweep` removes; in an
        object store the upload is completed once all of it is there.

        Args:
            name: Its path within the store.
            fill: Writes its bytes; what it raises leaves no file.

        Raises:
            Conflict: there is a file of that name.
            Unavailable: the store cannot be written.
        """
        if self.has(name):
            raise Conflict(f"{name} is in the store of backups already")
        place = self._place(name)
        partial = f"{place}{_PARTIAL}" if self._local else place
        try:
            self._make_folder(place.rpartition("/")[0])
            with self._open_for_writing(partial) as file:
                sink = Sink(file)
                fill(sink)
                if self._local:
                    file.flush()
                    os.fsync(file.fileno())
            if self._local:
                Path(partial).replace(place)
                _sync_directory(Path(place).parent)
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
            while piece := file.read(_CHUNK):
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

    def has(self, name: str) -> bool:
        """Say whether a file is there."""
        return bool(self._fs.exists(self._place(name)))

    def list_names(self, folder: str) -> list[str]:
        """Return the names of the complete files of a folder, sorted.

        Raises:
            Unavailable: the store cannot be read.
        """
        place = self._place(folder)
        self._fs.invalidate_cache()
        try:
            if not self._fs.exists(place):
                return []
            names = (path.rpartition("/")[2] for path in self._fs.ls(place, detail=False))
            return sorted(f"{folder}/{name}" for name in names if not name.endswith(_PARTIAL))
        except OSError as failure:
            raise self._unavailable(failure) from failure

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is well."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._place(name))

    def sweep(self, folder: str) -> int:
        """Remove what crashes left of unfinished files of a folder; return how many there were."""
        place = self._place(folder)
        if not self._local or not self._fs.exists(place):
            return 0
        left = [path for path in self._fs.ls(place, detail=False) if path.endswith(_PARTIAL)]
        for path in left:
            self._fs.rm_file(path)
        return len(left)

    @contextlib.contextmanager
    def _open_for_writing(self, place: str) -> Iterator[Any]:
        if self._local:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with os.fdopen(os.open(place, flags, 0o600), "wb") as file:
                yield file
            return
        # Closing a file completes its upload, also when what wrote it failed: not so here.
        file = self._fs.open(place, "wb", autocommit=False)
        try:
            with file:
                yield file
        except BaseException:
            file.discard()
            raise
        file.commit()

    def _make_folder(self, folder: str) -> None:
        if self._local:
            Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        else:
            self._fs.makedirs(folder, exist_ok=True)

    def _place(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _unavailable(self, failure: OSError) -> Unavailable:
        return Unavailable(
            f"the store of backups refuses ({failure.strerror or type(failure).__name__}): see "
            f"that {self._root} is there, can be written and has room, then run the same again"
        )


def _sync_directory(path: Path) -> None:
    """Make a rename last: the name is in the directory, which is on disk only once it is told."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
