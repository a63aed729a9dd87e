"""What Rempart stands on: PostgreSQL twice under Patroni, etcd three times, a store that speaks S3.

The settings of Patroni are those that the how-to gives: what is rehearsed is what is told.
"""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.rehearsal.network import Network, Process

ROOT = Path(__file__).parents[2]
PATRONI = ROOT / "deploy" / "patroni" / "patroni.yml"
BASES = ("d1", "d2")
VOTERS = ("d1", "d2", "s1")
STORE = "s1"
STORE_PORT = 9000
BUCKET = "segments"
USER = "postgres"
START_LIMIT_S = 120


class Tools:
    """Programmes that only the rehearsal needs: Patroni and a store, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.site = folder / "site"
        self.rempart = folder / "rempart" / "bin" / "rempart"
        self.etcd = shutil.which("etcd", path=f"{os.environ['PATH']}:{folder / 'bin'}")

    def install(self) -> None:
        """Install what is missing, from the pinned requirements."""
        if self.etcd is None:
            raise SystemExit("there is no etcd: apt install etcd-server (or put it in PATH)")
        if not (self.site / "patroni").is_dir():
            wanted = ["--require-hashes", "-r", str(ROOT / "requirements" / "rehearse.txt")]
            _pip("install", "--quiet", "--target", str(self.site), *wanted)
        if not self.rempart.exists():
            place = self.rempart.parents[1]
            subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
            pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            wanted = ["--require-hashes", "-r", str(ROOT / "requirements" / "s3.txt")]
            subprocess.run([*pip, *wanted], check=True)
            subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)

    @property
    def python(self) -> str:
        """An interpreter that the server's user may run: this one may be in a closed folder."""
        for one in ("/usr/bin/python3", sys.executable):
            asked = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", one]
            version = "import sys; sys.exit(sys.version_info[:2] != " + f"{sys.version_info[:2]})"
            with contextlib.suppress(OSError):
                if not subprocess.run([*asked, "-c", version], check=False).returncode:
                    return one
        raise SystemExit(f"user {USER} can run no Python {sys.version_info[:2]}")


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True)


class Etcd:
    """Three voters: one may die and the two others still know who leads."""

    def __init__(self, network: Network, folder: Path, program: str) -> None:
        peers = {name: f"http://{network.address(name, 'back')}:2380" for name in VOTERS}
        self.processes = {}
        for name, peer in peers.items():
            client = f"http://{network.address(name, 'back')}:2379"
            arguments = {
                "name": name,
                "data-dir": str(folder / f"etcd-{name}"),
                "listen-peer-urls": peer,
                "initial-advertise-peer-urls": peer,
                "listen-client-urls": client,
                "advertise-client-urls": client,
                "initial-cluster": ",".join(f"{one}={url}" for one, url in peers.items()),
                "logger": "zap",
            }
            self.processes[name] = Process(
                name,
                [program, *(f"--{key}={value}" for key, value in arguments.items())],
                log=folder / f"etcd-{name}.log",
            )

    def start(self) -> None:
        """Start the three."""
        for process in self.processes.values():
            process.start()

    def kill(self) -> None:
        """Kill the three."""
        for process in self.processes.values():
            process.kill()


class Bases:
    """PostgreSQL on two machines, each under its Patroni."""

    def __init__(self, network: Network, folder: Path, tools: Tools) -> None:
        self._network, self._folder = network, folder
        self.secret = secrets.token_urlsafe(12)
        self.processes = {}
        for name in BASES:
            place = folder / f"base-{name}"
            place.mkdir()
            shutil.chown(place, USER, USER)
            place.chmod(0o700)
            settings = place / "patroni.yml"
            settings.write_text(self._fill(name, place))
            shutil.chown(settings, USER, USER)
            self.processes[name] = Process(
                name,
                [tools.python, "-S", "-m", "patroni", str(settings)],
                log=folder / f"patroni-{name}.log",
                environment={"PYTHONPATH": str(tools.site), "HOME": str(place)},
                user=USER,
            )

    def _fill(self, name: str, place: Path) -> str:
        """Fill the template that the how-to gives in."""
        voters = ", ".join(f"{self._network.address(one, 'back')}:2379" for one in VOTERS)
        values = {
            "NAME": name,
            "ADDRESS": self._network.address(name, "back"),
            "ETCD": voters,
            "DATA": str(place / "data"),
            "BIN": str(max(Path("/usr/lib/postgresql").glob("*/bin"))),
            "NETWORK": "10.77.2.0/24",
            "SECRET": self.secret,
            "RUN": str(place),
            "WATCHDOG": "off",
        }
        text = PATRONI.read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        return text

    def start(self) -> None:
        """Start the first, then the second, and wait until one follows the other."""
        for name in BASES:
            self.processes[name].start()
            self.wait_until(lambda: self.find_primary() is not None, "a primary")
        self.wait_until(self.is_whole, "a synchronous standby")

    def read_cluster(self) -> list[dict[str, Any]]:
        """Ask any Patroni who is who; nothing when none answers."""
        for name in BASES:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                line = http.client.HTTPConnection(
                    self._network.address(name, "back"), 8008, timeout=2
                )
                line.request("GET", "/cluster")
                members: list[dict[str, Any]] = json.loads(line.getresponse().read())["members"]
                return members
        return []

    def find_primary(self) -> str | None:
        """Return the machine of the primary as Patroni sees it; None when there is none."""
        roles = {one["name"]: one["role"] for one in self.read_cluster() if _runs(one)}
        return next((name for name, role in roles.items() if role == "leader"), None)

    def is_whole(self) -> bool:
        """Say whether a standby holds all that the primary acknowledges."""
        roles = [one["role"] for one in self.read_cluster() if _runs(one)]
        return sorted(roles) == ["leader", "sync_standby"]

    def kill_server(self, name: str) -> None:
        """Kill one PostgreSQL and all its processes at once; its Patroni lives."""
        pid = int(
            (self._folder / f"base-{name}" / "data" / "postmaster.pid").read_text().split()[0]
        )
        os.kill(pid, signal.SIGSTOP)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in (*map(int, children), pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    @staticmethod
    def wait_until(is_so: Any, what: str, limit_s: float = START_LIMIT_S) -> None:
        """Wait for something; say what was waited for when it does not come."""
        give_up = time.monotonic() + limit_s
        while not is_so():
            if time.monotonic() > give_up:
                raise TimeoutError(f"{what}: not there after {limit_s:g} s")
            time.sleep(0.2)


def _runs(member: dict[str, Any]) -> bool:
    return member["state"] in {"running", "streaming"}


class Store:
    """A server that speaks S3, of objects in memory: it is cut off, never killed."""

    def __init__(self, network: Network, folder: Path, tools: Tools) -> None:
        self.address = network.address(STORE, "back")
        self.process = Process(
            STORE,
            [sys.executable, "-m", "moto.server", "-H", self.address, "-p", str(STORE_PORT)],
            log=folder / "store.log",
            environment={"PYTHONPATH": str(tools.site)},
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the driver of s3:// reads."""
        return {
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_ENDPOINT_URL": f"http://{self.address}:{STORE_PORT}",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start it, with an empty bucket."""
        self.process.start()
        Bases.wait_until(self._make_bucket, "the store")

    def _make_bucket(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection(self.address, STORE_PORT, timeout=5)
            line.request("PUT", f"/{BUCKET}")
            return line.getresponse().status == 200
        return False
