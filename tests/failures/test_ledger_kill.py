"""PostgreSQL is killed while the ledger is written: nothing acknowledged is lost (I1)."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from tests.ledger_samples import make_drafts, open_writer, run

from rempart.kernel.errors import LedgerUnavailable
from rempart.storage import ledger_opening
from rempart.storage.cluster import ADMIN, Cluster
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter
from rempart.wiring.database import make_ready
from rempart.wiring.home import Home
from rempart.workflows.ledger.audit_ledger import audit_ledger

BATCH = 40
ROUNDS = 3


def make_database(cluster: Cluster, home: Home) -> Database:
    database = Database(
        address=cluster.status().place.address, name="kill", admin=ADMIN, passwords=home.passwords
    )
    make_ready(database)
    return database


def kill(cluster: Cluster) -> None:
    """Kill the server and all its processes at once, so that none finishes what it was doing."""
    postmaster = cluster.status().pid
    assert postmaster is not None
    os.kill(postmaster, signal.SIGSTOP)
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in [*map(int, children), postmaster]:
        os.kill(pid, signal.SIGKILL)
    while cluster.status().running:
        time.sleep(0.01)


async def write_until_killed(database: Database, cluster: Cluster, batches: int) -> int:
    """Append until the server dies; return the size after the last batch that was acknowledged."""
    writer: LedgerWriter = await open_writer(database)
    acknowledged = writer.size
    killing = None
    try:
        for number in range(1_000_000):
            receipts = await writer.append(make_drafts(BATCH))
            acknowledged = receipts[-1].index + 1
            if number == batches:
                killing = asyncio.create_task(asyncio.to_thread(kill, cluster))
    except LedgerUnavailable:
        pass
    assert killing is not None
    await killing
    return acknowledged


def count_entries(database: Database) -> int:
    with database.transaction("auditor") as tx:
        verdict = audit_ledger(tx)
    assert verdict.is_sound, verdict.differences
    return sum(log.entries for log in verdict.logs)


def test_a_killed_server_lost_nothing_that_was_acknowledged(
    durable_cluster: Cluster, reachable_path: Path
):
    database = make_database(durable_cluster, Home.open(reachable_path / "durable"))
    for number in range(ROUNDS):
        batches = 5 + 7 * number
        acknowledged = run(lambda: write_until_killed(database, durable_cluster, batches))  # noqa: B023
        durable_cluster.start()
        assert count_entries(database) in (acknowledged, acknowledged + BATCH)


def test_mutation_a_server_that_does_not_wait_for_its_disk_loses_what_was_acknowledged(
    durable_cluster: Cluster, reachable_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def trust_the_server(connection: object) -> None:
        """Skip the check that would refuse to start."""

    database = make_database(durable_cluster, Home.open(reachable_path / "durable"))
    monkeypatch.setattr(ledger_opening, "_check_guarantees", trust_the_server)
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        admin.execute("ALTER SYSTEM SET wal_writer_flush_after = '1GB'")
        admin.execute("ALTER ROLE rempart_gateway SET synchronous_commit = off")
        admin.execute("SELECT pg_reload_conf()")
    acknowledged = run(lambda: write_until_killed(database, durable_cluster, 40))
    durable_cluster.start()
    assert count_entries(database) < acknowledged
