"""Professionals come in through Pro Santé Connect; whatever it answers wrongly opens nothing."""

from datetime import timedelta

import httpx
import pytest
from django.test import Client
from tests.portals import people
from tests.portals.providers import OURS, THEIRS, Walker, come_back, make_company, make_psc
from tests.portals.psc_world import World, make_world, place_of

from rempart.accounts.roles import Role
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.portals.oidc import ProviderBook, SigningKey
from rempart.portals.provider_ceremonies import CHOICE_LIFETIME_S, LIFETIME_S, MOST_AT_ONCE
from rempart.simulators.faults import Fault
from rempart.simulators.people import Activity, make_professional

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


def choose(browser, page, **values):
    shown = text_of(browser.get(page))
    token = shown.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    return browser.post(page, {"csrfmiddlewaretoken": token, **values})


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


# ---------------------------------------------------------------- who, and where


def test_a_number_nobody_registered_is_told_how_to_be(world, browser):
    stranger = make_professional(make_synthetic_rpps(99).number, activities=world.person.activities)
    world.meet(stranger)
    answer = world.sign_in(browser)
    assert answer.status_code == 403
    assert "Demandez votre inscription" in text_of(answer)
    assert world.read(REFUSALS) == [("unknown",)]


def test_somebody_suspended_is_not_told_why(world, browser):
    world.write("UPDATE accounts.actor SET suspended_at = now()")
    answer = world.sign_in(browser)
    assert answer.status_code == 403
    assert "n’ouvre rien en ce moment" in text_of(answer)
    assert world.read(REFUSALS) == [("suspended",)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts.organisation SET suspended_at = now()",
        "UPDATE accounts.establishment SET siret = '00000000000000'",
    ],
)
def test_no_place_of_ours_is_explained(world, browser, change):
    world.write(change)
    answer = world.sign_in(browser)
    assert answer.status_code == 403
    assert "Aucun de vos lieux" in text_of(answer)
    assert world.read(SESSIONS) == []


@pytest.fixture
def two_places(world, desk) -> tuple[World, people.Organisation]:
    """The pharmacist also works for a hospital, whose holder is another professional."""
    hospital = people.make_organisation(desk.database, "establishment", name="Hôpital du Lac")
    chief = people.make_agent(desk.database, hospital, Role.HOLDER, name="Yves Chef")
    there = place_of(desk, hospital, mode="S")
    both = make_world(desk, world.pharmacy, world.holder, [*world.person.activities, there])
    both.chief = chief
    return both, hospital


def test_one_with_two_situations_chooses(two_places, browser):
    world, hospital = two_places
    answer = world.sign_in(browser)
    assert answer.headers["Location"] == "/connexion/psc/situation"
    assert world.read(SESSIONS) == []
    page = text_of(browser.get("/connexion/psc/situation"))
    assert "Pharmacie du Pont" in page
    assert "Hôpital du Lac" in page
    chosen = choose(
        browser, "/connexion/psc/situation", situation=f"{hospital.org_ref}-assistant-0"
    )
    assert chosen.headers["Location"] == "/professionnel"
    rows = world.read("SELECT role, org_ref, accountable_ref, membership_ref FROM accounts.session")
    assert rows == [("assistant", hospital.org_ref, world.chief.actor_ref, None)]
    assert browser.get("/connexion/psc/situation").status_code == 403


@pytest.mark.parametrize("forged", ["", "1-holder-0", "x", "{org}-holder-0", "{org}-locum-0"])
def test_a_situation_that_was_not_offered_is_not_given(two_places, browser, forged):
    world, hospital = two_places
    world.sign_in(browser)
    name = forged.replace("{org}", str(hospital.org_ref))
    answer = choose(browser, "/connexion/psc/situation", situation=name)
    assert answer.status_code == 422
    assert world.read(SESSIONS) == []


def test_a_choice_needs_the_token_of_its_page(two_places, browser):
    world, hospital = two_places
    world.sign_in(browser)
    name = f"{hospital.org_ref}-assistant-0"
    answer = browser.post("/connexion/psc/situation", {"situation": name})
    assert answer.status_code == 403
    assert world.read(SESSIONS) == []


def test_a_choice_does_not_wait_for_ever(two_places, browser, desk):
    world, _ = two_places
    world.sign_in(browser)
    desk.clock += timedelta(seconds=CHOICE_LIFETIME_S + 1)
    assert browser.get("/connexion/psc/situation").status_code == 403


def test_a_place_suspended_while_one_chooses_is_no_longer_offered(two_places, browser):
    world, hospital = two_places
    world.sign_in(browser)
    page = "/connexion/psc/situation"
    world.write(
        f"UPDATE accounts.organisation SET suspended_at = now() WHERE org_ref = {hospital.org_ref}"
    )
    assert "Hôpital" not in text_of(browser.get(page))
    name = f"{hospital.org_ref}-assistant-0"
    assert choose(browser, page, situation=name).status_code == 422


