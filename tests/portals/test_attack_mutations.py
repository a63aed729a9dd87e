"""Attacks on people's ways in, each beside the change of our code that would let it through.

The attack itself has its own test elsewhere; here one sees that the test would notice.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from tests.portals import people
from tests.portals.authenticator import Keyholder
from tests.portals.bench import REFUSED, change, make_client
from tests.portals.psc_world import World, make_world, place_of

from rempart.accounts.roles import Role
from rempart.exchange import passkey_messages, psc
from rempart.portals import oidc_tokens, visit
from rempart.portals.session_store import SessionStore, compute_token_digest
from rempart.portals.views import psc as psc_view
from rempart.simulators.faults import Fault
from rempart.storage import invitations, web_sessions


@pytest.fixture
def world(desk) -> World:
    pharmacy = people.make_organisation(desk.database, "establishment", name="Pharmacie du Pont")
    holder = people.make_agent(desk.database, pharmacy, Role.HOLDER, name="Claire Vasseur")
    return make_world(desk, pharmacy, holder, [place_of(desk, pharmacy)])


@pytest.fixture
def walker(desk) -> Client:
    return Client(SERVER_NAME="localhost")


def plant(walker) -> Client:
    """Return a thief's browser with the token that somebody's browser has before signing in."""
    walker.get("/connexion/psc")
    thief = Client(SERVER_NAME="localhost")
    thief.cookies["rempart_session"] = walker.cookies["rempart_session"].value
    return thief


def test_a_sign_in_that_keeps_the_token_is_fixed_in_advance(world, walker, monkeypatch):
    thief = plant(walker)
    world.sign_in(walker)
    assert thief.get("/professionnel").status_code == 302
    other = Client(SERVER_NAME="localhost")
    thief = plant(other)
    monkeypatch.setattr(visit, "end_visit", lambda request, *, reason: None)
    monkeypatch.setattr(SessionStore, "create", lambda store: None)
    world.sign_in(other)
    assert thief.get("/professionnel").status_code == 200


def test_a_form_without_its_token_passes_where_nothing_checks_it(desk, monkeypatch):
    org = people.make_organisation(desk.database, "insurer")
    who = people.make_agent(desk.database, org, Role.INSURER_MANAGER)
    checked, unchecked = Client(enforce_csrf_checks=True), Client()
    for browser in (checked, unchecked):
        people.sign_in(browser, desk.database, who)
    assert checked.post("/compte/sessions/autres/fin").status_code == 403
    assert unchecked.post("/compte/sessions/autres/fin").status_code == 302


def test_a_next_page_that_nobody_checks_leads_elsewhere(world, walker, monkeypatch):
    start = "/connexion/psc?next=/%5Cvoleur.invalid"
    assert world.sign_in(walker, start=start).headers["Location"] == "/professionnel"
    monkeypatch.setattr(visit, "url_has_allowed_host_and_scheme", lambda *given, **named: True)
    other = Client(SERVER_NAME="localhost")
    assert world.sign_in(other, start=start).headers["Location"] == "/%5Cvoleur.invalid"


def test_an_answer_without_a_situation_opens_where_one_is_made_up(world, walker, monkeypatch):
    assert world.sign_in(walker, fault=Fault.NO_EXERCISE).status_code == 403
    kept = []

    def remember(userinfo):
        kept.append(psc.parse_psc_identity(userinfo))
        return kept[0]

    monkeypatch.setattr(psc_view, "parse_psc_identity", remember)
    world.walker.cookies.clear()
    assert world.sign_in(Client(SERVER_NAME="localhost")).status_code == 302
    # From now on whatever comes is read as the answer that had one.
    monkeypatch.setattr(psc_view, "parse_psc_identity", lambda userinfo: kept[0])
    world.walker.cookies.clear()
    made_up = world.sign_in(Client(SERVER_NAME="localhost"), fault=Fault.NO_EXERCISE)
    assert made_up.status_code == 302


@pytest.mark.parametrize("state", ["expires_at", "used_at", "revoked_at"])
def test_a_code_that_is_over_serves_whoever_does_not_look(desk, manager, monkeypatch, state):
    code = people.invite(desk.database, manager)
    change(desk, f"UPDATE accounts.invitation SET {state} = now()")
    assert Keyholder(make_client()).send("/invitation/cle/debut", {"code": code}).content == REFUSED
    load = invitations.load_invitation
    monkeypatch.setattr(
        invitations, "load_invitation", lambda tx, digest: replace(load(tx, digest), waiting=True)
    )
    monkeypatch.setattr(invitations, "use_up", lambda tx, ref: True)
    assert Keyholder(make_client()).enrol(code).status_code == 200


def test_a_key_of_another_origin_serves_where_the_origin_is_not_compared(
    desk, enrolled, monkeypatch
):
    enrolled.authenticator.origin = "https://rempart.evil.invalid"
    assert enrolled.sign_in().content == REFUSED
    read = passkey_messages.read_proof

    def lax(message, party, **named):
        return read(message, replace(party, origin=enrolled.authenticator.origin), **named)

    monkeypatch.setattr("rempart.workflows.accounts.passkey_ceremony.read_proof", lax)
    assert enrolled.sign_in().status_code == 200


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("organisation", "AND o.suspended_at IS NULL AND host"),
        ("actor", "AND a.suspended_at IS NULL"),
        ("membership", "AND ms.suspended_at IS NULL"),
    ],
)
def test_somebody_suspended_goes_on_where_the_database_forgets_to_look(desk, browser, table, rule):
    org = people.make_organisation(desk.database, "insurer")
    who = people.make_agent(desk.database, org, Role.INSURER_MANAGER)
    people.sign_in(browser, desk.database, who)
    change(desk, f"UPDATE accounts.{table} SET suspended_at = now()")
    assert browser.get("/compte").status_code == 302
    digest = compute_token_digest(browser.cookies["rempart_session"].value)
    with desk.database.connect("owner") as tx:
        source = tx.execute(
            "SELECT pg_get_functiondef('accounts.enter_by_token(bytea)'::regprocedure)"
        ).fetchone()[0]
        broken = source.replace(rule, "AND host" if "host" in rule else "")
        assert broken != source
        tx.execute(broken)
        assert web_sessions.enter(tx, digest, None) is not None
        tx.rollback()


def test_clocks_that_differ_more_than_a_minute_are_believed_where_skew_is_not_bounded(monkeypatch):
    late = {"iat": 1_000, "exp": 1_100}

    def is_believed():
        try:
            oidc_tokens._check_instants(late, now=1_200, oldest_s=600, must_expire=True)
        except oidc_tokens.ProviderNotBelieved:
            return False
        return True

    assert not is_believed()
    monkeypatch.setattr(oidc_tokens, "SKEW_S", 3_600)
    assert is_believed()


def test_a_sensitive_act_of_yesterday_s_ceremony_passes_where_its_age_is_not_asked(
    desk, browser, monkeypatch
):
    org = people.make_organisation(desk.database, "insurer")
    people.sign_in(
        browser, desk.database, people.make_agent(desk.database, org, Role.INSURER_MANAGER)
    )
    desk.clock = desk.clock.now(desk.clock.tzinfo) + timedelta(days=1)
    page = "/compte/cles/ajouter"
    sent = browser.get(page)
    assert sent.headers.get("Location", "").startswith("/confirmation")
    monkeypatch.setattr("rempart.accounts.permissions.is_stepped_up", lambda *a, **k: True)
    assert browser.get(page).status_code == 200
