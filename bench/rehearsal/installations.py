"""Two machines that run `rempart serve` with one home, each with a log of its own."""

import contextlib
import http.client
import json
import os
import shutil
import signal
from pathlib import Path

from bench.rehearsal.network import Network, Process
from bench.rehearsal.servers import BASES, BUCKET, Bases, Store

MACHINES = ("m1", "m2")
CALLER = "c1"
PORT = 8080


class Installations:
    """The two machines of Rempart.

    Args:
        network: Where they are.
        folder: Where their homes are.
        program: The `rempart` of an installation with the driver of s3://.
        bases: Their database.
        store: Where segments go.
    """

    def __init__(
        self, network: Network, folder: Path, program: Path, bases: Bases, store: Store
    ) -> None:
        self._network, self._folder, self._program = network, folder, program
        hosts = ",".join(network.address(name, "back") for name in BASES)
        self.database_url = f"postgresql://postgres:{bases.secret}@{hosts}/rempart"
        self._store = store
        self.processes = {
            name: Process(
                name,
                [str(program), "serve"],
                log=folder / f"rempart-{name}.log",
                environment=self.environment(name),
            )
            for name in MACHINES
        }

    def environment(self, name: str) -> dict[str, str]:
        """What one machine is told: all but the address and the log is the same on both."""
        return {
            **self._store.environment,
            "REMPART_HOME": str(self._folder / f"home-{name}"),
            "DATABASE_URL": self.database_url,
            "REMPART_HOST": self._network.address(name, "front"),
            "REMPART_PORT": str(PORT),
            "REMPART_LOG_ID": str(MACHINES.index(name) + 1),
            "REMPART_SEGMENTS": f"s3://{BUCKET}/rempart",
            "REMPART_SEGMENT_BITS": "8",
            # The callers stand where the proxy that checks certificates would.
            "REMPART_CERTIFICATE_PROXIES": self._network.address(CALLER, "front") + "/32",
            # One account asks for everybody's sake here: it is judged, and not stopped.
            "REMPART_GUARD": "watch",
            "REMPART_CHECKS_PER_MINUTE": "1000000",
        }

    def command(self, name: str, *arguments: str) -> None:
        """Run one public command on a machine.

        Raises:
            RuntimeError: it failed, with what it said.
        """
        log = self._folder / "commands.log"
        environment = self.environment(name)
        Process(name, [str(self._program), *arguments], log=log, environment=environment).run()

    def prepare(self) -> None:
        """Make the home on the first machine, and copy it to the second."""
        first, second = MACHINES
        self.command(first, "init", "--logs", str(len(MACHINES)))
        shutil.copytree(self.home(first), self.home(second))

    def home(self, name: str) -> Path:
        """Where the home of a machine is."""
        return self._folder / f"home-{name}"

    def start(self) -> None:
        """Start both at the same moment: the schema is made ready by one of them."""
        for process in self.processes.values():
            process.start()
        for name in MACHINES:
            Bases.wait_until(lambda name=name: self.is_ready(name), f"Rempart on {name}")

    def is_ready(self, name: str) -> bool:
        """Say whether a machine would be given requests by what stands before it."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection(self._network.address(name, "front"), PORT, timeout=2)
            line.request("GET", "/readyz")
            return line.getresponse().status == 200
        return False

    def kill_part(self, name: str, part: str) -> None:
        """Kill one process of a machine; what runs them starts it again."""
        state = json.loads((self.home(name) / "run" / "serve-gateway.json").read_text())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(state["parts"][part], signal.SIGKILL)