def test_one_suspended_while_they_choose_opens_nothing(two_places, browser):
    world, _ = two_places
    world.sign_in(browser)
    world.write("UPDATE accounts.actor SET suspended_at = now()")
    assert browser.get("/connexion/psc/situation").status_code == 403


@pytest.fixture
def locum(world, desk) -> tuple[World, people.Organisation]:
    """The pharmacist replaces a colleague of the village."""
    village = people.make_organisation(desk.database, "establishment", name="Pharmacie du Village")
    boss = people.make_agent(desk.database, village, Role.HOLDER, name="Yves Chef")
    world.chief = boss
    world.write(
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role,"
        " accountable_ref, starts_on, ends_on) VALUES"
        f" (7, {world.holder.actor_ref}, {village.org_ref}, 'locum', {boss.actor_ref},"
        " current_date - 9, current_date + 2)"
    )
    return world, village


def test_a_locum_chooses_whom_they_replace(locum, browser):
    world, village = locum
    world.sign_in(browser)
    page = text_of(browser.get("/connexion/psc/situation"))
    assert "sous la responsabilité de Yves Chef" in page
    answer = choose(browser, "/connexion/psc/situation", situation=f"{village.org_ref}-locum-7")
    assert answer.status_code == 302
    rows = world.read("SELECT role, org_ref, accountable_ref, membership_ref FROM accounts.session")
    assert rows == [("locum", village.org_ref, world.chief.actor_ref, 7)]


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE accounts.membership SET ends_on = current_date - 1 WHERE membership_ref = 7",
        "UPDATE accounts.membership SET suspended_at = now() WHERE membership_ref = 7",
        "UPDATE accounts.actor SET suspended_at = now() WHERE display_name = 'Yves Chef'",
    ],
)
def test_a_replacement_that_is_over_is_not_offered(locum, browser, end):
    world, _ = locum
    world.write(end)
    assert world.sign_in(browser).headers["Location"] == "/professionnel"


def test_finess_numbers_decide_where_both_have_one(world, browser, desk):
    """Two establishments in one building share a SIRET: the FINESS tells them apart."""
    world.write("UPDATE accounts.establishment SET finess = '000000018'")
    elsewhere = Activity(name="Autre", finess="000000026", siret=world.person.activities[0].siret)
    other = make_world(desk, world.pharmacy, world.holder, [elsewhere])
    assert other.sign_in(browser).status_code == 403
    assert world.read(REFUSALS) == [("no_place",)]


# ---------------------------------------------------------------- confirming who one is


def step_up(world, browser, *, person=None, fault=None, page="/confirmation/psc?next=/compte"):
    sent = browser.get(page)
    assert sent.status_code == 302, text_of(sent)
    asked = httpx.URL(sent.headers["Location"]).params
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    return come_back(
        browser,
        world.walker.sign_in(sent.headers["Location"], person or world.person, fault),
    )


def test_one_confirms_who_they_are_at_the_provider(world, browser):
    world.sign_in(browser)
    world.write("UPDATE accounts.session SET stepped_up_at = NULL")
    before = browser.cookies["rempart_session"].value
    answer = step_up(world, browser)
    assert answer.headers["Location"] == "/compte"
    assert world.read("SELECT stepped_up_at IS NOT NULL FROM accounts.session") == [(True,)]
    assert browser.cookies["rempart_session"].value != before
    assert browser.get("/professionnel").status_code == 200
    kinds = world.read("SELECT kind FROM accounts.security_event ORDER BY at")
    assert kinds == [("signed_in",), ("stepped_up",)]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Fault.OLD_SIGN_IN, "auth_time"), (Fault.WRONG_NONCE, "nonce")],
)
def test_what_the_provider_remembers_confirms_nothing(world, browser, fault, reason):
    world.sign_in(browser)
    world.write("UPDATE accounts.session SET stepped_up_at = NULL")
    assert step_up(world, browser, fault=fault).status_code == 403
    assert world.read("SELECT stepped_up_at FROM accounts.session") == [(None,)]
    assert world.read(REFUSALS) == [(reason,)]


def test_a_colleague_cannot_confirm(world, browser, desk):
    world.sign_in(browser)
    world.write("UPDATE accounts.session SET stepped_up_at = NULL")
    colleague = make_professional(make_synthetic_rpps(5).number, activities=world.person.activities)
    world.meet(colleague)
    assert step_up(world, browser, person=colleague).status_code == 403
    assert world.read("SELECT stepped_up_at FROM accounts.session") == [(None,)]
    assert world.read(REFUSALS) == [("another person confirmed",)]


def test_a_confirmation_belongs_to_its_session(world, browser):
    world.sign_in(browser)
    sent = browser.get("/confirmation/psc").headers["Location"]
    world.write("UPDATE accounts.session SET ended_at = now(), end_reason = 'revoked'")
    back = world.walker.sign_in(sent, world.person)
    assert come_back(browser, back).status_code == 403
    assert world.read("SELECT 1 FROM accounts.security_event WHERE kind = 'stepped_up'") == []


def test_nobody_confirms_without_being_in(world, browser):
    assert browser.get("/confirmation/psc").headers["Location"].startswith("/connexion")
