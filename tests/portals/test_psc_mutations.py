"""Each check is what refuses: take it away, and the attack it stops succeeds."""

import base64
import json

import pytest
from django.test import Client
from tests.portals import people
from tests.portals.providers import come_back
from tests.portals.psc_world import World, make_world, place_of

from rempart.accounts.roles import Role
from rempart.portals import oidc, oidc_tokens, provider_ceremonies
from rempart.portals.session_store import SessionStore
from rempart.portals.views import psc
from rempart.simulators.faults import Fault
from rempart.storage import professional_accounts


@pytest.fixture
def world(desk) -> World:
    pharmacy = people.make_organisation(desk.database, "establishment", name="Pharmacie du Pont")
    holder = people.make_agent(desk.database, pharmacy, Role.HOLDER, name="Claire Vasseur")
    return make_world(desk, pharmacy, holder, [place_of(desk, pharmacy)])


@pytest.fixture
def browser(desk) -> Client:
    """A browser nobody has signed in, on our public address."""
    return Client(SERVER_NAME="localhost")


def read_unverified(token, keys):
    """Return what a token says, whoever wrote it."""
    parts = [base64.urlsafe_b64decode(f"{part}===") for part in token.split(".")[:2]]
    header, claims = (json.loads(part) for part in parts)
    return header, claims


def nothing(*_args, **_named):
    return None


CHECKS = {
    Fault.WRONG_NONCE: (oidc_tokens, "_is_same", lambda given, wanted: True),
    Fault.NONCE_MISSING: (oidc_tokens, "_is_same", lambda given, wanted: True),
    Fault.WRONG_AT_HASH: (oidc_tokens, "_is_same", lambda given, wanted: True),
    Fault.WRONG_AUDIENCE: (oidc_tokens, "_check_issuer_and_audience", nothing),
    Fault.WRONG_AUTHORIZED_PARTY: (oidc_tokens, "_check_issuer_and_audience", nothing),
    Fault.WRONG_ISSUER: (oidc_tokens, "_check_issuer_and_audience", nothing),
    Fault.EXPIRED: (oidc_tokens, "_check_instants", nothing),
    Fault.FROM_THE_FUTURE: (oidc_tokens, "_check_instants", nothing),
    Fault.ALG_NONE: (oidc_tokens, "read_signed", read_unverified),
    Fault.HS256_WITH_PUBLIC_KEY: (oidc_tokens, "read_signed", read_unverified),
    Fault.UNKNOWN_KEY: (oidc_tokens, "read_signed", read_unverified),
    Fault.STOLEN_KID: (oidc_tokens, "read_signed", read_unverified),
    Fault.USERINFO_SIGNED_BY_ANOTHER: (oidc, "read_signed", read_unverified),
    Fault.ISS_OF_ANOTHER: (oidc, "_check_answer_issuer", nothing),
    Fault.ISS_MISSING: (oidc, "_check_answer_issuer", nothing),
    Fault.USERINFO_HUGE: ("rempart.portals.oidc_http", "BODY_LIMIT", 10**8),
}


@pytest.mark.parametrize("fault", CHECKS)
def test_without_its_check_an_attack_succeeds(world, browser, monkeypatch, fault):
    assert world.sign_in(browser, fault=fault).status_code in {403, 503}
    where, name, instead = CHECKS[fault]
    target = f"{where}.{name}" if isinstance(where, str) else None
    if target:
        monkeypatch.setattr(target, instead)
    else:
        monkeypatch.setattr(where, name, instead)
    world.walker.cookies.clear()
    assert world.sign_in(browser, fault=fault).status_code == 302
    assert len(world.read("SELECT 1 FROM accounts.session")) == 1


def test_a_state_that_is_not_taken_out_serves_twice(world, browser, monkeypatch):
    monkeypatch.setattr(SessionStore, "take", lambda store, name: store.get(name))
    monkeypatch.setattr(provider_ceremonies, "begin_visit", nothing)
    sent = browser.get("/connexion/psc").headers["Location"]
    back = world.walker.sign_in(sent, world.person)
    assert come_back(browser, back).status_code == 302
    # The provider itself refuses a code twice: our own check is the first of two.
    assert come_back(browser, back).status_code == 403
    assert world.read("SELECT details->>'reason' FROM accounts.security_event") == [
        ("code: invalid_grant",)
    ]


def test_a_choice_that_is_not_checked_again_gives_what_was_not_offered(
    world, browser, desk, monkeypatch
):
    other = people.make_organisation(desk.database, "establishment", name="Pharmacie d'en face")
    people.make_agent(desk.database, other, Role.HOLDER)
    both = make_world(
        desk, world.pharmacy, world.holder,
        [*world.person.activities, place_of(desk, other, mode="S")],
    )  # fmt: skip
    both.sign_in(browser)
    name = f"{other.org_ref}-holder-0"
    page = "/connexion/psc/situation"
    assert browser.post(page, {"situation": name}).status_code == 422
    offers = psc.describe_offers

    def believe_the_browser(given):
        first = next(iter(given))
        return {**offers(given), name: type(first)(
            org_ref=other.org_ref, org_name="", role=Role.HOLDER, membership_ref=None,
            accountable_ref=None,
        )}  # fmt: skip

    monkeypatch.setattr(psc, "describe_offers", believe_the_browser)
    assert browser.post(page, {"situation": name}).status_code == 302


def test_a_logout_that_is_not_remembered_serves_twice(world, browser, monkeypatch):
    world.sign_in(browser)
    simulator = world.providers.simulator.psc
    [session] = simulator.memory.sessions.values()
    token = simulator.sign_logout(session, "rempart")
    page = "/connexion/psc/deconnexion"
    assert browser.post(page, {"logout_token": token}).status_code == 200
    assert browser.post(page, {"logout_token": token}).status_code == 400
    monkeypatch.setattr(professional_accounts, "use_message", lambda *_, **__: True)
    assert browser.post(page, {"logout_token": token}).status_code == 200
