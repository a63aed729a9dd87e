"""A file that takes its name when it is whole and on the disk; only its owner reads it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def write_whole(path: Path, draft: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a file that takes its name at the end of the block, and is gone if the block fails.

    An interruption is a failure too. What had the name before stays until then. When this returns,
    a crash of the machine loses neither the file nor its name.

    Args:
        path: Where it will be.
        draft: Where it is until then; by default always the same place, so that what a killed
            process left there goes with the next try.

    Raises:
        OSError: the file cannot be written.
    """
    draft = draft or path.with_name(f".{path.name}.partial")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
