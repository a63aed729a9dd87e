"""Numbers for the day the door is shut: lent within bounds, brought back once, or refused."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from tests.api.running import wait_until_ready
from tests.api.world import COVERED, ENDED, ESTABLISHMENT_REF, TODAY

from rempart.gateway.offline_routes import BATCHES_PATH, ENGAGEMENTS_PATH
from rempart.rights.card import PresenceCode, compute_presence_key
from rempart.rights.offline_engagement import (
    AMOUNT_CENTS,
    MOST_AT_ONCE,
    NUMBERS_A_DAY,
    OfflineNumber,
)
from rempart.storage.offline import OfflineBooks


def give_card(world, person, place):
    presence = PresenceCode(secrets.token_bytes(16), place)
    key = compute_presence_key(world.home.key("lookup"), presence)
    with world.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.lookup (lookup_key, person_ref)"
            " VALUES (encode(%s, 'hex')::uuid, %s)",
            (key, person.person_ref),
        )
    return presence.format(), key


@pytest.fixture
def card(world):
    return give_card(world, COVERED, 1)[0]


@pytest.fixture
def lent(gateway):
    reply = gateway.post(BATCHES_PATH)
    assert reply.status_code == 200, reply.text
    return reply.json()


def make_report(number, card, clock, **changes):
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    return {
        "number": number,
        "card_code": card,
        "domain": "PHAR",
        "care_date": TODAY.isoformat(),
        "amount_cents": 1500,
        "given_at": now.isoformat(),
        "list_issued_on": TODAY.isoformat(),
        **changes,
    }


def bring(gateway, *reports):
    reply = gateway.post(ENGAGEMENTS_PATH, json={"engagements": list(reports)})
    assert reply.status_code == 200, reply.text
    return reply.json()["results"]


def list_entries(world):
    with world.database.transaction("auditor") as tx:
        return tx.execute(
            "SELECT kind, person_ref, mode, outcome, lookup_key FROM ledger.entry"
            " WHERE mode = 5 ORDER BY idx"
        ).fetchall()


def test_an_establishment_borrows_a_few_numbers_a_day_and_no_more(open_gateway):
    with open_gateway() as first, open_gateway(log_id=2) as second:
        batches = [one.post(BATCHES_PATH).json() for one in (first, second, first)]
    counts = [len(batch["numbers"]) for batch in batches]
    assert counts == [MOST_AT_ONCE, NUMBERS_A_DAY - MOST_AT_ONCE, 0]
    numbers = {number for batch in batches for number in batch["numbers"]}
    assert len(numbers) == NUMBERS_A_DAY
    assert {batch["amount_cents"] for batch in batches} == {AMOUNT_CENTS}


def test_a_number_that_comes_back_is_accepted_and_written_under_the_cards_digest(
    gateway, world, clock, lent
):
    code, key = give_card(world, COVERED, 2)
    [result] = bring(gateway, make_report(lent["numbers"][0], code, clock))
    assert (result["accepted"], result["reason"]) == (True, None)
    [entry] = list_entries(world)
    assert entry[:4] == (1, COVERED.person_ref, 5, 1)
    assert entry[4].bytes == key


def test_the_same_report_again_gets_the_same_answer_and_writes_nothing(
    gateway, world, clock, lent, card
):
    report = make_report(lent["numbers"][0], card, clock)
    assert bring(gateway, report) == bring(gateway, report)
    assert len(list_entries(world)) == 1


def test_the_same_report_to_another_gateway_names_the_log_it_was_written_in(
    open_gateway, world, clock, card
):
    with open_gateway() as first, open_gateway(log_id=2) as second:
        report = make_report(first.post(BATCHES_PATH).json()["numbers"][0], card, clock)
        told = bring(first, report)
        assert bring(second, report) == told
    assert len(list_entries(world)) == 1


def test_two_gateways_told_the_same_at_once_say_the_same(
    open_gateway, world, clock, card, monkeypatch
):
    """The second one looks before the first one has written."""
    with open_gateway() as first, open_gateway(log_id=2) as second:
        numbers = first.post(BATCHES_PATH).json()["numbers"]
        reports = [make_report(number, card, clock) for number in numbers[:2]]
        told = bring(first, *reports)

        kept, calls = OfflineBooks.load_reported, []

        async def look_early(books, numbers):
            calls.append(numbers)
            return {} if len(calls) == 1 else await kept(books, numbers)

        monkeypatch.setattr(OfflineBooks, "load_reported", look_early)
        other = {**reports[1], "amount_cents": 1}
        again = bring(second, reports[0], other)
    assert again[0] == told[0]
    assert (again[1]["accepted"], again[1]["reason"]) == (False, "used")


def test_a_number_promises_once(gateway, clock, lent, card):
    number = lent["numbers"][0]
    bring(gateway, make_report(number, card, clock))
    [again] = bring(gateway, make_report(number, card, clock, amount_cents=1501))
    assert again["reason"] == "used"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount_cents": AMOUNT_CENTS + 1}, "over_amount"),
        ({"amount_cents": 0}, "over_amount"),
        ({"list_issued_on": (TODAY - timedelta(days=8)).isoformat()}, "list_too_old"),
        ({"list_issued_on": (TODAY + timedelta(days=1)).isoformat()}, "list_too_old"),
        ({"given_at": "2020-01-01T10:00:00Z"}, "out_of_days"),
        ({"given_at": "2090-01-01T10:00:00Z"}, "out_of_days"),
        ({"care_date": (TODAY - timedelta(days=1)).isoformat()}, "out_of_days"),
        ({"number": OfflineNumber(batch_ref=7, place=1).format()}, "unknown_number"),
        ({"card_code": PresenceCode(bytes(16), 1).format()}, "unknown_card"),
    ],
)
def test_a_number_given_against_the_rule_is_refused_with_why(
    gateway, world, clock, lent, card, changes, reason
):
    [result] = bring(gateway, {**make_report(lent["numbers"][0], card, clock), **changes})
    assert (result["accepted"], result["reason"]) == (False, reason)
    [entry] = list_entries(world)
    assert entry[:2] == (2, 0), "nobody's rights were told"


def test_a_care_that_was_not_covered_is_refused(gateway, world, clock, lent):
    code, _ = give_card(world, ENDED, 1)
    [result] = bring(gateway, make_report(lent["numbers"][0], code, clock))
    assert result["reason"] == "not_covered"
    assert list_entries(world)[0][:2] == (1, ENDED.person_ref)


def test_a_revoked_card_is_unknown(gateway, world, clock, lent):
    code, key = give_card(world, COVERED, 3)
    with world.database.transaction("owner") as tx:
        tx.execute("DELETE FROM rights.lookup WHERE lookup_key = encode(%s, 'hex')::uuid", (key,))
    [result] = bring(gateway, make_report(lent["numbers"][0], code, clock))
    assert result["reason"] == "unknown_card"


def test_the_numbers_of_another_establishment_are_unknown(open_gateway, world, clock, card):
    with open_gateway() as gateway:
        number = gateway.post(BATCHES_PATH).json()["numbers"][0]
        with world.database.transaction("owner") as tx:
            tx.execute(
                "UPDATE rights.offline_batch SET establishment_ref = %s", (ESTABLISHMENT_REF + 1,)
            )
        [result] = bring(gateway, make_report(number, card, clock))
    assert result["reason"] == "unknown_number"


def test_the_used_numbers_of_another_establishment_are_unknown_too(
    open_gateway, world, clock, card
):
    with open_gateway() as gateway:
        report = make_report(gateway.post(BATCHES_PATH).json()["numbers"][0], card, clock)
        assert bring(gateway, report)[0]["accepted"]
        with world.database.transaction("owner") as tx:
            tx.execute(
                "UPDATE rights.offline_batch SET establishment_ref = %s", (ESTABLISHMENT_REF + 1,)
            )
        for same in (report, {**report, "amount_cents": 1}):
            [result] = bring(gateway, same)
            assert result["reason"] == "unknown_number"


def test_reports_go_on_while_rights_are_cut(gateway, world, clock, lent, card):
    with world.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO rights.cut (cut_ref, scope, reason, asked_by, approved_by, starts_at,"
            " review_at) VALUES (1, 'rights', 'incident', 1, 2, now(), now() + interval '1 day')"
        )
    [result] = bring(gateway, make_report(lent["numbers"][0], card, clock))
    assert result["accepted"]


def test_whoever_has_no_establishment_borrows_nothing(gateway, world, clock):
    bearer = replace_bearer(world)
    gateway.auth = world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer)
    assert gateway.post(BATCHES_PATH).status_code == 401


def replace_bearer(world):
    return world.bearer._replace(establishment_ref=None)


@pytest.mark.parametrize(
    "body",
    [
        {"engagements": []},
        {"engagements": "x"},
        {"engagements": [{"number": "x"}]},
        {},
    ],
)
def test_a_report_of_another_shape_is_refused(gateway, body):
    assert gateway.post(ENGAGEMENTS_PATH, json=body).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_cents": -1},
        {"amount_cents": 2**31},
        {"amount_cents": 2**80},
        {"given_at": "0001-01-01T00:00:00+14:00"},
        {"given_at": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_a_value_that_no_book_holds_is_refused_and_closes_nothing(
    gateway, world, clock, lent, card, changes
):
    report = make_report(lent["numbers"][0], card, clock, **changes)
    reply = gateway.post(ENGAGEMENTS_PATH, json={"engagements": [report]})
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert list_entries(world) == []
    assert "rempart_ledger_openings_total 1.0" in gateway.get("/metrics").text


def test_what_a_stranger_sends_is_refused_before_it_is_read(open_gateway):
    with open_gateway() as gateway:
        gateway.auth = None
        wait_until_ready(gateway)
        assert gateway.post(ENGAGEMENTS_PATH, content=b"x").status_code == 401
        assert gateway.get(BATCHES_PATH).status_code == 405
