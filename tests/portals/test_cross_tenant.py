"""No page, list, export or form shows or changes anything of another tenant."""

from collections.abc import Iterator

import pytest
from tests.portals.crossing import LEADS_TO, NO_REFERENCE, attack, list_routes
from tests.storage.tenant_rows import plant_world
from tests.storage.tenants import World


@pytest.fixture
def world(desk, monkeypatch) -> Iterator[World]:
    """Rows of several tenants in the database of the pages, whose connections are pooled."""
    with desk.database.pool("portals") as pages, desk.database.pool("signin") as signin:
        monkeypatch.setattr(desk, "transaction", pages.connection)
        monkeypatch.setattr(desk, "signin", signin.connection)
        yield plant_world(desk.database)


def test_every_parameter_of_a_route_leads_to_planted_rows(desk):
    named = {name for route in list_routes() for name in route.parameters}
    assert named - NO_REFERENCE == set(LEADS_TO)


def test_no_page_reaches_another_tenant(desk, world: World, capsys):
    findings = attack(world, desk.now())
    with capsys.disabled():
        print(f"\n{findings.describe()}")
    assert findings.leaks == []
    assert findings.misplaced == []
    assert findings.told_apart == []
    assert findings.changed == []
    assert sum(findings.attempts.values()) > 1000
