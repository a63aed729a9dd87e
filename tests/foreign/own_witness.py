"""`rempart witness serve` in a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from rempart.cli.witness import witness as witness_command
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.witness import KnownWitness


class OwnWitness:
    """A witness that can be killed and started again."""

    def __init__(self, directory: Path, log_vkeys: Sequence[str]) -> None:
        self.directory = directory
        place = ["--dir", str(directory)]
        made = CliRunner().invoke(witness_command, ["keygen", *place, "--name", "w.example/own"])
        for vkey in log_vkeys:
            CliRunner().invoke(witness_command, ["add-log", *place, vkey])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.known = KnownWitness(
            label="ours",
            verifier=CosignatureVerifier.parse(made.stdout.strip()),
            url=f"http://127.0.0.1:{self.port}",
        )

    @contextlib.contextmanager
    def running(self, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run it; by default as its command does."""
        listen = ["--listen", f"127.0.0.1:{self.port}"]
        serve = ["-m", "rempart", "witness", "serve", "--dir", str(self.directory), *listen]
        process = subprocess.Popen(
            [sys.executable, *(command or serve)],
            env={**os.environ, "REMPART_WITNESS_DIR": str(self.directory), **environment},
            start_new_session=True,
        )
        try:
            wait_until_it_listens(self.port, process)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/", verify=False)
            return
        time.sleep(0.05)
    pytest.fail("the witness did not start")
