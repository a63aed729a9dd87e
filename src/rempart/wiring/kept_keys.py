"""The keys of a home, sealed into one file for a safe, and brought back from it.

Without them a backup of the base is unreadable; with them and a backup, everything is read. So the
two are kept apart: refuses to write one beside the other, and to replace a key that is there.
"""

import io
import os
import tarfile
from pathlib import Path
from typing import Final

from rempart.exchange.backup_sealing import Identities, open_stream, seal_stream
from rempart.exchange.whole_file import write_whole
from rempart.kernel.errors import Conflict, InconsistentRecord, SetupError
from rempart.wiring.backups import RECIPIENTS, load_recipients
from rempart.wiring.home import Home

# What makes a home that one and no other. Not the database, nor where it is.
_KEPT: Final = ("id", RECIPIENTS)
_FOLDERS: Final = ("keys", "secrets")
_MOST_BYTES: Final = 16 << 20


def save_keys(home: Home, file: Path, *, apart_from: Path | None) -> int:
    """Write the keys of a home into a new sealed file; return how many files it holds.

    Args:
        home: The home.
        file: Where; must not exist.
        apart_from: The folder of the backups, if it is one.

    Raises:
        SetupError: there is nobody to seal it for, or the place is beside the backups.
        Conflict: the file exists.
    """
    recipients = load_recipients(home)
    if not recipients:
        raise SetupError("keys are sealed for a key kept elsewhere: run `rempart backup key`")
    place = file.absolute().resolve()
    if apart_from is not None and place.is_relative_to(apart_from.absolute().resolve()):
        raise SetupError(
            "keys and backups are kept apart: whoever takes one folder must not have both. Write "
            "the keys to another place"
        )
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        names = [name for name in _KEPT if (home.path / name).exists()]
        for folder in _FOLDERS:
            names += sorted(f"{folder}/{one.name}" for one in (home.path / folder).iterdir())
        for name in names:
            if not Path(name).name.startswith("."):
                archive.add(home.path / name, arcname=name, filter=_forget_owner)
    content.seek(0)
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(f"{place} exists: give a name that does not") from None
    except OSError as failure:
        raise SetupError(f"{place} cannot be written ({failure.strerror})") from failure
    with os.fdopen(handle, "wb") as stream:
        seal_stream(content, stream, recipients)
        stream.flush()
        os.fsync(stream.fileno())
    return len(names)


def bring_keys_back(file: Path, identities: Identities, home: Path) -> Home:
    """Make a home from a sealed file of keys.

    Raises:
        Conflict: there is a home already.
        InconsistentRecord: the file does not open, or holds something else.
        SetupError: the file cannot be read, or the home not be written.
    """
    place = home.expanduser().absolute()
    if (place / "id").exists():
        raise Conflict(f"{place} is a home already: set REMPART_HOME to a place that is none")
    content = io.BytesIO()
    try:
        with file.open("rb") as stream:
            open_stream(stream, content, identities)
    except OSError as failure:
        raise SetupError(f"{file} cannot be read ({failure.strerror})") from failure
    content.seek(0)
    try:
        with tarfile.open(fileobj=content, mode="r:") as archive:
            found = {member.name: _read(archive, member) for member in archive}
    except tarfile.TarError as failure:
        raise InconsistentRecord(f"{file} does not hold the keys of a home") from failure
    if "id" not in found or "keys/master.key" not in found:
        raise InconsistentRecord(f"{file} does not hold the keys of a home")
    # The name of the home comes last: what a crash leaves is no home, and is written over.
    try:
        for name in (*sorted(set(found) - {"id"}), "id"):
            _write(place / name, found[name])
    except OSError as failure:
        raise SetupError(f"{place} cannot be written ({failure.strerror})") from failure
    return Home.create(place)


def _forget_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Return a file of the archive, whose name is one that `save_keys` writes."""
    folder, _, name = member.name.rpartition("/")
    is_ours = member.name in _KEPT or (folder in _FOLDERS and name and not name.startswith("."))
    stream = archive.extractfile(member) if member.isfile() else None
    if not is_ours or stream is None or member.size > _MOST_BYTES:
        raise tarfile.TarError("a file that is no key of a home")
    return stream.read()


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with write_whole(file) as stream:
        stream.write(content)
