"""Give the simulated company's agents their roles: for the demonstration, never for real people.

Each takes the road a real agent takes: invited, then linked with the code. Doing it again changes
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rempart.accounts.roles import OrganisationKind, Role
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import professional_accounts
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.invite_people import NewInvitation, invite_first_agent
from rempart.workflows.accounts.register_organisation import create_organisation, list_organisations
from rempart.workflows.accounts.sign_in_with_oidc import link_with_invitation
from rempart.workflows.accounts.trust_provider import trust_provider
from rempart.workflows.accounts.web_session import Whence

COMMAND_LINE = Whence(address="", agent="rempart dev people")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedAgent:
    """An agent of the simulated company: the provider's name of them, and their role here.

    `org_name` chooses among organisations of one kind; an employer or a publisher of that name is
    created when there is none.
    """

    subject: str
    name: str
    role: Role
    org_kind: OrganisationKind
    org_name: str


def invite_simulated_agents(
    tx: Transaction, agents: Sequence[SimulatedAgent], *, provider: str, today: date
) -> list[tuple[SimulatedAgent, NewInvitation]]:
    """Invite the agents that have no account yet, and let their organisations trust the provider.

    Args:
        tx: A transaction of the role `registrar`.
        agents: Who they are to be.
        provider: The simulated provider's configured name.
        today: Paris civil date.

    Raises:
        NotFound: there is no organisation of this kind and name, and none can be created.
    """
    invited = []
    for agent in agents:
        if professional_accounts.find_linked_actor(tx, provider, agent.subject) is not None:
            continue
        org_ref = _find_organisation(tx, agent)
        trust_provider(tx, org_ref, provider)
        made = invite_first_agent(tx, org_ref, role=agent.role, name=agent.name, today=today)
        invited.append((agent, made))
    return invited


def link_simulated_agents(
    tx: Transaction,
    invited: Sequence[tuple[SimulatedAgent, NewInvitation]],
    *,
    provider: str,
) -> None:
    """Use the invitations up, as each agent would at the first sign-in.

    Args:
        tx: A transaction of the role `signin`; the invitations are committed.
        invited: What `invite_simulated_agents` returned.
        provider: The simulated provider's configured name.
    """
    for agent, invitation in invited:
        link_with_invitation(
            tx,
            invitation.code.format(),
            provider=provider,
            subject=agent.subject,
            audience="agents",
            whence=COMMAND_LINE,
        )


def _find_organisation(tx: Transaction, agent: SimulatedAgent) -> int:
    known, _ = list_organisations(
        tx, [agent.org_kind], Listing(sort="name", descending=False), words=agent.org_name
    )
    if known:
        return known[0].org_ref
    if agent.org_kind in ("employer", "publisher"):
        return create_organisation(tx, agent.org_kind, agent.org_name)
    raise NotFound(f"there is no {agent.org_kind} named {agent.org_name}: load the data first")
