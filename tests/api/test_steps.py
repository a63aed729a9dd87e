"""Measures at the door: each step, on each target, with the same bytes whoever is asked about."""

import secrets
import time

import pytest
from tests.api.reading import PATH
from tests.api.test_offline import bring, give_card, make_report
from tests.api.test_presence import see
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ENDED,
    ESTABLISHMENT_REF,
    STRANGER,
    card_body,
    typed_body,
)

from rempart.accounts.containment import SLOW_EVERY_S, MeasureStep
from rempart.gateway import offline_routes
from rempart.gateway.offline_routes import BATCHES_PATH, ENGAGEMENTS_PATH
from rempart.workflows.rights import posture

WITHIN_S = 60
PROFESSION = "pharmacien"
CODES = {
    "ask_again": (401, "sign_in_again"),
    "slow": (429, "slowed_down"),
    "no_typed": (403, "presence_required"),
    "presence_only": (403, "presence_required"),
    "suspend": (403, "checks_suspended"),
}


def hold(world, step, target="account", ref=ACCOUNT_REF, *, ends="NULL"):
    """Hold somebody, as two people do where two are needed; return the measure."""
    measure_ref = secrets.randbits(62)
    of_many = target in ("software", "profession")
    with world.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO guard.measure (measure_ref, step, target, target_ref, profession, reason,"
            " asked_by, asked_at, review_at, ends_at, starts_at) VALUES (%s, %s, %s, %s, %s,"
            f" 'precaution', 1, clock_timestamp(), now() + interval '1 day', {ends},"
            " CASE WHEN %s THEN NULL ELSE clock_timestamp() END)",
            (
                measure_ref,
                step,
                target,
                None if target == "profession" else ref,
                ref if target == "profession" else None,
                of_many,
            ),
        )
        tx.execute(
            "UPDATE guard.measure SET approved_by = 2, starts_at = clock_timestamp()"
            " WHERE measure_ref = %s AND starts_at IS NULL",
            (measure_ref,),
        )
    return measure_ref


def let_go(world):
    with world.database.transaction("owner") as tx:
        tx.execute("DELETE FROM guard.measure")


def ask_until(gateway, body, status):
    """Ask until the gateway has read what holds whom: every second."""
    give_up = time.monotonic() + WITHIN_S
    while (reply := gateway.post(PATH, json=body)).status_code != status:
        assert time.monotonic() < give_up, reply.text
        time.sleep(0.05)
    return reply


def count_entries(world):
    with world.database.transaction("auditor") as tx:
        return tx.execute("SELECT count(*) FROM ledger.entry").fetchone()[0]


def find_target(world, target):
    return {
        "account": ACCOUNT_REF,
        "establishment": ESTABLISHMENT_REF,
        "software": world.client_ref,
        "profession": PROFESSION,
    }[target]


@pytest.mark.parametrize(
    ("step", "target"),
    [
        ("suspend", "account"),
        ("presence_only", "establishment"),
        ("suspend", "software"),
        ("presence_only", "profession"),
        ("suspend", "profession"),
    ],
)
def test_a_step_holds_each_target_and_lets_go(gateway, world, step, target):
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 200
    hold(world, step, target, find_target(world, target))
    reply = ask_until(gateway, typed_body(COVERED), CODES[step][0])
    assert reply.json()["code"] == CODES[step][1]
    let_go(world)
    ask_until(gateway, typed_body(COVERED), 200)


def test_others_are_not_held(gateway, world):
    for target in ("account", "establishment", "software"):
        hold(world, "suspend", target, 424242)
    hold(world, "suspend", "profession", "opticien")
    time.sleep(1.5)
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 200


@pytest.mark.parametrize("step", ["suspend", "presence_only", "ask_again"])
def test_a_refusal_by_a_step_is_the_same_bytes_for_a_member_and_for_nobody(gateway, world, step):
    gateway.post(PATH, json=typed_body(COVERED))
    hold(world, step)
    ask_until(gateway, typed_body(ENDED), CODES[step][0])
    before = count_entries(world)
    seen = {see(gateway.post(PATH, json=typed_body(one))) for one in (COVERED, ENDED, STRANGER)}
    assert len(seen) == 1
    assert count_entries(world) == before, "nothing was looked up, nothing was told"


def test_an_account_asked_again_is_let_in_by_a_new_token_and_not_by_the_old_one(
    gateway, world, clock
):
    old = world.make_auth(now=lambda: clock.now_ms() / 1000)
    gateway.auth = old
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200
    time.sleep(1.1)  # tokens are dated by the second
    hold(world, "ask_again")
    reply = ask_until(gateway, card_body(COVERED), 401)
    assert reply.json()["code"] == "sign_in_again"
    assert 'error="sign_in_again"' in reply.headers["www-authenticate"]
    time.sleep(1.1)
    gateway.auth = world.make_auth(now=lambda: clock.now_ms() / 1000)
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200
    gateway.auth = old
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 401


