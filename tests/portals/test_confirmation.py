"""Confirm who one is; sessions that nobody plants, keeps or starts from elsewhere."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from tests.portals import people
from tests.portals.authenticator import Keyholder, encode
from tests.portals.bench import REFUSED, change, fetch, list_events, make_client, run_at_once, why

from rempart.accounts.roles import Role

# ---------------------------------------------------------------- confirmation


def test_a_confirmation_gives_the_session_a_new_token_and_keeps_its_person(desk, enrolled, manager):
    enrolled.sign_in()
    desk.clock = datetime.now(UTC) + timedelta(minutes=6)
    asked = enrolled.client.get("/compte/cles/ajouter")
    assert asked.headers["Location"] == "/confirmation?next=%2Fcompte%2Fcles%2Fajouter"
    before = enrolled.token
    desk.clock = datetime.now(UTC)
    answer = enrolled.confirm()
    assert answer.json() == {"next": "/compte"}
    assert enrolled.token != before
    assert enrolled.client.get("/compte/cles/ajouter").status_code == 200
    [(actor_ref, details)] = list_events(desk, "stepped_up")
    assert (actor_ref, details) == (manager.actor_ref, {"method": "passkey"})
    # The token of before opens nothing, for whoever kept a copy.
    copied = make_client()
    copied.cookies["rempart_session"] = before
    assert copied.get("/assureur").status_code == 302
    assert fetch(desk, "SELECT count(*) FROM accounts.session WHERE ended_at IS NULL") == [(1,)]


def test_somebody_else_s_key_confirms_nobody(desk, enrolled, insurer):
    other = people.make_agent(desk.database, insurer, Role.INSURER_ADMIN, name="Autre")
    thief = Keyholder(make_client(), address="192.0.2.9")
    thief.enrol(people.invite(desk.database, other))
    enrolled.sign_in()
    proof = thief.authenticator.prove(enrolled.begin("/confirmation/cle"))
    refused = enrolled.send("/confirmation/cle/fin", {"credential": proof})
    assert (refused.status_code, refused.content) == (403, REFUSED)
    assert why(desk) == "another_person"
    assert "Camille Essai" in enrolled.client.get("/assureur").content.decode()
    assert list_events(desk, "stepped_up") == []


def test_a_confirmation_goes_back_only_to_our_own_pages(desk, enrolled):
    enrolled.sign_in()
    for elsewhere in ("https://evil.invalid", "//evil.invalid", "/%09/evil.invalid"):
        proof = enrolled.authenticator.prove(enrolled.begin("/confirmation/cle"))
        answer = enrolled.send(f"/confirmation/cle/fin?next={elsewhere}", {"credential": proof})
        assert answer.json() == {"next": "/assureur"}


@pytest.mark.parametrize("elsewhere", ["https://evil.invalid", "//evil.invalid", "/%0A/evil.x"])
def test_coming_in_leads_only_to_our_own_pages(enrolled, elsewhere):
    assert enrolled.sign_in(next_page=elsewhere).json() == {"next": "/assureur"}


def test_somebody_who_came_by_pro_sante_connect_is_sent_back_there(professional):
    page = professional.get("/confirmation?next=/compte").content.decode()
    assert 'href="/confirmation/psc?next=%2Fcompte"' in page
    assert "data-ceremony" not in page


# ---------------------------------------------------------------- sessions


def test_a_session_planted_before_the_sign_in_is_worth_nothing(desk, enrolled):
    planted = Keyholder(make_client(), enrolled.authenticator)
    planted.begin("/connexion/cle")
    token = planted.token
    victim = Keyholder(make_client(), enrolled.authenticator)
    victim.client.cookies["rempart_session"] = token
    assert victim.sign_in().status_code == 200
    assert victim.token != token
    assert planted.client.get("/assureur").status_code == 302


def test_coming_in_again_ends_the_session_of_before(desk, enrolled):
    enrolled.sign_in()
    enrolled.sign_in()
    ends = fetch(desk, "SELECT end_reason FROM accounts.session ORDER BY opened_at")
    assert ends == [("left",), ("replaced",), (None,)]


def test_a_form_of_before_the_sign_in_is_worth_nothing(desk, enrolled):
    enrolled.client.get("/connexion")
    old = enrolled.client.cookies["rempart_csrf"].value
    enrolled.sign_in()
    assert enrolled.client.cookies["rempart_csrf"].value != old
    refused = enrolled.client.post("/compte/sessions/autres/fin", headers={"x-csrftoken": old})
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        *("/connexion/cle/debut", "/connexion/cle/fin", "/invitation/cle/debut"),
        *("/invitation/cle/fin", "/confirmation/cle/debut", "/confirmation/cle/fin"),
        *("/compte/cles/debut", "/compte/cles/fin", "/compte/sessions/autres/fin"),
    ],
)
def test_another_site_starts_no_ceremony(enrolled, path):
    enrolled.sign_in()
    token = enrolled.client.cookies["rempart_csrf"].value
    without = enrolled.client.post(path, "{}", content_type="application/json")
    foreign = enrolled.client.post(
        path,
        "{}",
        content_type="application/json",
        headers={"x-csrftoken": token, "origin": "https://evil.invalid"},
    )
    assert (without.status_code, foreign.status_code) == (403, 403)
    assert "Ce formulaire a expiré" in foreign.content.decode()
    assert enrolled.client.get(path).status_code == 405


def test_the_token_is_out_of_reach_of_scripts_and_lasts_as_long_as_the_role(enrolled):
    enrolled.sign_in()
    cookie = enrolled.client.cookies["rempart_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 8 * 3600


def test_what_a_stranger_leaves_goes_within_minutes(desk, keyholder):
    keyholder.begin("/connexion/cle")
    [(left,)] = fetch(desk, "SELECT expire_date - now() FROM accounts.django_session")
    assert left <= timedelta(minutes=10)


def test_cookies_of_a_browser_that_came_over_tls_stay_on_tls(desk, enrolled):
    client = Client(headers={"x-forwarded-proto": "https"})
    answer = client.post("/connexion/cle/debut", "{}", content_type="application/json", secure=True)
    assert answer.cookies["rempart_session"]["secure"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_hundred_people_come_in_at_once(desk, insurer):
    browsers = []
    for number in range(100):
        who = people.make_agent(desk.database, insurer, Role.INSURER_MANAGER, name=f"Nº {number}")
        browser = Keyholder(make_client(), address=f"10.1.{number // 16}.{number % 16}")
        add_key(desk, browser.authenticator, who)
        browsers.append(browser)
    pages = [""] * 100

    def come_in(number):
        answer = browsers[number].sign_in()
        pages[number] = browsers[number].client.get("/assureur").content.decode()
        return answer

    turns = [lambda number=number: come_in(number) for number in range(100)]
    answers = run_at_once(turns, at_most=20)
    assert {answer.status_code for answer in answers} == {200}
    assert [f"Nº {number}<" in page for number, page in enumerate(pages)] == [True] * 100
    live = "SELECT count(*), count(DISTINCT actor_ref) FROM accounts.session WHERE ended_at IS NULL"
    assert fetch(desk, live) == [(100, 100)]
    assert len({browser.token for browser in browsers}) == 100


def add_key(desk, authenticator, who):
    """Give somebody a key without the ceremony."""
    [(handle,)] = fetch(
        desk, "SELECT user_handle FROM accounts.actor WHERE actor_ref = %s", who.actor_ref
    )
    options = {"rp": {"id": "localhost"}, "user": {"id": encode(handle)}, "challenge": "AAAA"}
    authenticator.make(options)
    change(
        desk,
        "INSERT INTO accounts.passkey (credential_id, actor_ref, public_key, sign_count, aaguid,"
        " backed_up, label) VALUES (%s, %s, %s, 0, gen_random_uuid(), false, 'Essai')",
        *(authenticator.credentials[0].credential_id, who.actor_ref),
        authenticator.credentials[0].public_key,
    )
