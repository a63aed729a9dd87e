"""The room of an incident: declared in a minute, live, added to and never changed."""

import json
import re
import time
from html import unescape

import psycopg.errors
import pytest
from django.test import Client
from tests.portals import people, samples
from tests.portals.guard_samples import add_account, add_event
from tests.portals.pages import fetch, read

from rempart.accounts.roles import Role
from rempart.incidents.room import EventKind
from rempart.storage import incident_room

CHANGE = "UPDATE incidents.room_event SET author = 'x'"
DECLARED = {"title": "Compte volé ?", "since": "22/11/2020 03:00", "until": "22/11/2020 09:00"}


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


def enter(desk, org, role=Role.OPERATOR_SECURITY, name="Ariane Hôte"):
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role, name=name))
    return browser


@pytest.fixture
def browser(desk, host):
    return enter(desk, host)


def declare(browser, **values) -> str:
    answer = browser.post("/console/incidents/declarer", {**DECLARED, **values})
    assert answer.status_code == 302, read(answer)
    return answer.headers["Location"]


def number_of(room: str) -> int:
    return int(re.search(r"incidents/(\d+)/salle", room)[1])


def write(browser, room: str, act: str, **values):
    fields = {f"{act}-{name}": value for name, value in values.items()}
    return browser.post(f"{room}/ecrire", {"act": act, **fields})


def kinds_of(desk, room: str) -> list[str]:
    query = "SELECT kind FROM incidents.room_event WHERE incident_id = %s ORDER BY event_ref"
    return [kind for (kind,) in fetch(desk, query, number_of(room))]


def test_suspicion_is_enough_and_the_room_opens_with_the_evidence_held(desk, browser):
    started = time.monotonic()
    room = declare(browser)
    shown = read(browser.get(room))
    assert time.monotonic() - started < 60
    assert kinds_of(desk, room) == ["suspected", "declared", "hold_placed"]
    assert "Compte volé ?, aucun compte désigné encore" in shown
    assert "Preuves gelées oui" in shown
    assert "Ariane Hôte" in shown


def test_where_nobody_can_say_the_most_the_room_says_so(desk, browser):
    room = declare(browser)
    told = {"analysis": 1, "changed": 0, "lower": 3, "best": 4, "upper": None}
    with desk.database.transaction("owner") as tx:
        incident_room.add_event(
            *(tx, number_of(room)),
            kind=EventKind.ANALYSED,
            happened_ms=int(samples.NOW.timestamp() * 1000),
            author="Ariane Hôte",
            details=told,
        )
    words = read(browser.get(room))
    assert "au moins 3, sans maximum connu" in words
    assert "au moins 3 personnes, 4 le plus probable, sans maximum connu" in words
    assert "None" not in words


def test_a_contained_account_is_declared_in_one_click(desk, browser):
    account = people.make_agent(
        desk.database, people.make_organisation(desk.database, "establishment"), Role.HOLDER
    ).actor_ref
    with desk.database.transaction("owner") as tx:
        add_account(tx, account, step=2)
        add_event(tx, account, "contained")
    page = browser.get(f"/console/garde/comptes/{account}")
    address = re.search(r'id="declare"[^>]*href="([^"]+)"', page.content.decode())[1]
    form = browser.get(unescape(address)).content.decode()
    values = dict(re.findall(r'name="(title|since)" value="([^"]*)"', form))
    accounts = re.search(r'name="accounts"[^>]*>\s*(\d+)\s*</textarea>', form)[1]
    room = declare(browser, **{**values, "until": "", "accounts": accounts})
    suspects = fetch(desk, "SELECT account_ref FROM incidents.suspect_account")
    assert suspects == [(account,)]
    assert "1 compte soupçonné" in read(browser.get(room))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"title": ""}, "Ce champ est obligatoire"),
        ({"since": "31/02/2020 03:00"}, "un moment qui existe"),
        ({"since": "29/03/2020 02:30"}, "un moment qui existe"),
        ({"since": "22/11/0020 03:00"}, "un moment qui existe"),
        ({"until": "31/12/9999"}, "un moment qui existe"),
        ({"until": "22/11/2020 02:00"}, "La fin vient après le début"),
        ({"accounts": "12345678901"}, "ne mènent à aucun compte"),
    ],
)
def test_a_declaration_that_cannot_be_is_sent_back_and_nothing_remains(
    desk, browser, values, words
):
    answer = browser.post("/console/incidents/declarer", {**DECLARED, **values})
    assert answer.status_code == 422
    assert words in read(answer)
    assert fetch(desk, "SELECT count(*) FROM incidents.incident") == [(0,)]


def test_a_moment_to_come_is_told_beside_its_field(desk, browser):
    room = declare(browser)
    answer = write(browser, room, "note", words="Plus tard", happened="22/11/2090 03:30")
    assert answer.status_code == 422
    assert "Ce moment n’est pas encore arrivé" in read(answer)
    assert "Plus tard" in answer.content.decode()


