"""A Maildir: one file a message, which a mail server puts there whole.

Refuses to follow a link, and to read more of a message than is asked.
"""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from rempart.kernel.errors import SetupError

_FOLDERS: Final = ("new", "cur")


def check_maildir(folder: Path) -> None:
    """Refuse a folder that is no Maildir.

    Raises:
        SetupError: it is none.
    """
    if not all((folder / name).is_dir() for name in _FOLDERS):
        raise SetupError(f"{folder} is no Maildir: it needs the folders new and cur")


def list_new(folder: Path, *, most: int) -> list[Path]:
    """Return the next messages nobody read, in any order, at most so many."""
    with os.scandir(folder / "new") as entries:
        paths: Iterator[Path] = (
            Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)
        )
        return sorted(islice(paths, most))


def read_message(path: Path, *, most: int) -> bytes:
    """Return the beginning of a message; empty when somebody took it away."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return file.read(most)


def drop_message(path: Path) -> None:
    """Delete a message that was understood: it holds an address."""
    path.unlink(missing_ok=True)


def keep_message(path: Path) -> None:
    """Leave a message to people: it was read and not understood."""
    try:
        path.rename(path.parent.parent / "cur" / f"{path.name.partition(':')[0]}:2,S")
    except FileNotFoundError:
        return
