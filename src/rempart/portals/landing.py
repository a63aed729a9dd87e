"""Where somebody goes once signed in: the first page of the space their role works in."""

from typing import Final

from rempart.accounts.roles import ROLES_OF, OrganisationKind, Role

_HOMES: Final[dict[OrganisationKind, str]] = {
    "establishment": "professional-home",
    "insurer": "insurer-home",
    "employer": "employer-home",
    "operator": "console",
    "publisher": "publisher-home",
}


def find_home(role: Role) -> str:
    """Return the route of the first page of somebody signed in as `role`."""
    if role is Role.MEMBER:
        return "member-home"
    [kind] = [kind for kind, roles in ROLES_OF.items() if role in roles]
    return _HOMES[kind]
