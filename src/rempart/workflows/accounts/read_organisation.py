"""What an organisation's pages show: its people, what waits for them, and the host's list.

Refuses to show another organisation's people: every list names whose it is.
"""

from rempart.accounts.roles import ROLES_OF
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import organisations, people
from rempart.storage.connect import Transaction
from rempart.storage.people import (
    ListedInvitation,
    ListedPerson,
    ListedRecovery,
    PersonColumn,
    PersonState,
)

__all__ = [
    "ListedInvitation",
    "ListedPerson",
    "ListedRecovery",
    "PersonColumn",
    "PersonState",
    "find_recovery",
    "list_host_recoveries",
    "list_invitations",
    "list_people",
    "list_recoveries",
    "read_person",
]


def list_people(
    tx: Transaction, visitor: Visitor, listing: Listing[PersonColumn]
) -> tuple[list[ListedPerson], int]:
    """Return one page of the people of the visitor's organisation, and how many roles it has."""
    if visitor.org_ref is None or visitor.org_kind is None:
        return [], 0
    return people.list_people(tx, visitor.org_ref, listing, roles=ROLES_OF[visitor.org_kind])


def read_person(tx: Transaction, visitor: Visitor, membership_ref: int) -> ListedPerson:
    """Return one role of somebody of the visitor's organisation.

    Raises:
        NotFound: nobody there has it.
    """
    if visitor.org_ref is None or visitor.org_kind is None:
        raise NotFound("you act for yourself: you have no colleagues")
    found, _ = people.list_people(
        tx,
        visitor.org_ref,
        Listing(sort="name"),
        roles=ROLES_OF[visitor.org_kind],
        membership_ref=membership_ref,
    )
    if not found:
        raise NotFound("no such person in your organisation")
    return found[0]


def list_invitations(tx: Transaction, visitor: Visitor) -> list[ListedInvitation]:
    """Return the invitations of the visitor's organisation that wait, the newest first."""
    return [] if visitor.org_ref is None else people.list_invitations(tx, visitor.org_ref)


def list_recoveries(tx: Transaction, visitor: Visitor) -> list[ListedRecovery]:
    """Return the requests that wait: of the visitor's organisation; for the host, of everybody."""
    if visitor.org_ref is None:
        return []
    return people.list_recoveries(tx, None if visitor.is_host else visitor.org_ref)


def list_host_recoveries(tx: Transaction) -> list[ListedRecovery]:
    """Return the requests that wait at the host operator, for the command line."""
    host = organisations.find_host(tx)
    return [] if host is None else people.list_recoveries(tx, host.org_ref)


def find_recovery(tx: Transaction, visitor: Visitor, request_ref: int) -> ListedRecovery:
    """Return one request that waits.

    Raises:
        NotFound: none of those the visitor sees.
    """
    for request in list_recoveries(tx, visitor):
        if request.request_ref == request_ref:
            return request
    raise NotFound("no such request in your organisation")