def test_an_account_that_is_slowed_asks_once_in_ten_seconds(gateway, world, clock):
    hold(world, "slow")
    ask_until(gateway, card_body(COVERED), 429)
    clock.put_forward(seconds=SLOW_EVERY_S)
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200
    reply = gateway.post(PATH, json=card_body(COVERED))
    assert (reply.status_code, reply.json()["code"]) == (429, "slowed_down")
    assert 1 <= int(reply.headers["retry-after"]) <= SLOW_EVERY_S
    clock.put_forward(seconds=SLOW_EVERY_S)
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200


def test_no_typed_lets_cards_and_known_faces_pass_and_presence_only_cards_alone(gateway, world):
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200
    hold(world, "no_typed")
    ask_until(gateway, typed_body(ENDED), 403)
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 200, "seen with its card"
    assert gateway.post(PATH, json=card_body(ENDED)).status_code == 200
    hold(world, "presence_only")
    ask_until(gateway, typed_body(COVERED), 403)
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200


def test_a_step_and_a_policy_bound_together_by_the_strictest(gateway, world):
    """A policy of one's own that leaves all open does not undo a step."""
    with world.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO rights.presence_policy (policy_ref, account_ref, required,"
            " typed_persons_per_day) VALUES (1, %s, false, 1000)",
            (ACCOUNT_REF,),
        )
    hold(world, "presence_only", "profession", PROFESSION)
    ask_until(gateway, typed_body(COVERED), 403)


def test_an_exercise_ends_by_itself(gateway, world):
    hold(world, "suspend", ends="clock_timestamp() + interval '3 seconds'")
    ask_until(gateway, card_body(COVERED), 403)
    ask_until(gateway, card_body(COVERED), 200)


def test_who_is_suspended_is_refused_before_the_body_is_read(gateway, world):
    hold(world, "suspend")
    ask_until(gateway, card_body(COVERED), 403)
    reply = gateway.post(PATH, content=b"{" * 100_000, headers={"Content-Type": "application/json"})
    assert reply.json()["code"] == "checks_suspended"


@pytest.mark.parametrize("step", MeasureStep)
def test_under_each_step_what_was_promised_offline_is_settled(gateway, world, clock, step):
    """Claims and payments rest on these numbers: no step stops them."""
    lent = gateway.post(BATCHES_PATH).json()
    code, _ = give_card(world, COVERED, 1)
    time.sleep(1.1)
    for target in ("account", "establishment", "software", "profession"):
        hold(world, step, target, find_target(world, target))
    time.sleep(1.5)
    if step is MeasureStep.SLOW:
        gateway.post(PATH, json=card_body(COVERED))
    [result] = bring(gateway, make_report(lent["numbers"][0], code, clock))
    assert result["accepted"]


def test_mutation_a_step_on_the_settling_route_would_be_noticed(gateway, world, clock, monkeypatch):
    lent = gateway.post(BATCHES_PATH).json()
    monkeypatch.setattr(offline_routes, "BATCHES_PATH", ENGAGEMENTS_PATH)
    code, _ = give_card(world, COVERED, 1)
    hold(world, "suspend")
    ask_until(gateway, card_body(COVERED), 403)
    with pytest.raises(AssertionError, match="checks_suspended"):
        bring(gateway, make_report(lent["numbers"][0], code, clock))


@pytest.mark.parametrize(("step", "status"), [("suspend", 403), ("ask_again", 401), ("slow", 200)])
def test_new_numbers_are_lent_to_nobody_who_is_suspended_or_asked_again(
    gateway, world, step, status
):
    gateway.post(PATH, json=card_body(COVERED))
    time.sleep(1.1)
    hold(world, step)
    time.sleep(1.5)
    assert gateway.post(BATCHES_PATH).status_code == status


def test_mutation_a_step_that_bounds_nothing_is_noticed(gateway, world, monkeypatch):
    monkeypatch.setattr(posture, "BOUNDS", {})
    hold(world, "presence_only")
    time.sleep(1.5)
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 200


def test_a_browser_session_is_let_in_by_its_last_ceremony_and_not_by_a_new_token(
    gateway, world, clock
):
    """The portals exchange a session for tokens as often as they like."""
    with world.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO accounts.session (session_ref, token_digest, actor_ref, role, method,"
            " address, agent, idle_limit, expires_at, opened_at) VALUES (601, %s, %s, 'holder',"
            " 'psc', '', '', '30 min', clock_timestamp() + interval '4 h', now() - interval '1 h')",
            (bytes(32), ACCOUNT_REF),
        )
    bearer = world.bearer._replace(portal_session_ref=601)
    gateway.auth = world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer)
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200
    hold(world, "ask_again")
    ask_until(gateway, card_body(COVERED), 401)
    gateway.auth = world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer)
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 401
    with world.database.transaction("registrar") as tx:
        tx.execute("UPDATE accounts.session SET stepped_up_at = clock_timestamp()")
    # What was refused is not kept: nobody waits after a ceremony.
    assert gateway.post(PATH, json=card_body(COVERED)).status_code == 200
