"""A real gateway process for tests, harnesses and benchmarks."""

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from rempart.wiring.settings import Settings

ROOT = Path(__file__).parents[1]
FACTORY = "rempart.wiring.gateway_app:create_app"
LOWEST_PORT, HIGHEST_PORT = 12_000, 32_000


class GatewayProcess:
    """A real gateway in a process group of its own, so that a kill takes all of it.

    Without a guard unless told otherwise: one account asks for everybody's sake here.
    """

    def __init__(self, settings: Settings, factory: str = FACTORY, *, guard: str = "off") -> None:
        self._factory = factory
        self.port = find_free_port()
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("REMPART_")},
            "REMPART_HOME": str(settings.home),
            "DATABASE_URL": settings.database_url or "",
            "REMPART_CHECKS_PER_MINUTE": "10000000",
            "REMPART_GUARD": guard,
            # Whoever drives this process stands where the proxy that checks certificates would.
            "REMPART_CERTIFICATE_PROXIES": "127.0.0.1/32",
            "PYTHONPATH": str(ROOT),
        }
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "rempart.wiring.http_server", "asgi", self._factory]
        self._popen = subprocess.Popen(
            [*command, "127.0.0.1", str(self.port)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
        )
        try:
            self.wait_until_ready()
        except TimeoutError:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The process that the group is named after; 0 while there is none."""
        return self._popen.pid if self._popen else 0

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up:
            if self._popen is not None and self._popen.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/readyz")
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    return
            time.sleep(0.02)
        raise TimeoutError("the gateway never became ready")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to finish; return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        popen = self._popen
        if popen is None:
            return 0
        self._popen = None
        if number is signal.SIGTERM:
            popen.terminate()
        else:
            os.killpg(popen.pid, number)
        code = popen.wait(timeout=120)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        if popen.stdin is not None:
            popen.stdin.close()
        return code


def find_free_port() -> int:
    """Return a port nobody has, below those that the system gives to connections meanwhile."""
    while True:
        port = LOWEST_PORT + secrets.randbelow(HIGHEST_PORT - LOWEST_PORT)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
