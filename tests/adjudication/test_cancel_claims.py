"""A claim that is taken back: what it made due, used and kept is undone, once."""

from datetime import date

import pytest
from tests.adjudication.practice import TODAY, Mill
from tests.adjudication.test_adjudicate_claims import domain_number

from rempart.workflows.claims.cancel_claim import carry_out_cancellations


def ask(mill: Mill, claim: int, place: int = 0) -> str | None:
    with mill.database.transaction("gateway") as tx:
        row = tx.execute(
            "SELECT claims.ask_cancel(%s, %s, 1, 'error')", (claim, place or mill.place)
        ).fetchone()
    return row[0]


def carry_out(mill: Mill) -> int:
    with mill.database.transaction("settler") as tx:
        return carry_out_cancellations(tx, today=TODAY)


@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("received", "cancelled"),
        ("adjudicated", "cancelled"),
        ("remitted", "undone"),
        ("paid", "undone"),
    ],
)
def test_a_claim_is_taken_back_from_where_it_is(mill: Mill, state: str, after: str):
    claim = mill.bill(mill.add_member())
    if state != "received":
        mill.share()
        mill.run("UPDATE claims.claim SET state = %s WHERE claim_ref = %s", state, claim)
    assert ask(mill, claim) == "asked"
    assert ask(mill, claim) == "asked_already"
    assert carry_out(mill) == 1
    assert carry_out(mill) == 0
    assert mill.state(claim) == after
    assert mill.dues() == 0
    assert mill.journal() == {}
    assert mill.fetch("SELECT count(*) FROM claims.use WHERE NOT undone") == [(0,)]
    assert ask(mill, claim) == "over"
    assert mill.share().claims == 0


def test_nobody_takes_back_another_s_claim_nor_learns_that_it_exists(mill: Mill):
    claim = mill.bill(mill.add_member())
    assert ask(mill, claim, mill.add_place()) is None
    assert ask(mill, 1) is None
    assert carry_out(mill) == 0


def test_a_claim_that_comes_too_late_to_be_taken_back_stays(mill: Mill):
    claim = mill.bill(0)
    ask(mill, claim)
    mill.share()
    assert carry_out(mill) == 1
    assert mill.state(claim) == "rejected"


def test_the_promise_of_a_claim_taken_back_serves_again(mill: Mill):
    person = mill.add_member()
    index = mill.promise(person, domain=domain_number("MEDG"))
    first = mill.bill(person, engagement_log=1, engagement_idx=index)
    mill.share()
    ask(mill, first)
    carry_out(mill)
    second = mill.bill(person, engagement_log=1, engagement_idx=index)
    mill.share()
    assert mill.rules(second) == []
    assert mill.amc(second) == 900


def test_a_claim_rectified_is_paid_once_at_its_new_amount(mill: Mill):
    person = mill.add_member()
    first = mill.bill(person, {"act": "PH7", "billed_cents": 3000, "base_cents": 3000})
    mill.share()
    mill.run("UPDATE claims.claim SET state = 'paid' WHERE claim_ref = %s", first)
    second = mill.bill(
        person, {"act": "PH7", "billed_cents": 2000, "base_cents": 2000}, replaces=first
    )
    mill.share()
    assert [mill.state(claim) for claim in (first, second)] == ["undone", "adjudicated"]
    assert mill.dues() == mill.amc(second) == mill.journal()["insurer"] == 700


def test_nobody_rectifies_another_s_claim(mill: Mill):
    person = mill.add_member()
    first = mill.bill(person)
    mill.share()
    mill.bill(person, {"care_on": date(2026, 3, 4)}, replaces=first, place=mill.add_place())
    mill.share()
    assert mill.state(first) == "adjudicated"


def test_a_claim_and_what_replaces_it_in_one_batch_are_one(mill: Mill):
    person = mill.add_member()
    first = mill.bill(person)
    second = mill.bill(person, {"billed_cents": 2900}, replaces=first)
    mill.share()
    assert [mill.state(claim) for claim in (first, second)] == ["cancelled", "adjudicated"]
