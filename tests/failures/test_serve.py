"""`rempart serve` as a user lives it: up, killed in places, up again, stopped in silence."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rempart.storage.postmaster import find_postmaster

STOP_LIMIT_S = 120


@dataclass(frozen=True)
class Place:
    """A home made by `rempart init`, and the environment that leads to it."""

    home: Path
    environment: dict[str, str]
    port: int

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rempart", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def postmaster(self) -> int | None:
        return find_postmaster(self.home / "postgresql" / "data")

    def get(self, path: str) -> int | None:
        """Return the status of an answer, None when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except OSError:
            return None


@pytest.fixture
def place(reachable_path: Path, unused_port: int) -> Iterator[Place]:
    home = reachable_path / "home"
    given = {"REMPART_HOME": str(home), "REMPART_PORT": str(unused_port)}
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    place = Place(home, {**inherited, **given}, unused_port)
    made = place.command("init")
    assert made.returncode == 0, made.stderr
    yield place
    place.command("db", "stop")


@pytest.fixture
def served(place: Place) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "rempart", "serve"],
        env=place.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            # The gateway, and the pages beside it: each starts at its own pace.
            wait_for(lambda: place.get("/readyz") == place.get("/") == 200)
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=STOP_LIMIT_S)


def test_a_day_of_serve(place: Place, served: subprocess.Popen[str]):
    assert place.get("/healthz") == 200

    second = place.command("serve")
    assert second.returncode == 1
    assert f"already running on http://127.0.0.1:{place.port}" in second.stderr
    in_use = place.command("db", "stop")
    assert "in use" in in_use.stderr

    gateway = json.loads((place.home / "run/serve-gateway.json").read_text())["parts"]["gateway"]
    os.kill(gateway, signal.SIGKILL)
    wait_for(lambda: place.get("/readyz") != 200)
    wait_for(lambda: place.get("/readyz") == 200)

    database = place.postmaster()
    assert database is not None
    os.kill(database, signal.SIGKILL)
    wait_for(lambda: place.postmaster() not in {None, database})
    wait_for(lambda: place.get("/readyz") == 200)

    served.send_signal(signal.SIGINT)
    _, written = served.communicate(timeout=STOP_LIMIT_S)
    assert served.returncode == 0
    assert written.splitlines()[-1] == "rempart: stopped"
    assert "Traceback" not in written
    assert "gateway ended (signal 9)" in written
    assert "the database ended; it starts again" in written
    assert place.postmaster() is None
    assert place.get("/healthz") is None
    assert not list((place.home / "run").glob("*.json"))


def wait_for(condition) -> None:
    limit = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < limit, "it never became true"
        time.sleep(0.05)
