"""The embedded PostgreSQL cluster: made, started, recovered and stopped here.

Answers to two needs the ready-made launchers do not: authentication by password for everybody, and
patience. After a crash the server replays its log before it opens; interrupting that only makes the
next start longer, so nothing here has a time limit while the server is alive. Never changes the mode
of a directory it did not make, and never runs the server as root.
"""

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rempart.kernel.errors import SetupError
from rempart.storage.binaries import Binaries, copy_wheel, find_binaries

SERVER_USERS = ("postgres", "nobody")
ADMIN = "rempart_admin"
LONGEST_SOCKET_PATH = 107

_LAST_LINES = 12
_FOREVER_S = "31536000"
_PROGRESS_EVERY_S = 5.0
_START_ATTEMPTS = 20

# Reasons are in docs/how-to/run-the-database.md. No statement, parameter or offending value is ever
# logged: log_min_messages above "error" keeps clients' errors (which quote values) out of the files.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "work_mem": "16MB",
    "effective_io_concurrency": "64",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "pglz",
    "max_wal_size": "8GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a cluster lives and how it is reached; decided once, then kept in the home.

    Args:
        directory: Holds `data`, `socket` and `log`, all owned by the server's user.
        port: TCP port on the loopback address; part of the socket's name too.
    """

    directory: Path
    port: int

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """The directory of the server's log files."""
        return self.directory / "log"

    @property
    def socket(self) -> Path | None:
        """The directory of the Unix socket; None when its path is longer than the system accepts."""
        directory = self.directory / "socket"
        longest = len(os.fsencode(directory / f".s.PGSQL.{self.port}"))
        return directory if longest <= LONGEST_SOCKET_PATH else None

    @property
    def address(self) -> dict[str, str]:
        """Libpq parameters that lead to the server."""
        return {"host": str(self.socket or "127.0.0.1"), "port": str(self.port)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """What can be said of a cluster without entering it."""

    place: Place
    initialised: bool
    pid: int | None
    user: str

    @property
    def running(self) -> bool:
        """Whether a server process holds the data directory."""
        return self.pid is not None


@dataclass(frozen=True, slots=True)
class _User:
    """The system user that runs the server: ourselves, or an unprivileged one when we are root."""

    name: str
    uid: int
    gid: int
    other: bool

    @property
    def arguments(self) -> dict[str, object]:
        """What subprocess needs to become this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.other else {}


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One PostgreSQL cluster, kept in a home.

    Args:
        home: Directory that remembers where the cluster is; the cluster itself is inside when the
            server's user can reach it.
        elsewhere: Where the cluster goes otherwise; used by root only.
        admin_password: Password of `ADMIN`, set when the cluster is made.
        pg_bin: Directory of PostgreSQL programs to use, or None to look for them.
        settings: Server settings that replace those of `SETTINGS`.
        say: Receives one line about each thing done, and about a recovery that takes long.
    """

    home: Path
    elsewhere: Path
    admin_password: str = field(repr=False)
    pg_bin: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = field(default=lambda _: None, repr=False)

    def start(self) -> Place:
        """Start the server, making the cluster first if need be; attach when it runs already.

        Returns once the server accepts connections, however long a recovery takes.

        Raises:
            SetupError: no programs, or of another major version, or the server ended by itself; the
                message quotes its log.
        """
        with self._alone():
            user = _choose_user()
            place = self._settle(user)
            binaries = self.binaries(place, user)
            if not (place.data / "PG_VERSION").exists():
                self._initialise(place, binaries, user)
            if find_postmaster(place.data) is None:
                place = self._launch(place, binaries, user)
            self._wait_until_ready(place)
            return place

    def stop(self) -> bool:
        """Shut the server down cleanly (open transactions are rolled back); say whether it ran."""
        with self._alone():
            place = self._known_place()
            if place is None or find_postmaster(place.data) is None:
                return False
            user = _choose_user()
            binaries = self.binaries(place, user)
            command = [binaries.program("pg_ctl"), "stop", "-D", str(place.data)]
            done = _run([*command, "-m", "fast", "-w", "-t", _FOREVER_S], user)
            if done.returncode and find_postmaster(place.data) is not None:
                raise SetupError(f"the database did not stop: {done.stderr.strip()}")
            return True

    def status(self) -> ClusterStatus:
        """Look at the cluster from outside; starts nothing and waits for nobody."""
        place = self._known_place() or Place(directory=self.home / "postgresql", port=0)
        return ClusterStatus(
            place=place,
            initialised=(place.data / "PG_VERSION").exists(),
            pid=find_postmaster(place.data),
            user=_choose_user().name,
        )

    def binaries(self, place: Place | None = None, user: _User | None = None) -> Binaries:
        """Return the programs this cluster runs with, copied if its user cannot reach the originals."""
        place, user = place or self._known_place(), user or _choose_user()
        binaries = find_binaries(self.pg_bin, major=_data_major(place.data) if place else None)
        probe = [binaries.program("postgres"), "--version"]
        if place is None or not user.other or _succeeds(probe, user):
            return binaries
        self.elsewhere.mkdir(parents=True, exist_ok=True, mode=0o755)
        return copy_wheel(binaries, self.elsewhere)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time start or stop this cluster; the lock dies with its process."""
        (self.home / "run").mkdir(parents=True, exist_ok=True)
        with (self.home / "run" / "cluster.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def _memory(self) -> Path:
        return self.home / "cluster.json"

    def _known_place(self) -> Place | None:
        if not self._memory.exists():
            return None
        known = json.loads(self._memory.read_bytes())
        return Place(directory=Path(known["directory"]), port=int(known["port"]))

    def _remember(self, place: Place) -> Place:
        """Keep the place; renamed into position, so a crash leaves the old or the new, never half."""
        draft = self._memory.with_suffix(".draft")
        draft.write_text(json.dumps({"directory": str(place.directory), "port": place.port}))
        draft.rename(self._memory)
        return place

    def _settle(self, user: _User) -> Place:
        """Return the place of this cluster, choosing it at the first start."""
        known = self._known_place()
        if known is not None:
            return known
        inside = not user.other or _succeeds(["/bin/sh", "-c", 'cd "$0"', str(self.home)], user)
        directory = (self.home if inside else self.elsewhere) / "postgresql"
        directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        if not inside:
            self.say(f"{user.name} cannot enter {self.home}: the database goes to {directory}")
        for made in (directory, directory / "socket", directory / "log"):
            made.mkdir(exist_ok=True)
            made.chmod(0o700)
            os.chown(made, user.uid, user.gid)
        return self._remember(Place(directory=directory, port=_free_port()))

    def _initialise(self, place: Place, binaries: Binaries, user: _User) -> None:
        """Run initdb beside the final name, then rename: a crash here is wiped by the next start."""
        self.say(f"making a database cluster with {binaries.describe()} in {place.data}")
        draft, password = place.directory / "data.draft", place.directory / "password.draft"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            _write_as(password, f"{self.admin_password}\n", user)
            done = _run(
                [
                    binaries.program("initdb"),
                    *("-D", str(draft), "-U", ADMIN, "--pwfile", str(password)),
                    *("-A", "scram-sha-256", "--data-checksums", "--no-locale", "-E", "UTF8"),
                    "--no-instructions",
                ],
                user,
            )
        finally:
            password.unlink(missing_ok=True)
        if done.returncode:
            raise SetupError(f"initdb failed: {_last_lines(done.stderr)}")
        with (draft / "postgresql.conf").open("a") as conf:
            conf.write("\n# Rempart's settings, rewritten at each start; then yours.\n")
            conf.write("include_if_exists = 'rempart.conf'\ninclude_if_exists = 'local.conf'\n")
        draft.rename(place.data)

    def _launch(self, place: Place, binaries: Binaries, user: _User) -> Place:
        """Start the server process, around what a killed one left behind.

        Two leftovers pass with time or another choice: the last children of a killed server still
        hold its memory for a moment, and somebody may have taken the port meanwhile.
        """
        for _ in range(_START_ATTEMPTS):
            _remove_stale_pid(place.data)
            self._write_settings(place, user)
            report = place.log / "start.log"
            report.unlink(missing_ok=True)
            if self._run_pg_ctl(place, binaries, user):
                return place
            failure = report.read_text(errors="replace") if report.exists() else ""
            failure += _newest_log(place.log)
            if "could not create any TCP/IP sockets" in failure:
                place = self._remember(Place(directory=place.directory, port=_free_port()))
            elif "is still in use" not in failure and "being shut down" not in failure:
                break
            time.sleep(0.5)
        raise SetupError(
            f"the database did not start; its log in {place.log} ends with: {_last_lines(failure)}"
        )

    def _run_pg_ctl(self, place: Place, binaries: Binaries, user: _User) -> bool:
        """Run `pg_ctl start`, saying each few seconds that a recovery goes on; return success."""
        command = [
            binaries.program("pg_ctl"),
            *("start", "-D", str(place.data), "-l", str(place.log / "start.log")),
            *("-w", "-t", _FOREVER_S, "-s"),
        ]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_environment(user),  # type: ignore[call-overload]
        )
        started = time.monotonic()
        while True:
            try:
                return bool(process.wait(_PROGRESS_EVERY_S) == 0)
            except subprocess.TimeoutExpired:
                waited = time.monotonic() - started
                self.say(f"the database recovers from a crash, {waited:.0f} s so far: leave it")

    def _wait_until_ready(self, place: Place) -> None:
        """Wait for a server somebody else is starting, for as long as it lives."""
        started = said = time.monotonic()
        while _read_pid_file(place.data)[7:8] != ["ready"]:
            if find_postmaster(place.data) is None:
                raise SetupError(
                    f"the database ended while it started; its log in {place.log} ends with: "
                    f"{_last_lines(_newest_log(place.log))}"
                )
            if time.monotonic() - said > _PROGRESS_EVERY_S:
                said = time.monotonic()
                self.say(f"waiting for the database to open, {said - started:.0f} s so far")
            time.sleep(0.05)

    def _write_settings(self, place: Place, user: _User) -> None:
        own = {
            "port": str(place.port),
            "unix_socket_directories": str(place.socket or ""),
            "unix_socket_permissions": "0700",
            "log_directory": str(place.log),
        }
        lines = [
            "{} = '{}'".format(name, value.replace("'", "''"))
            for name, value in {**SETTINGS, **own, **self.settings}.items()
        ]
        target = place.data / "rempart.conf"
        draft = place.data / "rempart.conf.draft"
        draft.unlink(missing_ok=True)
        _write_as(draft, "\n".join(lines) + "\n", user)
        draft.rename(target)


def find_postmaster(data: Path) -> int | None:
    """Return the process that serves `data`, or None.

    The pid file alone proves nothing: after a crash the number may belong to another program, or to
    a dead process that its parent has not collected. A server works in its data directory, so that
    is what is compared.
    """
    lines = _read_pid_file(data)
    if not lines or not lines[0].lstrip("-").isdigit():
        return None
    pid = abs(int(lines[0]))
    working_directory = Path(f"/proc/{pid}/cwd")
    if Path("/proc/self/cwd").exists():
        with contextlib.suppress(OSError):
            return pid if working_directory.samefile(data) else None
        return None
    listing = subprocess.run(
        ["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return pid if "postgres" in listing.stdout else None


def _read_pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _remove_stale_pid(data: Path) -> None:
    """Remove a pid file whose process is not a server of this directory.

    The server would refuse to start while any process has that number. Removing is safe: it checks
    the memory segment of the directory too, which a living server still holds.
    """
    if find_postmaster(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)


def _choose_user() -> _User:
    if os.geteuid() != 0:
        return _User(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid(), other=False)
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _User(entry.pw_name, entry.pw_uid, entry.pw_gid, other=True)
    raise SetupError(
        f"PostgreSQL refuses to run as root and no user {' or '.join(SERVER_USERS)} exists: "
        "create one, or run rempart as an ordinary user"
    )


def _environment(user: _User) -> dict[str, object]:
    """Subprocess arguments: become the server's user, with an environment that sets nothing of PostgreSQL."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {"env": {**kept, "LC_ALL": "C"}, "cwd": "/", "umask": 0o077, **user.arguments}


def _run(command: Sequence[str], user: _User) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, capture_output=True, text=True, check=False, **_environment(user)
    )


def _succeeds(command: Sequence[str], user: _User) -> bool:
    try:
        return _run(command, user).returncode == 0
    except PermissionError:
        return False


def _write_as(file: Path, text: str, user: _User) -> None:
    """Write a new file of mode 0600 that belongs to the server's user."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, flags, 0o600), "w") as stream:
        os.fchown(stream.fileno(), user.uid, user.gid)
        stream.write(text)


def _data_major(data: Path) -> int | None:
    version = data / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _newest_log(directory: Path) -> str:
    files = sorted(directory.glob("postgresql-*.log"), key=lambda file: file.stat().st_mtime)
    return files[-1].read_text(errors="replace")[-8000:] if files else ""


def _last_lines(text: str) -> str:
    return " / ".join(re.sub(r"\s+", " ", line) for line in text.splitlines()[-_LAST_LINES:])
