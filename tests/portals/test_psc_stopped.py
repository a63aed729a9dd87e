"""What an establishment says of somebody comes before what a directory says of the place."""

import pytest
from django.test import Client
from tests.portals import people
from tests.portals.psc_world import make_world, place_of

from rempart.accounts import situations
from rempart.accounts.roles import Role

SESSIONS = "SELECT role FROM accounts.session WHERE ended_at IS NULL"
SUSPENDED = "suspended_at = now()"
OVER = "starts_on = '2020-01-01', ends_on = '2021-01-01'"


def make_browser() -> Client:
    """Return a browser nobody has signed in."""
    return Client(SERVER_NAME="localhost", headers={"user-agent": "Firefox on a test bench"})


@pytest.fixture
def pharmacy(desk):
    """An establishment that somebody else holds."""
    org = people.make_organisation(desk.database, "establishment", name="Pharmacie Lambda")
    people.make_agent(desk.database, org, Role.HOLDER, name="Alix Titulaire")
    return org


@pytest.mark.parametrize("end", [SUSPENDED, OVER])
def test_a_holder_that_their_establishment_stopped_does_not_come_back_as_one(desk, pharmacy, end):
    stopped = people.make_agent(desk.database, pharmacy, Role.HOLDER, name="Bo Arrêté")
    world = make_world(desk, pharmacy, stopped, [place_of(desk, pharmacy)])
    world.write(f"UPDATE accounts.membership SET {end} WHERE actor_ref = {stopped.actor_ref}")
    world.sign_in(make_browser())
    assert world.read(SESSIONS) == []


@pytest.mark.parametrize("end", [SUSPENDED, OVER])
def test_a_locum_whose_term_is_over_is_no_holder_of_the_place(desk, pharmacy, end):
    own = people.make_organisation(desk.database, "establishment", name="Cabinet à soi")
    locum = people.make_agent(desk.database, own, Role.HOLDER, name="Lou Remplaçant")
    world = make_world(desk, pharmacy, locum, [place_of(desk, pharmacy, mode="L")])
    world.write(
        "INSERT INTO accounts.membership"
        " (membership_ref, actor_ref, org_ref, role, accountable_ref, starts_on)"
        f" SELECT {people.draw()}, {locum.actor_ref}, {pharmacy.org_ref}, 'locum',"
        f" m.actor_ref, '2020-01-01' FROM accounts.membership AS m"
        f" WHERE m.org_ref = {pharmacy.org_ref} AND m.role = 'holder'"
    )
    world.sign_in(make_browser())
    assert world.read(SESSIONS) == [("locum",)]
    world.write("DELETE FROM accounts.session")
    world.write(
        f"UPDATE accounts.membership SET {end}"
        f" WHERE actor_ref = {locum.actor_ref} AND role = 'locum'"
    )
    world.sign_in(make_browser())
    assert world.read(SESSIONS) == []


def test_the_rule_alone_offers_nothing_where_somebody_was_stopped():
    stopped = situations.Place(
        org_ref=1, name="Lambda", self_employed=True, registered=True, stopped=True
    )
    assert situations.decide_offers([stopped], []) == []
    told = situations.Place(org_ref=1, name="Lambda", self_employed=True, registered=True)
    assert [one.role for one in situations.decide_offers([told], [])] == [Role.HOLDER]


def test_a_session_begun_before_the_suspension_is_over_at_the_next_page(desk, pharmacy):
    """A choice of situation in progress while a colleague suspends: the database decides."""
    stopped = people.make_agent(desk.database, pharmacy, Role.HOLDER, name="Bo Arrêté")
    browser = make_browser()
    people.sign_in(
        browser,
        desk.database,
        people.Somebody(stopped.actor_ref, Role.HOLDER, pharmacy, None),
    )
    assert browser.get("/professionnel").status_code == 200
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.membership SET suspended_at = now() WHERE actor_ref = %s",
            [stopped.actor_ref],
        )
    assert browser.get("/professionnel").status_code == 302
