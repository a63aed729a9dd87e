"""Situations of exercise: in which role, and at which establishment, a professional may act today.

Pro Santé Connect names places; the accounts say which of them have a space here and who answers for
whom. Refuses a place nobody answers for, and a holder whom the national directory no longer names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rempart.accounts.roles import ROLES_OF, UNDER_SOMEBODY, Role


@dataclass(frozen=True, slots=True)
class Holder:
    """A professional who holds an establishment and may answer for somebody."""

    actor_ref: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An establishment that has a space here and that the provider named.

    Args:
        self_employed: Whether they practise there on their own account.
        registered: Whether our own register says it is where they work.
        is_held: Whether somebody else holds it, suspended or not.
        holders: Others who hold it and may answer for somebody, the first to come first.
        stopped: Whether the establishment gave them a role once and has suspended or ended it.
    """

    org_ref: int
    name: str
    self_employed: bool
    registered: bool
    is_held: bool = False
    holders: tuple[Holder, ...] = ()
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipFacts:
    """A membership in force today, of an establishment; nobody it rests on is suspended."""

    membership_ref: int
    org_ref: int
    org_name: str
    role: Role
    accountable_ref: int | None
    accountable_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One way in: a role at an establishment, and who answers for it."""

    org_ref: int
    org_name: str
    role: Role
    membership_ref: int | None
    accountable_ref: int | None
    accountable_name: str = ""


def decide_offers(places: Iterable[Place], memberships: Sequence[MembershipFacts]) -> list[Offer]:
    """Say in which roles a professional may act.

    Args:
        places: What the provider named, in its order, one per establishment.
        memberships: Every membership in force today, any order.

    Returns:
        The named places first, in their order, then places where they act under somebody else, by
        name. At a named place: each role a membership gives; else nothing, if they had one that is
        suspended or over; else holder, when our register says
        they work there, or when they are self-employed and nobody else holds it; else assistant of
        the first holder; else nothing. At a place not named: any role but holder.
    """
    by_org: dict[int, list[MembershipFacts]] = {}
    for membership in memberships:
        if membership.role in ROLES_OF["establishment"] and _is_answered_for(membership):
            by_org.setdefault(membership.org_ref, []).append(membership)
    offers: list[Offer] = []
    for place in places:
        known = by_org.pop(place.org_ref, [])
        offers += [_offer(one) for one in _sort(known)] or _offer_place(place)
    elsewhere = [one for given in by_org.values() for one in given if one.role is not Role.HOLDER]
    return offers + [_offer(one) for one in sorted(elsewhere, key=_by_name)]


def describe_offers(offers: Iterable[Offer]) -> Mapping[str, Offer]:
    """Name each offer for a form: the same offer always has the same name."""
    return {f"{one.org_ref}-{one.role}-{one.membership_ref or 0}": one for one in offers}


def _offer_place(place: Place) -> list[Offer]:
    # What the establishment says of a person comes before what a directory says of the place.
    if place.stopped:
        return []
    # A self-employed colleague in somebody's clinic does not hold the clinic: who holds it decides
    # where it is paid and who comes in.
    if place.registered or (place.self_employed and not place.is_held):
        role, answering = Role.HOLDER, None
    elif place.holders:
        role, answering = Role.ASSISTANT, place.holders[0]
    else:
        return []
    return [
        Offer(
            org_ref=place.org_ref,
            org_name=place.name,
            role=role,
            membership_ref=None,
            accountable_ref=answering.actor_ref if answering else None,
            accountable_name=answering.name if answering else "",
        )
    ]


def _offer(membership: MembershipFacts) -> Offer:
    return Offer(
        org_ref=membership.org_ref,
        org_name=membership.org_name,
        role=membership.role,
        membership_ref=membership.membership_ref,
        accountable_ref=membership.accountable_ref,
        accountable_name=membership.accountable_name,
    )


def _is_answered_for(membership: MembershipFacts) -> bool:
    return membership.role not in UNDER_SOMEBODY or membership.accountable_ref is not None


def _sort(memberships: Iterable[MembershipFacts]) -> list[MembershipFacts]:
    order = list(ROLES_OF["establishment"])
    return sorted(memberships, key=lambda one: order.index(one.role))


def _by_name(membership: MembershipFacts) -> tuple[str, int]:
    return membership.org_name, membership.membership_ref
