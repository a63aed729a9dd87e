"""A provider says that a session is over: true orders are obeyed once, the others never."""

import secrets
from datetime import timedelta

import httpx
import pytest
from django.test import Client
from tests.portals import people
from tests.portals.providers import OURS, THEIRS
from tests.portals.psc_world import World, make_world, place_of

from rempart.accounts.roles import Role
from rempart.portals.oidc import ProviderBook
from rempart.simulators.faults import Fault

PAGE = "/connexion/psc/deconnexion"
ENDS = "SELECT end_reason FROM accounts.session ORDER BY opened_at"


@pytest.fixture
def world(desk) -> World:
    pharmacy = people.make_organisation(desk.database, "establishment", name="Pharmacie du Pont")
    holder = people.make_agent(desk.database, pharmacy, Role.HOLDER, name="Claire Vasseur")
    return make_world(desk, pharmacy, holder, [place_of(desk, pharmacy)])


@pytest.fixture
def browser(world) -> Client:
    """A browser a pharmacist has signed in, on our public address."""
    browser = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    assert world.sign_in(browser).status_code == 302
    return browser


@pytest.fixture
def provider() -> Client:
    """The provider's server: no cookie, no form of ours."""
    return Client(enforce_csrf_checks=True, SERVER_NAME="localhost")


def find_session(world):
    [session] = world.providers.simulator.psc.memory.sessions.values()
    return session


def order(world, **changes):
    """Return the claims of a good logout token, changed."""
    session, psc = find_session(world), world.providers.simulator.psc
    claims = {
        "iss": psc.issuer,
        "aud": "rempart",
        "sub": session.person.subject,
        "sid": session.sid,
        "iat": int(psc.clock()),
        "exp": int(psc.clock()) + 120,
        "jti": secrets.token_urlsafe(),
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def sign(world, claims, fault=None):
    return world.providers.simulator.psc.signer.sign(claims, fault, typ="logout+jwt")


def send(provider, token, page=PAGE):
    return provider.post(page, {"logout_token": token})


def test_leaving_the_provider_leaves_us_too(world, browser, provider):
    client = world.desk.providers.find("psc")
    address = httpx.URL(client.make_logout_url(f"{OURS}/"))
    assert str(address).startswith(f"{THEIRS}/auth/realms/esante-wallet/protocol/")
    assert dict(address.params)["post_logout_redirect_uri"] == f"{OURS}/"
    back = world.walker.ask("GET", str(address))
    assert dict(back.headers)["location"] == f"{OURS}/"
    [(letter, form)] = world.providers.letters
    assert letter == f"{OURS}{PAGE}"
    assert send(provider, form["logout_token"]).status_code == 200
    assert world.read(ENDS) == [("provider",)]
    assert browser.get("/professionnel").status_code == 302
    kinds = world.read("SELECT kind, details->>'reason' FROM accounts.security_event ORDER BY at")
    assert kinds == [("signed_in", None), ("session_ended_by_provider", "provider")]


@pytest.mark.parametrize(("changes", "ended"), [({}, True), ({"sub": None}, False)])
def test_a_session_its_provider_did_not_name_ends_with_its_person(
    world, browser, provider, changes, ended
):
    """An identity token without `sid`, then an order with one: it may be about this session."""
    world.write("UPDATE accounts.session SET provider_sid = ''")
    assert send(provider, sign(world, order(world, **changes))).status_code == 200
    assert world.read(ENDS) == [("provider" if ended else None,)]


def test_an_order_serves_once(world, browser, provider):
    token = sign(world, order(world))
    assert send(provider, token).status_code == 200
    world.write("UPDATE accounts.session SET ended_at = NULL, end_reason = NULL")
    again = send(provider, token)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    assert world.read(ENDS) == [(None,)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://autre.invalid"}, "iss"),
        ({"aud": "un-autre-client"}, "aud"),
        ({"iat": 1}, "iat"),
        ({"events": None}, "events"),
        ({"nonce": "x"}, "a nonce has no place here"),
        ({"jti": None}, "jti"),
        ({"sub": None, "sid": None}, "neither sub nor sid"),
    ],
)
def test_a_false_order_ends_nothing(world, browser, provider, changes, why):
    answer = send(provider, sign(world, order(world, **changes)))
    assert (answer.status_code, answer.json()["error_description"]) == (400, why)
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.read(ENDS) == [(None,)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.ALG_NONE,
        Fault.HS256_WITH_PUBLIC_KEY,
        Fault.UNKNOWN_KEY,
        Fault.STOLEN_KID,
        Fault.NOT_A_TOKEN,
    ],
)
def test_a_forged_order_ends_nothing(world, browser, provider, fault):
    assert send(provider, sign(world, order(world), fault)).status_code == 400
    assert world.read(ENDS) == [(None,)]


