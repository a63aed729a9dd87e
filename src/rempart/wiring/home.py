"""The home of one installation: its identity, its keys and its passwords, one file each.

Refuses to print a secret, and to replace one: a key that exists is never written again, because
every lookup key, engagement number and signature made with it would stop being recognised.
"""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rempart.kernel.errors import SetupError
from rempart.storage.roles import LOGINS

KEY_NAMES = (
    "lookup",
    "engagement",
    "master",
    "blind",
    "portals",
    "token",
    "portals-client",
    "presence",
    "cards",
    "alerts",
    "archive",
)
KEY_BYTES = 32
# Ed25519 seeds that each installation has one of, besides those of its logs.
SEED_NAMES = ("card-root", "packages", "retention", "backups")

_PRIVATE_DIRECTORIES = ("keys", "secrets", "run")


@dataclass(frozen=True, slots=True)
class Home:
    """One installation's directory, whose secrets are files only its owner may read.

    Get one with `Home.create` (first use, idempotent) or `Home.open`.
    """

    path: Path

    @classmethod
    def create(cls, path: Path) -> "Home":
        """Create what the home lacks and leave the rest as it is.

        Each secret appears under its name complete or not at all, so a crash between two files
        leaves a home that the next call completes.

        Raises:
            SetupError: the directory cannot be written; what was made before stays.
        """
        home = cls(path.expanduser().absolute())
        try:
            _make_directories(home.path)
            _write_once(home.path / "id", secrets.token_hex(4).encode())
            for name in KEY_NAMES:
                _write_once(home.key_file(name), secrets.token_bytes(KEY_BYTES))
            _write_once(home.path / "secrets/passwords.json", _new_passwords())
            _add_missing_passwords(home.path / "secrets/passwords.json")
        except OSError as failure:
            raise SetupError(
                f"the home {home.path} cannot be written ({failure.strerror}): "
                "set REMPART_HOME to a directory you own"
            ) from failure
        return home

    @classmethod
    def open(cls, path: Path) -> "Home":
        """Open a home that `create` made.

        Raises:
            SetupError: it does not exist or lacks a file, with the command that completes it.
        """
        home = cls(path.expanduser().absolute())
        wanted = [home.path / "id", home.path / "secrets/passwords.json"]
        wanted += [home.key_file(name) for name in KEY_NAMES]
        try:
            missing = [file for file in wanted if not file.is_file()]
        except PermissionError as failure:
            raise SetupError(
                f"{home.path} belongs to another user: run as that user, or set REMPART_HOME"
            ) from failure
        if missing:
            raise SetupError(
                f"{home.path} is not a complete home: run `rempart init`, or set REMPART_HOME"
                " to one that is there (`make demo` says where its own is)"
            )
        return home

    @property
    def id(self) -> str:
        """Eight hexadecimal characters drawn once: part of every log's origin."""
        return (self.path / "id").read_text().strip()

    def key_file(self, name: str) -> Path:
        """Return where the key `name` is kept."""
        return self.path / "keys" / f"{name}.key"

    def key(self, name: str) -> bytes:
        """Return one of `KEY_NAMES`, 32 bytes."""
        key = self.key_file(name).read_bytes()
        if len(key) != KEY_BYTES:
            raise SetupError(f"{self.key_file(name)} is not a key of {KEY_BYTES} bytes: restore it")
        return key

    def log_keys(self, log_id: int) -> list[bytes]:
        """Return the Ed25519 seeds (32 bytes) of log `log_id`, the first one first.

        One is drawn if there is none. A key that was replaced may be taken away: nothing is signed
        with it any more.
        """
        numbers = self._list_log_keys(log_id) or [1]
        return [_read_seed(self._log_key_file(log_id, number)) for number in numbers]

    def draw_log_key(self, log_id: int) -> bytes:
        """Draw another seed for log `log_id`, beside those it has; durable when this returns."""
        number = max(self._list_log_keys(log_id), default=1) + 1
        return _read_seed(self._log_key_file(log_id, number))

    def list_logs(self) -> list[int]:
        """Return the numbers of the logs that have a key here, in order."""
        names = (file.name for file in (self.path / "keys").iterdir())
        found = (re.fullmatch(r"log-([0-9]+)\.ed25519", name) for name in names)
        return sorted(int(match[1]) for match in found if match)

    def _log_key_file(self, log_id: int, number: int) -> Path:
        name = f"log-{log_id}" if number == 1 else f"log-{log_id}.{number}"
        return self.path / "keys" / f"{name}.ed25519"

    def _list_log_keys(self, log_id: int) -> list[int]:
        """Return the numbers of the seeds a log has, in order."""
        pattern = re.compile(rf"log-{log_id}(?:\.([0-9]+))?\.ed25519")
        found = (pattern.fullmatch(file.name) for file in (self.path / "keys").iterdir())
        return sorted(int(match[1] or 1) for match in found if match)

    def draw_seeds(self, log_ids: Iterable[int]) -> None:
        """Draw what would be drawn at its first use, for these logs; durable when this returns.

        A home that is copied to another machine must have them all: each would draw its own.
        """
        for name in SEED_NAMES:
            self.signing_seed(name)
        for log_id in log_ids:
            self.log_keys(log_id)

    def signing_seed(self, name: str) -> bytes:
        """Return the Ed25519 seed (32 bytes) kept under a name, drawn at its first use."""
        return _read_seed(self.path / "keys" / f"{name}.ed25519")

    def keep_signing_seed(self, name: str, seed: bytes) -> None:
        """Keep an Ed25519 seed under a name that has none; durable when this returns."""
        _write_once(self.path / "keys" / f"{name}.ed25519", seed)

    @property
    def passwords(self) -> Mapping[str, str]:
        """Passwords of the database logins, by short name (`admin`, `owner`, `gateway`...)."""
        file = self.path / "secrets/passwords.json"
        try:
            passwords = json.loads(file.read_bytes())
        except ValueError as failure:
            raise SetupError(f"{file} is not what was written there: restore it") from failure
        missing = {"admin", *LOGINS} - set(passwords)
        if missing - _LOGINS_ADDED_SINCE:
            raise SetupError(f"{file} lacks {', '.join(sorted(missing))}: restore it")
        if missing:
            raise SetupError(f"{file} lacks {', '.join(sorted(missing))}: run `rempart init`")
        return {str(name): str(value) for name, value in passwords.items()}


