"""An exercise reaches nobody real: what could leave asks one predicate, and says what it is."""

import re
from pathlib import Path

import pytest

import rempart
from rempart.incidents.evidence import Window
from rempart.incidents.packages import check_can_drop
from rempart.incidents.room import COMMAND_LINE as BY
from rempart.kernel.errors import NotAllowed
from rempart.storage.connect import Database
from rempart.workflows.incidents import clocks
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.incidents.incident_room import (
    add_note,
    describe_whole,
    note_awareness,
    read_room,
)

SOURCES = Path(rempart.__file__).parent
# Pages of one incident: each carries the bar, whose first line says that it is an exercise.
BAR = "portals/room/tabs.html"
A_DAY_MS = 86_400_000


def declare(database: Database, *, exercise: bool) -> int:
    with database.transaction("analyst") as tx:
        now = clocks_now(tx)
        window = Window(
            starts_ms=int(now.timestamp() * 1000) - 5 * A_DAY_MS,
            ends_ms=int(now.timestamp() * 1000),
        )
        number = declare_incident(tx, title="Essai", window=window, exercise=exercise)
        from_ms = window.starts_ms + A_DAY_MS
        note_awareness(tx, number, BY, words="Des fiches ont été lues", happened_ms=from_ms)
    return number


def clocks_now(tx):
    [(now,)] = tx.execute("SELECT clock_timestamp()").fetchall()
    return now


@pytest.mark.parametrize("exercise", [True, False])
def test_owners_are_reminded_of_real_deadlines_only(database: Database, exercise: bool):
    declare(database, exercise=exercise)
    with database.transaction("analyst") as tx:
        due = clocks.list_due_reminders(tx, now=clocks_now(tx))
    assert bool(due) is not exercise


def test_a_folder_is_for_real_packages_only():
    check_can_drop(exercise=False)
    with pytest.raises(NotAllowed, match="recipients of exercises only"):
        check_can_drop(exercise=True)


def test_what_is_exported_of_an_exercise_says_so(database: Database):
    number = declare(database, exercise=True)
    with database.transaction("analyst") as tx:
        add_note(tx, number, BY, words="Ceci")
        assert describe_whole(read_room(tx, number))["incident"]["exercise"] is True


def list_pages_of_an_incident() -> set[str]:
    """Templates of whole pages whose views have the number of one incident in their address."""
    routes = (SOURCES / "portals").rglob("*urls.py")
    text = " ".join(" ".join(file.read_text().split()) for file in routes)
    views = set(re.findall(r'"console/incidents/<int:incident_id>[^"]*", (\w+)\.(\w+),', text))
    found = set()
    for module, _view in views:
        source = (SOURCES / "portals" / "views" / f"{module}.py").read_text()
        found |= set(re.findall(r'"(portals/[\w/]+\.html)"', source))
    return found


def says_it_is_an_exercise(template: str) -> bool:
    text = (SOURCES / "portals" / "templates" / template).read_text()
    is_page = '{% extends "' in text and "incident_id" in text
    return not is_page or BAR in text or "exercise" in text


def test_every_page_of_an_incident_says_that_it_is_an_exercise():
    pages = list_pages_of_an_incident()
    assert {"portals/room/room.html", "portals/console/incident.html"} <= pages
    assert [page for page in sorted(pages) if not says_it_is_an_exercise(page)] == []