def test_everything_written_is_a_line_with_its_author(desk, browser):
    room = declare(browser)
    assert write(browser, room, "note", words="Rappelé le cabinet").status_code == 302
    write(browser, room, "decision", words="On coupe", reason="Trop", alternatives="Attendre")
    write(browser, room, "task", words="Prévenir", owner="Astreinte", due="22/11/2020 04:00")
    write(browser, room, "join", part="lead", on_call="on")
    write(browser, room, "aware", words="Des fiches ont été lues", happened="22/11/2020 03:30")
    shown = read(browser.get(room))
    for words in (
        "Rappelé le cabinet",
        "On coupe · Pourquoi : Trop · Écarté : Attendre",
        "Prévenir, à faire par Astreinte",
        "pilote, d’astreinte",
        "Des fiches ont été lues",
        "en retard",
        "(écrit le",
    ):
        assert words in shown
    [(task,)] = fetch(desk, "SELECT event_ref FROM incidents.room_event WHERE kind = 'task_added'")
    for odd in ("", "²", "9" * 19, "9" * 5000):
        assert browser.post(f"{room}/ecrire", {"act": "done", "task": odd}).status_code in (
            404,
            409,
        )
    done = {"act": "done", "task": task}
    assert browser.post(f"{room}/ecrire", done).status_code == 302
    assert browser.post(f"{room}/ecrire", done).status_code == 409
    assert "par Ariane Hôte" in read(browser.get(room))
    assert browser.post(f"{room}/ecrire", {"act": "leave"}).status_code == 302
    assert "Personne n’est entré encore" in read(browser.get(room))


def test_what_was_written_cannot_be_changed_by_anybody(desk, browser):
    room = declare(browser)
    write(browser, room, "note", words="Ceci")
    for login in ("portals", "analyst"):
        for change in (CHANGE, "DELETE FROM incidents.room_event"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                desk.database.transaction(login) as tx,
            ):
                tx.execute(change)
    # Not even the owner of the tables, while the trigger stands.
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"),
        desk.database.transaction("owner") as tx,
    ):
        tx.execute(CHANGE)


def test_mutation_without_the_trigger_the_owner_changes_history(desk, browser):
    room = declare(browser)
    lines = len(kinds_of(desk, room))
    with desk.database.connect("owner") as owner:
        owner.execute("DROP TRIGGER keep_room_event ON incidents.room_event")
        assert owner.execute(CHANGE).rowcount == lines
        owner.rollback()


def test_nothing_is_added_to_a_closed_incident_until_it_is_opened_again(desk, browser):
    room = declare(browser)
    assert write(browser, room, "close", reason="Fausse alerte").status_code == 302
    refused = write(browser, room, "note", words="Encore")
    assert refused.status_code == 409
    assert "l’incident est clos" in read(refused)
    assert write(browser, room, "close", reason="Encore").status_code == 409
    assert write(browser, room, "reopen", reason="Un autre appel").status_code == 302
    assert write(browser, room, "note", words="Encore").status_code == 302
    assert kinds_of(desk, room)[-3:] == ["closed", "reopened", "note"]


def test_mutation_a_closed_incident_would_take_a_note_without_its_check(desk, browser):
    room = declare(browser)
    write(browser, room, "close", reason="Fausse alerte")
    with desk.database.connect("owner") as owner:
        owner.execute("DROP TRIGGER check_room_event ON incidents.room_event")
        incident_room.add_event(
            owner, number_of(room), kind=EventKind.NOTE, happened_ms=1, author="x"
        )
        owner.rollback()


def test_what_the_guard_did_is_in_the_timeline_without_being_copied(desk, browser):
    account = people.make_agent(
        desk.database, people.make_organisation(desk.database, "establishment"), Role.HOLDER
    ).actor_ref
    t_ms = 1_606_014_000_000  # 22/11/2020 04:00 in Paris
    with desk.database.transaction("owner") as tx:
        add_event(tx, account, "contained", t_ms=t_ms)
        tx.execute(
            "INSERT INTO guard.measure (measure_ref, step, target, target_ref, reason, asked_by,"
            " asked_at, starts_at, review_at) VALUES"
            " (5, 'suspend', 'account', %s, 'suspected_theft', 0, %s, %s, '2020-11-23 03:10Z')",
            [account, *["2020-11-22 03:10Z"] * 2],
        )
    room = declare(browser, accounts=str(account))
    shown = read(browser.get(room))
    assert "Compte confiné par la garde" in shown
    assert "Suspendre les vérifications" in shown
    assert kinds_of(desk, room) == ["suspected", "declared", "hold_placed"]


