"""Roles: what an actor is for an organisation. A closed list.

What each may do is in permissions.py.
"""

import enum
from typing import Final, Literal

OrganisationKind = Literal["operator", "insurer", "establishment", "employer", "publisher"]
ActorKind = Literal["professional", "agent", "member"]


class Role(enum.StrEnum):
    """The role in which somebody is signed in: one per session."""

    # In an establishment
    HOLDER = "holder"
    LOCUM = "locum"
    ASSISTANT = "assistant"
    ESTABLISHMENT_MANAGER = "establishment_manager"
    # At an insurer
    INSURER_ADMIN = "insurer_admin"
    INSURER_MANAGER = "insurer_manager"
    INSURER_DPO = "insurer_dpo"
    # At an employer
    EMPLOYER_ADMIN = "employer_admin"
    EMPLOYER_HR = "employer_hr"
    # At the operator
    OPERATOR_ADMIN = "operator_admin"
    OPERATOR_OPS = "operator_ops"
    OPERATOR_SECURITY = "operator_security"
    OPERATOR_DPO = "operator_dpo"
    # At a software publisher
    PUBLISHER_ADMIN = "publisher_admin"
    PUBLISHER_DEVELOPER = "publisher_developer"
    # Nowhere: a member acts for themselves
    MEMBER = "member"


ROLES_OF: Final[dict[OrganisationKind, tuple[Role, ...]]] = {
    "establishment": (Role.HOLDER, Role.LOCUM, Role.ASSISTANT, Role.ESTABLISHMENT_MANAGER),
    "insurer": (Role.INSURER_ADMIN, Role.INSURER_MANAGER, Role.INSURER_DPO),
    "employer": (Role.EMPLOYER_ADMIN, Role.EMPLOYER_HR),
    "operator": (
        Role.OPERATOR_ADMIN,
        Role.OPERATOR_OPS,
        Role.OPERATOR_SECURITY,
        Role.OPERATOR_DPO,
    ),
    "publisher": (Role.PUBLISHER_ADMIN, Role.PUBLISHER_DEVELOPER),
}

# Who administers the people of an organisation: invites, changes a role, suspends.
ADMINISTRATORS: Final[dict[OrganisationKind, Role]] = {
    "establishment": Role.ESTABLISHMENT_MANAGER,
    "insurer": Role.INSURER_ADMIN,
    "employer": Role.EMPLOYER_ADMIN,
    "operator": Role.OPERATOR_ADMIN,
    "publisher": Role.PUBLISHER_ADMIN,
}

# Both work under a professional who answers for what they do.
UNDER_SOMEBODY: Final = frozenset({Role.LOCUM, Role.ASSISTANT})
