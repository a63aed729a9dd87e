"""The gateway as its callers meet it: the real application on a real database, without a server."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rempart.storage.connect import Database
from rempart.wiring.gateway_app import create_gateway
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from tests.api.world import World, populate


@pytest.fixture
def world(database: Database, home: Home) -> World:
    """A populated database."""
    return populate(database, home)


@pytest.fixture
def gateway(world: World, settings: Settings) -> Iterator[TestClient[Litestar]]:
    """A running gateway, and the key of the world's client in its headers."""
    app = create_gateway(settings, world.home, world.database)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {world.key}"
        client.headers["User-Agent"] = "LogicielOfficine/4.2"
        wait_until_ready(client)
        yield client


def wait_until_ready(client: TestClient[Litestar]) -> None:
    """Wait until the ledger is open."""
    for _ in range(200):
        if client.get("/readyz").status_code == 200:
            return
    pytest.fail("the gateway never became ready")
