"""One insurer's package of many persons, to its end, and again after a kill -9 half-way.

    python -m bench packages --persons 300000

The persons are invented and sealed as their feed would have sealed them. The package is made by a
process of its own, whose memory is measured: names are opened block by block, written, sealed. The
killed one must leave nothing; the same command then makes the whole.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.package_samples import GAINED, SHOWN, Affair, make_record

from bench.machinery import DATA, running_database, save_results
from rempart.storage.connect import Database
from rempart.storage.sealing import Seal, encode_record, load_insurer_key
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

INSURER = 1
HOME = DATA / "home-packages"
_BLOCK = 20_000
_TABLES = (
    "incidents.incident, incidents.exposed_person, incidents.sealing_key, identity.person,"
    " rights.insurer, identity.insurer_key"
)


def run(*, persons: int) -> None:
    """Make the package twice, one of them killed half-way; print and save what it took."""
    console = Console()
    with running_database(HOME) as database:
        incident_id = _prepare(database, persons)
        killed_at = _kill_half_way(incident_id, persons)
        if _count(database):
            raise AssertionError("a killed run left a package")
        seconds, peak_mb = _finish(incident_id)
        [(listed, size)] = _fetch(database)
    if listed != persons:
        raise AssertionError(f"the package speaks of {listed} persons, not {persons}")
    console.print(
        f"killed at {killed_at:,} of {persons:,} persons: nothing was left. Again, to its end: "
        f"{seconds:.0f} s ({persons / seconds:,.0f} persons a second), {peak_mb:.0f} MB at most "
        f"in the process, {size / 1e6:.0f} MB sealed"
    )
    results = {
        "persons": persons,
        "killed_at": killed_at,
        "seconds": seconds,
        "peak_mb": peak_mb,
        "bytes": size,
    }
    console.print(f"saved in {save_results(f'packages-{persons}', results)}")


def _prepare(database: Database, persons: int) -> int:
    with database.transaction("owner") as tx:
        tx.execute(f"TRUNCATE {_TABLES} CASCADE")
    affair = Affair(database)
    affair.add_insurer(INSURER)
    affair.add_key(INSURER)
    affair.analyse([])
    with database.transaction("feeds") as tx:
        seal = Seal(INSURER, load_insurer_key(tx, affair.kms, INSURER))
        for first in range(1, persons + 1, _BLOCK):
            rows = []
            for ref in range(first, min(first + _BLOCK, persons + 1)):
                plain = encode_record(make_record(ref))
                rows.append((ref, INSURER, seal.seal(ref, plain), seal.digest(plain)))
            tx.cursor().executemany(
                "INSERT INTO identity.person"
                " (person_ref, insurer_id, sealed, digest, lookup_keys, changed_in)"
                " VALUES (%s, %s, %s, %s, '{}', 1)",
                rows,
            )
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO incidents.exposed_person (incident_id, insurer_id, person_ref, tier,"
            " fields, gained, lookups, sessions)"
            " SELECT %s, %s, n, 'A', %s, %s, 1, '{7}' FROM generate_series(1, %s) AS n",
            (affair.incident_id, INSURER, SHOWN, GAINED, persons),
        )
    return affair.incident_id


def _start(incident_id: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench.packages", str(incident_id)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def _kill_half_way(incident_id: int, persons: int) -> int:
    """Start, and kill once half of the persons are done; return how many were."""
    with _start(incident_id) as maker:
        done = 0
        for line in maker.stdout or ():
            done = int(line)
            if done >= persons // 2:
                maker.send_signal(signal.SIGKILL)
                break
    if maker.returncode != -signal.SIGKILL:
        raise AssertionError("the package was done before it could be killed")
    return done


def _finish(incident_id: int) -> tuple[float, float]:
    started = time.perf_counter()
    with _start(incident_id) as maker:
        last = list(maker.stdout or ())[-1]
    if maker.returncode:
        raise AssertionError("the package was not made")
    return time.perf_counter() - started, float(last.split()[1])


def _count(database: Database) -> int:
    with database.transaction("owner") as tx:
        [[count]] = tx.execute("SELECT count(*) FROM incidents.package")
    return int(count)


def _fetch(database: Database) -> list[tuple[Any, ...]]:
    with database.transaction("owner") as tx:
        return tx.execute(
            "SELECT (SELECT count(*) FROM incidents.packaged_person),"
            " (SELECT sum(octet_length(sealed)) FROM incidents.package_file)"
        ).fetchall()


def make(incident_id: int) -> None:
    """Make the package of an incident as the command does, telling how many are done."""
    settings = Settings.from_environment({**os.environ, "REMPART_HOME": str(HOME)})
    database = locate_database(settings, Home.open(HOME))
    affair = Affair(database)
    affair.incident_id = incident_id
    affair.make(INSURER, report=lambda _name, done: print(done, flush=True))
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    make(int(sys.argv[1]))
