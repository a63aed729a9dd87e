"""The gateway of a drill: a process of its own, over HTTP, on the database of the home.

Refuses to outlive the drill: its standard input is ours.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import httpx

from rempart.kernel.errors import SetupError
from rempart.wiring.exercise import FACTORY, Ticket, find_free_log, hold_ticket
from rempart.wiring.home import Home

HOST: Final = "127.0.0.1"
_START_TIMEOUT_S: Final = 60
_STOP_TIMEOUT_S: Final = 15
_SEED_BYTES: Final = 32


def draw_ticket(home: Home, *, begins_ms: int) -> Ticket:
    """Draw what lets one exercise have a gateway: a log nobody wrote, an issuer of its own."""
    return Ticket(
        log_id=find_free_log(home),
        begins_ms=begins_ms,
        url=f"https://{secrets.token_hex(8)}.exercise.invalid",
        key_seed=secrets.token_bytes(_SEED_BYTES),
    )


@contextmanager
def running_gateway(
    home: Home, ticket: Ticket, *, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run the gateway of an exercise for the length of the block; give its port.

    Args:
        home: The installation it belongs to.
        ticket: What lets it start.
        environment: What it is started with; by default ours.

    Raises:
        SetupError: another drill goes on, or it does not start.
    """
    port = _find_free_port()
    command = [sys.executable, "-m", "rempart.wiring.http_server", "asgi", FACTORY, HOST, str(port)]
    with hold_ticket(home, ticket):
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # closed by our death: see http_server
            stdout=2,  # what it says is no part of what we print
            env=dict(os.environ if environment is None else environment),
            start_new_session=True,  # a Ctrl-C typed in our terminal is for us to answer
        )
        try:
            _wait_until_ready(process, port)
            yield port
        finally:
            _stop(process)


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=2) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SetupError("the gateway of the exercise did not start: see the lines above")
            with contextlib.suppress(httpx.TransportError):
                if client.get("/readyz").status_code == httpx.codes.OK:
                    return
            time.sleep(0.1)
    raise SetupError(f"the gateway of the exercise was not ready in {_START_TIMEOUT_S} s")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
