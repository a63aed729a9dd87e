"""Organisations: which may host, operate or sub-process for which, and who answers for whom.

Refuses two operators of one insurer on one day, and a host that is itself hosted: one can always
say who runs what, on any day.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from rempart.accounts.roles import UNDER_SOMEBODY, ActorKind, OrganisationKind, Role
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed
from rempart.kernel.periods import Period

MandateKind = Literal["operates", "sub_processes", "hosts"]


class Parties(NamedTuple):
    """Which kinds of organisations may give a mandate, and which may receive it."""

    principals: frozenset[OrganisationKind]
    agents: frozenset[OrganisationKind]


# A delegated manager (délégataire de gestion) is registered as an operator, or is an insurer of
# the same group.
MANDATES: Final[Mapping[MandateKind, Parties]] = MappingProxyType(
    {
        "operates": Parties(frozenset({"insurer"}), frozenset({"operator"})),
        "sub_processes": Parties(frozenset({"insurer"}), frozenset({"operator", "insurer"})),
        "hosts": Parties(frozenset({"operator"}), frozenset({"operator"})),
    }
)

# What creates the organisations that are not created by hand: they exist with something else.
REGISTERED_BY: Final[Mapping[OrganisationKind, str]] = MappingProxyType(
    {
        "insurer": "`rempart feed import --name` or `import-all`",
        "establishment": "`rempart client load`",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation, as the rules look at it.

    `hosted_by` is the operator that runs the installation for a hosted operator; an operator
    without one is the host.
    """

    org_ref: int
    kind: OrganisationKind
    name: str
    hosted_by: int | None = None
    suspended: bool = False

    @property
    def is_host(self) -> bool:
        """Whether it is the operator that runs this installation."""
        return self.kind == "operator" and self.hosted_by is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What one organisation does for another, over a period whose two ends count."""

    kind: MandateKind
    principal_ref: int
    agent_ref: int
    period: Period


class OtherRole(NamedTuple):
    """Another role of the same person in the same organisation; suspended, it is not active."""

    role: Role
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """An actor's role in an organisation.

    `active` means neither suspended nor outside its dates. `accountable_ref` is the professional
    who answers for a locum or an assistant. `others` are the same person's other roles there that
    are not over: what is done to one role of a person is done to the person.
    """

    membership_ref: int
    actor_ref: int
    actor_kind: ActorKind
    org_ref: int
    org_kind: OrganisationKind
    role: Role
    active: bool
    suspended: bool = False
    accountable_ref: int | None = None
    others: tuple[OtherRole, ...] = ()

    def has(self, roles: Container[Role], *, active: bool = False) -> bool:
        """Say whether the person has one of these roles here, if asked so an active one."""
        mine = (OtherRole(self.role, self.active), *self.others)
        return any(one.role in roles and (one.active or not active) for one in mine)


def check_can_create(
    kind: OrganisationKind, *, host: Organisation | None, hosted_by: Organisation | None
) -> None:
    """Let an organisation be created by hand, or refuse.

    Args:
        kind: What it is.
        host: The operator that runs this installation, None before it is created.
        hosted_by: The operator that is to host it, if any.

    Raises:
        InvalidRequest: this kind is created with what it stands for, or cannot be hosted.
        Conflict: there is a host already, or the one named cannot host.
    """
    if kind in REGISTERED_BY:
        raise InvalidRequest(f"an {kind} is created by {REGISTERED_BY[kind]}")
    if hosted_by is not None:
        check_can_host(hosted_by, kind)
    elif kind == "operator" and host is not None:
        raise Conflict(
            f"operator {host.org_ref} runs this installation: create one it hosts with "
            f"--hosted-by {host.org_ref}"
        )


def check_can_host(host: Organisation, guest: OrganisationKind) -> None:
    """Let an organisation host another one of kind `guest`, or refuse.

    Raises:
        InvalidRequest: only an operator hosts, and it hosts only operators.
        Conflict: the host is hosted itself, or suspended.
    """
    if guest != "operator" or host.kind != "operator":
        raise InvalidRequest(f"an operator hosts operators: an {host.kind} does not host {guest}s")
    if not host.is_host:
        raise Conflict(f"operator {host.org_ref} is hosted itself: name operator {host.hosted_by}")
    if host.suspended:
        raise Conflict(f"operator {host.org_ref} is suspended: restore it first")


def check_can_mandate(
    kind: MandateKind,
    *,
    principal: Organisation,
    agent: Organisation,
    period: Period,
    others: Iterable[Mandate],
) -> None:
    """Let one organisation give another a mandate over a period, or refuse.

    Args:
        kind: What is to be done.
        principal: Who has it done.
        agent: Who does it.
        period: From which day to which, both included.
        others: The mandates recorded, any order.

    Raises:
        InvalidRequest: these kinds of organisations have no such mandate.
        Conflict: another operator, or the same sub-processor, has one of these days already.
    """
    parties = MANDATES[kind]
    if principal.org_ref == agent.org_ref:
        raise InvalidRequest("an organisation gives itself no mandate")
    if principal.kind not in parties.principals or agent.kind not in parties.agents:
        raise InvalidRequest(f"an {agent.kind} never {kind} for an {principal.kind}")
    if kind == "hosts" and principal.hosted_by != agent.org_ref:
        raise InvalidRequest(f"operator {agent.org_ref} does not host {principal.org_ref}")
    for other in others:
        if (other.kind, other.principal_ref) != (kind, principal.org_ref):
            continue
        # An insurer has one operator a day; several sub-processors may share its work.
        if kind == "sub_processes" and other.agent_ref != agent.org_ref:
            continue
        if other.period.overlaps(period):
            raise Conflict(
                f"organisation {other.agent_ref} {kind} for {principal.org_ref} from "
                f"{other.period.starts_on} to {other.period.ends_on}: choose other days"
            )


def check_can_work_through(
    via: Organisation, *, org_ref: int, mandates: Iterable[Mandate], day: date
) -> None:
    """Let a sub-processor's agent work inside another organisation's space that day, or refuse.

    Raises:
        NotAllowed: no mandate says so on that day.
    """
    for mandate in mandates:
        parties = (mandate.kind, mandate.principal_ref, mandate.agent_ref)
        if parties == ("sub_processes", org_ref, via.org_ref) and mandate.period.contains(day):
            return
    raise NotAllowed(
        f"organisation {via.org_ref} has no mandate from {org_ref} on {day}: "
        "record it with `rempart organisation mandate`"
    )


def check_accountable(role: Role, accountable: Membership | None, *, org_ref: int) -> None:
    """Check who answers for somebody: a holder of the same establishment, for whoever needs one.

    Args:
        role: The role to be given.
        accountable: The membership of the professional who is to answer, None for nobody.
        org_ref: The establishment's organisation.

    Raises:
        InvalidRequest: a locum or an assistant without anybody, or another role with somebody.
        NotAllowed: that person is not a holder of this establishment today.
    """
    if (role in UNDER_SOMEBODY) != (accountable is not None):
        needs = "needs" if role in UNDER_SOMEBODY else "has no"
        raise InvalidRequest(f"the role {role} {needs} professional who answers for it")
    if accountable is None:
        return
    if (accountable.org_ref, accountable.role) != (org_ref, Role.HOLDER) or not accountable.active:
        raise NotAllowed("only a holder of this establishment answers for its locums, assistants")
