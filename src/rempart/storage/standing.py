"""Who stands in an organisation, since when, and who let them in."""

from collections.abc import Iterable
from typing import Final

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import Role
from rempart.accounts.second_person import Entitled, Invited
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("standing")


def list_standing(tx: Transaction, org_ref: int, roles: Iterable[Role]) -> list[Entitled]:
    """Return who has one of these roles in an organisation, or lately had."""
    values = {"org_ref": org_ref, "roles": sorted(role.value for role in roles)}
    return [
        Entitled(
            actor_ref=actor_ref,
            since=since,
            until=until,
            invited=tuple(
                Invited(by_ref=by_ref, at=at) for by_ref, at in zip(by_refs, instants, strict=True)
            ),
        )
        for actor_ref, since, until, by_refs, instants in tx.execute(QUERIES.list_standing, values)
    ]


def list_entitled(tx: Transaction, org_ref: int | None, permission: Permission) -> list[Entitled]:
    """Return who may take a step in an organisation, or lately could; nobody without one."""
    return [] if org_ref is None else list_standing(tx, org_ref, GRANTS[permission].roles)
