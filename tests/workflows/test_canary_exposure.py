"""A canary in an incident is nobody to be told, whichever way the list is computed."""

import pytest
from tests.workflows.test_expose_persons import (  # noqa: F401 - a fixture is found by its name here
    SUSPECT,
    a_stolen_pharmacy,
    analyst,
    declare,
    expose,
    recount,
    write,
)

from rempart.storage import suspect_lookups
from rempart.storage.connect import Database
from rempart.storage.queries import DIRECTORY, Queries, parse_queries

CANARY = 2001
"""One of the persons whom the thief of that pharmacy was shown."""


@pytest.fixture
def planted(database: Database) -> None:
    with database.transaction("feeds") as tx:
        tx.execute(
            "INSERT INTO guard.canary (lookup_key, person_ref, insurer_id) VALUES (%s, %s, 1)",
            ("00000000-0000-4000-8000-00000000000a", CANARY),
        )


def test_a_canary_is_in_no_list_of_exposed_people(database, analyst, planted):  # noqa: F811
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
        recount(tx, answer)
    exposed = {person.person_ref for person in answer.persons}
    assert CANARY not in exposed
    assert exposed == {2000 + n for n in range(50) if n % 5} - {CANARY}


def test_mutation_without_its_exception_a_canary_is_written_to(
    database,
    analyst,  # noqa: F811
    planted,
    monkeypatch,
):
    file = DIRECTORY / "embedded" / "incident_lookups.sql"
    text = file.read_text()
    left_out = "NOT EXISTS (SELECT 1 FROM canary AS c WHERE c.person_ref = l.person_ref)"
    assert left_out in text
    changed = Queries("embedded/incident_lookups", parse_queries(text.replace(left_out, "true")))
    monkeypatch.setattr(suspect_lookups, "EMBEDDED", changed)
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
    assert CANARY in {person.person_ref for person in answer.persons}
