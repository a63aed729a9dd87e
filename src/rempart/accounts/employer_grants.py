"""Who may do what with collective contracts: at the employer, and at its insurer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rempart.accounts.grant import Grant
from rempart.accounts.permission_names import Permission
from rempart.accounts.roles import ROLES_OF, Role

EMPLOYER_GRANTS: Final[Mapping[Permission, Grant]] = MappingProxyType(
    {
        Permission.READ_STAFF: Grant(
            roles=frozenset(ROLES_OF["employer"]),
            purpose="see the staff covered, by the employer's own numbers",
        ),
        Permission.DECLARE_MOVEMENTS: Grant(
            roles=frozenset(ROLES_OF["employer"]), purpose="tell who joins and who leaves"
        ),
        Permission.READ_STATEMENTS: Grant(
            roles=frozenset(ROLES_OF["employer"]), purpose="see what the contract is called for"
        ),
        Permission.COUNT_EXPOSED_STAFF: Grant(
            roles=frozenset(ROLES_OF["employer"]),
            purpose="see how many of the staff an incident exposed, never who",
        ),
        Permission.READ_EMPLOYERS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="see the insurer's collective contracts and their movements",
        ),
        Permission.DECIDE_MOVEMENTS: Grant(
            roles=frozenset({Role.INSURER_ADMIN, Role.INSURER_MANAGER}),
            purpose="accept or refuse movements that wait",
        ),
    }
)
