"""Kill the gateway and PostgreSQL under load, and check that nothing acknowledged was lost.

    python -m scripts.kill_harness --rounds 20              # 20 of each
    python -m scripts.kill_harness --rounds 5 --mutation    # on a negligent server: must fail

Each round loads the gateway from several threads, kills one of the two with SIGKILL at a random
moment, starts it again, and compares what callers were told with what the ledger holds.
"""

import argparse
import contextlib
import hashlib
import http.client
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from scripts.gateway_process import FACTORY, GatewayProcess
from tests.api.world import PEOPLE, STRANGER, World, card_body, populate, typed_body

from rempart.storage.cluster import Cluster
from rempart.storage.connect import Database
from rempart.wiring.database import locate_cluster, locate_database, make_ready
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.audit_ledger import audit_ledger

THREADS = 8
TARGETS = ("gateway", "postgresql")
# A gateway that starts on any server, and a server that acknowledges before its disk has it.
TRUSTING = "tests.failures.trusting_gateway:create_app"
NEGLIGENCE = (
    "ALTER ROLE rempart_gateway SET synchronous_commit = off",
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "ALTER SYSTEM SET wal_writer_flush_after = '1GB'",
    "SELECT pg_reload_conf()",
)
BODIES = [
    json.dumps(make(person)) for person in (*PEOPLE, STRANGER) for make in (typed_body, card_body)
]


@dataclass
class Acknowledged:
    """What callers were told: the index of each request's entry, by name of the request."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    indexes: dict[bytes, int] = field(default_factory=dict)
    refused: int = 0

    def add(self, request_id: bytes, index: int) -> None:
        with self.lock:
            self.indexes[request_id] = index

    def refuse(self) -> None:
        with self.lock:
            self.refused += 1


@dataclass(frozen=True)
class Verdict:
    """What a round showed; all is well when the last four are 0, 0, 0 and True.

    `reused` indexes were promised to two requests.
    """

    acknowledged: int
    entries: int
    lost: int
    reused: int
    gaps: int
    sound: bool

    @property
    def is_good(self) -> bool:
        return self.lost == self.reused == self.gaps == 0 and self.sound


class Load:
    """Callers that ask without pause and note what they were told."""

    def __init__(self, port: int, access: Mapping[str, str], told: Acknowledged) -> None:
        self._port = port
        self._access = dict(access)
        self._told = told
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=(n,)) for n in range(THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        dice = random.Random(number)
        for name in itertools.count():
            if self._stop.is_set():
                break
            try:
                self._ask(connection, dice, f"{id(self)}-{number}-{name}")
            except (OSError, http.client.HTTPException):
                self._told.refuse()
                connection.close()
                time.sleep(0.01)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, dice: random.Random, name: str) -> None:
        headers = {
            **self._access,
            "Content-Type": "application/json",
            "Idempotency-Key": name,
        }
        connection.request("POST", "/v1/rights-checks", dice.choice(BODIES), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status == 200:
            request_id = hashlib.sha256(name.encode()).digest()[:16]
            self._told.add(request_id, json.loads(body)["receipt"]["index"])
        else:
            self._told.refuse()


@dataclass
class Stage:
    """A server, a world in it, a gateway in front, and what callers were told so far."""

    cluster: Cluster
    world: World
    gateway: GatewayProcess
    told: Acknowledged = field(default_factory=Acknowledged)

    def play_round(self, target: str, dice: random.Random) -> Verdict:
        """Load, kill, start again, compare."""
        with Load(self.gateway.port, self.world.make_headers(), self.told):
            time.sleep(dice.uniform(0.3, 1.2))
            if target == "gateway":
                self.gateway.kill()
                time.sleep(dice.uniform(0, 0.2))
                self.gateway.start()
            else:
                kill_cluster(self.cluster)
                self.cluster.start()
                self.gateway.wait_until_ready()
            time.sleep(dice.uniform(0.1, 0.4))
        return self.compare()

    def compare(self) -> Verdict:
        """Compare what callers were told with what the ledger holds."""
        with self.world.database.transaction("auditor") as tx:
            rows = tx.execute(
                "SELECT idx, request_id FROM ledger.entry WHERE log_id = 1 ORDER BY idx"
            ).fetchall()
            verdict = audit_ledger(tx)
        stored = {index: request_id.bytes for index, request_id in rows}
        lost = sum(stored.get(index) != name for name, index in self.told.indexes.items())
        gaps = sum(index != place for place, (index, _) in enumerate(rows))
        told = self.told.indexes
        reused = len(told) - len(set(told.values()))
        return Verdict(len(told), len(rows), lost, reused, gaps, verdict.is_sound)


def kill_cluster(cluster: Cluster) -> None:
    """Kill the server and all its processes at once, so that none finishes what it was doing."""
    pid = cluster.status().pid
    if pid is None:
        raise RuntimeError("the server does not run")
    os.kill(pid, signal.SIGSTOP)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for process in (*map(int, children), pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    while cluster.status().running:
        time.sleep(0.01)


@contextlib.contextmanager
def open_stage(
    home: Home, cluster: Cluster, *, factory: str = FACTORY, is_negligent: bool = False
) -> Iterator[Stage]:
    """Set the stage on a running cluster; a negligent one acknowledges too soon."""
    settings = Settings(home=home.path)
    database: Database = locate_database(settings, home)
    make_ready(database)
    if is_negligent:
        with database.connect("admin", autocommit=True) as admin:
            for statement in NEGLIGENCE:
                admin.execute(statement)
    world = populate(database, home)
    gateway = GatewayProcess(replace(settings, database_url=database.url()), factory)
    gateway.start()
    try:
        yield Stage(cluster, world, gateway)
    finally:
        gateway.kill()


@contextlib.contextmanager
def open_own_cluster() -> Iterator[tuple[Home, Cluster]]:
    """A home and a cluster for one run, removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="rempart-kill-"))
    directory.chmod(0o711)
    home = Home.create(directory / "home")
    cluster = locate_cluster(Settings(home=home.path), home)
    place = cluster.start()
    try:
        yield home, cluster
    finally:
        cluster.stop()
        shutil.rmtree(place.directory, ignore_errors=True)
        shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutation", action="store_true", help="play on a server that must fail")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    factory = TRUSTING if options.mutation else FACTORY
    targets = ("postgresql",) if options.mutation else TARGETS
    print("round  killed       acknowledged   entries  lost  reused  gaps  ledger")
    good = True
    with (
        open_own_cluster() as (home, cluster),
        open_stage(home, cluster, factory=factory, is_negligent=options.mutation) as stage,
    ):
        for number in range(1, options.rounds * len(targets) + 1):
            target = targets[number % len(targets)]
            verdict = stage.play_round(target, dice)
            good = good and verdict.is_good
            state = "sound" if verdict.sound else "DIFFERENT"
            print(
                f"{number:5}  {target:11}  {verdict.acknowledged:12,}  {verdict.entries:8,}"
                f"  {verdict.lost:4}  {verdict.reused:6}  {verdict.gaps:4}  {state}",
                flush=True,
            )
    print(f"{'OK' if good else 'FAILED'}: {stage.told.refused:,} requests got no answer")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
