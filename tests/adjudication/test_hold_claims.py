"""Claims wait for whoever has a reason to look at them, and for nobody else."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from tests.adjudication.practice import Mill

from rempart.accounts.roles import Role
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.workflows.claims.hold_claims import (
    HoldDecision,
    decide_hold,
    end_watch,
    hold_claim,
    list_holds,
    watch_establishment,
)

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def make_asker(role: Role = Role.INSURER_MANAGER, *, insurer: int | None = 1):
    """Somebody of an insurer or, without one, of the host."""
    visitor = SimpleNamespace(
        role=role, actor_ref=7, insurer_id=insurer, is_host=insurer is None, stepped_up_at=NOW
    )
    return SimpleNamespace(visitor=visitor, now=NOW)


HOST = make_asker(Role.OPERATOR_SECURITY, insurer=None)


@pytest.fixture
def act(mill: Mill):
    """Runs a workflow; who sees what is the database's to say, and tested with its policies."""

    def run(workflow, *arguments, **named):
        with mill.database.transaction("owner") as tx:
            return workflow(tx, *arguments, **named)

    return run


def decide(act, mill: Mill, decision: str, asker=None) -> None:
    for hold in act(list_holds, asker or make_asker())[1]:
        done = HoldDecision(hold_ref=hold.hold_ref, decision=decision, why="vu", at=NOW)
        act(decide_hold, asker or make_asker(), done)


@pytest.mark.parametrize(
    ("decision", "state", "dues"), [("release", "adjudicated", 900), ("reject", "rejected", 0)]
)
def test_a_watched_place_s_claims_wait_until_somebody_decides(mill, act, decision, state, dues):
    act(watch_establishment, HOST, establishment_ref=mill.place, reason="doute")
    claim = mill.bill(mill.add_member())
    assert mill.share().held == 1
    assert (mill.state(claim), mill.rules(claim)) == ("held", ["claim_stopped"])
    assert mill.share().claims == 0
    decide(act, mill, decision, HOST)
    assert mill.share().claims == 1
    assert mill.state(claim) == state
    assert mill.dues() == dues
    assert mill.share().claims == 0


def test_a_watch_that_ends_lets_its_claims_go(mill, act):
    watch = act(watch_establishment, make_asker(), establishment_ref=mill.place, reason="revue")
    claim = mill.bill(mill.add_member())
    mill.share()
    act(end_watch, make_asker(), watch)
    mill.share()
    assert mill.amc(claim) == 900
    with pytest.raises(NotFound):
        act(end_watch, make_asker(), watch)


def test_an_insurer_s_watch_is_for_its_members_only(mill, act):
    act(watch_establishment, make_asker(insurer=2), establishment_ref=mill.place, reason="revue")
    mill.bill(mill.add_member())
    assert mill.share().adjudicated == 1


def test_one_claim_is_held_before_its_turn_and_decided_once(mill, act):
    claim = mill.bill(mill.add_member())
    act(hold_claim, make_asker(), claim, "revue")
    with pytest.raises(Conflict):
        act(hold_claim, make_asker(), claim, "revue")
    assert mill.share().held == 1
    decide(act, mill, "release")
    mill.share()
    assert mill.amc(claim) == 900
    with pytest.raises(NotFound):
        act(hold_claim, make_asker(), claim, "revue")


def test_a_claim_two_hold_waits_for_both(mill, act):
    act(watch_establishment, HOST, establishment_ref=mill.place, reason="doute")
    act(watch_establishment, make_asker(), establishment_ref=mill.place, reason="revue")
    claim = mill.bill(mill.add_member())
    mill.share()
    first, second = act(list_holds, HOST)[1]
    for hold, left in ((first, 0), (second, 1)):
        done = HoldDecision(hold_ref=hold.hold_ref, decision="release", why="vu", at=NOW)
        act(decide_hold, HOST, done)
        assert mill.share().claims == left
    assert mill.amc(claim) == 900


def test_a_held_claim_may_be_taken_back(mill, act):
    act(watch_establishment, HOST, establishment_ref=mill.place, reason="doute")
    claim = mill.bill(mill.add_member())
    mill.share()
    second = mill.bill(mill.add_member(), replaces=claim)
    mill.share()
    assert [mill.state(one) for one in (claim, second)] == ["cancelled", "held"]
    # Nobody is asked any more about what was taken back.
    assert [hold.claim_ref for hold in act(list_holds, HOST)[1]] == [second]


def test_a_record_that_contradicts_itself_waits_for_somebody(mill):
    person = mill.add_member()
    mill.run("UPDATE rights.coverage SET terms_id = '{404}' WHERE person_ref = %s", person)
    claim, other = mill.bill(person), mill.bill(mill.add_member())
    mill.share()
    assert mill.state(claim) == "held"
    assert mill.amc(other) == 900


def test_who_bills_holds_nothing(mill, act):
    with pytest.raises(NotAllowed):
        act(watch_establishment, make_asker(Role.HOLDER), establishment_ref=1, reason="x")


def test_claims_that_wait_for_a_second_decision_keep_nobody_else_waiting(mill, act):
    for asker in (HOST, make_asker()):
        act(watch_establishment, asker, establishment_ref=mill.place, reason="doute")
    held = [mill.bill(mill.add_member()) for _ in range(2)]
    assert mill.share().held == 2
    for hold in act(list_holds, HOST)[1]:
        if hold.insurer_id == 0:
            done = HoldDecision(hold_ref=hold.hold_ref, decision="release", why="vu", at=NOW)
            act(decide_hold, HOST, done)
    other = mill.bill(mill.add_member(), place=mill.add_place())
    assert mill.share(size=2).adjudicated == 1
    assert [mill.state(one) for one in (*held, other)] == ["held", "held", "adjudicated"]


@pytest.mark.parametrize("refused", [False, True])
def test_of_the_same_care_held_twice_one_is_paid(mill, act, refused):
    watch = act(watch_establishment, HOST, establishment_ref=mill.place, reason="doute")
    person = mill.add_member()
    first, second = mill.bill(person), mill.bill(person)
    assert mill.share().held == 2
    if refused:
        [hold] = [one for one in act(list_holds, HOST)[1] if one.claim_ref == first]
        done = HoldDecision(hold_ref=hold.hold_ref, decision="reject", why="vu", at=NOW)
        act(decide_hold, HOST, done)
    act(end_watch, HOST, watch)
    mill.share()
    states = ["rejected", "adjudicated"] if refused else ["adjudicated", "rejected"]
    assert [mill.state(one) for one in (first, second)] == states
    assert mill.dues() == 900


def test_the_first_of_two_that_are_held_is_paid_though_the_second_still_is(mill, act):
    act(watch_establishment, HOST, establishment_ref=mill.place, reason="doute")
    person = mill.add_member()
    first, second = mill.bill(person), mill.bill(person)
    mill.share()
    for claim, state in ((first, "adjudicated"), (second, "rejected")):
        [hold] = [one for one in act(list_holds, HOST)[1] if one.claim_ref == claim]
        done = HoldDecision(hold_ref=hold.hold_ref, decision="release", why="vu", at=NOW)
        act(decide_hold, HOST, done)
        mill.share()
        assert mill.state(claim) == state
    assert mill.dues() == 900
