"""Build the machines, put a load on them, break each part in turn, print the table."""

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.api.claiming import make_claim
from tests.api.world import (
    SINCE_LAST_YEAR,
    Person,
    World,
    card_body,
    make_person,
    populate,
    typed_body,
)

from bench.machinery import DATA, save_results
from bench.rehearsal.faults import Fault, Stage, list_faults
from bench.rehearsal.installations import CALLER, MACHINES, PORT, Installations
from bench.rehearsal.load import Load, Told
from bench.rehearsal.network import Network
from bench.rehearsal.servers import Bases, Etcd, Store, Tools
from rempart.storage.connect import Database
from rempart.wiring.home import Home

NUMBERS = {"m1": 11, "m2": 12, "d1": 21, "d2": 22, "s1": 31, CALLER: 41}
QUIET_S = 5.0
MENDED_LIMIT_S = 180.0
KINDS = ("checks", "checks m1", "checks m2", "claims", "pages m1", "pages m2", "jobs", "seals")


@dataclass
class Line:
    """What one fault did.

    Attributes:
        stopped_s: By kind, the longest time without a good answer.
        failed: By kind, how many requests failed.
        lost: Receipts and claims that the database does not hold.
        mended_s: From the fault to everything being as before.
    """

    name: str
    stopped_s: dict[str, float] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    lost: int = -1
    held: int = 0
    mended_s: float = 0.0
    why: dict[str, list[str]] = field(default_factory=dict)


def run(only: Sequence[str] = (), folder: Path = DATA / "rehearsal") -> None:
    """Play the faults whose name holds one of `only`, or all."""
    if os.geteuid() != 0:
        raise SystemExit("machines are network namespaces, which only root makes: run it as root")
    tools = Tools(folder / "tools")
    tools.install()
    place = folder / "machines"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    network = Network(NUMBERS)
    network.open()
    try:
        network.enter(CALLER)
        stage, world = _set(network, place, tools)
        lines = _play(stage, world, only)
        sound = _is_sound(stage)
    finally:
        network.close()
    print(format_table(lines))
    print(
        f"\nrempart ledger audit, all logs and the files of segments: {'sound' if sound else 'NOT'}"
    )
    save_results("deployment", {"faults": [asdict(line) for line in lines], "sound": sound})


def _set(network: Network, place: Path, tools: Tools) -> tuple[Stage, World]:
    """Start everything, the one after the other."""
    etcd = Etcd(network, place, str(tools.etcd))
    etcd.start()
    bases = Bases(network, place, tools)
    store = Store(network, place, tools)
    store.start()
    bases.start()
    _say("the database has a primary and a synchronous standby")
    installations = Installations(network, place, tools.rempart, bases, store)
    installations.prepare()
    home = Home.open(installations.home("m1"))
    database = Database.from_url(installations.database_url, home.passwords)
    world = populate(database, home, tuple(_make_people()))
    installations.start()
    _say("both machines of Rempart are ready")
    return Stage(network=network, etcd=etcd, bases=bases, installations=installations), world


def _make_people() -> list[Person]:
    return [make_person(number, SINCE_LAST_YEAR) for number in range(1, 300)]


def _make_load(stage: Stage, world: World, told: Told) -> Load:
    places = {name: (stage.network.address(name, "front"), PORT) for name in MACHINES}
    load = Load(places, world.make_headers(lifetime_s=24 * 3600), told)
    people = _make_people()
    bodies = [json.dumps(make(person)) for person in people for make in (typed_body, card_body)]
    load.add_checks("checks", MACHINES, bodies, 0.1)
    for name in MACHINES:
        load.add_checks(f"checks {name}", [name], bodies, 0.2)
        load.add_pages(f"pages {name}", name, "/ledger/", 0.3)
    load.add_claims(
        "claims", MACHINES, lambda invoice: json.dumps(make_claim(people[0], invoice)), 0.2
    )
    load.add_jobs("jobs", world.database, "end_fallen_sessions", 0.5)
    load.add_jobs("seals", world.database, "seal_segments", 2.0)
    return load


def _play(stage: Stage, world: World, only: Sequence[str]) -> list[Line]:
    told = Told()
    lines = []
    faults = [Fault(name="nothing", begin=lambda: None), *list_faults(stage)]
    with _make_load(stage, world, told) as load:
        _wait_until_good(stage, load, since=time.monotonic())
        for fault in faults:
            if only and not any(word in fault.name for word in only):
                continue
            line = _play_one(fault, stage, world, load, told)
            lines.append(line)
            _say(json.dumps(asdict(line)))
    return lines


def _play_one(fault: Fault, stage: Stage, world: World, load: Load, told: Told) -> Line:
    time.sleep(QUIET_S)
    begun = time.monotonic()
    fault.begin()
    time.sleep(fault.lasts_s)
    fault.end()
    mended = _wait_until_good(stage, load, since=time.monotonic())
    line = Line(fault.name, mended_s=round(mended - begun, 1))
    for name, kind in load.kinds.items():
        line.stopped_s[name] = round(kind.find_gap(begun, time.monotonic()), 1)
        line.failed[name] = kind.count_bad(begun, time.monotonic())
        if kind.why:
            line.why[name] = sorted(set(kind.why))[:4]
            kind.why.clear()
    line.held, line.lost = count_lost(world.database, told)
    return line


def _is_sound(stage: Stage) -> bool:
    """Audit every log with the public command, the files of segments included."""
    try:
        stage.installations.command(MACHINES[0], "ledger", "audit")
    except RuntimeError as failure:
        _say(str(failure))
        return False
    return True


def _wait_until_good(stage: Stage, load: Load, since: float) -> float:
    """Wait until every kind is answered again and the database is whole; return when it was."""
    give_up = since + MENDED_LIMIT_S
    while time.monotonic() < give_up:
        recent = max(since, time.monotonic() - 4 * QUIET_S)
        good = [kind.good[-1:] > [recent] for kind in load.kinds.values()]
        if all(good) and stage.bases.is_whole():
            return max(max(kind.good[-1], since) for kind in load.kinds.values())
        time.sleep(0.5)
    silent = [name for name, kind in load.kinds.items() if not kind.good[-1:] > [since]]
    _say(f"NOT MENDED after {MENDED_LIMIT_S:g} s: {silent}, {stage.bases.read_cluster()}")
    return time.monotonic()


def count_lost(database: Database, told: Told) -> tuple[int, int]:
    """Return how much callers hold, and how much of it the database does not."""
    with told.lock:
        receipts, invoices = dict(told.receipts), set(told.invoices)
    with database.transaction("auditor") as tx:
        rows = tx.execute("SELECT request_id, log_id, idx FROM ledger.entry").fetchall()
        entries = {(log_id, index): request_id.bytes for request_id, log_id, index in rows}
    with database.transaction("settler") as tx:
        found = {row[0] for row in tx.execute("SELECT invoice FROM claims.claim")}
    lost = sum(entries.get(place) != name for (name, _), place in receipts.items())
    return len(receipts) + len(invoices), lost + len(invoices - found)


def format_table(lines: Sequence[Line]) -> str:
    """Write the table that the documentation shows."""
    head = ["fault", *KINDS, "failed", "held", "lost"]
    rows = [
        [
            line.name,
            *(f"{line.stopped_s[kind]:.1f}" for kind in KINDS),
            str(sum(line.failed.values())),
            f"{line.held:,}",
            str(line.lost),
        ]
        for line in lines
    ]
    text = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in text)


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
