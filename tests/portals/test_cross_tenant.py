"""No page, list, export or form shows or changes anything of another tenant."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import sql
from tests.card_samples import make_card, make_print
from tests.portals.crossing import (
    ANONYMOUS,
    EVERYBODY,
    LEADS_TO,
    NO_REFERENCE,
    VISITORS,
    Route,
    attack,
    enter,
    list_routes,
)
from tests.storage.continuity_rows import plant_public_cut
from tests.storage.tenant_rows import plant_world
from tests.storage.tenants import World, draw

from rempart.exchange.card_letter import encode_print
from rempart.portals import visit
from rempart.storage.connect import Transaction


@pytest.fixture
def world(desk, monkeypatch) -> Iterator[World]:
    """Rows of several tenants in the database of the pages, whose connections are pooled."""
    with desk.database.pool("portals") as pages, desk.database.pool("signin") as signin:
        monkeypatch.setattr(desk, "transaction", pages.connection)
        monkeypatch.setattr(desk, "signin", signin.connection)
        world = plant_world(desk.database)
        with desk.database.transaction("owner") as tx:
            plant_public_cut(world, tx, EVERYBODY)
            seal_own_things(desk, world, tx)
            plant_job(world, tx)
        yield world


def seal_own_things(desk, world: World, tx: Transaction) -> None:
    """Seal what pages open for its owner: prints that show their mark, and secrets of codes."""
    for row in world.of_table("rights.card_print"):
        serial = row.key["serial"]
        # The mark in the row is in what its owner is shown.
        printed = encode_print(make_print(make_card(1), names=(row.values["sealed"].decode(),)))
        tx.execute(
            "UPDATE rights.card_print SET sealed = %s WHERE serial = %s",
            [desk.prints.seal(serial, printed), serial],
        )
    for row in world.of_table("rights.code_secret"):
        person = row.key["person_ref"]
        tx.execute(
            "UPDATE rights.code_secret SET sealed = %s WHERE person_ref = %s",
            [desk.code_seal.draw(person), person],
        )


def plant_job(world: World, tx: Transaction) -> None:
    """Plant a job of an incident: the pages read none of its tables, the host's agents its page."""
    job_id, hosts = draw(), frozenset({"host admin", "host ops", "host security"})
    world.plant(
        tx,
        "jobs.procrastinate_jobs",
        {"id": job_id},
        {"queue_name": "incidents", "task_name": "expose_incident", "status": "failed"},
        readers=hosts,
        changers=hosts - {"host security"},
    )
    tx.execute(
        "INSERT INTO jobs.progress (job_id, note) VALUES (%s, %s)", [job_id, world.name("job")]
    )


def test_every_parameter_of_a_route_leads_to_planted_rows(desk):
    named = {name for route in list_routes() for name in route.parameters}
    assert named - NO_REFERENCE == set(LEADS_TO)


def test_no_page_reaches_another_tenant(desk, world: World, capsys):
    findings = attack(world, desk.now())
    with capsys.disabled():
        print(f"\n{findings.describe()}")
    assert findings.leaks == [], "\n".join(findings.leaks)
    assert findings.misplaced == [], "\n".join(findings.misplaced)
    assert findings.told_apart == [], "\n".join(findings.told_apart)
    assert findings.changed == [], "\n".join(findings.changed)
    assert sum(findings.attempts.values()) > 1000
    # Each by somebody whom only the reference stops.
    assert {one.name for one in list_routes() if set(one.parameters) & set(LEADS_TO)} == (
        findings.reached
    )
    # Pages that showed nothing would leak nothing.
    assert {who for who, marks in findings.shown.items() if marks} == set(VISITORS) - {ANONYMOUS}


@pytest.mark.parametrize(
    ("table", "who", "route"),
    [
        ("accounts.actor", "insurer admin A", "organisation"),
        ("accounts.organisation", "publisher admin A", "register-software"),
        ("accounts.software", "publisher admin A", "one-software"),
        ("rights.presence_policy", "hosted admin", "presence-policies"),
        ("rights.cut_note", "hosted admin", "services"),
    ],
)
def test_mutation_a_policy_opened_to_everybody_is_noticed(
    desk, world: World, table: str, who: str, route: str
):
    [(name, using)] = run(
        world,
        "SELECT policyname, qual FROM pg_catalog.pg_policies"
        " WHERE schemaname || '.' || tablename = %s AND policyname = 'seen'",
        table,
    )
    run(world, f"ALTER POLICY {name} ON {table} USING (true)")
    try:
        findings = attack(world, desk.now(), visitors=[who], only=named(route))
    finally:
        run(world, f"ALTER POLICY {name} ON {table} USING ({using})")
    assert findings.leaks


def test_mutation_a_policy_taken_away_hides_ones_own_rows(desk, world: World):
    before = attack(world, desk.now(), visitors=["holder A"], only=named("organisation"))
    [(using,)] = run(
        world,
        "SELECT qual FROM pg_catalog.pg_policies"
        " WHERE tablename = 'membership' AND policyname = 'seen'",
    )
    run(world, "DROP POLICY seen ON accounts.membership")
    try:
        after = attack(world, desk.now(), visitors=["holder A"], only=named("organisation"))
    finally:
        run(
            world,
            "CREATE POLICY seen ON accounts.membership FOR SELECT TO rempart_portals"
            f" USING ({using})",
        )
    assert after.shown["holder A"] < before.shown["holder A"]


def test_mutation_pages_that_ask_no_permission_are_noticed(desk, world: World, monkeypatch):
    monkeypatch.setattr(visit, "check_can", lambda *_args, **_options: None)
    findings = attack(world, desk.now(), visitors=["holder A"], methods=["GET"], only=is_console)
    assert findings.misplaced
    # The rows are still nobody's but their own.
    assert findings.leaks == [], "\n".join(findings.leaks)


def test_mutation_a_page_that_reads_as_somebody_else_is_noticed(desk, world: World, monkeypatch):
    stranger = world.digests["insurer admin B"]
    monkeypatch.setattr(visit, "compute_token_digest", lambda _key: stranger)
    findings = attack(world, desk.now(), visitors=["holder A"], only=named("organisation"))
    assert findings.leaks


def test_the_table_of_ceremonies_knows_no_part_of_a_token_s_digest(desk, world: World):
    enter(world, "holder A", desk.now())
    kept = {key for (key,) in run(world, "SELECT session_key FROM accounts.django_session")}
    digests = [digest for (digest,) in run(world, "SELECT token_digest FROM accounts.session")]
    assert kept
    assert not [one for one in kept for digest in digests if one[:16] in digest.hex()]


def named(name: str) -> Callable[[Route], bool]:
    return lambda route: route.name == name


def is_console(route: Route) -> bool:
    return route.pattern.startswith("console") and not route.parameters


def run(world: World, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with world.database.transaction("owner") as tx:
        cursor = tx.execute(sql.SQL(statement), values)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []
