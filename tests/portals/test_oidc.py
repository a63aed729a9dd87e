"""Agents and members come in through their organisation's provider, linked by an invitation."""

import secrets
from dataclasses import dataclass, field

import httpx
import pytest
from django.test import Client
from tests.portals import people
from tests.portals.bench import spend_allowance
from tests.portals.conftest import BenchDesk
from tests.portals.providers import (
    COMPANY,
    Providers,
    Walker,
    come_back,
    make_company,
    make_psc,
)

from rempart.accounts.invitations import InvitationCode
from rempart.accounts.roles import Role
from rempart.portals.oidc import ProviderBook
from rempart.simulators.faults import Fault
from rempart.simulators.people import Person, make_agent
from rempart.workflows.accounts.trust_provider import trust_provider

START = f"/connexion/fournisseur/{COMPANY}"
SESSIONS = "SELECT actor_ref, role, method, provider FROM accounts.session"


@dataclass
class Company:
    """An insurer whose agents come through its own provider."""

    desk: BenchDesk
    insurer: people.Organisation
    agent: people.Somebody
    person: Person
    providers: Providers
    walker: Walker = field(init=False)

    def __post_init__(self) -> None:
        self.walker = Walker(self.providers.simulator)

    def sign_in(self, browser, *, fault=None, start=START):
        """Go through the whole flow."""
        sent = browser.get(start)
        assert sent.status_code == 302, sent.content.decode()
        back = self.walker.sign_in(sent.headers["Location"], self.person, fault)
        return come_back(browser, back)

    def invite(self, who: people.Somebody | None = None, **columns: str) -> str:
        """Invite somebody and return the code."""
        code = InvitationCode.from_number(secrets.randbits(100))
        who = who or self.agent
        values = {"kind": "'enrolment'", "expires_at": "now() + interval '1 hour'", **columns}
        with self.desk.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO accounts.invitation (invitation_ref, code_digest, actor_ref, org_ref,"
                f" {', '.join(values)}) VALUES (%s, %s, %s, %s, {', '.join(values.values())})",
                (
                    people.draw(),
                    code.compute_digest(),
                    who.actor_ref,
                    who.org.org_ref if who.org else None,
                ),
            )
        return code.format()

    def type(self, browser, code):
        """Type a code on the page that asks for it."""
        page = f"{START}/invitation"
        token = read_token(browser.get(page))
        return browser.post(page, {"csrfmiddlewaretoken": token, "code": code})

    def read(self, statement):
        """Read the database as its owner."""
        with self.desk.database.transaction("owner") as tx:
            return tx.execute(statement).fetchall()

    def write(self, statement, *values):
        """Change the database as its owner."""
        with self.desk.database.transaction("owner") as tx:
            tx.execute(statement, values)


def read_token(answer) -> str:
    assert answer.status_code < 300, answer.content.decode()
    return answer.content.decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]


@pytest.fixture
def company(desk) -> Company:
    insurer = people.make_organisation(desk.database, "insurer", name="Mutuelle d'essai")
    agent = people.make_agent(desk.database, insurer, Role.INSURER_MANAGER, name="Sacha Martin")
    person = make_agent("sub-sacha", "Sacha Martin")
    providers = Providers(lambda: desk.now().timestamp(), agents=[person])
    desk.providers = providers.book()
    company = Company(desk, insurer, agent, person, providers)
    company.write("UPDATE accounts.organisation SET identity_provider = %s", COMPANY)
    return company


@pytest.fixture
def browser(desk) -> Client:
    """A browser nobody has signed in, on our public address."""
    return Client(enforce_csrf_checks=True, SERVER_NAME="localhost")


def test_an_agent_is_linked_once_then_comes_straight_in(company, browser):
    asked = company.sign_in(browser)
    assert asked.headers["Location"] == f"{START}/invitation"
    assert company.read(SESSIONS) == []
    answer = company.type(browser, company.invite())
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/assureur")
    assert company.read(SESSIONS) == [(company.agent.actor_ref, "insurer_manager", "oidc", COMPANY)]
    again = Client(SERVER_NAME="localhost")
    assert company.sign_in(again).headers["Location"] == "/assureur"
    kinds = company.read("SELECT kind FROM accounts.security_event ORDER BY at")
    assert [kind for (kind,) in kinds] == ["invitation_used", "signed_in", "signed_in"]


