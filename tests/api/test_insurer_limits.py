"""Limits of an insurer at the door: stricter than the operator's, and never an oracle."""

import secrets

import pytest
from tests.api.claiming import make_card_claim
from tests.api.test_claims_told import read, send
from tests.api.test_presence import ask, see, set_policy
from tests.api.world import COVERED, ENDED, INSURER_ID, STRANGER, card_body, typed_body


def set_limit(world, *, required=False, typed=None, waits="0 s"):
    """Set the limits of the world's insurer, as of now or later."""
    with world.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.insurer_limit (limit_ref, insurer_id, required, known_faces,"
            " typed_persons_per_day, files_per_day, reason, set_by, active_from)"
            " VALUES (%s, %s, %s, true, %s, 300, 'essai', 1, clock_timestamp() + %s::interval)",
            (secrets.randbits(62), INSURER_ID, required, typed, waits),
        )


def name_another_insurer(body):
    return {**body, "identifiers": {**body["identifiers"], "amc_number": "9900000002"}}


def test_an_insurer_that_wants_presence_gets_it_for_members_and_strangers_alike(
    open_gateway, world
):
    set_limit(world, required=True)
    with open_gateway() as gateway:
        refused = ask(gateway, typed_body(COVERED))
        assert (refused.status_code, refused.json()["code"]) == (403, "presence_required")
        others = {see(ask(gateway, typed_body(person))) for person in (STRANGER, ENDED)}
        assert others == {see(refused)}
        assert ask(gateway, name_another_insurer(typed_body(COVERED))).status_code == 200
        # Whoever shows the card is served, and is a known face from then on.
        assert ask(gateway, card_body(COVERED)).status_code == 200
        assert ask(gateway, typed_body(COVERED)).status_code == 200


def test_an_insurers_allowance_counts_what_names_it_and_the_operators_counts_besides(
    open_gateway, world
):
    set_limit(world, typed=1)
    set_policy(world, typed=2)
    with open_gateway() as gateway:
        assert ask(gateway, typed_body(STRANGER)).status_code == 200
        spent = ask(gateway, typed_body(COVERED))
        assert (spent.status_code, spent.json()["code"]) == (429, "typed_allowance_spent")
        assert ask(gateway, typed_body(STRANGER)).status_code == 200, "the same one again"
        # Refused by the insurer's bound, it is taken off the account's all the same.
        assert ask(gateway, name_another_insurer(typed_body(ENDED))).status_code == 429


@pytest.mark.parametrize("later", [{"waits": "1 h", "required": True}, {"required": False}])
def test_mutation_limits_that_have_not_begun_or_bound_nothing_let_everybody_pass(
    open_gateway, world, later
):
    set_limit(world, **later)
    with open_gateway() as gateway:
        assert ask(gateway, typed_body(COVERED)).status_code == 200


def test_the_operators_limits_hold_besides(open_gateway, world):
    set_limit(world, typed=1_000)
    set_policy(world, required=True)
    with open_gateway() as gateway:
        assert ask(gateway, typed_body(COVERED)).json()["code"] == "presence_required"


def test_results_of_claims_without_a_card_wait_alike_for_members_and_strangers(open_gateway, world):
    set_limit(world, required=True)
    with open_gateway(guard="on") as gateway:
        claims = [send(gateway, world, one, f"F-{n}") for n, one in enumerate((COVERED, STRANGER))]
        assert [read(gateway, claim)["state"] for claim in claims] == ["received", "received"]
        shown = send(gateway, world, COVERED, "F-9", make=make_card_claim)
        assert read(gateway, shown)["amc_cents"] == 900, "the card was shown"


def test_mutation_a_claim_that_forgot_whom_it_named_would_tell_strangers_apart(open_gateway, world):
    set_limit(world, required=True)
    with open_gateway(guard="on") as gateway:
        claims = [send(gateway, world, one, f"F-{n}") for n, one in enumerate((COVERED, STRANGER))]
        with world.database.transaction("owner") as tx:
            assert tx.execute("SELECT DISTINCT named_insurer FROM claims.claim").fetchall() == [
                (INSURER_ID,)
            ]
            tx.execute("UPDATE claims.claim SET named_insurer = 0 WHERE person_ref = 0")
        states = [read(gateway, claim)["state"] for claim in claims]
        assert states == ["received", "rejected"]
