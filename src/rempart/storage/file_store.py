"""Files in a folder, or in any store that fsspec reaches, each there whole or not at all.

Nothing here says what they hold: see `segment_files` and `backup_store`.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final

import fsspec

from rempart.kernel.errors import SetupError

PARTIAL: Final = ".partial"
CHUNK: Final = 1 << 20


class FileStore:
    """A store of files that never change.

    Args:
        url: A path or a URL.
        options: What fsspec's file system of that URL takes.
    """

    what: ClassVar[str]
    """The store's name, in sentences."""
    setting: ClassVar[str]
    """The setting that says where it is."""
    file_mode: ClassVar[int] = 0o666
    folder_mode: ClassVar[int] = 0o777

    def __init__(self, url: str, **options: Any) -> None:
        try:
            self._fs, root = fsspec.url_to_fs(url, **options)
        except (ImportError, ValueError) as failure:
            raise SetupError(
                f"{self.what} cannot be used ({type(failure).__name__}): set {self.setting} "
                "to a folder or a URL that fsspec knows, and install its driver"
            ) from failure
        self._root = root.rstrip("/")
        protocol = self._fs.protocol
        self._protocols = (protocol,) if isinstance(protocol, str) else tuple(protocol)
        self._local = "file" in self._protocols

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self._root)

    @property
    def local(self) -> Path | None:
        """The folder; None when it is elsewhere."""
        return Path(self._root) if self._local else None

    def has(self, name: str) -> bool:
        """Say whether a file is there."""
        return bool(self._fs.exists(self._place(name)))

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is well."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._place(name))

    def sweep(self, folder: str) -> int:
        """Remove what crashes left of unfinished files of a folder; return how many there were."""
        place = self._place(folder)
        if not self._local or not self._fs.exists(place):
            return 0
        left = [path for path in self._fs.ls(place, detail=False) if path.endswith(PARTIAL)]
        for path in left:
            self._fs.rm_file(path)
        return len(left)

    @contextlib.contextmanager
    def _write_whole(self, name: str) -> Iterator[BinaryIO]:
        """Write one file under another name first, on disk, then rename it: durable at the end.

        A failure leaves nothing; a crash, at most a file whose name ends in `.partial`, which
        `sweep` removes. In an object store, which has no rename, the upload is completed once all
        of it is there, and given up otherwise: an object of that name stays what it was.

        Raises:
            OSError: the store cannot be written.
        """
        place = self._place(name)
        if not self._local:
            self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            # Closing a file completes its upload, also when what wrote it failed: not so here.
            file = self._fs.open(place, "wb", autocommit=False)
            try:
                with file:
                    yield file
            except BaseException:
                file.discard()
                raise
            file.commit()
            return
        folder = Path(place).parent
        folder.mkdir(parents=True, exist_ok=True, mode=self.folder_mode)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        draft = Path(f"{place}{PARTIAL}")
        try:
            with os.fdopen(os.open(draft, flags, self.file_mode), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.replace(place)
        finally:
            # On a disk that is full, what did not fit would keep everything else out too.
            draft.unlink(missing_ok=True)
        sync_directory(folder)

    def _list_names(self, folder: str) -> list[str]:
        """Return the names of the complete files of a folder, without it, sorted.

        Raises:
            OSError: the store cannot be read.
        """
        place = self._place(folder)
        self._fs.invalidate_cache()
        if not self._fs.exists(place):
            return []
        names = (path.rpartition("/")[2] for path in self._fs.ls(place, detail=False))
        return sorted(name for name in names if not name.endswith(PARTIAL))

    def _place(self, name: str) -> str:
        return f"{self._root}/{name}"


def sync_directory(path: Path) -> None:
    """Make a rename last: the name is in the directory, which is on disk only once it is told."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
