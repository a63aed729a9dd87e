"""The demonstration's agents take the road of real ones: invited, linked, then recognised."""

from datetime import date

import pytest
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.kernel.errors import NotFound
from rempart.storage.connect import Database
from rempart.workflows.accounts.register_organisation import ensure_host
from rempart.workflows.accounts.settle_simulated_agents import (
    COMMAND_LINE,
    SimulatedAgent,
    invite_simulated_agents,
    link_simulated_agents,
)
from rempart.workflows.accounts.sign_in_with_oidc import sign_in_with_oidc
from rempart.workflows.accounts.trust_provider import trust_provider

PROVIDER = "entreprise"
TODAY = date(2026, 11, 22)
OPERATOR = SimulatedAgent(
    subject="agent-operateur",
    name="Camille Durand",
    role=Role.OPERATOR_ADMIN,
    org_kind="operator",
    org_name="Opérateur",
)
EMPLOYER = SimulatedAgent(
    subject="agent-employeur",
    name="Louise Bernard",
    role=Role.EMPLOYER_ADMIN,
    org_kind="employer",
    org_name="Entreprise Lambda",
)


def settle(database: Database, *agents: SimulatedAgent) -> int:
    """Settle agents; return how many were new."""
    with database.transaction("registrar") as tx:
        ensure_host(tx)
        invited = invite_simulated_agents(tx, agents, provider=PROVIDER, today=TODAY)
    with database.transaction("signin") as tx:
        link_simulated_agents(tx, invited, provider=PROVIDER)
    return len(invited)


def recognise(database: Database, subject: str) -> list[Role]:
    """Return the roles a subject of the provider may act in."""
    with database.transaction("signin") as tx:
        found = sign_in_with_oidc(tx, PROVIDER, subject, audience="agents", whence=COMMAND_LINE)
    return [one.role for one in found.roles]


def test_each_agent_is_recognised_in_their_role_and_nobody_else_is(database):
    assert settle(database, OPERATOR, EMPLOYER) == 2
    assert recognise(database, "agent-operateur") == [Role.OPERATOR_ADMIN]
    assert recognise(database, "agent-employeur") == [Role.EMPLOYER_ADMIN]
    assert recognise(database, "somebody-else") == []


def test_settling_twice_changes_nothing(database):
    settle(database, OPERATOR, EMPLOYER)
    assert settle(database, OPERATOR, EMPLOYER) == 0
    assert recognise(database, "agent-employeur") == [Role.EMPLOYER_ADMIN]


def test_an_organisation_that_trusts_the_provider_no_more_lets_nobody_through_it(database):
    settle(database, OPERATOR)
    with database.transaction("registrar") as tx:
        trust_provider(tx, ensure_host(tx)[0], None)
    assert recognise(database, "agent-operateur") == []


def test_an_insurer_that_is_not_loaded_is_named_in_the_refusal(database):
    lost = SimulatedAgent(
        subject="agent-assureur",
        name="Sacha Martin",
        role=Role.INSURER_ADMIN,
        org_kind="insurer",
        org_name="Mutuelle inconnue",
    )
    with pytest.raises(NotFound, match="load the data first"):
        settle(database, lost)


def test_trusting_a_provider_is_an_event_of_the_organisation(database):
    org = people.make_organisation(database, "publisher")
    with database.transaction("registrar") as tx:
        trust_provider(tx, org.org_ref, PROVIDER)
        rows = tx.execute(
            "SELECT kind, details->>'provider' FROM accounts.security_event WHERE org_ref = %s",
            [org.org_ref],
        ).fetchall()
    assert rows == [("provider_trusted", PROVIDER)]
    with pytest.raises(NotFound), database.transaction("registrar") as tx:
        trust_provider(tx, 404, PROVIDER)
