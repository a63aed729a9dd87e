"""A file that takes its name when it is whole and on the disk; only its owner reads it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def write_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its name at the end of the block, and is gone if the block fails.

    An interruption is a failure too. What had the name before stays until then. Several may write
    it at once: it is whole, and one of theirs. When this returns, a crash of the machine loses
    neither the file nor its name; a killed process leaves a hidden draft beside it.

    Args:
        path: Where it will be.

    Raises:
        OSError: the file cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    draft = Path(name)
    try:
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
