"""A real gateway killed with -9 between the two commits: what it spent is spent."""

import http.client
import json
from dataclasses import replace

import pytest
from scripts.gateway_process import FACTORY, GatewayProcess
from tests.api.reading import PATH
from tests.api.world import ACCOUNT_REF, make_person, typed_body

from rempart.storage.guard_habits import decode_habits

DYING = "tests.failures.dying_gateway:create_app"
pytestmark = pytest.mark.timeout(120)


def ask(process, world, person):
    """Ask over a socket; return the status, None when the gateway died instead."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=20)
    headers = {**world.make_headers(), "Content-Type": "application/json"}
    try:
        connection.request("POST", PATH, json.dumps(typed_body(person)), headers)
        return connection.getresponse().status
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


def test_a_gateway_killed_between_the_commits_leaves_a_spent_allowance_and_no_answer(
    world, settings
):
    settings = replace(settings, database_url=world.database.url())
    for n in range(2):
        dying = GatewayProcess(settings, DYING, guard="on")
        dying.start()
        assert ask(dying, world, make_person(910 + n)) is None
        dying.kill()
    with world.database.transaction("owner") as tx:
        [stored] = tx.execute(
            "SELECT habits FROM guard.account WHERE account_ref = %s", (ACCOUNT_REF,)
        ).fetchone()
        answers = tx.execute("SELECT count(*) FROM ledger.entry WHERE kind IN (1, 2)").fetchone()
    assert decode_habits(stored).today.typed_count == 2
    assert answers == (0,)
    alive = GatewayProcess(settings, FACTORY, guard="on")
    alive.start()
    try:
        replies = [ask(alive, world, make_person(920 + n)) for n in range(3)]
        paid = ask(alive, world, make_person(910))
    finally:
        alive.kill()
    assert replies.count(200) < 3, "two of the day's were spent on answers that never left"
    assert paid == 200
