"""Who a professional is here, where they may act, and how they prove it once more."""

from datetime import timedelta

import httpx
import pytest
from django.test import Client
from tests.portals import people
from tests.portals.providers import come_back
from tests.portals.psc_world import World, make_world, place_of

from rempart.accounts.roles import Role
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.portals.provider_ceremonies import CHOICE_LIFETIME_S
from rempart.simulators.faults import Fault
from rempart.simulators.people import Activity, make_professional

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
    agent = {"user-agent": "Firefox on a test bench"}
    return Client(enforce_csrf_checks=True, SERVER_NAME="localhost", headers=agent)


def text_of(answer) -> str:
    return answer.content.decode()


def choose(browser, page, **values):
    shown = text_of(browser.get(page))
    token = shown.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    return browser.post(page, {"csrfmiddlewaretoken": token, **values})


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
    assert "sous la responsabilité de Yves Chef" in page
    chosen = choose(
        browser, "/connexion/psc/situation", situation=f"{hospital.org_ref}-assistant-0"
    )
    assert chosen.headers["Location"] == "/professionnel"
    rows = world.read("SELECT role, org_ref, accountable_ref, membership_ref FROM accounts.session")
    assert rows == [("assistant", hospital.org_ref, world.chief.actor_ref, None)]
    assert browser.get("/connexion/psc/situation").status_code == 403


def test_one_who_was_in_already_is_out_while_they_choose(two_places, browser):
    world, hospital = two_places
    world.sign_in(browser)
    name = f"{hospital.org_ref}-assistant-0"
    choose(browser, "/connexion/psc/situation", situation=name)
    before = browser.cookies["rempart_session"].value
    world.sign_in(browser)
    copy = Client(SERVER_NAME="localhost")
    copy.cookies["rempart_session"] = before
    assert copy.get("/professionnel").status_code == 302
    assert world.read("SELECT end_reason FROM accounts.session") == [("replaced",)]


def leave(world, browser):
    token = browser.cookies["rempart_csrf"].value
    assert browser.post("/deconnexion", headers={"x-csrftoken": token}).status_code == 200


def stop_at_the_provider(world, browser):
    world.write("UPDATE accounts.session SET ended_at = now(), end_reason = 'provider'")


@pytest.mark.parametrize("end", [leave, stop_at_the_provider])
def test_after_a_logout_the_situation_is_asked_again(two_places, browser, end):
    """Whoever sits down next in front of the same browser chooses too: nothing is remembered."""
    world, hospital = two_places
    world.sign_in(browser)
    choose(browser, "/connexion/psc/situation", situation=f"{hospital.org_ref}-assistant-0")
    assert browser.get("/professionnel").status_code == 200
    end(world, browser)
    assert browser.get("/professionnel").status_code == 302
    again = world.sign_in(browser)
    assert again.headers["Location"] == "/connexion/psc/situation"
    assert browser.get("/professionnel").status_code == 302
    page = text_of(browser.get("/connexion/psc/situation"))
    assert "Pharmacie du Pont" in page
    assert "Hôpital du Lac" in page
    assert "checked" not in page
    live = "SELECT count(*) FROM accounts.session WHERE ended_at IS NULL"
    assert world.read(live) == [(0,)]
    [(membership,)] = world.read(
        f"SELECT membership_ref FROM accounts.membership WHERE org_ref = {world.pharmacy.org_ref}"
    )
    held = f"{world.pharmacy.org_ref}-holder-{membership}"
    choose(browser, "/connexion/psc/situation", situation=held)
    assert world.read(live) == [(1,)]


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
