"""A session is recognised by the database, and opens only what its role may open."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from tests.portals import people
from tests.portals.pages import change

from rempart.accounts.permissions import Permission
from rempart.accounts.roles import Role
from rempart.portals.session_store import SessionStore
from rempart.portals.visit import allows, get_visitor


def make_request(client, path="/page"):
    request = RequestFactory().get(path)
    cookie = client.cookies.get("rempart_session")
    request.session = SessionStore(cookie.value if cookie else None)
    return request


@pytest.fixture
def manager(desk, browser):
    org = people.make_organisation(desk.database, "insurer")
    who = people.make_agent(desk.database, org, Role.INSURER_MANAGER)
    people.sign_in(browser, desk.database, who)
    return who


def test_a_live_session_says_who_is_asking(browser, manager):
    visitor = get_visitor(make_request(browser))
    assert visitor is not None
    assert (visitor.actor_ref, visitor.role) == (manager.actor_ref, Role.INSURER_MANAGER)
    assert visitor.insurer_id == manager.org.insurer_id


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE accounts.session SET ended_at = now(), end_reason = 'revoked'",
        "UPDATE accounts.session SET expires_at = now()",
        "UPDATE accounts.session SET seen_at = now() - idle_limit",
        "UPDATE accounts.actor SET suspended_at = now()",
        "UPDATE accounts.organisation SET suspended_at = now()",
        "UPDATE accounts.membership SET suspended_at = now()",
        "UPDATE accounts.membership SET ends_on = current_date - 2",
        "UPDATE accounts.membership SET starts_on = current_date + 2, ends_on = 'infinity'",
    ],
)
def test_a_session_is_nobodys_once_it_or_what_it_rests_on_has_ended(desk, browser, manager, end):
    assert get_visitor(make_request(browser)) is not None
    change(desk, end)
    assert get_visitor(make_request(browser)) is None


def test_a_copy_of_the_session_table_holds_no_token(desk, browser, manager):
    token = browser.cookies["rempart_session"].value
    with desk.database.transaction("owner") as tx:
        rows = tx.execute("SELECT * FROM accounts.session").fetchall()
        rows += tx.execute("SELECT * FROM accounts.django_session").fetchall()
    assert rows
    assert token not in str(rows)
    assert token.encode().hex() not in str(rows)


def test_a_role_opens_what_the_table_grants_it_and_nothing_else(desk, browser, manager):
    def page(request):
        return HttpResponse("here")

    opened = allows(Permission.ENTER_INSURER_SPACE)(page)(make_request(browser))
    refused = allows(Permission.ENTER_CONSOLE)(page)(make_request(browser))
    assert (opened.status_code, refused.status_code) == (200, 403)


def test_a_sensitive_page_waits_for_a_fresh_ceremony(desk, browser, manager):
    def page(request):
        return HttpResponse("here")

    sensitive = allows(Permission.MANAGE_OWN_KEYS)(page)
    desk.clock = desk.clock.now(desk.clock.tzinfo)
    assert sensitive(make_request(browser)).status_code == 200
    desk.clock += timedelta(minutes=5, seconds=1)
    later = sensitive(make_request(browser, "/compte/cles?page=2"))
    assert later.status_code == 302
    assert later.headers["Location"] == "/confirmation?next=%2Fcompte%2Fcles%3Fpage%3D2"


def test_nobody_is_sent_to_sign_in_and_back(browser, desk):
    def page(request):
        return HttpResponse("here")

    sent = allows(Permission.ENTER_CONSOLE)(page)(make_request(browser, "/console?x=1"))
    assert sent.headers["Location"] == "/connexion?next=%2Fconsole%3Fx%3D1"
