"""Who may ask, and how often."""

import pytest
from tests.api.reading import PATH, read_entries
from tests.api.world import ACCOUNT_REF, COVERED, RPPS, typed_body

from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.workflows.create_client import create_client, mint_key, revoke_client


def ask(gateway, key=None):
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return gateway.post(PATH, json=typed_body(COVERED), headers=headers)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer rmp_",
        "Bearer rmp_" + "A" * 43,
        "Bearer  rmp_" + "A" * 43,
        "Basic cm1wOg==",
        "Bearer " + "x" * 5000,
        "bearer rmp_" + "é" * 43,
    ],
)
def test_without_a_good_key_nothing_is_answered(gateway, world, authorization):
    headers = {"Authorization": authorization.encode()}
    reply = gateway.post(PATH, json=typed_body(COVERED), headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "access_denied")
    assert reply.headers["www-authenticate"] == 'Bearer realm="rempart"'
    assert read_entries(world.database) == []


def test_without_any_key_nothing_is_answered(gateway):
    del gateway.headers["Authorization"]
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 401


def test_a_bad_key_is_refused_before_the_body_is_looked_at(gateway):
    headers = {"Authorization": "Bearer nothing"}
    assert gateway.post(PATH, json={"x": 1}, headers=headers).status_code == 401


def test_a_revoked_key_is_dead_within_five_seconds(gateway, world, clock):
    assert ask(gateway).status_code == 200
    with world.database.transaction("registrar") as tx:
        revoke_client(tx, world.client_ref)
    clock.put_forward(seconds=5)
    assert ask(gateway).status_code == 401


def test_a_new_key_works_at_once_even_if_it_was_tried_before_it_existed(gateway, world, clock):
    with world.database.transaction("registrar") as tx:
        key = create_client(tx, rpps=RPPS, label="Second").key
        tx.rollback()
    assert ask(gateway, key).status_code == 401
    with world.database.transaction("registrar") as tx:
        key = create_client(tx, rpps=RPPS, label="Second").key
    assert ask(gateway, key).status_code == 200


def test_a_key_dies_when_it_expires_even_if_it_was_just_seen(gateway, world, clock):
    from datetime import timedelta

    with world.database.transaction("registrar") as tx:
        made = mint_key(
            tx,
            account_ref=ACCOUNT_REF,
            kind="portal",
            label="portal",
            lifetime=timedelta(seconds=30),
        )
    assert ask(gateway, made.key).status_code == 200
    clock.put_forward(seconds=27)
    assert ask(gateway, made.key).status_code == 200
    clock.put_forward(seconds=3.1)
    assert ask(gateway, made.key).status_code == 401


def test_all_dead_keys_get_the_same_bytes(gateway, world, clock):
    with world.database.transaction("registrar") as tx:
        revoke_client(tx, world.client_ref)
    revoked = ask(gateway)
    invented = ask(gateway, "rmp_" + "A" * 43)
    assert (revoked.headers, revoked.content) == (invented.headers, invented.content)


def test_beyond_its_burst_a_client_waits(open_gateway, clock):
    with open_gateway(checks_per_minute=60) as gateway:  # one a second, four at once
        statuses = [ask(gateway).status_code for _ in range(6)]
        last = ask(gateway)
        assert statuses == [200] * 4 + [429] * 2
        assert (last.json()["code"], last.headers["retry-after"]) == ("too_many_requests", "1")
        clock.put_forward(seconds=1)
        assert [ask(gateway).status_code for _ in range(2)] == [200, 429]


def test_a_client_that_waits_does_not_slow_the_others(open_gateway, world):
    with world.database.transaction("registrar") as tx:
        other = create_client(tx, rpps=RPPS, label="Second").key
    with open_gateway(checks_per_minute=60) as gateway:
        while ask(gateway).status_code == 200:
            pass
        assert ask(gateway, other).status_code == 200


def test_a_refused_question_counts_in_the_allowance(open_gateway):
    with open_gateway(checks_per_minute=60) as gateway:
        statuses = [gateway.post(PATH, json={}).status_code for _ in range(5)]
    assert statuses == [422] * 4 + [429]


def test_another_professional_is_another_account(gateway, world):
    rpps = make_synthetic_rpps(4)
    with world.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
            " VALUES (8, %s, 'dentist', 'Cabinet')",
            (rpps.number,),
        )
        key = create_client(tx, rpps=rpps, label="Dent").key
    ask(gateway)
    ask(gateway, key)
    assert {entry.account_ref for entry in read_entries(world.database)} == {ACCOUNT_REF, 8}
