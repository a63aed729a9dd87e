"""Who administers alone and lost every key: the machine asks, the host's console approves."""

import re

import pytest
from tests.portals import people
from tests.portals.authenticator import Keyholder
from tests.portals.bench import change, fetch, list_events, make_client

from rempart.accounts.invitations import InvitationCode
from rempart.accounts.roles import Role
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.workflows.accounts.administer_organisation import approve_recovery_at_the_machine
from rempart.workflows.accounts.recover_alone import ask_recovery_alone

CODE = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){5}")
WORDS = "Rappelée au numéro de la convention."


@pytest.fixture
def host(desk, browser):
    org = people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    security = people.make_agent(desk.database, org, Role.OPERATOR_SECURITY, name="Sam Hôte")
    people.sign_in(browser, desk.database, security)
    return security


@pytest.fixture
def alone(desk):
    org = people.make_organisation(desk.database, "publisher", name="Logiciels d’essai")
    return people.make_agent(desk.database, org, Role.PUBLISHER_ADMIN)


def ask(desk, org_ref, reason=WORDS):
    with desk.database.transaction("registrar") as tx:
        return ask_recovery_alone(tx, org_ref, reason=reason)


def test_two_persons_bring_a_lone_administrator_back(desk, browser, press, host, alone):
    keyholder = Keyholder(make_client())
    keyholder.enrol(people.invite(desk.database, alone))
    request_ref = ask(desk, alone.org.org_ref)
    assert fetch(desk, "SELECT count(*) FROM accounts.invitation WHERE kind = 'recovery'") == [(0,)]
    address = f"/organisation/nouvelles-invitations/{request_ref}"
    assert WORDS in browser.get(address).content.decode()
    approved = press(address, {"approve": "1"})
    [code] = [found[0] for found in CODE.finditer(approved.content.decode())]
    assert InvitationCode.parse(code)
    assert [d for _, d in list_events(desk, "recovery_asked")] == [{"by": "command line"}]
    again = Keyholder(make_client())
    assert again.enrol(code).status_code == 200
    assert fetch(desk, "SELECT count(*) FROM accounts.passkey WHERE revoked_at IS NULL") == [(1,)]
    assert keyholder.client.get("/compte").status_code == 302


def test_the_machine_alone_makes_no_code(desk, host, alone):
    request_ref = ask(desk, alone.org.org_ref)
    with pytest.raises(NotAllowed), desk.database.transaction("registrar") as tx:
        approve_recovery_at_the_machine(tx, request_ref)
    assert fetch(desk, "SELECT count(*) FROM accounts.invitation") == [(0,)]


def test_at_the_host_itself_the_machine_decides_when_nobody_else_can(desk, host):
    change(desk, "UPDATE accounts.membership SET role = 'operator_admin'")
    request_ref = ask(desk, host.org.org_ref)
    with desk.database.transaction("registrar") as tx:
        assert approve_recovery_at_the_machine(tx, request_ref).kind == "recovery"


def test_where_a_colleague_could_ask_the_machine_does_not(desk, host, alone):
    people.make_agent(desk.database, alone.org, Role.PUBLISHER_ADMIN, name="Autre Essai")
    with pytest.raises(Conflict, match="others administer"):
        ask(desk, alone.org.org_ref)


def test_nobody_is_asked_for_twice_or_without_a_reason(desk, host, alone):
    with pytest.raises(InvalidRequest):
        ask(desk, alone.org.org_ref, "  ")
    ask(desk, alone.org.org_ref)
    with pytest.raises(Conflict, match="waits already"):
        ask(desk, alone.org.org_ref)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts.membership SET suspended_at = now() WHERE role = 'publisher_admin'",
        "UPDATE accounts.membership SET ends_on = current_date - 2 WHERE role = 'publisher_admin'",
    ],
)
def test_an_organisation_nobody_administers_gets_somebody_new_instead(desk, host, alone, statement):
    change(desk, statement)
    with pytest.raises(Conflict, match="invite agent"):
        ask(desk, alone.org.org_ref)


def test_a_professional_needs_no_code(desk, host):
    org = people.make_organisation(desk.database, "establishment")
    people.make_agent(desk.database, org, Role.HOLDER)
    with pytest.raises(InvalidRequest, match="Pro Santé Connect"):
        ask(desk, org.org_ref)


def test_no_such_organisation(desk, host):
    with pytest.raises(NotFound):
        ask(desk, 7)
