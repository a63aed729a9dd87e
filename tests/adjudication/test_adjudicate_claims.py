"""A claim is controlled, shared out and owed, once, whatever else goes on."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from tests.adjudication.practice import CARE, TODAY, Mill

from rempart.workflows.claims.adjudicate_claims import adjudicate_batch


def test_a_consultation_is_shared_out_and_owed(mill: Mill):
    claim = mill.bill(mill.add_member())
    assert mill.share().adjudicated == 1
    assert mill.state(claim) == "adjudicated"
    assert mill.amc(claim) == 900
    assert mill.dues() == 900
    assert mill.journal() == {"insurer": 900, "professional": -900}
    assert mill.share().claims == 0


def test_parts_add_up_to_the_bill_line_by_line(mill: Mill):
    mill.bill(mill.add_member(), {}, {"act": "PH7", "billed_cents": 2130, "base_cents": 2130})
    mill.share()
    assert mill.fetch(
        "SELECT count(*) FROM claims.line AS l WHERE l.amc_cents <> (SELECT sum(p.cents)"
        " FROM claims.part AS p WHERE p.claim_ref = l.claim_ref AND p.line = l.number)"
        " OR l.amo_cents + l.amc_cents + l.reste_a_charge_cents <> l.billed_cents"
    ) == [(0,)]


def test_who_is_unknown_and_who_left_are_told_so(mill: Mill):
    stranger = mill.bill(0)
    left = mill.bill(mill.add_member("2026-02-28"))
    assert mill.share().rejected == 2
    assert mill.rules(stranger) == ["claim_unknown"]
    assert mill.rules(left) == ["claim_rights_closed"]
    assert mill.dues() == 0


def test_one_line_is_rejected_and_the_other_paid(mill: Mill):
    claim = mill.bill(mill.add_member(), {}, {"act": "OST"})
    assert mill.share().adjudicated == 1
    assert mill.fetch(
        "SELECT number, amc_cents FROM claims.line WHERE claim_ref = %s ORDER BY 1", claim
    ) == [(1, 900), (2, None)]


def test_the_same_care_by_two_ways_is_paid_once(mill: Mill):
    person = mill.add_member()
    first, second = mill.bill(person), mill.bill(person, channel="b2")
    mill.share()
    third = mill.bill(person, channel="fhir")
    mill.share()
    assert [mill.state(claim) for claim in (first, second, third)] == [
        "adjudicated",
        "rejected",
        "rejected",
    ]
    assert mill.rules(third) == ["claim_twin"]


def test_the_day_of_receipt_decides_whether_a_claim_is_late_or_early(mill: Mill):
    one, other = mill.add_member(), mill.add_member()
    mill.run("UPDATE rights.coverage SET starts_on = '{2020-01-01}'")
    in_time = mill.bill(one, {"care_on": date(2023, 12, 5)}, at="2026-03-05 22:30Z")
    late = mill.bill(other, {"care_on": date(2023, 12, 5)}, at="2026-03-05 23:30Z")
    early = mill.bill(one, {"care_on": date(2026, 3, 6)}, at="2026-03-05 22:30Z")
    mill.share()
    rules = [mill.rules(one) for one in (in_time, late, early)]
    assert rules == [[], ["claim_too_late"], ["claim_future"]]


def test_levies_are_counted_over_claims(mill: Mill):
    person = mill.add_member()
    for _ in range(5):
        mill.bill(person, place=mill.place, account_ref=9, establishment_ref=mill.add_place())
    mill.share(size=2)
    while mill.share(size=2).claims:
        pass
    assert mill.fetch("SELECT sum(cents) FROM claims.use WHERE name = 'levy doctor'") == [(800,)]


def test_claims_of_one_person_go_in_the_order_of_care(mill: Mill):
    person = mill.add_member()
    later = mill.bill(person, {"care_on": date(2026, 3, 5)}, at="2026-03-06 08:00Z")
    sooner = mill.bill(person, {"care_on": date(2026, 3, 4)}, at="2026-03-06 09:00Z")
    mill.share()
    order = mill.fetch("SELECT claim_ref FROM claims.claim_event ORDER BY at, ctid")
    assert order == [(sooner,), (later,)]


# ---------------------------------------------------------------- promises


def end_contract(mill: Mill, person: int) -> None:
    """A later feed says that the contract had ended before."""
    mill.run("UPDATE rights.coverage SET closed_in = 2 WHERE person_ref = %s", person)
    mill.add_member("2026-01-31", opened_in=2, person=person)
    mill.run("UPDATE rights.insurer SET published_version = 2")


def test_a_promise_binds_though_rights_closed_since(mill: Mill):
    person = mill.add_member()
    index = mill.promise(person, domain=domain_number("MEDG"))
    end_contract(mill, person)
    claim = mill.bill(person, engagement_log=1, engagement_idx=index)
    mill.share()
    assert mill.rules(claim) == []
    assert mill.amc(claim) == 900


@pytest.mark.parametrize("wrong", ["nobody", "other person", "other place", "other domain", "used"])
def test_a_promise_that_is_not_this_claim_s_is_refused(mill: Mill, wrong: str):
    person = mill.add_member()
    number = domain_number("PHAR" if wrong == "other domain" else "MEDG")
    whose = mill.add_member() if wrong == "other person" else person
    place = mill.add_place() if wrong == "other place" else 0
    index = 999 if wrong == "nobody" else mill.promise(whose, domain=number, place=place)
    if wrong == "used":
        mill.bill(person, {"care_on": date(2026, 3, 3)}, engagement_log=1, engagement_idx=index)
        mill.share()
    claim = mill.bill(person, engagement_log=1, engagement_idx=index)
    mill.share()
    assert "claim_engagement" in mill.rules(claim)
    assert mill.state(claim) == "rejected"


def test_a_promise_that_expired_is_refused(mill: Mill):
    person = mill.add_member()
    index = mill.promise(person, domain=domain_number("MEDG"))
    with mill.database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.entry SET t_ms = t_ms - 40::bigint * 86400000")
    claim = mill.bill(person, engagement_log=1, engagement_idx=index)
    mill.share()
    assert "claim_engagement" in mill.rules(claim)


def test_what_was_known_when_a_claim_arrived_decides(mill: Mill):
    person = mill.add_member()
    mill.run(
        "INSERT INTO rights.feed_version (insurer_id, kind, file_digest, state, published_at)"
        " VALUES (1, 'full', %s, 'published', '2026-01-01'),"
        " (1, 'full', %s, 'published', '2026-03-10')",
        bytes(32),
        bytes(32),
    )
    before = mill.bill(person, at="2026-03-09 10:00Z")
    after = mill.bill(person, {"care_on": date(2026, 3, 3)}, at="2026-03-11 10:00Z")
    end_contract(mill, person)
    mill.share()
    assert mill.state(before) == "adjudicated"
    assert mill.rules(after) == ["claim_rights_closed"]


def domain_number(code: str) -> int:
    from rempart.tariffs.domains import DOMAINS

    return DOMAINS[code].number


# ---------------------------------------------------------------- several workers


def share_until_none(mill: Mill) -> int:
    done = 0
    while count := mill.share(size=5).claims:
        done += count
    return done


def test_two_workers_share_out_each_claim_once_and_never_hold_the_same_person(mill: Mill):
    people = [mill.add_member() for _ in range(6)]
    for number in range(60):
        mill.bill(people[number % 6], {"care_on": date(2026, 2, 1 + number // 6)})
    with ThreadPoolExecutor(2) as pool:
        done = sum(pool.map(share_until_none, [mill, mill]))
    share_until_none(mill)
    assert done <= 60
    assert mill.fetch("SELECT count(*), count(DISTINCT claim_ref) FROM claims.claim_event") == [
        (60, 60)
    ]
    assert mill.journal()["insurer"] == mill.dues() == 60 * 900


def test_a_person_who_is_worked_on_is_left_to_whoever_does(mill: Mill):
    person, other = mill.add_member(), mill.add_member()
    mill.bill(person)
    with mill.database.connect("settler") as first:
        assert adjudicate_batch(first, mill.library, today=TODAY).claims == 1
        late = mill.bill(person, {"care_on": date(2026, 2, 1)})
        mill.bill(other)
        assert mill.share().claims == 1
        assert mill.state(late) == "received"
    assert mill.share().claims == 1


def test_mutation_without_the_lock_one_person_is_in_two_hands(mill: Mill, monkeypatch):
    monkeypatch.setattr(
        "rempart.storage.adjudication._sql",
        Unlocked(__import__("rempart.storage.adjudication", fromlist=["_sql"])._sql),
    )
    person = mill.add_member()
    mill.bill(person)
    with mill.database.connect("settler") as first:
        adjudicate_batch(first, mill.library, today=TODAY)
        late = mill.bill(person, {"care_on": date(2026, 2, 1)})
        with mill.database.transaction("settler") as second:
            second.execute("SET lock_timeout = '300ms'")
            with pytest.raises(Exception, match="lock timeout"):
                adjudicate_batch(second, mill.library, today=TODAY)
        assert mill.state(late) == "received"


class Unlocked:
    """The queries, with a lock that everybody gets."""

    def __init__(self, queries) -> None:
        self._queries = queries

    def __getattr__(self, name: str) -> str:
        text = getattr(self._queries, name)
        return text.replace("pg_try_advisory_xact_lock(", "pg_try_advisory_xact_lock_shared(")


# ---------------------------------------------------------------- how much


def test_a_batch_takes_a_handful_of_statements_whatever_its_size(mill: Mill):
    for _ in range(40):
        mill.bill(mill.add_member())
    done = mill.share()
    assert done.adjudicated == 40
    assert done.statements < 30


def test_rights_that_are_cut_and_accounts_that_are_held_change_nothing(mill: Mill):
    mill.run(
        "INSERT INTO guard.account (account_ref, profession, step) VALUES (%s, 'doctor', 3)"
        " ON CONFLICT DO NOTHING",
        mill.place,
    )
    mill.run(
        "INSERT INTO rights.cut (cut_ref, scope, insurer_id, reason, insurer_name, asked_by,"
        " asked_at, starts_at, review_at) VALUES (1, 'insurer', 1, 'incident', 'x', NULL,"
        " now(), now(), now() + interval '1 hour')"
    )
    claim = mill.bill(mill.add_member())
    mill.share()
    assert mill.amc(claim) == 900
    assert CARE < TODAY
