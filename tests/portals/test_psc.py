"""Professionals come in through Pro Santé Connect; whatever it answers wrongly opens nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from django.db import connections
from django.test import Client
from tests.portals import people
from tests.portals.bench import spend_allowance
from tests.portals.providers import OURS, THEIRS, Walker, come_back, make_company, make_psc
from tests.portals.psc_world import World, make_world, place_of

from rempart.accounts.roles import Role
from rempart.portals.oidc import ProviderBook, SigningKey
from rempart.portals.provider_ceremonies import LIFETIME_S, MOST_AT_ONCE
from rempart.simulators.faults import Fault

# Faults, and what the event says of each: the reason is never in the page.
REFUSED = {
    Fault.ISS_OF_ANOTHER: "the answer is another provider's",
    Fault.ISS_MISSING: "the answer does not say whose it is",
    Fault.WRONG_NONCE: "nonce",
    Fault.NONCE_MISSING: "nonce",
    Fault.WRONG_AUDIENCE: "aud",
    Fault.WRONG_AUTHORIZED_PARTY: "azp",
    Fault.WRONG_ISSUER: "iss",
    Fault.EXPIRED: "iat",
    Fault.FROM_THE_FUTURE: "iat",
    Fault.ALG_NONE: "algorithm",
    Fault.HS256_WITH_PUBLIC_KEY: "algorithm",
    Fault.UNKNOWN_KEY: "unknown key",
    Fault.STOLEN_KID: "signature",
    Fault.WRONG_AT_HASH: "at_hash",
    Fault.WEAK_ACR: "acr",
    Fault.NOT_A_TOKEN: "unreadable",
    Fault.USERINFO_OF_ANOTHER: "userinfo is somebody else's",
    Fault.USERINFO_SIGNED_BY_ANOTHER: "signature",
    Fault.USERINFO_MALFORMED: "malformed",
    Fault.NO_EXERCISE: "no_situation",
    Fault.NO_NATIONAL_ID: "not_rpps",
}
SESSIONS = "SELECT actor_ref FROM accounts.session"
REFUSALS = "SELECT details->>'reason' FROM accounts.security_event WHERE kind = 'sign_in_refused'"


@pytest.fixture
def world(desk) -> World:
    pharmacy = people.make_organisation(desk.database, "establishment", name="Pharmacie du Pont")
    holder = people.make_agent(desk.database, pharmacy, Role.HOLDER, name="Claire Vasseur")
    return make_world(desk, pharmacy, holder, [place_of(desk, pharmacy)])


@pytest.fixture
def browser(desk) -> Client:
    """A browser nobody has signed in, on our public address."""
    return make_browser()


def make_browser() -> Client:
    agent = {"user-agent": "Firefox on a test bench"}
    return Client(enforce_csrf_checks=True, SERVER_NAME="localhost", headers=agent)


def text_of(answer) -> str:
    return answer.content.decode()


# ---------------------------------------------------------------- coming in


def test_a_pharmacist_comes_in_through_pro_sante_connect(world, browser):
    answer = world.sign_in(browser)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/professionnel")
    rows = world.read(
        "SELECT actor_ref, role, org_ref, method, provider, provider_sub, provider_sid <> ''"
        " FROM accounts.session"
    )
    who, org = world.holder.actor_ref, world.pharmacy.org_ref
    assert rows == [(who, "holder", org, "psc", "psc", world.person.subject, True)]
    assert browser.get("/professionnel").status_code == 200
    assert world.read("SELECT kind FROM accounts.security_event") == [("signed_in",)]


def test_the_request_asks_for_what_the_national_provider_wants(world, browser):
    address = httpx.URL(browser.get("/connexion/psc").headers["Location"])
    asked = dict(address.params)
    assert f"{address.scheme}://{address.netloc.decode()}{address.path}" == f"{THEIRS}/wallet/auth"
    assert {name: asked[name] for name in ("scope", "acr_values", "response_type")} == {
        "scope": "openid scope_all",
        "acr_values": "eidas1",
        "response_type": "code",
    }
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{OURS}/connexion/psc/retour"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    again = dict(httpx.URL(browser.get("/connexion/psc").headers["Location"]).params)
    assert not {asked[n] for n in ("state", "nonce", "code_challenge")} & set(again.values())


def test_a_signed_userinfo_is_read_too(world, browser):
    assert world.sign_in(browser, fault=Fault.USERINFO_SIGNED).status_code == 302
    assert len(world.read(SESSIONS)) == 1


def test_we_can_prove_who_we_are_with_a_key(world, browser, desk):
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256")
    world.providers.key = {"keys": [key.as_dict(private=False)]}
    world.providers.__post_init__()
    world.walker = Walker(world.providers.simulator)
    signed = make_psc(secret="", key=SigningKey(key=key, algorithm="ES256"))
    desk.providers = ProviderBook([signed], transport=world.providers.transport)
    assert world.sign_in(browser).status_code == 302
    assert len(world.read(SESSIONS)) == 1


def test_one_who_comes_by_the_machines_number_continues_on_our_own_address(world):
    browser = Client(SERVER_NAME="127.0.0.1", SERVER_PORT="8080")
    answer = browser.get("/connexion/psc?next=/verifier")
    assert answer.headers["Location"] == f"{OURS}/connexion/psc?next=/verifier"


def test_the_page_one_wanted_comes_after(world, browser):
    answer = world.sign_in(browser, start="/connexion/psc?next=/verifier%3Fa%3D1")
    assert answer.headers["Location"] == "/verifier?a=1"


@pytest.mark.parametrize(
    "target",
    ["https://voleur.invalid/", "//voleur.invalid", "/\\voleur.invalid", "javascript:alert(1)",
     "http:voleur.invalid", "\t//voleur.invalid", "verifier"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_signing_in(world, browser, target):
    start = f"/connexion/psc?next={httpx.QueryParams({'n': target})}".replace("n=", "", 1)
    answer = world.sign_in(browser, start=start)
    assert answer.headers["Location"] == "/professionnel"


def test_where_no_provider_is_configured_the_page_says_so(desk, browser):
    assert browser.get("/connexion/psc").status_code == 404


# ---------------------------------------------------------------- answers that must not be believed


@pytest.mark.parametrize("fault", REFUSED)
def test_a_false_answer_opens_nothing_and_is_written_down(world, browser, fault):
    answer = world.sign_in(browser, fault=fault)
    assert answer.status_code == 403
    assert world.read(SESSIONS) == []
    assert world.read(REFUSALS) == [(REFUSED[fault],)]
    assert browser.get("/professionnel").status_code == 302
    assert world.rpps not in text_of(answer)


def test_every_fault_of_the_simulator_is_tried():
    tried = {*REFUSED, Fault.WRONG_STATE, Fault.USERINFO_SIGNED, Fault.USERINFO_HUGE}
    assert tried | {Fault.OLD_SIGN_IN} == set(Fault)


def test_another_state_is_refused_before_anything_is_asked(world, browser):
    asked = len(world.providers.asked)
    answer = world.sign_in(browser, fault=Fault.WRONG_STATE)
    assert answer.status_code == 403
    assert "expiré" in text_of(answer)
    assert world.read(SESSIONS) == []
    assert [p for p in world.providers.asked[asked:] if p.endswith(("token", "userinfo"))] == []


def test_an_answer_serves_once(world, browser):
    sent = browser.get("/connexion/psc").headers["Location"]
    back = world.walker.sign_in(sent, world.person)
    assert come_back(browser, back).status_code == 302
    assert come_back(browser, back).status_code == 403
    other = make_browser()
    assert come_back(other, back).status_code == 403
    assert len(world.read(SESSIONS)) == 1


def test_an_answer_opened_in_somebody_elses_browser_signs_nobody_in(world, browser):
    """Login CSRF: a thief's own answer, in a link sent to a victim."""
    sent = browser.get("/connexion/psc").headers["Location"]
    back = world.walker.sign_in(sent, world.person)
    victim = make_browser()
    victim.get("/connexion/psc")
    assert come_back(victim, back).status_code == 403
    assert victim.get("/professionnel").status_code == 302
    assert world.read(SESSIONS) == []


