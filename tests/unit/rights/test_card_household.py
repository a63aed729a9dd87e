"""Who is on which card: one for all, one per adult, one that somebody asked for; nobody is lost."""

from typing import Any

import pytest
from tests.card_samples import VALIDITY

from rempart.kernel.birth import BirthDate, BirthRank
from rempart.rights.card_household import (
    Covered,
    attach_separately,
    plan_cards,
    plan_own_card,
    split_parts,
)
from rempart.rights.coverage import Rate, Terms

HOSPITAL = {"HOSP": Rate(rate_bp=10_000)}


def make_covered(person_ref: int, quality: int = 1, **changes: Any) -> Covered:
    facts: dict[str, Any] = {
        "person_ref": person_ref,
        "quality": quality,
        "insured": "a",
        "birth_date": BirthDate("19800101" if quality != 3 else "20150101"),
        "birth_rank": BirthRank(1),
        "given_name": "Camille",
        "period": VALIDITY,
        "terms": Terms(convention_type="TP", csr="", responsible=True, domains=HOSPITAL),
    }
    return Covered(**facts | changes)


HOUSEHOLD = [
    make_covered(4, 3, insured="b"),
    make_covered(2, 2, insured="b"),
    make_covered(1, 1),
    make_covered(3, 3),
]


def list_refs(plans: list[Any]) -> list[tuple[int, ...]]:
    return [tuple(one.person_ref for one in plan.people) for plan in plans]


def test_without_attachments_one_card_has_everybody_the_insured_first():
    assert list_refs(plan_cards(HOUSEHOLD, {})) == [(1, 2, 3, 4)]


def test_separated_each_adult_has_their_own_and_the_children_of_their_insured():
    known = [(one.person_ref, one.quality, one.insured) for one in HOUSEHOLD]
    attached = attach_separately(known)
    assert list_refs(plan_cards(HOUSEHOLD, attached)) == [(1, 3), (2, 4)]


def test_shared_children_are_on_both_cards():
    attached = {1: [3, 4], 2: [3, 4]}
    assert list_refs(plan_cards(HOUSEHOLD, attached)) == [(1, 3, 4), (2, 3, 4)]


def test_a_newborn_nobody_attached_is_on_the_first_adults_card():
    plans = plan_cards([*HOUSEHOLD, make_covered(5, 3)], {1: [3], 2: [4]})
    assert list_refs(plans) == [(1, 3, 5), (2, 4)]


@pytest.mark.parametrize("attached", [{}, {1: [3], 2: [4]}, {2: []}, {99: [1]}, {1: [3, 4]}])
def test_nobody_is_lost_whoever_is_attached(attached: dict[int, list[int]]):
    on_cards = {ref for refs in list_refs(plan_cards(HOUSEHOLD, attached)) for ref in refs}
    assert on_cards == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("holder", "people"), [(1, (1, 3)), (2, (2, 4)), (3, (3,)), (4, (4,)), (9, None)]
)
def test_who_asks_for_a_card_of_their_own_sees_themselves_and_their_children(
    holder: int, people: tuple[int, ...] | None
):
    plan = plan_own_card(HOUSEHOLD, holder)
    assert (None if plan is None else list_refs([plan])[0]) == people


def test_more_people_than_a_card_holds_are_on_two():
    [plan] = plan_cards([make_covered(n, 3) for n in range(1, 18)], {})
    assert [len(part) for part in split_parts(plan)] == [15, 2]


def test_other_labels_take_another_card():
    other = Terms(convention_type="SP", csr="", responsible=True, domains=HOSPITAL)
    [plan] = plan_cards([make_covered(1), make_covered(2, 2, terms=other)], {})
    assert [len(part) for part in split_parts(plan)] == [1, 1]


def test_a_person_of_a_contract_does_not_print():
    assert repr(make_covered(1)) == "<Covered>"
