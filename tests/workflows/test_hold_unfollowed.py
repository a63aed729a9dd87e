"""An account whose look-ups no claim followed is held, once; the others go on."""

import pytest
from tests.workflows.guard_practice import DAY_MS, open_accounts, read, run

from rempart.guard.policy import Policy
from rempart.storage.guard_state import release
from rempart.workflows.guard.hold_unfollowed import hold_unfollowed

NOW_MS = 1_795_420_800_000
PEOPLE, OTHERS = 12, 12


@pytest.fixture
def accounts(database):
    """Some accounts that met people for weeks, and were paid for nine in ten of them."""
    refs = open_accounts(database, OTHERS + 1)
    run(
        database,
        "INSERT INTO guard.account (account_ref, profession)"
        " SELECT account_ref, profession FROM accounts.professional",
    )
    run(
        database,
        "INSERT INTO accounts.establishment"
        " (establishment_ref, finess, siret, name, postcode, city)"
        " VALUES (1, '009000001', '00900000100001', 'x', '31000', 'x')",
    )
    run(
        database,
        "INSERT INTO guard.face (account_ref, subject, day, t_ms, place, teaches)"
        " SELECT account_ref, account_ref * 1000 + n, 0, %s::bigint - (15 + n / 3) * %s::bigint, n,"
        " true"
        " FROM accounts.professional, generate_series(1, 60) AS n",
        NOW_MS, DAY_MS,
    )  # fmt: skip
    run(
        database,
        "INSERT INTO claims.claim (claim_ref, establishment_ref, account_ref, channel, invoice,"
        " digest, person_ref, insurer_id, born, first_care_on, last_care_on, billed_cents,"
        " received_at)"
        " SELECT f.subject, 1, f.account_ref, 'json', f.subject::text,"
        " sha256(f.subject::text::bytea), f.subject, 1, '19800101', d.care, d.care, 100,"
        " to_timestamp(f.t_ms / 1000.0) + interval '1 hour'"
        " FROM guard.face AS f, LATERAL (SELECT to_timestamp(f.t_ms / 1000.0)::date AS care) AS d"
        " WHERE mod(f.place, 10) <> 0",
    )
    return refs


def stop_billing(database, account_ref):
    run(
        database,
        "DELETE FROM claims.claim WHERE account_ref = %s AND received_at >= to_timestamp(%s)",
        account_ref,
        (NOW_MS - 21 * DAY_MS) / 1000,
    )


def hold(database, now_ms=NOW_MS):
    signs = hold_unfollowed(
        lambda: database.transaction("gateway"),
        Policy(false_containments=5),
        now_ms=now_ms,
    )
    return [sign.account for sign in signs]


def list_held(database):
    return read(database, "SELECT account_ref, step FROM guard.account WHERE step > 0")


def test_who_bills_whom_they_ask_about_goes_on(database, accounts):
    assert hold(database) == []
    assert list_held(database) == []


def test_who_stops_billing_is_held_until_a_review_and_told(database, accounts):
    stop_billing(database, accounts[0])
    assert hold(database) == [accounts[0]]
    assert list_held(database) == [(accounts[0], 2)]
    assert read(database, "SELECT account_ref, kind FROM guard.event") == [(accounts[0], "late")]


def test_who_was_held_for_days_is_not_held_again_for_them(database, accounts):
    stop_billing(database, accounts[0])
    hold(database)
    assert hold(database) == []
    with database.transaction("gateway") as tx:
        assert release(tx, accounts[0], NOW_MS + 1)
    assert hold(database, NOW_MS + DAY_MS) == []
    assert list_held(database) == []


def test_mutation_a_claim_that_came_before_the_look_up_would_clear_a_thief(database, accounts):
    stop_billing(database, accounts[0])
    run(
        database,
        "INSERT INTO claims.claim (claim_ref, establishment_ref, account_ref, channel, invoice,"
        " digest, person_ref, insurer_id, born, first_care_on, last_care_on, billed_cents,"
        " received_at)"
        " SELECT f.subject, 1, f.account_ref, 'json', f.subject::text || 'x',"
        " sha256((f.subject::text || 'x')::bytea), f.subject, 1, '19800101', '2026-01-01',"
        " '2026-01-01', 100, to_timestamp(f.t_ms / 1000.0) - interval '40 days'"
        " FROM guard.face AS f WHERE f.account_ref = %s AND f.t_ms >= %s"
        " ON CONFLICT DO NOTHING",
        accounts[0],
        NOW_MS - 21 * DAY_MS,
    )
    assert hold(database) == [accounts[0]]
