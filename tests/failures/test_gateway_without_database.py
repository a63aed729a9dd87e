"""The database goes away in the middle of a check, and comes back: the gateway mends itself."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from litestar.testing import TestClient
from tests.api.reading import PATH, read_entries
from tests.api.running import Gateway, wait_until_ready
from tests.api.world import COVERED, World, populate, typed_body

from rempart.storage.cluster import ADMIN, Cluster
from rempart.storage.connect import DEFAULT_NAME, Database
from rempart.wiring.database import make_ready
from rempart.wiring.gateway_app import create_gateway
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.audit_ledger import audit_ledger


@pytest.fixture
def world(durable_cluster: Cluster) -> World:
    """A world on a server that this test may harm."""
    home = Home.open(durable_cluster.home)
    database = Database(
        address=durable_cluster.status().place.address,
        name=DEFAULT_NAME,
        admin=ADMIN,
        passwords=home.passwords,
    )
    make_ready(database)
    return populate(database, home)


@pytest.fixture
def gateway(world: World) -> Iterator[Gateway]:
    """A running gateway on that server."""
    settings = replace(Settings(), home=world.home.path, checks_per_minute=1_000_000)
    app = create_gateway(settings, world.home, world.database)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.auth = world.make_auth()
        wait_until_ready(client)
        yield client


def ask(gateway: Gateway) -> Any:
    return gateway.post(PATH, json=typed_body(COVERED))


def kill(cluster: Cluster) -> None:
    """Kill the server without warning, and wait until it is gone."""
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while cluster.status().running:
        time.sleep(0.01)


def check_recovered(gateway: Gateway, world: World, acknowledged: set[int]) -> None:
    """Check that the gateway answers again, and that nothing acknowledged was lost."""
    wait_until_ready(gateway)
    reply = ask(gateway)
    assert reply.status_code == 200
    stored = [entry.idx for entry in read_entries(world.database)]
    assert stored == list(range(len(stored)))
    assert acknowledged | {reply.json()["receipt"]["index"]} <= set(stored)
    with world.database.transaction("auditor") as tx:
        assert audit_ledger(tx).is_sound


def test_a_check_whose_database_dies_gets_a_503_and_leaves_nothing(
    gateway: Gateway, world: World, durable_cluster: Cluster
) -> None:
    first = ask(gateway).json()["receipt"]["index"]
    with ThreadPoolExecutor(1) as pool, world.database.connect("admin") as blocker:
        blocker.execute("LOCK TABLE ledger.head IN EXCLUSIVE MODE")
        stuck = pool.submit(ask, gateway)  # its entries cannot be written: they wait for the lock
        wait_for_waiter(world)
        kill(durable_cluster)
        reply = stuck.result(timeout=20)
        blocker.close()
    assert reply.status_code == 503
    assert reply.json()["code"] == "ledger_unavailable"
    assert int(reply.headers["retry-after"]) >= 1
    down = ask(gateway)
    assert down.status_code == 503
    assert gateway.get("/readyz").json() == {"database": False, "ledger": False}
    assert gateway.get("/healthz").status_code == 200
    durable_cluster.start()
    check_recovered(gateway, world, {first})


def wait_for_waiter(world: World) -> None:
    """Wait until the ledger's statement waits for the lock."""
    with world.database.connect("admin", autocommit=True) as admin:
        for _ in range(1000):
            [(waiting,)] = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ).fetchall()
            if waiting:
                return
            time.sleep(0.01)
    pytest.fail("nothing waits for the ledger")


def test_a_database_stopped_in_good_order_is_waited_for(
    gateway: Gateway, world: World, durable_cluster: Cluster
) -> None:
    acknowledged = {ask(gateway).json()["receipt"]["index"]}
    durable_cluster.stop()
    assert {ask(gateway).status_code for _ in range(3)} == {503}
    durable_cluster.start()
    check_recovered(gateway, world, acknowledged)


def test_a_cut_connection_is_mended(gateway: Gateway, world: World) -> None:
    acknowledged = {ask(gateway).json()["receipt"]["index"]}
    with world.database.connect("admin", autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE '%gateway'"
        )
    check_recovered(gateway, world, acknowledged)


def test_a_gateway_may_start_before_its_database(world: World, durable_cluster: Cluster) -> None:
    durable_cluster.stop()
    settings = replace(Settings(), home=world.home.path)
    app = create_gateway(settings, world.home, world.database)
    with TestClient(app, raise_server_exceptions=False) as gateway:
        gateway.auth = world.make_auth()
        assert gateway.get("/readyz").status_code == 503
        assert ask(gateway).status_code == 503
        durable_cluster.start()
        check_recovered(gateway, world, set())
