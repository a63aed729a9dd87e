"""The system user that runs the embedded server, and acting as that user.

PostgreSQL refuses to run as root, so root lends it an unprivileged user. Nothing here opens a
directory to that user: what it cannot reach goes elsewhere.
"""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.kernel.errors import SetupError

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Ourselves, or an unprivileged user when we are root (`lent`)."""

    name: str
    uid: int
    gid: int
    lent: bool

    @property
    def process(self) -> dict[str, Any]:
        """What subprocess needs to become this user, without any PG* variable of ours."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        become = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.lent else {}
        return {"env": {**kept, "LC_ALL": "C"}, "cwd": "/", "umask": 0o077, **become}

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return what it printed."""
        return subprocess.run(command, capture_output=True, text=True, check=False, **self.process)

    def can_run(self, command: Sequence[str]) -> bool:
        """Say whether a command can be reached and succeeds."""
        try:
            return self.run(command).returncode == 0
        except OSError:
            return False

    def can_enter(self, directory: Path) -> bool:
        """Say whether this user may pass through a directory."""
        return not self.lent or self.can_run(["/bin/sh", "-c", 'cd "$0"', str(directory)])

    def make_directory(self, directory: Path) -> None:
        """Make a directory only this user may enter."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chown(directory, self.uid, self.gid)

    def make_way(self, directory: Path) -> None:
        """Make a directory of ours that this user may enter, with the parents that are missing.

        Directories that exist keep their mode.

        Raises:
            SetupError: one of those keeps this user out.
        """
        missing = [part for part in (directory, *directory.parents) if not part.exists()]
        for part in reversed(missing):
            part.mkdir()
            part.chmod(0o755)  # whatever our umask is
        if not self.can_enter(directory):
            raise SetupError(
                f"user {self.name}, which runs the database, cannot enter {directory}: open its "
                "parents to that user, or set REMPART_HOME to a directory it can reach"
            )

    def write(self, file: Path, text: str) -> None:
        """Write a new file of mode 0600 that belongs to this user, replacing any other of the name.

        Never follows a link: the directory belongs to a user we trust less than ourselves.
        """
        file.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(file, flags, 0o600), "w") as stream:
            os.fchown(stream.fileno(), self.uid, self.gid)
            stream.write(text)


def choose_server_user(data: Path | None) -> ServerUser:
    """Choose who runs the server: ourselves; for root, the owner of the data, else a `CANDIDATES`.

    Raises:
        SetupError: we are root and no unprivileged user exists.
    """
    if os.geteuid() != 0:
        return ServerUser(str(os.geteuid()), os.geteuid(), os.getegid(), lent=False)
    if data is not None and data.exists():
        owner = data.stat()
        return ServerUser(str(owner.st_uid), owner.st_uid, owner.st_gid, lent=True)
    for name in CANDIDATES:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return ServerUser(name, entry.pw_uid, entry.pw_gid, lent=True)
    raise SetupError(
        f"PostgreSQL refuses to run as root and no user {' or '.join(CANDIDATES)} exists: "
        "create one, or run rempart as an ordinary user"
    )
