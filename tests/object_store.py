"""A store of objects that behaves like S3 where it matters: `bucket://name/…`, in memory.

An upload goes in parts and shows nothing until it is completed; there is no rename and there are no
folders; a part may be refused. fsspec's own `memory://` shows a file from its first byte.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

import fsspec
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem


class BucketFile(AbstractBufferedFile):
    """One object being read, or one upload."""

    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        self.fs.take_part()
        self.buffer.seek(0)
        self.parts.append(self.buffer.read())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Complete the upload: the object is there, whole."""
        self.fs.objects[self.path] = b"".join(self.parts)

    def discard(self) -> None:
        """Give the upload up."""
        self.parts = []

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.find(self.path)[start:end]


class BucketFileSystem(AbstractFileSystem):
    """Every bucket there is; emptied by whoever uses it."""

    protocol = "bucket"
    cachable = False
    objects: ClassVar[dict[str, bytes]] = {}
    # Parts taken before one is refused; None for all of them.
    parts_left: ClassVar[int | None] = None

    def take_part(self) -> None:
        """Take one part of an upload, or fail as a network does."""
        if self.parts_left is not None:
            if self.parts_left == 0:
                raise ConnectionResetError("the store is away")
            type(self).parts_left = self.parts_left - 1

    def find(self, path: str, **_: Any) -> bytes:
        """Return an object's bytes."""
        if path not in self.objects:
            raise FileNotFoundError(path)
        return self.objects[path]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> BucketFile:
        if mode == "rb":
            self.find(path)
        options["block_size"] = 5 * 2**20 if mode == "rb" else 1 << 12
        return BucketFile(self, path, mode, **options)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List objects by their prefix, as buckets do."""
        prefix = self._strip_protocol(path)
        names = [name for name in self.objects if name == prefix or name.startswith(f"{prefix}/")]
        if not names:
            raise FileNotFoundError(path)
        if not detail:
            return names
        return [{"name": n, "size": len(self.objects[n]), "type": "file"} for n in names]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Say how large an object is, or that a prefix has some."""
        name = self._strip_protocol(path)
        found = self.ls(name)
        folder = {"name": name, "size": 0, "type": "directory"}
        return next((one for one in found if one["name"] == name), folder)

    def modified(self, path: str) -> datetime:
        """Return a date: the same for all of them."""
        self.find(self._strip_protocol(path))
        return datetime(2026, 11, 1, tzinfo=UTC)

    def rm_file(self, path: str) -> None:
        """Delete one object."""
        self.find(self._strip_protocol(path))
        del self.objects[self._strip_protocol(path)]

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """There are no folders."""


fsspec.register_implementation("bucket", BucketFileSystem, clobber=True)
