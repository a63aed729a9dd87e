"""Fixtures: the real application on a real database, without a server between."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from ipaddress import ip_network
from typing import Any, TypeAlias

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from tests.api.world import World, populate
from tests.database_copies import copied_database

from rempart.storage.connect import Database
from rempart.wiring.clock import SystemClock
from rempart.wiring.gateway_app import create_gateway
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

Gateway: TypeAlias = "TestClient[Litestar]"
OpenGateway: TypeAlias = "Callable[..., AbstractContextManager[Gateway]]"


LOOPBACK = (ip_network("127.0.0.1/32"),)


class TestClock(SystemClock):
    """The machine's clock, that a test may put forward."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta()

    def put_forward(self, **duration: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(**duration)

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return super().now_ms() + int(self.ahead.total_seconds() * 1000)

    def steady_ms(self) -> float:
        """Milliseconds that never go back."""
        return super().steady_ms() + self.ahead.total_seconds() * 1000

    def today(self) -> date:
        """The civil date in Paris."""
        return super().today() + timedelta(days=self.ahead.days)


@pytest.fixture
def clock() -> TestClock:
    """The gateway's clock."""
    return TestClock()


@pytest.fixture
def world(database: Database, home: Home) -> World:
    """A populated database."""
    return populate(database, home)


@pytest.fixture
def open_gateway(world: World, settings: Settings, clock: TestClock) -> OpenGateway:
    """A function that starts a gateway; settings may differ from one to the next."""

    @contextmanager
    def start(*, introspect: Any = None, **changes: Any) -> Iterator[Gateway]:
        # One account asks about everybody here, which no guard lets pass: see test_guard.py.
        given = {"certificate_proxies": LOOPBACK, "guard": "off", **changes}
        app = create_gateway(
            replace(settings, **given),
            world.home,
            world.database,
            clock=clock,
            introspect=introspect,
        )
        with TestClient(app, raise_server_exceptions=False) as client:
            client.auth = world.make_auth(now=lambda: clock.now_ms() / 1000)
            client.headers["User-Agent"] = "LogicielOfficine/4.2"
            wait_until_ready(client)
            yield client

    return start


@pytest.fixture
def gateway(open_gateway: OpenGateway) -> Iterator[Gateway]:
    """A running gateway, asked by the world's software."""
    with open_gateway() as client:
        yield client


@pytest.fixture(scope="session")
def shared_world(template: Database, home: Home) -> Iterator[World]:
    """A world for tests that only read it, and count what they add to its ledger."""
    with copied_database(template, "test_shared_api") as database:
        yield populate(database, home)


@pytest.fixture(scope="session")
def shared_gateway(shared_world: World) -> Iterator[Gateway]:
    """A gateway on the shared world, without a bound on its client."""
    settings = replace(
        Settings(),
        home=shared_world.home.path,
        database_url=shared_world.database.url(),
        checks_per_minute=10_000_000,
        guard="off",
    )
    app = create_gateway(settings, shared_world.home, shared_world.database)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.auth = shared_world.make_auth()
        client.headers["User-Agent"] = "LogicielOfficine/4.2"
        wait_until_ready(client)
        yield client


def wait_until_ready(client: Gateway) -> None:
    """Wait until the ledger is open."""
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        if client.get("/readyz").status_code == 200:
            return
        time.sleep(0.01)
    pytest.fail("the gateway never became ready")