def test_an_order_needs_its_token(world, browser, provider):
    assert provider.post(PAGE).status_code == 400
    assert provider.get(PAGE).status_code == 405
    assert provider.post(PAGE, {"logout_token": "x" * 20_000}).status_code == 400


def test_an_order_of_somebody_elses_session_leaves_ours(world, browser, provider):
    assert send(provider, sign(world, order(world, sid="another"))).status_code == 200
    assert send(provider, sign(world, order(world, sub="f:another"))).status_code == 200
    assert world.read(ENDS) == [(None,)]


def test_an_order_by_name_ends_every_session_of_that_person(world, browser, provider):
    second = Client(SERVER_NAME="localhost")
    world.walker.cookies.clear()
    world.sign_in(second)
    assert send(provider, sign(world, order_of_all(world))).status_code == 200
    assert world.read(ENDS) == [("provider",), ("provider",)]


def order_of_all(world):
    psc = world.providers.simulator.psc
    now = int(psc.clock())
    return {
        "iss": psc.issuer,
        "aud": "rempart",
        "sub": world.person.subject,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(),
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }


def test_an_order_of_another_provider_ends_nothing_here(world, browser, provider):
    """The company says: this subject, that session. Its own they are not."""
    company = world.providers.simulator.company
    claims = order(world, iss=company.issuer)
    world.desk.providers = world.providers.book()
    page = "/connexion/fournisseur/entreprise/deconnexion"
    assert send(provider, sign(world, claims), page).status_code == 200
    assert world.read(ENDS) == [(None,)]


@pytest.mark.parametrize("page", [PAGE, "/connexion/fournisseur/nulle-part/deconnexion",
                                  "/connexion/fournisseur/psc/deconnexion"])  # fmt: skip
def test_nobody_orders_for_a_provider_we_do_not_know(world, browser, provider, page):
    if page == PAGE:
        world.desk.providers = ProviderBook(())
    assert send(provider, sign(world, order(world)), page).status_code == 400
    assert world.read(ENDS) == [(None,)]


def test_keys_that_cannot_be_read_end_nothing_and_the_order_may_come_again(
    world, browser, provider
):
    token = sign(world, order(world))

    def carry(request):
        if request.url.path.endswith("/certs"):
            raise httpx.ConnectError("away")
        return world.providers.carry(request)

    good = world.desk.providers
    world.desk.providers = ProviderBook(
        [good.find("psc").provider], transport=httpx.MockTransport(carry)
    )
    assert send(provider, token).status_code == 503
    assert world.read(ENDS) == [(None,)]
    world.desk.providers = good
    assert send(provider, token).status_code == 200


def test_an_order_from_before_yesterday_is_refused_by_its_age(world, browser, provider):
    token = sign(world, order(world))
    world.desk.clock += timedelta(minutes=5)
    assert send(provider, token).status_code == 400


def test_leaving_us_offers_the_way_out_of_the_provider(world, browser):
    page = browser.get("/professionnel").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    answer = browser.post("/deconnexion", {"csrfmiddlewaretoken": token})
    assert "Fermer aussi la session du fournisseur" in answer.content.decode()
    assert f"{THEIRS}/auth/realms/esante-wallet/protocol/openid-connect/logout" in (
        answer.content.decode()
    )
    assert world.read(ENDS) == [("left",)]
