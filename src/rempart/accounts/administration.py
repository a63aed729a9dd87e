"""Who may invite, change, suspend or restore whom inside an organisation.

permissions.py says which roles administer; here is about persons. Refuses to let anybody act on
themselves, give a role of another kind of organisation, make somebody else answer for a colleague,
or leave an organisation without anybody who administers it. What is in another organisation does
not exist for a visitor.
"""

from collections.abc import Sequence
from typing import Final

from rempart.accounts.organisations import Membership, Organisation
from rempart.accounts.roles import (
    ADMINISTRATORS,
    ROLES_OF,
    UNDER_SOMEBODY,
    ActorKind,
    OrganisationKind,
    Role,
)
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound

# Their identity is proved by Pro Santé Connect and their number by the register.
OF_PROFESSIONALS: Final = frozenset({Role.HOLDER, Role.LOCUM})
# Given by the register of professionals when it is loaded, never by hand.
OF_THE_REGISTER: Final = frozenset({Role.HOLDER})


def is_administrator(role: Role, kind: OrganisationKind) -> bool:
    """Say whether a role administers the people of an organisation of this kind."""
    return role is ADMINISTRATORS[kind] or (kind == "establishment" and role is Role.HOLDER)


def list_roles_to_give(
    visitor: Visitor, kind: OrganisationKind, actor_kind: ActorKind
) -> list[Role]:
    """Return the roles this visitor may give somebody of this kind, in the order of the list."""
    return [
        role
        for role in ROLES_OF[kind]
        if role not in OF_THE_REGISTER
        and (role not in UNDER_SOMEBODY or visitor.role is Role.HOLDER)
        and (role not in OF_PROFESSIONALS or actor_kind == "professional")
    ]


def check_role_fits(role: Role, *, org_kind: OrganisationKind, actor_kind: ActorKind) -> None:
    """Check that a role exists in this kind of organisation, for this kind of actor.

    Raises:
        InvalidRequest: it does not.
    """
    if role not in ROLES_OF[org_kind]:
        known = ", ".join(ROLES_OF[org_kind])
        raise InvalidRequest(f"{role} is no role of an {org_kind}: choose one of {known}")
    if actor_kind == "member" or (role in OF_PROFESSIONALS and actor_kind != "professional"):
        raise InvalidRequest(f"the role {role} is for professionals found by their RPPS number")


def check_can_invite(
    visitor: Visitor, role: Role, *, org: Organisation, actor_kind: ActorKind
) -> int | None:
    """Let a visitor bring somebody into an organisation in a role, or refuse.

    Args:
        visitor: Who invites.
        role: What the newcomer is to be.
        org: Where.
        actor_kind: `agent` for somebody new, `professional` for one found in the register.

    Returns:
        Who answers for the newcomer: the visitor themselves for a locum or an assistant, so that
        nobody makes somebody else answer; None for other roles.

    Raises:
        NotFound: it is not the visitor's organisation.
        InvalidRequest: the role is one of another kind of organisation or of actor.
        NotAllowed: the role comes from the register, or makes somebody else answer.
        Conflict: the organisation is suspended.
    """
    if org.org_ref != visitor.org_ref:
        raise NotFound("no such organisation")
    if org.suspended:
        raise Conflict("the organisation is suspended: have it restored first")
    return _decide_accountable(visitor, role, org_kind=org.kind, actor_kind=actor_kind)


def check_can_change_role(
    visitor: Visitor, person: Membership, role: Role, *, other_administrators: int
) -> int | None:
    """Let a visitor give a colleague another role, or refuse.

    Args:
        visitor: Who changes it.
        person: The colleague's present role.
        role: The role to give.
        other_administrators: How many other people administer the organisation now.

    Returns:
        Who answers for the colleague from now on, as for `check_can_invite`.

    Raises:
        NotFound: the colleague is in another organisation.
        NotAllowed: it is the visitor, or one of the two roles is not theirs to give or take.
        InvalidRequest: the role is one of another kind of organisation or of actor.
        Conflict: it is their role already, or nobody would administer the organisation any more.
    """
    _check_is_a_colleague(visitor, person)
    if person.role in OF_THE_REGISTER:
        raise NotAllowed("a holder is one by the register of professionals: it cannot be changed")
    _check_rank(visitor, person)
    accountable_ref = _decide_accountable(
        visitor, role, org_kind=person.org_kind, actor_kind=person.actor_kind
    )
    if role is person.role:
        raise Conflict(f"the role is {role} already")
    if not is_administrator(role, person.org_kind):
        _check_not_the_last(person, other_administrators)
    return accountable_ref