@pytest.mark.parametrize(
    "columns",
    [
        {"used_at": "now()"},
        {"revoked_at": "now()"},
        {"expires_at": "now() - interval '1 second'"},
        {"kind": "'recovery'"},
    ],
)
def test_a_code_that_is_over_links_nobody(company, browser, columns):
    company.sign_in(browser)
    answer = company.type(browser, company.invite(**columns))
    assert answer.status_code == 422
    assert "Ce code n’ouvre rien" in answer.content.decode()
    assert company.read("SELECT * FROM accounts.provider_identity") == []
    assert company.read(SESSIONS) == []


@pytest.mark.parametrize("code", ["", "AAAA", "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ", "é" * 24])
def test_an_invented_code_links_nobody(company, browser, code):
    company.sign_in(browser)
    assert company.type(browser, code).status_code == 422
    assert company.read("SELECT * FROM accounts.provider_identity") == []


def test_a_code_serves_one_person(company, browser):
    code = company.invite()
    company.sign_in(browser)
    assert company.type(browser, code).status_code == 302
    thief = Client(SERVER_NAME="localhost")
    company.person = make_agent("sub-voleur", "Un Voleur")
    company.providers.simulator.company.people = type(company.providers.simulator.company.people)(
        [company.person]
    )
    company.walker.cookies.clear()
    company.sign_in(thief)
    assert company.type(thief, code).status_code == 422
    assert company.type(thief, company.invite()).status_code == 422  # already linked to another
    assert company.read("SELECT subject FROM accounts.provider_identity") == [("sub-sacha",)]


def test_an_organisation_that_trusts_another_provider_is_not_opened(company, browser):
    company.write("UPDATE accounts.organisation SET identity_provider = 'autre'")
    company.sign_in(browser)
    assert company.type(browser, company.invite()).status_code == 422
    assert company.read(SESSIONS) == []


def test_trust_withdrawn_closes_the_door_to_those_linked(company, browser):
    company.sign_in(browser)
    company.type(browser, company.invite())
    company.write("UPDATE accounts.organisation SET identity_provider = NULL")
    again = Client(SERVER_NAME="localhost")
    answer = company.sign_in(again)
    assert answer.status_code == 403
    assert "n’ouvre rien en ce moment" in answer.content.decode()
    reasons = company.read(
        "SELECT details->>'reason' FROM accounts.security_event WHERE kind = 'sign_in_refused'"
    )
    assert reasons == [("no_role",)]


def test_trust_withdrawn_ends_the_sessions_that_came_through_the_provider(company, browser):
    company.sign_in(browser)
    company.type(browser, company.invite())
    assert browser.get("/compte").status_code == 200
    with company.desk.database.transaction("registrar") as tx:
        assert trust_provider(tx, company.insurer.org_ref, COMPANY) == 0
        assert trust_provider(tx, company.insurer.org_ref, None) == 1
    assert browser.get("/compte").status_code == 302
    [(reason,)] = company.read(
        "SELECT details->>'reason' FROM accounts.security_event WHERE kind = 'session_ended'"
    )
    assert reason == "revoked"


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE accounts.actor SET suspended_at = now()",
        "UPDATE accounts.membership SET suspended_at = now()",
        "UPDATE accounts.organisation SET suspended_at = now()",
    ],
)
def test_whoever_is_suspended_is_refused_alike(company, browser, end):
    company.sign_in(browser)
    company.type(browser, company.invite())
    company.write(end)
    answer = company.sign_in(Client(SERVER_NAME="localhost"))
    assert (answer.status_code, "ouvre rien" in answer.content.decode()) == (403, True)


def test_the_roles_of_a_professional_do_not_open_through_a_company(company, browser, desk):
    pharmacy = people.make_organisation(desk.database, "establishment")
    holder = people.make_agent(desk.database, pharmacy, Role.HOLDER)
    company.write("UPDATE accounts.organisation SET identity_provider = %s", COMPANY)
    company.sign_in(browser)
    assert company.type(browser, company.invite(holder)).status_code == 422


def test_a_member_does_not_come_through_a_provider_of_agents(company, browser, desk):
    member = people.make_member(desk.database, company.insurer)
    company.sign_in(browser)
    assert company.type(browser, company.invite(member)).status_code == 422


