"""Guesses at other organisations, and roles that open what they should not."""

import pytest
from tests.portals import people
from tests.portals.pages import address, change, fetch, read_token

from rempart.accounts.roles import ROLES_OF, Role


@pytest.fixture
def insurer(desk):
    return people.make_organisation(desk.database, "insurer", name="Aubelune")


@pytest.fixture
def other_insurers(desk):
    """An agent, an invitation and a request of another insurer."""
    org = people.make_organisation(desk.database, "insurer", name="Brisemer")
    who = people.make_agent(desk.database, org, Role.INSURER_ADMIN, name="Xavier Ailleurs")
    mate = people.make_agent(desk.database, org, Role.INSURER_MANAGER, name="Yann Ailleurs")
    people.invite(desk.database, mate)
    [(invitation,)] = fetch(desk, "SELECT invitation_ref FROM accounts.invitation")
    change(
        desk,
        "INSERT INTO accounts.recovery_request (request_ref, actor_ref, org_ref, asked_by, reason)"
        " VALUES (99, %s, %s, %s, '-')",
        mate.actor_ref,
        org.org_ref,
        who.actor_ref,
    )
    return {"mate": mate, "invitation": invitation, "org": org}


def snapshot(desk):
    tables = ("actor", "membership", "invitation", "recovery_request", "organisation")
    return [fetch(desk, f"SELECT x::text FROM accounts.{one} AS x ORDER BY 1") for one in tables]


def list_attacks(target):
    mate = target["mate"]
    return [
        *(address(mate, act) for act in ("", "/role", "/suspension", "/retablissement")),
        address(mate, "/nouvelle-invitation"),
        f"/organisation/invitations/{target['invitation']}/annulation",
        "/organisation/nouvelles-invitations/99",
        *(f"/organisation/personnes/{ref}" for ref in (0, 1, 2**63 - 1, 2**63, 10**30)),
    ]


@pytest.mark.parametrize("role", [Role.INSURER_ADMIN, Role.OPERATOR_ADMIN])
def test_an_agent_of_one_organisation_touches_nobody_of_another_by_guessing(
    desk, browser, press, insurer, other_insurers, role
):
    place = insurer
    if role is Role.OPERATOR_ADMIN:
        host = people.make_organisation(desk.database, "operator")
        place = people.make_organisation(desk.database, "operator", hosted_by=host.org_ref)
    people.sign_in(browser, desk.database, people.make_agent(desk.database, place, role))
    token = read_token(browser)
    before = snapshot(desk)
    values = {"role": "insurer_dpo", "reason": "x", "approve": "1", "csrfmiddlewaretoken": token}
    for page in list_attacks(other_insurers):
        assert browser.get(page).status_code == 404, page
        answer = browser.post(page, values)
        assert answer.status_code in {404, 405}, page
        assert "Ailleurs" not in answer.content.decode()
    assert snapshot(desk) == before


@pytest.mark.parametrize(
    "role", sorted(set(Role) - {Role.MEMBER} - {Role.LOCUM}), ids=lambda role: role.value
)
def test_a_role_opens_the_acts_that_the_table_grants_and_no_other(desk, browser, role):
    kind = next(kind for kind, roles in ROLES_OF.items() if role in roles)
    org = people.make_organisation(desk.database, kind)
    boss = people.make_agent(desk.database, org, Role.HOLDER) if kind == "establishment" else None
    answers = {} if role is not Role.ASSISTANT else {"accountable_ref": boss.actor_ref}
    who = people.make_agent(desk.database, org, role, **answers)
    people.sign_in(browser, desk.database, who)
    administers = role in {
        *(Role.HOLDER, Role.ESTABLISHMENT_MANAGER, Role.INSURER_ADMIN),
        *(Role.EMPLOYER_ADMIN, Role.OPERATOR_ADMIN, Role.PUBLISHER_ADMIN),
    }
    for page in ("/organisation/inviter", address(who, "/suspension"), address(who, "/role")):
        assert browser.get(page).status_code == (200 if administers else 403), page
    assert browser.get("/organisation").status_code == 200
