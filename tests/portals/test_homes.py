"""Each portal has its first page, which offers what the role opens and nothing else."""

import pytest
from tests.portals import people

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import ROLES_OF, Role
from rempart.portals.navigation import ENTRIES, GROUPS, MOST_FLAT, SPACES, list_links
from rempart.portals.visit import get_visitor
from rempart.portals.wording import ROLES

HOMES = {
    "/professionnel": frozenset(ROLES_OF["establishment"]),
    "/adherent": frozenset({Role.MEMBER}),
    "/assureur": frozenset(ROLES_OF["insurer"]),
    "/employeur": frozenset(ROLES_OF["employer"]),
    "/editeur": frozenset(ROLES_OF["publisher"]),
    "/console": frozenset(ROLES_OF["operator"]),
}
KINDS = {role: kind for kind, roles in ROLES_OF.items() for role in roles}


def come_as(desk, browser, role: Role) -> people.Somebody:
    """Sign a browser in, in a role."""
    if role is Role.MEMBER:
        insurer = people.make_organisation(desk.database, "insurer")
        who = people.make_member(desk.database, insurer)
    else:
        org = people.make_organisation(desk.database, KINDS[role])
        who = people.make_agent(desk.database, org, role)
    people.sign_in(browser, desk.database, who)
    return who


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_the_home_of_its_space_and_no_other(desk, browser, role):
    come_as(desk, browser, role)
    for page, roles in HOMES.items():
        if page == "/console":
            continue
        answer = browser.get(page)
        assert answer.status_code == (200 if role in roles else 403), page
    [home] = [page for page, roles in HOMES.items() if role in roles]
    if home != "/console":
        text = browser.get(home).content.decode()
        assert str(ROLES[role]) in text
        assert text.count('aria-current="page"') == 1


def test_every_role_has_a_name_and_exactly_one_space():
    assert set(ROLES) == set(Role)
    for role in Role:
        assert sum(role in roles for roles, _ in SPACES) == 1
        assert sum(role in roles for roles in HOMES.values()) == 1


def test_the_navigation_shows_only_what_opens(desk, browser):
    come_as(desk, browser, Role.ASSISTANT)
    text = browser.get("/professionnel").content.decode()
    assert "Vérifier des droits" in text
    assert "Coordonnées bancaires" not in text
    assert "Console" not in text


def test_every_entry_leads_to_a_page_and_names_a_known_permission():
    for entry in ENTRIES:
        assert entry.permission in GRANTS
    assert {entry.permission for entry in ENTRIES} <= set(Permission)


def test_a_group_is_made_of_entries_and_no_entry_is_in_two():
    grouped = [route for _, routes in GROUPS for route in routes]
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) <= {entry.route for entry in ENTRIES}


@pytest.mark.parametrize("role", [Role.OPERATOR_ADMIN, Role.INSURER_ADMIN, Role.HOLDER])
def test_groups_lose_no_page_and_the_one_shown_is_marked(desk, browser, role):
    come_as(desk, browser, role)
    page = browser.get("/organisation")
    visitor = get_visitor(page.wsgi_request)
    assert visitor is not None
    links = list_links(visitor, here="organisation", now=desk.now())
    flat = [one for link in links for one in (link.inner or (link,))]
    assert len(links) <= MOST_FLAT + 1
    assert len({one.address for one in flat}) == len(flat)
    assert [one.address for one in flat if one.is_here] == ["/organisation"]
    assert [link.is_here for link in links].count(True) == 1
    assert page.content.decode().count('aria-current="page"') == 1


@pytest.mark.parametrize("page", [page for page in HOMES if page != "/console"])
def test_a_stranger_is_sent_to_sign_in(browser, page):
    assert browser.get(page).headers["Location"].startswith("/connexion?next=")