def test_a_member_comes_through_a_provider_of_members(company, browser, desk):
    member = people.make_member(desk.database, company.insurer)
    desk.providers = ProviderBook(
        [make_company(audience="members")], transport=company.providers.transport
    )
    company.sign_in(browser)
    answer = company.type(browser, company.invite(member))
    assert answer.headers["Location"] == "/adherent"
    assert company.read(SESSIONS) == [(member.actor_ref, "member", "oidc", COMPANY)]


def test_an_agent_does_not_come_through_a_provider_of_members(company, browser, desk):
    desk.providers = ProviderBook(
        [make_company(audience="members")], transport=company.providers.transport
    )
    company.sign_in(browser)
    assert company.type(browser, company.invite()).status_code == 422


def add_role(company, role, membership_ref=9):
    company.write(
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (%s, %s, %s, %s, '2020-01-01')",
        membership_ref,
        company.agent.actor_ref,
        company.insurer.org_ref,
        role,
    )


def test_one_with_two_roles_chooses(company, browser):
    add_role(company, "insurer_dpo")
    company.sign_in(browser)
    chosen = company.type(browser, company.invite())
    assert chosen.headers["Location"] == f"{START}/role"
    page = browser.get(f"{START}/role")
    assert "Gestionnaire" in page.content.decode()
    for forged in ("", "0", "123", "insurer_admin"):
        form = {"csrfmiddlewaretoken": read_token(browser.get(f"{START}/role")), "role": forged}
        assert browser.post(f"{START}/role", form).status_code == 422
    form = {"csrfmiddlewaretoken": read_token(page), "role": "9"}
    assert browser.post(f"{START}/role", form).headers["Location"] == "/assureur"
    assert company.read(SESSIONS) == [(company.agent.actor_ref, "insurer_dpo", "oidc", COMPANY)]


def test_a_choice_of_one_provider_does_not_serve_at_another(company, browser, desk):
    add_role(company, "insurer_dpo")
    company.sign_in(browser)
    company.type(browser, company.invite())
    desk.providers = ProviderBook(
        [make_psc(), make_company(), make_company(name="autre")],
        transport=company.providers.transport,
    )
    assert browser.get("/connexion/fournisseur/autre/role").status_code == 403
    assert browser.get("/connexion/psc/situation").status_code == 403
    assert browser.get("/connexion/fournisseur/autre/invitation").status_code == 403


@pytest.mark.parametrize("page", [f"{START}/role", f"{START}/invitation"])
def test_nobody_types_or_chooses_without_being_recognised(company, browser, page):
    assert browser.get(page).status_code == 403


def test_codes_are_not_tried_for_ever_from_one_address(company, browser):
    company.sign_in(browser)
    assert company.type(browser, "AAAA").status_code == 422
    spend_allowance(company.desk, "code")
    assert company.type(browser, "AAAA").status_code == 429


@pytest.mark.parametrize(
    "fault", [Fault.WRONG_NONCE, Fault.WRONG_AUDIENCE, Fault.ALG_NONE, Fault.USERINFO_OF_ANOTHER]
)
def test_a_false_answer_of_a_company_opens_nothing(company, browser, fault):
    assert company.sign_in(browser, fault=fault).status_code == 403
    assert company.read(SESSIONS) == []
    details = company.read("SELECT details->>'provider' FROM accounts.security_event")
    assert details == [(COMPANY,)]


@pytest.mark.parametrize("slug", ["nulle-part", "psc"])
def test_a_provider_that_is_not_there_is_said_so(company, browser, slug):
    assert browser.get(f"/connexion/fournisseur/{slug}").status_code == 404


def test_an_agent_confirms_who_they_are_at_the_same_provider(company, browser):
    company.sign_in(browser)
    company.type(browser, company.invite())
    company.write("UPDATE accounts.session SET stepped_up_at = NULL")
    sent = browser.get("/confirmation/fournisseur?next=/compte")
    asked = httpx.URL(sent.headers["Location"]).params
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    answer = come_back(browser, company.walker.sign_in(sent.headers["Location"], company.person))
    assert answer.headers["Location"] == "/compte"
    assert company.read("SELECT stepped_up_at IS NOT NULL FROM accounts.session") == [(True,)]


def test_the_provider_of_an_organisation_is_offered_at_the_door(company, browser):
    page = browser.get("/connexion?next=/assureur").content.decode()
    assert f'href="{START}?next=%2Fassureur"' in page