def test_the_page_asks_for_its_lines_alone(browser):
    room = declare(browser)
    page = browser.get(room).content.decode()
    assert f'hx-get="{room}?"' in page or f'hx-get="{room}"' in page
    part = browser.get(room, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert 'id="room-live"' in part


def test_lines_are_filtered_and_leave_as_files(desk, browser):
    room = declare(browser)
    write(browser, room, "note", words="=1+1")
    assert "Incident déclaré" not in read(browser.get(f"{room}?genre=note")).split("Filtrer")[0]
    table = browser.get(f"{room}/chronologie.csv?genre=note").content.decode()
    assert len(table.strip().splitlines()) == 2
    assert "'=1+1" in table
    answer = browser.get(f"{room}/chronologie.json")
    whole = json.loads(answer.content)
    assert whole["incident"]["title"] == "Compte volé ?"
    assert [line["kind"] for line in whole["timeline"]] == kinds_of(desk, room)
    assert answer.headers["Content-Disposition"].endswith(
        f'filename="incident-{number_of(room)}.json"'
    )


def test_an_exercise_says_so_on_its_page_and_in_its_files(browser):
    room = declare(browser, exercise="1")
    page = browser.get(room)
    assert "EXERCICE" in re.search(r"<title>(.*?)</title>", page.content.decode())[1]
    assert "rien n’en sort vers de vrais destinataires" in read(page)
    for suffix in ("csv", "json"):
        answer = browser.get(f"{room}/chronologie.{suffix}")
        assert "EXERCICE-" in answer.headers["Content-Disposition"]
    assert "oui" in browser.get(f"{room}/chronologie.csv").content.decode()


def test_whoever_reads_only_writes_nothing(desk, host, browser):
    room = declare(browser)
    ops = enter(desk, host, Role.OPERATOR_OPS, name="Olga")
    page = ops.get(room)
    assert page.status_code == 200
    assert "Ajouter la note" not in read(page)
    assert write(ops, room, "note", words="x").status_code == 403
    assert ops.get("/console/incidents/declarer").status_code == 403


def test_another_operator_finds_no_room(desk, host, browser):
    room = declare(browser)
    other = people.make_organisation(desk.database, "operator", hosted_by=host.org_ref)
    stranger = enter(desk, other)
    assert stranger.get(room).status_code == 404
    assert write(stranger, room, "note", words="x").status_code == 404
    assert stranger.get("/console/incidents/declarer").status_code == 404


def test_a_page_writes_in_its_visitors_name_only(desk, browser):
    room = declare(browser)
    rows = fetch(
        desk,
        "SELECT DISTINCT e.author, a.display_name FROM incidents.room_event AS e"
        " JOIN accounts.actor AS a ON a.actor_ref = e.author_ref WHERE e.incident_id = %s",
        number_of(room),
    )
    assert rows == [("Ariane Hôte", "Ariane Hôte")]


def test_a_hold_is_placed_widened_and_released_by_a_named_person(desk, browser):
    asked = {
        "kind": "judicial",
        "first": "01/01/2020 00:00",
        "last": "02/01/2020 00:00",
        "reason": "PV 2026/17",
    }
    answer = browser.post("/console/gels/nouveau", asked)
    page = answer.headers["Location"]
    more = {"extend-first": "01/01/2020 00:00", "extend-last": "03/01/2020 00:00"}
    assert browser.post(f"{page}/elargir", more).status_code == 302
    assert "03/01/2020" in read(browser.get(page)) or "02/01/2020" in read(browser.get(page))
    assert browser.post(f"{page}/lever", {"release-reason": ""}).status_code == 422
    assert browser.post(f"{page}/lever", {"release-reason": "Affaire jugée"}).status_code == 302
    shown = read(browser.get(page))
    assert "Levé par Ariane Hôte" in shown
    assert "Affaire jugée" in shown
    assert browser.post(f"{page}/lever", {"release-reason": "Encore"}).status_code == 409
    listed = read(browser.get("/console/gels"))
    assert "Judiciaire" in listed
    assert "PV 2026/17" in browser.get("/console/gels.csv").content.decode()


def test_a_judges_hold_is_proposed_from_the_room_and_shown_there(desk, browser):
    number = number_of(declare(browser))
    page = read(browser.get(f"/console/incidents/{number}/salle"))
    assert "Geler ces preuves pour un juge" in page
    form = browser.get(f"/console/gels/nouveau?incident={number}").content.decode()
    first, last = re.findall(r'name="(?:first|last)" value="([^"]+)"', form)
    asked = {"kind": "judicial", "first": first, "last": last, "reason": "PV 2026/18"}
    placed = browser.post("/console/gels/nouveau", asked).headers["Location"].rsplit("/", 1)[1]
    assert f"gel n° {placed}" in read(browser.get(f"/console/incidents/{number}/salle"))