def test_a_stolen_code_is_worth_nothing_in_another_ceremony(world, browser):
    """Code injection: the thief has a victim's code and a ceremony of their own."""
    victims = world.walker.sign_in(make_browser().get("/connexion/psc").headers["Location"],
                                   world.person)  # fmt: skip
    stolen = httpx.URL(victims).params["code"]
    thief = httpx.URL(browser.get("/connexion/psc").headers["Location"]).params["state"]
    answer = browser.get(
        "/connexion/psc/retour",
        {"code": stolen, "state": thief, "iss": f"{THEIRS}/auth/realms/esante-wallet"},
    )
    assert answer.status_code == 403
    assert world.read(REFUSALS) == [("code: invalid_grant",)]
    assert world.read(SESSIONS) == []


def test_an_answer_that_comes_late_is_refused(world, browser, desk):
    sent = browser.get("/connexion/psc").headers["Location"]
    back = world.walker.sign_in(sent, world.person)
    desk.clock += timedelta(seconds=LIFETIME_S + 1)
    assert come_back(browser, back).status_code == 403
    assert world.read(SESSIONS) == []


def test_the_answer_of_one_provider_does_not_serve_at_another(world, browser, desk):
    """Mix-up: the ceremony was begun at the company, the answer comes to Pro Santé Connect."""
    desk.providers = ProviderBook([make_psc(), make_company()], transport=world.providers.transport)
    sent = browser.get("/connexion/fournisseur/entreprise").headers["Location"]
    state = httpx.URL(sent).params["state"]
    answer = browser.get("/connexion/psc/retour", {"code": "x", "state": state})
    assert answer.status_code == 403
    assert "expiré" in text_of(answer)


