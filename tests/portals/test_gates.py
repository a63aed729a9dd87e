"""Every address says who may open it, and is refused to everybody else before anything is read."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver
from tests.portals import people
from tests.portals.test_homes import KINDS

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import Role
from rempart.portals import visit
from rempart.portals.visit import GATE


def list_routes() -> Iterator[URLPattern]:
    """Return every route of the portals."""
    for pattern in get_resolver().url_patterns:
        assert isinstance(pattern, URLPattern), f"{pattern} includes others: list them too"
        yield pattern


def find_gate(view: Callable[..., object]) -> object:
    """Return the gate a view carries, under whatever else decorates it."""
    while not hasattr(view, GATE) and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    return getattr(view, GATE, None)


def fill(route: str) -> str:
    """Return an address of a route, with references that lead nowhere."""
    return "/" + re.sub(r"<(\w+):\w+>", lambda kind: "x" if kind[1] == "str" else "7", route)


def test_every_view_says_who_may_open_it(desk):
    naked = [str(p.pattern) for p in list_routes() if find_gate(p.callback) is None]
    assert not naked, naked


def test_the_rule_sees_a_view_without_a_gate():
    def view(request):
        return None

    assert find_gate(view) is None


def test_a_stranger_opens_only_what_is_public(desk, browser):
    closed = 0
    for pattern in list_routes():
        if find_gate(pattern.callback) == "public":
            continue
        answer = browser.get(fill(str(pattern.pattern)))
        assert answer.status_code in (302, 405), pattern
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/connexion?next="), pattern
        closed += 1
    assert closed > 10


@pytest.fixture
def everybody(desk) -> dict[Role, Client]:
    """A browser signed in in each role, stepped up."""
    browsers = {}
    insurer = people.make_organisation(desk.database, "insurer")
    orgs = {kind: people.make_organisation(desk.database, kind) for kind in set(KINDS.values())}
    for role in Role:
        who = (
            people.make_member(desk.database, insurer)
            if role is Role.MEMBER
            else people.make_agent(desk.database, orgs[KINDS[role]], role)
        )
        browsers[role] = Client()
        people.sign_in(browsers[role], desk.database, who)
    return browsers


def test_each_role_is_refused_every_page_the_table_does_not_grant_it(everybody, monkeypatch):
    """Generated from the routes: a new page is tried by every role the day it is added.

    Thousands of refusals: what the page of a refusal looks like is tested elsewhere.
    """
    monkeypatch.setattr(visit, "render", lambda *_args, status: HttpResponse(status=status))
    attempts = 0
    for pattern in list_routes():
        gate = find_gate(pattern.callback)
        if not isinstance(gate, Permission):
            continue
        for role in set(Role) - GRANTS[gate].roles:
            for method in ("get", "post"):
                answer = getattr(everybody[role], method)(fill(str(pattern.pattern)))
                assert answer.status_code in (403, 405), (pattern, role, method)
                attempts += 1
    assert attempts > 300
