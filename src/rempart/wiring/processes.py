"""`rempart serve`: the processes of one installation, started in order, watched, stopped in order.

Holds no request and opens no port itself. A part that dies is started again; the database too.
What is acknowledged was durable before, so killing any of these processes loses nothing.
"""

import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from rempart.kernel.errors import SetupError
from rempart.wiring.database import hold_database, locate_cluster, make_ready
from rempart.wiring.home import Home
from rempart.wiring.http_server import DRAIN_S
from rempart.wiring.own_software import register_own_software
from rempart.wiring.purges import check_base
from rempart.wiring.settings import Settings

What: TypeAlias = Literal["all", "gateway", "portals"]
Say: TypeAlias = Callable[[str], None]

LOOK_EVERY_S = 0.2
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
SETTLED_AFTER_S = 30.0
REVIVE_EVERY_S = 2.0
KILL_AFTER_S = DRAIN_S + 2.0
LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One HTTP process to run.

    Args:
        name: For people.
        factory: What granian calls to build the application.
        variable: The environment variable that moves its port.
        probe: A path that any running process of this kind answers, cheaply.
        environment: Variables it gets besides ours.
    """

    name: str
    interface: Literal["asgi", "wsgi"]
    factory: str
    host: str
    port: int
    variable: str
    probe: str = "/healthz"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where it listens, as a URL."""
        return f"http://{self.host}:{self.port}"


def plan_parts(settings: Settings, what: What) -> list[Part]:
    """Say which processes `what` takes, in the order they start.

    Behind the front, the others listen to this machine only; alone, they listen on the host asked.
    """
    host = "127.0.0.1" if what == "all" else settings.host
    gateways = [
        Part(
            name="gateway" if settings.gateways == 1 else f"gateway {number + 1}",
            interface="asgi",
            factory="rempart.wiring.gateway_app:create_app",
            host=host,
            port=port,
            variable="REMPART_GATEWAY_PORT" if number == 0 else "REMPART_PORTALS_PORT",
            environment={"REMPART_LOG_ID": str(settings.log_id + number)},
        )
        for number, port in enumerate(settings.gateway_ports)
    ]
    portals = Part(
        name="portals",
        interface="wsgi",
        factory="rempart.wiring.portals_app:create_app",
        host=host,
        port=settings.portals_port,
        variable="REMPART_PORTALS_PORT",
        probe="/",
    )
    front = Part(
        name="front",
        interface="asgi",
        factory="rempart.wiring.front:create_app",
        host=settings.host,
        port=settings.port,
        variable="REMPART_PORT",
        environment={"REMPART_GATEWAYS": str(settings.gateways)},
    )
    simulator = Part(
        name="simulated providers",
        interface="asgi",
        factory="rempart.simulators.app:create_app",
        host="127.0.0.1",  # whatever REMPART_HOST says: anybody signs in as anybody there
        port=settings.dev_psc_port,
        variable="REMPART_DEV_PSC_PORT",
    )
    cosigner = Part(
        name="cosigner",
        interface="asgi",
        factory="rempart.wiring.cosigning:create_app",
        host="127.0.0.1",  # metrics only: it asks others and is asked nothing
        port=settings.cosign_port,
        variable="REMPART_COSIGN_PORT",
    )
    worker = Part(
        name="worker",
        interface="asgi",
        factory="rempart.jobs.app:create_app",
        host="127.0.0.1",  # health only: it takes its work from the database
        port=settings.work_port,
        variable="REMPART_WORK_PORT",
    )
    outside = [simulator] if settings.dev_psc else []
    has_witnesses = settings.witnesses_file is not None or settings.tsa_url is not None
    behind = [cosigner] if has_witnesses else []
    everything = [*outside, *gateways, *behind, worker, portals, front]
    return {"gateway": gateways, "portals": [portals], "all": everything}[what]