def check_can_suspend(visitor: Visitor, person: Membership, *, other_administrators: int) -> None:
    """Let a visitor stop a colleague's role at once, or refuse.

    Raises:
        NotFound: the colleague is in another organisation.
        NotAllowed: it is the visitor, or a holder, in whatever role, whom only a holder stops.
        Conflict: suspended already, or nobody would administer the organisation any more.
    """
    _check_is_a_colleague(visitor, person)
    _check_rank(visitor, person)
    if person.suspended:
        raise Conflict("this person is suspended already")
    _check_not_the_last(person, other_administrators)


def check_can_restore(visitor: Visitor, person: Membership) -> None:
    """Let a visitor give a suspended colleague their role back, or refuse.

    Raises:
        NotFound: the colleague is in another organisation.
        NotAllowed: it is the visitor, or a holder, in whatever role, whom only a holder restores.
        Conflict: not suspended.
    """
    _check_is_a_colleague(visitor, person)
    _check_rank(visitor, person)
    if not person.suspended:
        raise Conflict("this person is not suspended")


def check_can_ask_recovery(visitor: Visitor, person: Membership, *, pending: bool) -> None:
    """Let a visitor ask that a colleague without a key be invited again, or refuse.

    Args:
        visitor: Who asks.
        person: Who has no key any more.
        pending: Whether a request for them waits already.

    Raises:
        NotFound: the person is in another organisation.
        NotAllowed: it is the visitor, who has a key.
        InvalidRequest: the person signs in with Pro Santé Connect.
        Conflict: suspended, or asked for already.
    """
    if person.org_ref != visitor.org_ref:
        raise NotFound("no such person in your organisation")
    if person.actor_ref == visitor.actor_ref:
        raise NotAllowed("you are signed in: add a key in your own account")
    if person.actor_kind != "agent":
        raise InvalidRequest("professionals sign in with Pro Santé Connect: they need no code")
    if not person.active:
        raise Conflict("this person's role is suspended or over: restore it first")
    if pending:
        raise Conflict("a request for this person waits for its decision already")


def check_can_ask_alone(administrators: Sequence[tuple[int, ActorKind]]) -> int:
    """Return the only administrator of an organisation, for whom the machine may ask, or refuse.

    Args:
        administrators: Who administers it today, and what they are.

    Raises:
        Conflict: nobody does, or several: a colleague asks, on their pages.
        InvalidRequest: it is a professional, who needs no code.
    """
    if not administrators:
        raise Conflict("nobody administers it: `rempart invite agent` brings somebody in")
    if len(administrators) > 1:
        raise Conflict("others administer it: one of them asks, on the page of the person")
    [(actor_ref, kind)] = administrators
    if kind != "agent":
        raise InvalidRequest("professionals sign in with Pro Santé Connect: they need no code")
    return actor_ref


def check_can_suspend_organisation(visitor: Visitor | None, org: Organisation) -> None:
    """Let a visitor (None: the command line) stop or restore a whole organisation, or refuse.

    Raises:
        NotFound: they are not of the host operator.
        NotAllowed: it is the host itself; nobody would be left to restore it.
    """
    if visitor is not None and not visitor.is_host:
        raise NotFound("no such organisation")
    if org.is_host:
        raise NotAllowed("the host operator cannot be suspended: nobody could restore it")


def _check_is_a_colleague(visitor: Visitor, person: Membership) -> None:
    if person.org_ref != visitor.org_ref:
        raise NotFound("no such person in your organisation")
    if person.actor_ref == visitor.actor_ref:
        raise NotAllowed("nobody changes, suspends or restores themselves: ask a colleague")


def _check_rank(visitor: Visitor, person: Membership) -> None:
    if person.has({Role.HOLDER}) and visitor.role is not Role.HOLDER:
        raise NotAllowed("a holder is stopped or restored by another holder, or by the operator")


def _check_not_the_last(person: Membership, other_administrators: int) -> None:
    kind = person.org_kind
    administrators = {role for role in ROLES_OF[kind] if is_administrator(role, kind)}
    if person.has(administrators, active=True) and other_administrators < 1:
        raise Conflict("nobody else administers this organisation: name somebody first")


def _decide_accountable(
    visitor: Visitor, role: Role, *, org_kind: OrganisationKind, actor_kind: ActorKind
) -> int | None:
    if role in OF_THE_REGISTER:
        raise NotAllowed("holders come from the register of professionals: load it")
    check_role_fits(role, org_kind=org_kind, actor_kind=actor_kind)
    if role not in UNDER_SOMEBODY:
        return None
    if visitor.role is not Role.HOLDER:
        raise NotAllowed("a holder takes locums and assistants under their own responsibility")
    return visitor.actor_ref
