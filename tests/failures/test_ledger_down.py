"""The ledger cannot be written: no way into the gateway gives an answer; each says come back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.api.reading import PATH, read_entries
from tests.api.running import Gateway, wait_until_ready
from tests.api.world import COVERED, STRANGER, World, card_body, typed_body

from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter

# Lends numbers to an establishment; about nobody.
ABOUT_NOBODY = {"/v1/offline-batches"}
# Each is needed by one statement that a batch depends on.
RIGHTS = (
    "INSERT ON ledger.entry",
    "INSERT ON ledger.tile",
    "INSERT ON ledger.session",
    "UPDATE ON ledger.head",
)
BODIES = {
    "card": card_body(COVERED),
    "typed": typed_body(COVERED),
    "nobody": typed_body(STRANGER),
}


@contextmanager
def without(database: Database, right: str) -> Iterator[None]:
    """Take a right from the ledger's plane for a while: its statements fail, the rest goes on."""
    with database.connect("admin", autocommit=True) as admin:
        admin.execute(f"REVOKE {right} FROM rempart_plane_ledger")  # type: ignore[arg-type]
        try:
            yield
        finally:
            admin.execute(f"GRANT {right} TO rempart_plane_ledger")  # type: ignore[arg-type]


def list_ways_in(gateway: Gateway) -> list[str]:
    """Every path of the gateway that takes something in, by its own description."""
    paths = gateway.get("/v1/openapi.json").json()["paths"]
    return [path for path, verbs in paths.items() if "post" in verbs and path.startswith("/v1/")]


@pytest.mark.parametrize("right", RIGHTS)
def test_no_ledger_no_answer_whatever_was_asked(gateway: Gateway, world: World, right: str) -> None:
    with without(world.database, right):
        for body in BODIES.values():
            reply = gateway.post(PATH, json=body)
            assert reply.status_code == 503
            assert reply.headers["retry-after"] == "2"
            assert reply.json()["code"] == "ledger_unavailable"
            assert "rights" not in reply.json()
    assert read_entries(world.database) == []
    wait_until_ready(gateway)
    assert gateway.post(PATH, json=BODIES["card"]).status_code == 200


def test_no_way_in_succeeds_without_the_ledger(gateway: Gateway, world: World) -> None:
    ways = set(list_ways_in(gateway))
    assert {PATH} | ABOUT_NOBODY <= ways
    with without(world.database, RIGHTS[0]):
        for path in ways - ABOUT_NOBODY:
            for body in (*BODIES.values(), {}, []):
                status = gateway.post(path, json=body).status_code
                assert status >= 400, path
    assert read_entries(world.database) == []


def test_mutation_a_gateway_that_answers_without_a_receipt_is_noticed(
    gateway: Gateway, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pretend(writer: LedgerWriter, drafts: Any, **options: Any) -> list[Any]:
        return []

    monkeypatch.setattr(LedgerWriter, "append", pretend)
    with without(world.database, RIGHTS[0]):
        assert gateway.post(PATH, json=BODIES["card"]).status_code == 200
    assert read_entries(world.database) == []