def serve(settings: Settings, what: What, say: Say) -> None:
    """Run `what` until Ctrl-C or SIGTERM, then stop everything in order and return.

    Raises:
        SetupError: it runs already, a port is taken, or a part cannot start; nothing stays up.
    """
    home = Home.open(settings.home)
    parts = plan_parts(settings, what)
    with _interruptible(), _only_one(home, what, parts) as register:
        check_ports(parts)
        with contextlib.suppress(KeyboardInterrupt), hold_database(settings, home, say) as database:
            make_ready(database, say)
            check_base(settings, home, database, say)
            register_own_software(database, home)
            supervisor = Supervisor(
                parts=parts,
                say=say,
                register=register,
                revive_database=_make_reviver(settings, home, say),
            )
            try:
                supervisor.start()
                if settings.dev_psc and what == "all":
                    say("REMPART_DEV_PSC=1: anybody can sign in as anybody, for development only")
                where = settings.public_url if what == "all" else parts[-1].address
                say(f"Rempart is up on {where} (Ctrl-C stops it)")
                supervisor.watch()
            finally:
                _ignore_interruptions()
                supervisor.stop()
    say("stopped")


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps a list of parts running.

    Args:
        parts: In the order they start; they stop in the reverse order.
        say: Receives a line about each event.
        register: Receives the process of each part whenever one changes.
        revive_database: Called at each look around; starts the database again if it died.
    """

    parts: Sequence[Part]
    say: Say
    register: Callable[[Mapping[str, int]], None]
    revive_database: Callable[[], None]
    _running: list["_Process"] = field(default_factory=list, init=False)

    def start(self) -> None:
        """Start every part and wait until each answers.

        Raises:
            SetupError: a part ended instead; its own message is above ours.
        """
        self._running = [_Process(part) for part in self.parts]
        for process in self._running:
            process.spawn()
        self._tell_register()
        for process in self._running:
            process.wait_until_it_answers()

    def watch(self) -> None:
        """Look around for ever, and start again what died."""
        while True:
            time.sleep(LOOK_EVERY_S)
            self.revive_database()
            for process in self._running:
                if process.has_died():
                    pause = process.plan_restart()
                    self.say(
                        f"{process.part.name} ended ({process.describe_end()}); "
                        f"it starts again in {pause:.1f} s"
                    )
                elif process.is_due():
                    process.spawn()
                    self._tell_register()

    def stop(self) -> None:
        """Stop every part, last started first: no part is asked for what is behind it already."""
        for process in reversed(self._running):
            process.stop()

    def _tell_register(self) -> None:
        self.register({process.part.name: process.pid for process in self._running})


@dataclass(slots=True)
class _Process:
    """A part and its present process, if it has one."""

    part: Part
    _popen: subprocess.Popen[bytes] | None = None
    _began: float = 0.0
    _due: float = 0.0
    _pause_s: float = FIRST_PAUSE_S
    _has_answered: bool = False

    @property
    def pid(self) -> int:
        """Its process number, 0 while it has none."""
        return self._popen.pid if self._popen else 0

    def spawn(self) -> None:
        """Start it in a process group of its own: our terminal's Ctrl-C is not for it."""
        part = self.part
        command = [sys.executable, "-m", "rempart.wiring.http_server", part.interface]
        self._popen = subprocess.Popen(
            [*command, part.factory, part.host, str(part.port)],
            stdin=subprocess.PIPE,  # closed by our death: see http_server
            env={**os.environ, **part.environment},
            start_new_session=True,
        )
        self._began, self._due = time.monotonic(), 0.0

    def wait_until_it_answers(self) -> None:
        """Wait for any HTTP answer, for as long as the process lives."""
        while not _answers(self.part):
            if self.has_died():
                raise SetupError(
                    f"{self.part.name} did not start ({self.describe_end()}): its message is above"
                )
            time.sleep(0.05)
        self._has_answered = True

    def has_died(self) -> bool:
        """Say whether its process ended without being asked."""
        return self._popen is not None and self._due == 0 and self._popen.poll() is not None

    def describe_end(self) -> str:
        """Say how the last process ended."""
        code = self._popen.returncode if self._popen else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def plan_restart(self) -> float:
        """Clear what is left of a dead process, and return how long to wait before the next.

        Its worker may have survived it and would go on answering beside the new one.
        """
        self._kill_group()
        if time.monotonic() - self._began > SETTLED_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        pause, self._pause_s = self._pause_s, min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._due = time.monotonic() + pause
        return pause

    def is_due(self) -> bool:
        """Say whether the moment of a planned restart has come."""
        return 0 < self._due <= time.monotonic()

    def stop(self) -> None:
        """Ask it to finish, wait, and kill what remains; while it is still loading, kill it."""
        if self._popen is None:
            return
        if self._has_answered:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(KILL_AFTER_S)
        self._kill_group()

    def _kill_group(self) -> None:
        if self._popen is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        if self._popen.stdin:
            self._popen.stdin.close()


