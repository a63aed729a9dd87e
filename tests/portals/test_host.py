"""What only the operator that runs the installation sees and stops."""

import pytest
from tests.portals import people
from tests.portals.pages import events, is_in, open_browser, read_rows, read_token, show

from rempart.accounts.roles import Role


@pytest.fixture
def insurer(desk):
    return people.make_organisation(desk.database, "insurer", name="Aubelune")


@pytest.fixture
def host(desk, browser):
    """An agent of the host's security, signed in in `browser`."""
    org = people.make_organisation(desk.database, "operator", name="Opérateur")
    who = people.make_agent(desk.database, org, Role.OPERATOR_SECURITY, name="Sam Sécurité")
    people.sign_in(browser, desk.database, who)
    return who


def test_the_host_lists_organisations_by_name_and_kind(desk, browser, host, insurer):
    people.make_organisation(desk.database, "employer", name="Acier d’essai")
    names = [line.split()[0] for line in read_rows(browser.get("/console/organisations"))]
    assert names == ["Acier", "Aubelune", "Opérateur"]
    filtered = read_rows(browser.get("/console/organisations?sorte=insurer&nom=AUBE%00"))
    assert filtered == [f"Aubelune Complémentaire 0 {filtered[0].split()[3]} En activité Suspendre"]
    lines = browser.get("/console/organisations.csv?tri=kind").content.decode().splitlines()
    assert len(lines) == 4


def test_the_host_stops_an_insurer_and_everybody_of_it_is_out(desk, press, browser, host, insurer):
    agent = people.make_agent(desk.database, insurer, Role.INSURER_MANAGER)
    theirs = open_browser(desk, agent)
    assert is_in(theirs)
    page = f"/console/organisations/{insurer.org_ref}"
    assert press(f"{page}/suspension").headers["Location"] == "/console/organisations"
    assert not is_in(theirs)
    assert press(f"{page}/suspension").status_code == 409
    assert press(f"{page}/retablissement").status_code == 302
    assert not is_in(theirs)
    assert is_in(open_browser(desk, agent))
    kinds = ("organisation_suspended", "session_ended", "organisation_restored")
    assert events(desk, *kinds) == list(kinds)


def test_the_host_stops_a_hosted_operator_and_never_itself(desk, press, host):
    guest = people.make_organisation(desk.database, "operator", hosted_by=host.org.org_ref)
    theirs = open_browser(desk, people.make_agent(desk.database, guest, Role.OPERATOR_ADMIN))
    assert press(f"/console/organisations/{guest.org_ref}/suspension").status_code == 302
    assert not is_in(theirs)
    assert press(f"/console/organisations/{host.org.org_ref}/suspension").status_code == 403


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OPERATOR_ADMIN, 404), (Role.INSURER_ADMIN, 403)]
)
def test_nobody_but_the_host_sees_or_stops_organisations(
    desk, browser, press, host, insurer, role, status
):
    place = insurer
    if role is Role.OPERATOR_ADMIN:
        place = people.make_organisation(desk.database, "operator", hosted_by=host.org.org_ref)
    people.sign_in(browser, desk.database, people.make_agent(desk.database, place, role))
    token = read_token(browser)
    for page in (
        *("/console/organisations", "/console/organisations.csv", "/console/signalements"),
        *("/console/signalements.csv", "/console/signalements/1"),
        *(
            f"/console/organisations/{insurer.org_ref}/suspension",
            "/console/signalements/1/reponse",
        ),
    ):
        assert browser.get(page).status_code == status, page
        answer = browser.post(page, {"csrfmiddlewaretoken": token, "outcome": "x"})
        assert answer.status_code in {status, 405}, page
    assert "console/organisations" not in show(browser)
    assert events(desk, "organisation_suspended") == []