def test_giving_up_at_the_provider_is_no_event(world, browser):
    state = httpx.URL(browser.get("/connexion/psc").headers["Location"]).params["state"]
    answer = browser.get("/connexion/psc/retour", {"error": "access_denied", "state": state})
    assert answer.status_code == 403
    assert "renoncé" in text_of(answer)
    assert world.read("SELECT 1 FROM accounts.security_event") == []


def test_a_session_planted_before_opens_nothing_after(world, browser):
    """Session fixation: the thief knows the token the victim's browser had before."""
    browser.get("/connexion/psc")
    planted = browser.cookies["rempart_session"].value
    world.sign_in(browser)
    assert browser.cookies["rempart_session"].value != planted
    thief = make_browser()
    thief.cookies["rempart_session"] = planted
    assert thief.get("/professionnel").status_code == 302


def test_one_address_does_not_start_for_ever(world, browser):
    assert browser.get("/connexion/psc").status_code == 302
    spend_allowance(world.desk)
    assert browser.get("/connexion/psc").status_code == 429
    assert "Trop d’essais" in text_of(browser.get("/connexion/psc"))


def test_what_a_stranger_leaves_in_the_session_table_goes_soon(world, browser):
    browser.get("/connexion/psc")
    rows = world.read(
        "SELECT expire_date < now() + interval '11 minutes' FROM accounts.django_session"
    )
    assert rows == [(True,)]


def test_a_hundred_people_come_in_at_once(world):
    """Each gets their own session; nobody gets another's."""

    def come(_):
        browser, walker = make_browser(), Walker(world.providers.simulator)
        sent = browser.get("/connexion/psc").headers["Location"]
        answer = come_back(browser, walker.sign_in(sent, world.person))
        home = browser.get(answer.headers["Location"]).status_code
        connections.close_all()
        return answer.status_code, home, browser.cookies["rempart_session"].value

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(come, range(100)))
    assert {(first, home) for first, home, _ in answers} == {(302, 200)}
    assert len({token for _, _, token in answers}) == 100
    assert len(world.read(SESSIONS)) == 100
    assert world.read("SELECT count(DISTINCT token_digest) FROM accounts.session") == [(100,)]


def test_a_browser_keeps_a_few_ceremonies_at_once_and_no_more(world, browser):
    sent = [browser.get("/connexion/psc").headers["Location"] for _ in range(MOST_AT_ONCE + 3)]
    rows = world.read("SELECT session_data FROM accounts.django_session")
    assert len(rows) == 1
    last = world.walker.sign_in(sent[-1], world.person)
    first = httpx.URL(sent[0]).params["state"]
    assert browser.get("/connexion/psc/retour", {"state": first}).status_code == 403
    assert come_back(browser, last).status_code == 302


# ---------------------------------------------------------------- a provider in trouble


def break_at(world, path, answer):
    """Have the provider answer `answer` (or raise it) at a path."""

    def carry(request):
        if request.url.path.endswith(path):
            if isinstance(answer, Exception):
                raise answer
            status, headers, body = answer
            return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))
        return world.providers.carry(request)

    world.desk.providers = ProviderBook([make_psc()], transport=httpx.MockTransport(carry))


BROKEN = {
    "away": httpx.ConnectError("away"),
    "slow": httpx.ReadTimeout("slow"),
    "failing": (502, {}, b""),
    "elsewhere": (302, {"location": "https://voleur.invalid/"}, b""),
    "not json": (200, {"content-type": "text/html"}, b"<html>"),
    "a list": (200, {"content-type": "application/json"}, b"[]"),
    "huge": (200, {"content-type": "application/json"}, b'{"a":"' + b"x" * 300_000 + b'"}'),
    "a bomb": (200, {"content-encoding": "gzip"}, b"\x1f\x8b" + b"0" * 100),
}


@pytest.mark.parametrize("path", ["configuration", "/token", "/certs", "/userinfo"])
@pytest.mark.parametrize("trouble", BROKEN)
def test_a_provider_in_trouble_is_told_clearly_and_nothing_is_written(
    world, browser, path, trouble
):
    break_at(world, path, BROKEN[trouble])
    answer = browser.get("/connexion/psc")
    if path != "configuration":
        answer = come_back(browser, world.walker.sign_in(answer.headers["Location"], world.person))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Pro Santé Connect ne répond pas" in text_of(answer)
    assert world.read(SESSIONS) == []
    assert world.read("SELECT 1 FROM accounts.security_event") == []


def test_a_userinfo_beyond_measure_is_not_read(world, browser):
    assert world.sign_in(browser, fault=Fault.USERINFO_HUGE).status_code == 503
    assert world.read(SESSIONS) == []
