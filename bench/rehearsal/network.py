"""Machines as network namespaces, on two switches: callers on one, data on the other.

Nothing leaves this machine: neither switch is connected to its own network.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["front", "back"]

PREFIX = "rehearse-"
SWITCH = f"{PREFIX}switch"
NETWORKS: dict[Side, str] = {"front": "10.77.1", "back": "10.77.2"}
_CLONE_NEWNET = 0x40000000


class Network:
    """The switches and the machines on them; `close` leaves nothing behind."""

    def __init__(self, machines: dict[str, int]) -> None:
        self._numbers = machines

    def open(self) -> None:
        """Build it, after removing what an earlier run left."""
        self.close()
        _ip("netns", "add", SWITCH)
        for side in NETWORKS:
            _ip("-n", SWITCH, "link", "add", side, "type", "bridge")
            _ip("-n", SWITCH, "link", "set", side, "up")
        for name, number in self._numbers.items():
            machine = PREFIX + name
            _ip("netns", "add", machine)
            _ip("-n", machine, "link", "set", "lo", "up")
            for side, network in NETWORKS.items():
                port = f"{side}-{name}"
                _ip(
                    *("-n", machine, "link", "add", side, "type", "veth"),
                    *("peer", "name", port, "netns", SWITCH),
                )
                _ip("-n", machine, "addr", "add", f"{network}.{number}/24", "dev", side)
                _ip("-n", machine, "link", "set", side, "up")
                _ip("-n", SWITCH, "link", "set", port, "master", side)
                _ip("-n", SWITCH, "link", "set", port, "up")

    def close(self) -> None:
        """Kill what runs on the machines, and remove them."""
        for name in self._numbers:
            self.kill_machine(name)
        found = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
        for line in found.stdout.splitlines():
            if line.split()[0].startswith(PREFIX):
                _ip("netns", "del", line.split()[0])

    def address(self, name: str, side: Side) -> str:
        """Where a machine is."""
        return f"{NETWORKS[side]}.{self._numbers[name]}"

    def cut(self, name: str, side: Side) -> None:
        """Pull a machine's cable: what is sent either way is lost, and nobody is told."""
        _ip("-n", SWITCH, "link", "set", f"{side}-{name}", "nomaster")

    def mend(self, name: str, side: Side) -> None:
        """Put it back."""
        _ip("-n", SWITCH, "link", "set", f"{side}-{name}", "master", side)

    def list_processes(self, name: str) -> list[int]:
        """Return the numbers of the processes on a machine, without this one."""
        found = subprocess.run(
            ["ip", "netns", "pids", PREFIX + name], check=False, capture_output=True, text=True
        )
        pids = [int(pid) for pid in found.stdout.split() if int(pid) != os.getpid()]
        return [pid for pid in pids if _lives(pid)]

    def kill_machine(self, name: str) -> None:
        """Kill everything on a machine at once, as a power cut does."""
        while pids := self.list_processes(name):
            for number in (signal.SIGSTOP, signal.SIGKILL):  # none finishes what it was doing
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            time.sleep(0.05)

    def enter(self, name: str) -> None:
        """Put this process, and the threads it starts from now on, on a machine."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{PREFIX}{name}").open() as place:
            if libc.setns(place.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")


class Process:
    """One programme on one machine, its output in a file."""

    def __init__(
        self,
        machine: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: dict[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        self._command = [
            *("ip", "netns", "exec", PREFIX + machine),
            *(as_user if user else []),
            *command,
        ]
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its number: `ip` and `setpriv` become the programme. 0 before it was started."""
        return self._popen.pid if self._popen else 0

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._popen is not None and self._popen.poll() is None:
            return
        with self._log.open("ab") as output:
            self._popen = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill it, and nothing that it started elsewhere."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def run(self) -> None:
        """Run it to its end; its output is in its file.

        Raises:
            RuntimeError: it failed; the end of its output is in the message.
        """
        self.start()
        if self._popen is None or self._popen.wait():
            text = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(self._command)} failed:\n{text}")


def _lives(pid: int) -> bool:
    """Tell a process from one that ended and was not asked about yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
