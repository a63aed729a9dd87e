"""Two people count as two when both were there for long and neither let the other in."""

from datetime import UTC, datetime, timedelta

import pytest

from rempart.accounts.second_person import Entitled, Invited, are_apart
from rempart.tariffs.parameters import value_on

ASKED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
ONE, OTHER, THIRD = 1, 2, 3


def stands(actor_ref, since=ASKED - 30 * DAY, until=None, **codes):
    invited = tuple(Invited(by_ref=int(by.removeprefix("by_")), at=at) for by, at in codes.items())
    return Entitled(actor_ref=actor_ref, since=since, until=until, invited=invited)


# What a thief with a puppet may arrange; none of it makes two.
PUPPETS = {
    "the approver came a minute ago": [stands(ONE), stands(OTHER, since=ASKED - DAY / 1440)],
    "the approver is a moment short": [stands(ONE), stands(OTHER, since=ASKED - 30 * DAY + TICK)],
    "the asker came a minute ago": [stands(ONE, since=ASKED - DAY / 1440), stands(OTHER)],
    "the approver's account was opened again by the asker": [
        stands(ONE),
        stands(OTHER, by_1=ASKED - DAY),
    ],
    "and that after the request": [stands(ONE), stands(OTHER, by_1=ASKED + DAY)],
    "the asker's account was opened again by the approver": [
        stands(ONE, by_2=ASKED - DAY),
        stands(OTHER),
    ],
    "the approver left": [stands(ONE), stands(OTHER, until=ASKED)],
    "the asker left": [stands(ONE, until=ASKED), stands(OTHER)],
    "nobody knows the approver": [stands(ONE)],
    "nobody knows the asker": [stands(OTHER)],
    "one person in two roles": [stands(OTHER), stands(OTHER)],
}


def refuse_puppets(decide):
    for story, people in PUPPETS.items():
        assert not decide(people, ONE, OTHER, asked_at=ASKED, at=ASKED + DAY), story
    assert not decide([stands(ONE), stands(ONE)], ONE, ONE, asked_at=ASKED, at=ASKED)


def test_a_puppet_is_no_second_person():
    refuse_puppets(are_apart)


def approves_alone(people, one, other, *, asked_at, at):
    """Look only at who approves, as the rule once did."""
    mine = [p for p in people if p.actor_ref == other and p.has_role(at)]
    return one != other and any(p.since <= asked_at for p in mine)


def forgets_codes(people, one, other, *, asked_at, at):
    """Look only at since when both are there."""
    bare = [Entitled(actor_ref=p.actor_ref, since=p.since, until=p.until) for p in people]
    return are_apart(bare, one, other, asked_at=asked_at, at=at)


@pytest.mark.parametrize("broken", [approves_alone, forgets_codes])
def test_mutation_a_rule_that_looks_at_half_lets_a_puppet_pass(broken):
    with pytest.raises(AssertionError):
        refuse_puppets(broken)


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([stands(ONE), stands(OTHER)], id="exactly a month"),
        pytest.param([stands(ONE, by_3=ASKED), stands(OTHER, by_3=ASKED)], id="by somebody else"),
        pytest.param([stands(ONE), stands(OTHER, by_1=ASKED - 30 * DAY)], id="long ago"),
        pytest.param([stands(ONE), stands(OTHER), stands(OTHER, since=ASKED)], id="a second role"),
    ],
)
def test_two_people_who_were_there_are_two(people):
    assert are_apart(people, ONE, OTHER, asked_at=ASKED, at=ASKED)
    assert are_apart(people, OTHER, ONE, asked_at=ASKED, at=ASKED)


def test_the_database_counts_as_many_days():
    """storage/schema/0008_second_person.sql holds the pages to thirty days."""
    assert value_on("second_person_days", ASKED.date()) == 30
    assert value_on("bank_details_lost_role_days", ASKED.date()) == 30
