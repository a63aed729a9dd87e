"""In which role, and where, a professional may act."""

import pytest

from rempart.accounts.roles import Role
from rempart.accounts.situations import (
    Holder,
    MembershipFacts,
    Offer,
    Place,
    decide_offers,
    describe_offers,
)

BOSS, OTHER = 2, 3
PHARMACY, HOSPITAL, VILLAGE = 10, 20, 30


def place(org_ref=PHARMACY, *, own=True, registered=False, holders=(), held=None):
    return Place(
        org_ref=org_ref,
        name=f"place {org_ref}",
        self_employed=own,
        registered=registered,
        is_held=bool(holders) if held is None else held,
        holders=tuple(Holder(ref, f"holder {ref}") for ref in holders),
    )


def member(role, org_ref=PHARMACY, *, ref=100, accountable=None):
    return MembershipFacts(
        membership_ref=ref,
        org_ref=org_ref,
        org_name=f"place {org_ref}",
        role=role,
        accountable_ref=accountable,
        accountable_name="Boss" if accountable else "",
    )


def roles(offers):
    return [(one.org_ref, one.role, one.membership_ref, one.accountable_ref) for one in offers]


def test_a_practice_of_ones_own_is_held():
    assert roles(decide_offers([place()], [])) == [(PHARMACY, Role.HOLDER, None, None)]


def test_a_salaried_professional_registered_there_holds_it():
    offers = decide_offers([place(own=False, registered=True)], [])
    assert roles(offers) == [(PHARMACY, Role.HOLDER, None, None)]


def test_a_salaried_professional_assists_the_first_holder():
    offers = decide_offers([place(HOSPITAL, own=False, holders=(BOSS, OTHER))], [])
    assert roles(offers) == [(HOSPITAL, Role.ASSISTANT, None, BOSS)]
    assert offers[0].accountable_name == f"holder {BOSS}"


@pytest.mark.parametrize("held", [False, True])
def test_a_salaried_place_where_nobody_else_answers_is_not_offered(held):
    assert decide_offers([place(own=False, held=held)], []) == []


def test_a_self_employed_colleague_in_somebodys_clinic_does_not_hold_it():
    offers = decide_offers([place(HOSPITAL, holders=(BOSS,))], [])
    assert roles(offers) == [(HOSPITAL, Role.ASSISTANT, None, BOSS)]


def test_a_place_whose_holder_is_suspended_is_not_free_to_be_taken():
    assert decide_offers([place(held=True)], []) == []


def test_the_register_makes_a_second_holder():
    offers = decide_offers([place(registered=True, holders=(BOSS,))], [])
    assert roles(offers) == [(PHARMACY, Role.HOLDER, None, None)]


def test_a_membership_decides_the_role_at_a_named_place():
    known = [member(Role.ASSISTANT, accountable=BOSS)]
    assert roles(decide_offers([place()], known)) == [(PHARMACY, Role.ASSISTANT, 100, BOSS)]


def test_several_roles_at_one_place_are_offered_the_holder_first():
    known = [member(Role.ESTABLISHMENT_MANAGER, ref=2), member(Role.HOLDER, ref=1)]
    offers = decide_offers([place()], known)
    assert [one.role for one in offers] == [Role.HOLDER, Role.ESTABLISHMENT_MANAGER]


def test_a_locum_acts_elsewhere_under_who_they_replace():
    offers = decide_offers([place()], [member(Role.LOCUM, VILLAGE, accountable=BOSS)])
    assert roles(offers) == [
        (PHARMACY, Role.HOLDER, None, None),
        (VILLAGE, Role.LOCUM, 100, BOSS),
    ]
    assert offers[1].accountable_name == "Boss"


@pytest.mark.parametrize("role", [Role.LOCUM, Role.ASSISTANT])
def test_nobody_works_under_nobody(role):
    assert decide_offers([], [member(role, VILLAGE)]) == []


def test_a_holder_the_directory_no_longer_names_is_not_offered():
    assert decide_offers([], [member(Role.HOLDER, VILLAGE)]) == []


def test_roles_out_of_care_are_not_offered():
    assert decide_offers([], [member(Role.OPERATOR_ADMIN, 99)]) == []


def test_places_elsewhere_come_by_name():
    known = [
        member(Role.LOCUM, 32, ref=5, accountable=BOSS),
        member(Role.LOCUM, 31, ref=6, accountable=BOSS),
    ]
    assert [one.org_ref for one in decide_offers([], known)] == [31, 32]


def test_each_offer_has_a_name_of_its_own():
    offers = decide_offers(
        [place(), place(HOSPITAL)], [member(Role.LOCUM, VILLAGE, accountable=BOSS)]
    )
    named = describe_offers(offers)
    assert len(named) == 3
    assert all(isinstance(one, Offer) for one in named.values())
