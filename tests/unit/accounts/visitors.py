"""Visitors and colleagues with good defaults: say only what the test is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rempart.accounts.organisations import Membership
from rempart.accounts.roles import ROLES_OF, OrganisationKind, Role
from rempart.accounts.visitor import Visitor

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KIND_OF: dict[Role, OrganisationKind] = {
    role: kind for kind, roles in ROLES_OF.items() for role in roles
}


def make_visitor(role: Role = Role.INSURER_ADMIN, **changes: Any) -> Visitor:
    """Return somebody signed in at organisation 5."""
    kind = KIND_OF.get(role)
    facts: dict[str, Any] = {
        "session_ref": 1,
        "actor_ref": 10,
        "actor_kind": "professional" if role in {Role.HOLDER, Role.LOCUM} else "agent",
        "display_name": "Camille Essai",
        "role": role,
        "org_ref": None if kind is None else 5,
        "org_name": "Organisation d’essai",
        "org_kind": kind,
        "insurer_id": 1 if kind == "insurer" else None,
        "establishment_ref": 7 if kind == "establishment" else None,
        "person_ref": None,
        "accountable_ref": None,
        "membership_ref": 2,
        "method": "passkey",
        "is_host": False,
        "opened_at": NOW - timedelta(minutes=10),
        "expires_at": NOW + timedelta(hours=1),
        "idle_limit": timedelta(minutes=15),
        "stepped_up_at": NOW - timedelta(minutes=1),
    }
    return Visitor(**{**facts, **changes})


def make_membership(role: Role = Role.INSURER_MANAGER, **changes: Any) -> Membership:
    """Return the role of another person of organisation 5."""
    facts: dict[str, Any] = {
        "membership_ref": 3,
        "actor_ref": 20,
        "actor_kind": "professional" if role in {Role.HOLDER, Role.LOCUM} else "agent",
        "org_ref": 5,
        "org_kind": KIND_OF[role],
        "role": role,
        "active": True,
    }
    return Membership(**{**facts, **changes})
