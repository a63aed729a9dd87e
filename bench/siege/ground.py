"""What is besieged: one `rempart serve` with everything, on a base of its own; how it is hit."""

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.gateway_process import find_free_port
from scripts.kill_harness import kill_cluster
from tests.settlement.practice import PAYER_IBAN

from bench.callers import PUBLIC_URL
from bench.notices import open_relay
from bench.rights_checks import Ground, prepare
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.storage.cluster import Cluster
from rempart.storage.connect import Database
from rempart.storage.iban_seal import IbanSeal
from rempart.wiring.database import Installation, locate_cluster
from rempart.wiring.settings import Settings

MEMBERS: Final = 3_000
PARTS: Final = ("gateway 1", "gateway 2", "worker", "portals", "front")
TARGETS: Final = (*PARTS, "postgresql", "one session of it", "serve and all its parts")
UP_WITHIN_S: Final = 120


@dataclass
class Fortress:
    """A running installation.

    Args:
        ground: Its home, database, and people to ask about.
        port: Where everything answers.
        environment: Of its processes.
    """

    ground: Ground
    port: int
    environment: dict[str, str]
    cluster: Cluster = field(init=False)
    _served: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        home = self.ground.home
        self.cluster = locate_cluster(Settings(home=home.path), home)

    @property
    def database(self) -> Database:
        return self.ground.database

    @property
    def installation(self) -> Installation:
        settings = Settings.from_environment(self.environment)
        return Installation(settings=settings, home=self.ground.home, database=self.database)

    def folder(self, name: str) -> Path:
        """Return a folder of the home."""
        path = self.ground.home.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def start(self) -> None:
        """Start everything, and wait until it answers."""
        with (self.ground.home.path / "serve.txt").open("ab") as words:
            self._served = subprocess.Popen(
                [sys.executable, "-m", "rempart", "serve"],
                env=self.environment,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ask everything to finish."""
        if self._served is not None:
            self._served.terminate()
            self._served.wait(UP_WITHIN_S)

    def wait_until_up(self) -> None:
        """Wait until both gateways, the worker and the pages answer.

        Raises:
            TimeoutError: one of them never did.
        """
        settings = Settings.from_environment(self.environment)
        doors = [(port, "/readyz") for port in settings.gateway_ports]
        doors += [(settings.portals_port, "/"), (settings.work_port, "/healthz")]
        doors += [(self.port, "/readyz")]
        limit = time.monotonic() + UP_WITHIN_S
        while not all(is_open(port, path) for port, path in doors):
            if time.monotonic() > limit:
                raise TimeoutError("it did not come back: see serve.txt in its home")
            if self._served is None or self._served.poll() is not None:
                # What a killed one left may hold its ports for a moment yet.
                self.start()
            time.sleep(0.1)

    def hit(self, target: str, dice: random.Random) -> bool:
        """Kill one target with -9; return whether there was something to kill."""
        if target == "postgresql":
            if self.cluster.status().pid is None:
                return False
            kill_cluster(self.cluster)
            return True
        if target == "one session of it":
            return self._kill_session(dice)
        if target == "serve and all its parts":
            assert self._served is not None
            self._served.kill()
            self._served.wait()
            self.start()
            return True
        return self._kill_part(target)

    def _kill_part(self, name: str) -> bool:
        record = self.ground.home.path / "run" / "serve-gateway.json"
        with contextlib.suppress(OSError, ValueError, ProcessLookupError):
            pid = json.loads(record.read_text())["parts"][name]
            if pid:
                os.killpg(pid, signal.SIGKILL)
                return True
        return False

    def _kill_session(self, dice: random.Random) -> bool:
        """Kill one process of PostgreSQL: it throws all its sessions out and recovers."""
        postmaster = self.cluster.status().pid
        if postmaster is None:
            return False
        with contextlib.suppress(OSError, ProcessLookupError):
            children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
            if children:
                os.kill(int(dice.choice(children)), signal.SIGKILL)
                return True
        return False


def is_open(port: int, path: str) -> bool:
    """Say whether a door answers well."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status in (200, 302)
        finally:
            connection.close()
    return False


@contextlib.contextmanager
def open_fortress(home: Path, *, relay_port: int) -> Iterator[Fortress]:
    """Fill a base once, and hold everything up on it: the relay that takes e-mails too."""
    with prepare(MEMBERS, home) as ground:
        _give_accounts(ground)
        fortress = Fortress(ground, find_free_port(), {})
        fortress.environment = _choose_environment(fortress, relay_port)
        with open_relay(home, port=relay_port):
            fortress.start()
            try:
                yield fortress
            finally:
                fortress.stop()


def _choose_environment(fortress: Fortress, relay_port: int) -> dict[str, str]:
    payer = fortress.ground.home.path / "payer.toml"
    payer.write_text(f'name = "Opérateur"\niban = "{PAYER_IBAN.number}"\nbic = "SYNTFRPPXXX"\n')
    payer.chmod(0o600)
    fortress.folder("mail/reports/new")
    values = {
        "REMPART_HOME": fortress.ground.home.path,
        "REMPART_PORT": fortress.port,
        "REMPART_PUBLIC_URL": PUBLIC_URL,
        "REMPART_GATEWAYS": 2,
        "REMPART_SEGMENT_BITS": 8,
        "REMPART_CHECKS_PER_MINUTE": 10_000_000,
        # Whoever asks here stands where the proxy that checks certificates would.
        "REMPART_CERTIFICATE_PROXIES": "127.0.0.1/32",
        "REMPART_PAYER_FILE": payer,
        "REMPART_PAYMENTS_TO": fortress.folder("payments"),
        "REMPART_SMTP": f"smtp+clear://localhost:{relay_port}",
        "REMPART_NOTICES_FROM": "avis@tp.invalid",
        "REMPART_BOUNCES_TO": "retours@tp.invalid",
        "REMPART_BOUNCES": fortress.folder("mail/reports"),
        "REMPART_LETTERS_TO": fortress.folder("letters"),
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("REMPART_")}
    return {**inherited, **{name: str(value) for name, value in values.items()}}


def _give_accounts(ground: Ground) -> None:
    """Give every establishment an account to be paid on, verified long ago."""
    seal = IbanSeal(ground.home.key("master"))
    with ground.database.transaction("owner") as tx:
        places = tx.execute(
            "SELECT establishment_ref FROM accounts.establishment AS place WHERE NOT EXISTS"
            " (SELECT FROM accounts.bank_details AS one"
            " WHERE one.establishment_ref = place.establishment_ref)"
        ).fetchall()
        for number, (place,) in enumerate(places, 1):
            iban = make_synthetic_iban(1000 + number)
            tx.execute(
                "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban,"
                " last_digits, state, active_from, payee_check)"
                " VALUES (%s, %s, %s, %s, 'active', '2020-01-01', 'match')",
                (number, place, seal.close(iban, establishment_ref=place), iban.number[-4:]),
            )
