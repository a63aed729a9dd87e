"""« Ce n’était pas moi »: reports as the host operator reads and answers them."""

import re
from html import unescape

import pytest
from django.test import Client
from tests.portals import people

from rempart.accounts.roles import Role

ROW = re.compile(r"<tr>\s*<td class=\"nowrap\">.*?</tr>", re.DOTALL)
EVENT = 41


@pytest.fixture
def host(desk, browser):
    org = people.make_organisation(desk.database, "operator", name="Opérateur")
    who = people.make_agent(desk.database, org, Role.OPERATOR_SECURITY, name="Sam Sécurité")
    people.sign_in(browser, desk.database, who)
    return who


@pytest.fixture
def insurer(desk):
    return people.make_organisation(desk.database, "insurer", name="Aubelune")


@pytest.fixture
def victim(desk, insurer):
    """An agent who says that a sign-in was not them."""
    who = people.make_agent(desk.database, insurer, Role.INSURER_MANAGER, name="Bob Second")
    report(desk, who)
    return who


def report(desk, who, *, event_ref=EVENT, words="Je dormais."):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.security_event"
            " (event_ref, kind, actor_ref, org_ref, address, agent)"
            " VALUES (%s, 'signed_in', %s, %s, '203.0.113.9', 'curl')",
            (event_ref, who.actor_ref, who.org.org_ref if who.org else None),
        )
        tx.execute(
            "INSERT INTO accounts.event_report (event_ref, actor_ref, words) VALUES (%s, %s, %s)",
            (event_ref, who.actor_ref, words),
        )


def rows(answer):
    found = ROW.findall(answer.content.decode())
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def fetch(desk, query):
    with desk.database.transaction("admin") as tx:
        return tx.execute(query).fetchall()


def answer(press, *, measure="none", outcome="Compte vérifié avec vous.", event_ref=EVENT):
    page = f"/console/signalements/{event_ref}"
    return press(page, {"outcome": outcome, "measure": measure}, action=f"{page}/reponse")


def test_a_report_waits_with_its_event_and_whose_account_it_is(browser, host, victim):
    [line] = rows(browser.get("/console/signalements"))
    assert "Connexion" in line
    assert "Bob Second Aubelune 203.0.113.9" in line
    assert line.endswith("En service")
    page = browser.get(f"/console/signalements/{EVENT}").content.decode()
    assert "Je dormais." in page
    assert rows(browser.get("/console/signalements?traites=1")) == []
    assert len(browser.get("/console/signalements.csv").content.decode().splitlines()) == 2


def test_a_member_is_shown_under_a_pseudonym(desk, browser, host, insurer):
    report(desk, people.make_member(desk.database, insurer, name="Dominique Essai"))
    for page in ("/console/signalements", f"/console/signalements/{EVENT}"):
        text = browser.get(page).content.decode()
        assert "Dominique" not in text
        assert re.search(r"C-[0-9A-Z]{4}-[0-9A-Z]{4}", text)
    assert "Dominique" not in browser.get("/console/signalements.csv").content.decode()


def test_an_answer_is_kept_with_who_gave_it_and_once(desk, browser, press, host, victim):
    assert answer(press).headers["Location"] == f"/console/signalements/{EVENT}"
    assert rows(browser.get("/console/signalements")) == []
    assert len(rows(browser.get("/console/signalements?traites=1"))) == 1
    page = browser.get(f"/console/signalements/{EVENT}").content.decode()
    assert "Compte vérifié avec vous." in page
    assert "Sam Sécurité" in page
    assert "<textarea" not in page
    assert fetch(
        desk, "SELECT kind, details->>'measure' FROM accounts.security_event WHERE by_ref > 0"
    ) == [("report_handled", "none")]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', page)[1]
    values = {"csrfmiddlewaretoken": token, "outcome": "Autre", "measure": "suspend"}
    again = browser.post(f"/console/signalements/{EVENT}/reponse", values)
    assert again.status_code == 409
    assert fetch(desk, "SELECT suspended_at IS NULL FROM accounts.actor") == [(True,)] * 2


def test_a_stolen_account_is_stopped_everywhere_with_the_answer(desk, press, host, victim):
    thief = Client(headers={"user-agent": "curl"})
    people.sign_in(thief, desk.database, victim)
    assert thief.get("/organisation").status_code == 200
    assert answer(press, measure="suspend").status_code == 302
    assert thief.get("/organisation").status_code == 302
    assert fetch(
        desk, f"SELECT end_reason FROM accounts.session WHERE actor_ref = {victim.actor_ref}"
    ) == [("suspended",)]
    kinds = fetch(desk, "SELECT kind FROM accounts.security_event WHERE by_ref > 0 ORDER BY at")
    assert kinds == [("report_handled",), ("agent_suspended",), ("session_ended",)]


def test_an_account_stopped_by_mistake_is_restored_with_another_answer(desk, press, host, victim):
    answer(press, measure="suspend")
    report(desk, victim, event_ref=42)
    answer(press, measure="restore", event_ref=42)
    assert fetch(
        desk, f"SELECT suspended_at FROM accounts.actor WHERE actor_ref = {victim.actor_ref}"
    ) == [(None,)]


@pytest.mark.parametrize("outcome", ["", "  ", "x" * 2001])
def test_an_answer_says_something(desk, press, host, victim, outcome):
    assert answer(press, outcome=outcome).status_code == 422
    assert fetch(desk, "SELECT handled_at FROM accounts.event_report") == [(None,)]


def test_nobody_judges_their_own_report(desk, browser, press, host):
    report(desk, host)
    page = browser.get(f"/console/signalements/{EVENT}").content.decode()
    assert "<textarea" not in page
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', page)[1]
    values = {"csrfmiddlewaretoken": token, "outcome": "Rien", "measure": "none"}
    refused = browser.post(f"/console/signalements/{EVENT}/reponse", values)
    assert refused.status_code == 403
    assert fetch(desk, "SELECT handled_at FROM accounts.event_report") == [(None,)]


@pytest.mark.parametrize(
    ("role", "reads", "answers"),
    [
        (Role.OPERATOR_ADMIN, 200, 200),
        (Role.OPERATOR_OPS, 200, 403),
        (Role.OPERATOR_DPO, 403, 403),
    ],
)
def test_who_reads_and_who_answers(desk, browser, host, victim, role, reads, answers):
    people.sign_in(browser, desk.database, people.make_agent(desk.database, host.org, role))
    page = f"/console/signalements/{EVENT}"
    assert browser.get(page).status_code == reads
    assert browser.get(f"{page}/reponse").status_code == answers
    if answers == 403:
        assert "<textarea" not in browser.get(page).content.decode()
