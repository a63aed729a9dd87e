"""What the gateway answers while rights are cut: the same to everybody, and what still works."""

import secrets
import time

import pytest
from tests.api.reading import PATH
from tests.api.world import (
    AMC,
    COVERED,
    ENDED,
    INSURER_ID,
    STRANGER,
    card_body,
    typed_body,
)

WITHIN_S = 60


def cut(world, scope, *, ends_in="NULL"):
    insurer = (INSURER_ID, "Mutuelle du Test") if scope == "insurer" else (None, None)
    approved = 2 if scope == "rights" else None
    with world.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO rights.cut (cut_ref, scope, insurer_id, insurer_name, reason, asked_by,"
            " approved_by, starts_at, review_at, ends_at) VALUES (%s, %s, %s, %s, 'incident', 1,"
            f" %s, clock_timestamp(), now() + interval '1 day', {ends_in})",
            (secrets.randbits(62), scope, *insurer, approved),
        )


def restore(world):
    with world.database.transaction("owner") as tx:
        tx.execute("DELETE FROM rights.cut")


def ask_until(gateway, body, status):
    """Ask until the gateway has read what is cut: every second."""
    give_up = time.monotonic() + WITHIN_S
    while (reply := gateway.post(PATH, json=body)).status_code != status:
        assert time.monotonic() < give_up, reply.text
        time.sleep(0.05)
    return reply


def count_entries(world):
    with world.database.transaction("auditor") as tx:
        return tx.execute("SELECT count(*) FROM ledger.entry").fetchone()[0]


def test_rights_that_are_cut_say_what_still_works_since_when_and_when_to_come_back(gateway, world):
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 200
    cut(world, "rights")
    reply = ask_until(gateway, typed_body(COVERED), 503)
    problem = reply.json()
    assert (problem["code"], reply.headers["retry-after"]) == ("rights_cut", "300")
    assert problem["cut"]["scope"] == "rights"
    assert problem["cut"]["reason"] == "incident"
    assert problem["cut"]["until"] is None
    assert problem["cut"]["since"].endswith("Z")
    assert {"offline_card", "claims", "payments"} <= set(problem["cut"]["still_works"])
    restore(world)
    ask_until(gateway, typed_body(COVERED), 200)


@pytest.mark.parametrize("scope", ["rights", "gateway", "insurer"])
def test_a_refusal_by_cut_is_the_same_bytes_for_a_member_and_for_nobody(gateway, world, scope):
    cut(world, scope)
    ask_until(gateway, typed_body(COVERED), 503)
    before = count_entries(world)
    seen = set()
    for person in (COVERED, ENDED, STRANGER):
        reply = gateway.post(PATH, json=typed_body(person))
        headers = {
            k: v for k, v in reply.headers.items() if k not in ("dpop-nonce", "rempart-checkpoint")
        }
        seen.add((reply.status_code, tuple(sorted(headers.items())), reply.content))
    assert len(seen) == 1
    assert count_entries(world) == before, "nothing was looked up, nothing was told"


def test_an_insurer_that_is_cut_stops_its_own_members_only(gateway, world):
    cut(world, "insurer")
    ask_until(gateway, typed_body(COVERED), 503)
    elsewhere = typed_body(STRANGER)
    elsewhere["identifiers"] |= {"amc_number": "9900000002"}
    assert gateway.post(PATH, json=elsewhere).status_code == 200
    assert AMC not in gateway.post(PATH, json=typed_body(COVERED)).text


def test_a_card_of_an_insurer_that_is_cut_is_refused_and_written(gateway, world):
    cut(world, "insurer")
    ask_until(gateway, typed_body(COVERED), 503)
    reply = gateway.post(PATH, json=card_body(COVERED))
    assert (reply.status_code, reply.json()["code"]) == (503, "rights_cut")
    with world.database.transaction("auditor") as tx:
        entries = tx.execute(
            "SELECT person_ref, outcome FROM ledger.entry WHERE kind = 1 AND mode = 1"
        ).fetchall()
    assert entries == [(COVERED.person_ref, 6)]
    unknown = gateway.post(PATH, json=card_body(STRANGER))
    assert unknown.json()["answer"]["reason"] == "unknown_card"


def test_the_portal_alone_may_be_cut_and_software_goes_on(gateway, world):
    cut(world, "portal")
    time.sleep(1.5)
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 200


def test_a_cut_that_ends_by_itself_ends(gateway, world):
    cut(world, "gateway", ends_in="clock_timestamp() + interval '3 seconds'")
    ask_until(gateway, typed_body(COVERED), 503)
    ask_until(gateway, typed_body(COVERED), 200)