# A home made before these logins existed is completed by `init`; one that lacks another is damaged.
_LOGINS_ADDED_SINCE: Final = frozenset(
    {
        "signin",
        "registrar",
        "recorder",
        "archivist",
        "cosigner",
        "forwarder",
        "worker",
        "settler",
        "keeper",
    }
    | {"notifier"}
)


def _make_directories(path: Path) -> None:
    """Make the home and its private directories.

    When root owns the home, others may pass through it (not list it): the database server runs as
    an unprivileged user and keeps its files inside.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever makes it closes it; another process that comes at the same moment finds it made.
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for name in _PRIVATE_DIRECTORIES:
        (path / name).mkdir(exist_ok=True, mode=0o700)


def _new_passwords() -> bytes:
    passwords = {name: secrets.token_urlsafe(24) for name in ("admin", *LOGINS)}
    return json.dumps(passwords, indent=1).encode()


def _add_missing_passwords(file: Path) -> None:
    """Give a home made by an earlier version the logins that came since; keep the others."""
    passwords = json.loads(file.read_bytes())
    known = {**json.loads(_new_passwords()), **passwords}
    if known != passwords:
        draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_bytes(json.dumps(known, indent=1).encode())
        draft.replace(file)


def _write_once(file: Path, content: bytes) -> None:
    """Write `file` (mode 0600) unless it exists; two callers at once agree on one content.

    The bytes are on disk under another name before the name appears: a crash leaves at most a
    stray temporary file, never a short secret.
    """
    if file.exists():
        return
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(draft)
    finally:
        draft.unlink()
    _sync_directory(file.parent)


def _read_seed(file: Path) -> bytes:
    """Return the seed of a log's key, drawn if the file does not exist."""
    _write_once(file, secrets.token_bytes(KEY_BYTES))
    seed = file.read_bytes()
    if len(seed) != KEY_BYTES:
        raise SetupError(f"{file} is not a seed of {KEY_BYTES} bytes: restore it")
    return seed


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
