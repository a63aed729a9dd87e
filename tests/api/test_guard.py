"""The guard at the door: what a stolen account is answered, and what its owner still is."""

import pytest
from tests.api.reading import PATH
from tests.api.test_presence import count_answers, see
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ENDED,
    STRANGER,
    SUSPENDED,
    card_body,
    make_person,
    typed_body,
)

from rempart.storage.guard_habits import decode_habits


@pytest.fixture
def gateway(open_gateway):
    with open_gateway(guard="on") as client:
        yield client


def ask(gateway, body):
    return gateway.post(PATH, json=body)


def ask_many(gateway, count, first=910):
    """Type persons new to the account; return the status of each reply."""
    return [ask(gateway, typed_body(make_person(first + n))).status_code for n in range(count)]


def read_habits(world):
    with world.database.transaction("owner") as tx:
        [stored] = tx.execute(
            "SELECT habits FROM guard.account WHERE account_ref = %s", (ACCOUNT_REF,)
        ).fetchone()
    return decode_habits(stored)


def count(world, query):
    with world.database.transaction("owner") as tx:
        return tx.execute(query).fetchone()[0]


def test_a_robot_gets_a_handful_and_is_told_to_show_presence(gateway, world):
    replies = ask_many(gateway, 12)
    answered = replies.index(403)
    assert 0 < answered < 10
    assert set(replies[answered:]) == {403}
    refused = ask(gateway, typed_body(COVERED))
    assert refused.json()["code"] == "presence_needed"
    assert count_answers(world) == answered


def test_people_the_account_knows_and_cards_are_answered_whatever_was_spent(gateway):
    assert ask(gateway, typed_body(COVERED)).json()["answer"]["rights"] == "open"
    ask_many(gateway, 12)
    assert ask(gateway, typed_body(COVERED)).json()["answer"]["rights"] == "open"
    assert ask(gateway, card_body(SUSPENDED)).json()["answer"]["reason"] == "suspended"
    assert ask(gateway, typed_body(SUSPENDED)).status_code == 200, "their card made them known"


def test_a_refusal_is_the_same_whoever_it_is_about(gateway):
    ask_many(gateway, 12)
    seen = {see(ask(gateway, typed_body(p))) for p in (COVERED, ENDED, STRANGER, SUSPENDED)}
    assert len(seen) == 1


def test_a_refused_look_up_leaves_an_event_and_no_entry(gateway, world):
    ask_many(gateway, 40)
    kinds = "SELECT count(*) FROM guard.event WHERE kind = 'refused'"
    assert 15 <= count(world, kinds) <= 20, "the first twenty of a day in full"
    contained = "SELECT count(*) FROM guard.event WHERE kind = 'contained'"
    assert count(world, contained) == 1
    habits = read_habits(world)
    assert habits.today.refused > 20
    assert habits.step == 2
