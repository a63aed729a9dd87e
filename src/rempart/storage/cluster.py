"""The embedded PostgreSQL cluster: made, started, recovered and stopped here.

Answers to two needs the ready-made launchers do not: authentication by password for everybody, and
patience. After a crash the server replays its log before it opens; interrupting that only makes the
next start longer, so nothing here has a time limit while the server is alive. Never changes the
mode of a directory it did not make, and never runs the server as root.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rempart.kernel.errors import SetupError
from rempart.storage.binaries import Binaries, copy_wheel, find_binaries
from rempart.storage.postmaster import (
    dismiss_orphans,
    find_postmaster,
    is_ready,
    mark_log,
    quote_end,
    read_failure,
    remove_stale_locks,
)
from rempart.storage.server_user import ServerUser, choose_server_user

ADMIN = "rempart_admin"
LONGEST_SOCKET_PATH = 107

_FOREVER_S = "31536000"
_PROGRESS_EVERY_S = 5.0
_START_ATTEMPTS = 40
_PAUSE_S = 0.25

# Reasons are in docs/how-to/run-the-database.md. No statement, parameter or offending value reaches
# a log file: log_min_messages above "error" keeps out the clients' errors, which quote values.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "work_mem": "16MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "off",
    "max_wal_size": "8GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
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
        """The directory of the Unix socket; None when its path is too long for the system."""
        directory = self.directory / "socket"
        longest = len(os.fsencode(directory / f".s.PGSQL.{self.port}"))
        return directory if longest <= LONGEST_SOCKET_PATH else None

    @property
    def address(self) -> dict[str, str]:
        """Libpq parameters that lead to the server."""
        return {"host": str(self.socket or "127.0.0.1"), "port": str(self.port)}

    def describe(self) -> str:
        """Say where the server listens, for people."""
        socket_too = f" and {self.socket}" if self.socket else " (no socket: its path is too long)"
        return f"127.0.0.1:{self.port}{socket_too}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """What can be said of a cluster without entering it."""

    place: Place
    initialised: bool
    pid: int | None

    @property
    def running(self) -> bool:
        """Whether a server process holds the data directory."""
        return self.pid is not None


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One PostgreSQL cluster, remembered in a home.

    Args:
        home: Directory that remembers where the cluster is; the cluster itself is inside, when the
            server's user can reach it.
        elsewhere: Where the cluster, or a copy of the programs, goes otherwise; used by root only.
        admin_password: Password of `ADMIN`, set when the cluster is made.
        pg_bin: Directory of PostgreSQL programs to use, or None to look for them.
        settings: Server settings that replace those of `SETTINGS`.
        say: Receives a line about each thing done, and about a recovery that takes long.
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
            SetupError: no programs, or of another major version, or the server ended by itself (the
                message quotes its log), or a directory cannot be written.
        """
        try:
            with self._alone():
                place = self._known_place() or self._choose_place()
                user = choose_server_user(place.data)
                if find_postmaster(place.data) is None:
                    binaries = self._reachable(self.find_binaries(), user)
                    if not _is_made(place.data):
                        self._make(place, binaries, user)
                    place = self._launch(place, binaries, user)
                self._wait_until_ready(place)
                return place
        except OSError as failure:
            raise SetupError(f"the database cannot be started: {failure}") from failure

    def stop(self) -> bool:
        """Shut the server down cleanly (open transactions are rolled back); say whether it ran.

        Waits for the last write, however long: a shorter stop would make the next start longer.
        """
        with self._alone():
            place = self._known_place()
            pid = find_postmaster(place.data) if place else None
            if place is None or pid is None:
                return False
            os.kill(pid, signal.SIGINT)  # what PostgreSQL calls a fast shutdown
            for _ in self._progress("the database is writing its last pages before it stops"):
                if find_postmaster(place.data) is None:
                    break
            return True

    def status(self) -> ClusterStatus:
        """Look at the cluster from outside; starts nothing and waits for nobody."""
        place = self._known_place() or Place(directory=self.home / "postgresql", port=0)
        return ClusterStatus(
            place=place, initialised=_is_made(place.data), pid=find_postmaster(place.data)
        )

    def find_binaries(self) -> Binaries:
        """Return the programs that can run this cluster: those of the version that made its data.

        Raises:
            SetupError: there are none; the message says which are needed.
        """
        place = self._known_place()
        made = place is not None and _is_made(place.data)
        major = int((place.data / "PG_VERSION").read_text()) if place and made else None
        return find_binaries(self.pg_bin, major=major)

    def _reachable(self, binaries: Binaries, user: ServerUser) -> Binaries:
        if user.can_run([binaries.program("postgres"), "--version"]):
            return binaries
        user.make_way(self.elsewhere)
        return copy_wheel(binaries, self.elsewhere)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time start or stop this cluster; the lock dies with its process."""
        (self.home / "run").mkdir(exist_ok=True, mode=0o700)
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
        place = Place(directory=Path(known["directory"]), port=int(known["port"]))
        if not place.directory.is_dir():
            raise SetupError(
                f"the database of this home is in {place.directory}, which does not exist: restore "
                f"or mount it (or remove {self._memory} to begin with an empty database)"
            )
        return place

    def _remember(self, place: Place) -> Place:
        """Keep the place; renamed into position, so a crash leaves the old or the new one."""
        draft = self._memory.with_suffix(".draft")
        draft.write_text(json.dumps({"directory": str(place.directory), "port": place.port}))
        draft.rename(self._memory)
        return place

    def _choose_place(self) -> Place:
        """Choose where the cluster will be: in the home, if the server's user can enter it."""
        user = choose_server_user(None)
        inside = user.can_enter(self.home)
        directory = (self.home if inside else self.elsewhere) / "postgresql"
        if not inside:
            user.make_way(self.elsewhere)
            self.say(f"user {user.name} cannot enter {self.home}: the database is in {directory}")
        for made in (directory, directory / "socket", directory / "log"):
            user.make_directory(made)
        return self._remember(Place(directory=directory, port=_find_free_port()))

    def _make(self, place: Place, binaries: Binaries, user: ServerUser) -> None:
        """Run initdb under another name, then rename: the next start wipes what a crash left."""
        self.say(f"making a database cluster with {binaries.describe()} in {place.data}")
        draft, password = place.directory / "data.draft", place.directory / "password.draft"
        shutil.rmtree(draft, ignore_errors=True)
        user.write(password, f"{self.admin_password}\n")
        try:
            done = user.run(
                [
                    binaries.program("initdb"),
                    *("-D", str(draft), "-U", ADMIN, "--pwfile", str(password)),
                    *("-A", "scram-sha-256", "--data-checksums", "--no-locale", "-E", "UTF8"),
                    "--no-instructions",
                ]
            )
        finally:
            password.unlink(missing_ok=True)
        if done.returncode:
            raise SetupError(f"the cluster could not be made: {quote_end(done.stderr)}")
        with (draft / "postgresql.conf").open("a") as conf:
            conf.write("\n# Rempart's settings, rewritten at each start; then yours.\n")
            conf.write("include_if_exists = 'rempart.conf'\ninclude_if_exists = 'local.conf'\n")
        draft.rename(place.data)

    def _launch(self, place: Place, binaries: Binaries, user: ServerUser) -> Place:
        """Start the server process, around what a killed one left behind.

        Two obstacles pass: the last children of a killed server still hold its memory for a moment,
        and another program may have taken the port since the last time.
        """
        for _ in range(_START_ATTEMPTS):
            remove_stale_locks(place.data, place.socket)
            self._write_settings(place, user)
            report = place.log / "start.log"
            report.unlink(missing_ok=True)
            mark = mark_log(place.log)
            if self._run_pg_ctl(place, binaries, user, report):
                return place
            failure = read_failure(place.log, mark)
            if "could not create any TCP/IP sockets" in failure:
                place = self._remember(replace(place, port=_find_free_port()))
            elif "is still in use" in failure:
                dismiss_orphans(place.data)
            else:
                break
            time.sleep(_PAUSE_S)
        raise SetupError(
            f"the database did not start; its log in {place.log} ends with: {quote_end(failure)}"
        )

    def _run_pg_ctl(self, place: Place, binaries: Binaries, user: ServerUser, report: Path) -> bool:
        """Run `pg_ctl start` until the server is open or dead, and say which.

        pg_ctl detaches the server from us: it outlives our process and our terminal's Ctrl-C.
        """
        command = [binaries.program("pg_ctl"), "start", "-D", str(place.data), "-l", str(report)]
        with subprocess.Popen(
            [*command, "-w", "-t", _FOREVER_S, "-s"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **user.process,
        ) as process:
            for _ in self._progress("the database is recovering from a crash; let it finish"):
                if process.poll() is not None:
                    break
        return process.returncode == 0

    def _wait_until_ready(self, place: Place) -> None:
        """Wait for a server that another process began to start, for as long as it lives."""
        for _ in self._progress("the database is recovering from a crash; let it finish"):
            if is_ready(place.data):
                return
            if find_postmaster(place.data) is None:
                break
        raise SetupError(
            f"the database ended while it started; its log in {place.log} ends with: "
            f"{quote_end(read_failure(place.log, {}))}"
        )

    def _progress(self, what: str) -> Iterator[None]:
        """Yield every few milliseconds, for ever, saying each few seconds what is waited for."""
        started = said = time.monotonic()
        while True:
            yield
            time.sleep(0.02)
            if time.monotonic() - said > _PROGRESS_EVERY_S:
                said = time.monotonic()
                self.say(f"{what} ({said - started:.0f} s so far)")

    def _write_settings(self, place: Place, user: ServerUser) -> None:
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
        draft = place.data / "rempart.conf.draft"
        user.write(draft, "\n".join(lines) + "\n")
        draft.rename(place.data / "rempart.conf")


def _is_made(data: Path) -> bool:
    return (data / "PG_VERSION").exists()


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