def check_ports(parts: Sequence[Part]) -> None:
    """Refuse to start on a port that does not exist, is given twice, or somebody has.

    Raises:
        SetupError: naming the port and the variable that changes it.
    """
    owners: dict[int, Part] = {}
    for part in parts:
        if part.port > LAST_PORT:
            raise SetupError(
                f"the {part.name} would listen on port {part.port}, which does not exist: set "
                f"{part.variable}"
            )
        other = owners.setdefault(part.port, part)
        if other is not part:
            # Both would listen: the system lets two processes of one user share a port.
            raise SetupError(
                f"the {other.name} and the {part.name} both have port {part.port}: set "
                f"{other.variable} or {part.variable}"
            )
    for part in parts:
        check_port_is_free(part)


def check_port_is_free(part: Part) -> None:
    """Refuse to start on a port somebody has.

    Raises:
        SetupError: naming the port and the variable that changes it.
    """
    family = socket.AF_INET6 if ":" in part.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((part.host, part.port))
        except OSError as failure:
            raise SetupError(
                f"the {part.name} cannot listen on {part.host}, port {part.port} "
                f"({failure.strerror}): stop what has the port, or set {part.variable}"
            ) from failure


@contextlib.contextmanager
def _only_one(
    home: Home, what: What, parts: Sequence[Part]
) -> Iterator[Callable[[Mapping[str, int]], None]]:
    """Hold the locks of what is served, and give a function that records its processes.

    The lock, not the record, says whether somebody serves: it dies with its process.
    """
    with contextlib.ExitStack() as locks:
        for name in ("gateway", "portals") if what == "all" else (what,):
            record = home.path / "run" / f"serve-{name}.json"
            lock = locks.enter_context(record.with_suffix(".lock").open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as failure:
                raise SetupError(_describe_running(name, record)) from failure
            locks.callback(record.unlink, missing_ok=True)

        def register(pids: Mapping[str, int]) -> None:
            state = {"pid": os.getpid(), "address": parts[-1].address, "parts": dict(pids)}
            for name in ("gateway", "portals") if what == "all" else (what,):
                # For people: a disk that is full is no reason to end.
                with contextlib.suppress(OSError):
                    (home.path / "run" / f"serve-{name}.json").write_text(json.dumps(state))

        yield register


def _describe_running(name: str, record: Path) -> str:
    try:
        state = json.loads(record.read_text())
        where = f" on {state['address']} (process {state['pid']})"
    except (OSError, ValueError, KeyError):
        where = ", and is starting"
    return f"the {name} of this home is already running{where}: stop that one first"


def _make_reviver(settings: Settings, home: Home, say: Say) -> Callable[[], None]:
    """Return a function that starts the embedded database again if it died.

    One that cannot start yet, such as on a full disk, is tried again: once there is room, the
    gateways, which say 503 meanwhile, answer without anybody having started anything.
    """
    if settings.database_url:
        return lambda: None
    cluster = locate_cluster(settings, home, say)
    due = 0.0

    def revive() -> None:
        nonlocal due
        if time.monotonic() < due or cluster.status().running:
            return
        say("the database ended; it starts again")
        try:
            cluster.start()
        except SetupError as failure:
            due = time.monotonic() + REVIVE_EVERY_S
            say(f"{failure}; it is tried again every {REVIVE_EVERY_S:g} s")

    return revive


def _answers(part: Part) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(part.host, part.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, part.port, timeout=1)
    try:
        connection.request("GET", part.probe)
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM and a closed terminal stop us the way Ctrl-C does; restore at the end."""
    signals = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_interruptions() -> None:
    """Stopping has begun: asking again must not cut it short, each step is bounded anyway."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
