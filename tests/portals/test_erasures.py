"""Openings of the ledger are erased when two people of the host operator agree, and not before."""

from html import unescape

import psycopg
import pytest
from django.test import Client
from tests.portals import people, samples

from rempart.accounts.roles import Role

PAGE = "/console/effacements"
ASKED = {"log_id": "1", "indexes": "12, 15-17", "ground": "objection", "case_number": "D-2026-4"}


@pytest.fixture
def host(desk) -> people.Organisation:
    samples.add_log(desk.database, size=300)
    return people.make_organisation(desk.database, "operator", name="Plateforme Mu")


def agent(desk, org, role=Role.OPERATOR_DPO, name="Carole Hôte", **options):
    who = people.make_agent(desk.database, org, role, name=name, **options)
    browser = Client()
    people.sign_in(browser, desk.database, who)
    return browser, who


@pytest.fixture
def asker(desk, host):
    return agent(desk, host)


@pytest.fixture
def colleague(desk, host):
    return agent(desk, host, Role.OPERATOR_ADMIN, name="Denis Hôte")


def text(answer) -> str:
    return unescape(answer.content.decode())


def ask(browser, **changes) -> str:
    answer = browser.post(f"{PAGE}/nouveau", {**ASKED, **changes})
    assert answer.status_code == 302, text(answer)
    return answer.headers["Location"]


def read_state(desk, page: str) -> str:
    with desk.database.transaction("owner") as tx:
        [state] = tx.execute(
            "SELECT state FROM accounts.erasure_request WHERE request_ref = %s",
            [page.rpartition("/")[2]],
        ).fetchone()
    return state


def test_one_asks_another_approves_and_the_page_says_what_follows(desk, asker, colleague):
    page = ask(asker[0])
    shown = text(asker[0].get(page))
    assert "Un collègue doit approuver" in shown
    assert "4 (12, 15, 16, 17)" in shown
    assert colleague[0].post(f"{page}/decision", {"approve": "1"}).status_code == 302
    assert read_state(desk, page) == "approved"
    assert "rempart ledger erase run" in text(colleague[0].get(page))
    assert colleague[0].post(f"{page}/decision", {"approve": "1"}).status_code == 409


def test_nobody_approves_their_own(desk, asker):
    page = ask(asker[0])
    assert 'name="approve"' not in text(asker[0].get(page))
    assert asker[0].post(f"{page}/decision", {"approve": "1"}).status_code == 403
    assert read_state(desk, page) == "asked"
    assert asker[0].post(f"{page}/decision").status_code == 302
    assert read_state(desk, page) == "refused"


def test_whoever_came_lately_is_no_second_person(desk, host, asker):
    page = ask(asker[0])
    browser, who = agent(desk, host, Role.OPERATOR_ADMIN, name="Eve Hôte")
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.membership SET created_at = now() - interval '2 days'"
            " WHERE actor_ref = %s",
            [who.actor_ref],
        )
    assert browser.post(f"{page}/decision", {"approve": "1"}).status_code == 403
    assert read_state(desk, page) == "asked"


def test_mutation_a_page_that_forgets_the_second_person_is_stopped_by_the_database(
    desk, asker, monkeypatch: pytest.MonkeyPatch
):
    page = ask(asker[0])
    monkeypatch.setattr(
        "rempart.workflows.retention.request_erasure.check_can_approve_erasure",
        lambda *_, **__: None,
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="second person"):
        asker[0].post(f"{page}/decision", {"approve": "1"})
    assert read_state(desk, page) == "asked"


@pytest.mark.parametrize(
    "changes",
    [
        {"indexes": "9999"},
        {"indexes": "20-10"},
        {"indexes": "douze"},
        {"indexes": ""},
        {"log_id": "0"},
        {"log_id": "7"},
        {"ground": "because"},
        {"case_number": " "},
    ],
)
def test_what_cannot_be_erased_is_not_asked(desk, asker, changes):
    with desk.database.transaction("owner") as tx:
        tx.execute("DELETE FROM accounts.erasure_request")
    answer = asker[0].post(f"{PAGE}/nouveau", {**ASKED, **changes})
    assert answer.status_code == 422
    with desk.database.transaction("owner") as tx:
        assert not tx.execute("SELECT 1 FROM accounts.erasure_request").fetchall()


def test_the_list_is_sorted_and_exported(desk, asker):
    for case, indexes in (("A-1", "12"), ("B-2", "20-29")):
        ask(asker[0], case_number=case, indexes=indexes)
    for order, first in (("asc", "A-1"), ("desc", "B-2")):
        shown = text(asker[0].get(f"{PAGE}?tri=openings&sens={order}"))
        other = {"A-1": "B-2", "B-2": "A-1"}[first]
        assert shown.index(first) < shown.index(other)
    for column in ("asked", "ground", "state"):
        assert asker[0].get(f"{PAGE}?tri={column}").status_code == 200
    lines = asker[0].get(f"{PAGE}.csv").content.decode("utf-8-sig").splitlines()
    assert any("B-2" in line for line in lines[1:])


def test_an_operator_hosted_by_another_sees_none(desk, host, asker):
    page = ask(asker[0])
    insurer = people.make_organisation(desk.database, "insurer")
    hosted = people.make_organisation(desk.database, "operator", hosted_by=insurer.org_ref)
    browser, _ = agent(desk, hosted, name="Fanny Déléguée")
    assert browser.get(page).status_code in (403, 404)
    assert browser.get(PAGE).status_code in (403, 404)
    assert browser.get(f"{PAGE}/nouveau").status_code in (403, 404)


def test_both_steps_need_a_fresh_ceremony(desk, host, asker):
    page = ask(asker[0])
    who = people.make_agent(desk.database, host, Role.OPERATOR_DPO, name="Gaspard Hôte")
    browser = Client()
    people.sign_in(browser, desk.database, who)
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.session SET stepped_up_at = NULL WHERE actor_ref = %s",
            [who.actor_ref],
        )
    for answer in (
        browser.post(f"{page}/decision", {"approve": "1"}),
        browser.post(f"{PAGE}/nouveau", ASKED),
    ):
        assert answer.status_code in (302, 403)
        assert "effacements" not in answer.headers.get("Location", "").split("?")[0]
    assert read_state(desk, page) == "asked"
