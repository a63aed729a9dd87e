"""Claims that quote a prise en charge: paid as promised, once, whatever changed since."""

import json
from datetime import date, datetime, timedelta

from tests.adjudication.practice import CARE, CONTRACT, Mill
from tests.adjudication.test_cancel_claims import ask, carry_out

from rempart.rights.engagement import format_engagement
from rempart.tariffs.domains import DOMAINS
from rempart.workflows.claims.benefit_tables import Proposal, install_benefits

KEY = bytes(32)
TABLE = b"""
[[table]]
code = "VUE"
from = 2020-01-01
responsible = true

[[table.limit]]
name = "pair"
label = "Un \xc3\xa9quipement tous les deux ans"
per = "renewal"
renewal = "optical"
units = 1

[[table.benefit]]
label = "Optique"
acts = ["domain:OPTI"]
pays = "real_cost"
limits = ["pair"]

[[choice]]
convention_type = "RP"
table = "VUE"
from = 2020-01-01
"""
GLASSES = (
    {"act": "MON", "billed_cents": 9000, "base_cents": 5},
    {"act": "VER", "billed_cents": 8000, "base_cents": 10},
)
AMC = 17_000 - 3 - 6


def install(mill: Mill) -> None:
    with mill.database.transaction("settler") as tx:
        install_benefits(tx, Proposal(insurer_id=1, content=TABLE))


def promise_glasses(mill: Mill, person: int, **changes) -> int:
    """Write a promise for a pair of glasses; return the entry that names it."""
    index = mill.promise(person, domain=DOMAINS["OPTI"].number)
    uses = [
        {
            "name": "pair",
            "since": str(CARE),
            "mark": "",
            "cents": cents,
            "units": 1,
            "day": str(CARE),
        }
        for cents in (8997, 7994)
    ]
    row = {
        "log_id": 1,
        "idx": index,
        "establishment_ref": mill.place,
        "account_ref": mill.place,
        "person_ref": person,
        "insurer_id": 1,
        "contract_ref": CONTRACT,
        "domain": "OPTI",
        "care_on": CARE,
        "state": "agreed",
        "expires_on": CARE + timedelta(days=90),
        "billed_cents": 17_000,
        "amo_cents": 9,
        "amc_cents": AMC,
        "lines": "[]",
        "uses": json.dumps(uses),
        "asked_at": datetime.fromisoformat("2026-03-01T12:00Z"),
        **changes,
    }
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    mill.run(f"INSERT INTO claims.pec ({names}) VALUES ({marks})", *row.values())
    return index


def quote(index: int) -> dict:
    return {"pec_number": format_engagement(KEY, 1, index)}


def find_state(mill: Mill, index: int) -> tuple:
    [row] = mill.fetch("SELECT state, claim_ref FROM claims.pec WHERE idx = %s", index)
    return row


def test_a_claim_is_paid_on_its_promise_and_uses_it(mill: Mill):
    install(mill)
    person = mill.add_member()
    index = promise_glasses(mill, person)
    claim = mill.bill(person, *GLASSES, **quote(index))
    mill.share()
    assert (mill.rules(claim), mill.amc(claim)) == ([], AMC)
    assert find_state(mill, index) == ("used", claim)


def test_its_number_may_be_quoted_as_an_engagement(mill: Mill):
    install(mill)
    person = mill.add_member()
    index = promise_glasses(mill, person)
    claim = mill.bill(person, *GLASSES, engagement_log=1, engagement_idx=index)
    mill.share()
    assert (mill.rules(claim), mill.amc(claim)) == ([], AMC)
    assert find_state(mill, index) == ("used", claim)


def test_glasses_without_a_promise_are_not_paid(mill: Mill):
    install(mill)
    claim = mill.bill(mill.add_member(), *GLASSES)
    mill.share()
    assert mill.state(claim) == "rejected"
    assert mill.rules(claim) == ["claim_pec_needed"] * 2


def test_a_promise_binds_though_the_contract_ended_since(mill: Mill):
    install(mill)
    person = mill.add_member()
    index = promise_glasses(mill, person)
    mill.run("UPDATE rights.coverage SET closed_in = 2 WHERE person_ref = %s", person)
    mill.add_member("2026-02-01", opened_in=2, person=person)
    mill.run("UPDATE rights.insurer SET published_version = 2")
    mill.run(
        "INSERT INTO rights.feed_version (insurer_id, kind, file_digest, state, published_at)"
        " VALUES (1, 'full', %s, 'published', '2026-01-01'), (1, 'full', %s, 'published',"
        " '2026-03-02')",
        bytes(32),
        bytes(31) + b"2",
    )
    claim = mill.bill(person, *GLASSES, **quote(index))
    mill.share()
    assert (mill.rules(claim), mill.amc(claim)) == ([], AMC)


def test_a_promise_keeps_its_limits_from_a_claim_that_comes_first(mill: Mill):
    install(mill)
    person = mill.add_member()
    kept, other = promise_glasses(mill, person), promise_glasses(mill, person, uses="[]")
    first = mill.bill(
        person, *[{**line, "care_on": date(2026, 3, 3)} for line in GLASSES], **quote(other)
    )
    second = mill.bill(person, *GLASSES, **quote(kept))
    mill.share()
    assert (mill.amc(second), mill.amc(first)) == (AMC, 0)


def test_a_promise_is_used_once_and_serves_again_when_its_claim_is_taken_back(mill: Mill):
    install(mill)
    person = mill.add_member()
    index = promise_glasses(mill, person)
    first = mill.bill(person, *GLASSES, **quote(index))
    mill.share()
    again = mill.bill(
        person, *[{**line, "care_on": date(2026, 3, 3)} for line in GLASSES], **quote(index)
    )
    mill.share()
    assert mill.rules(again)[:1] == ["claim_engagement"]
    ask(mill, first)
    carry_out(mill)
    assert find_state(mill, index) == ("agreed", None)
    third = mill.bill(person, *GLASSES, **quote(index))
    mill.share()
    assert mill.amc(third) == AMC


def test_a_claim_that_is_rejected_leaves_its_promise_to_the_one_that_corrects_it(mill: Mill):
    install(mill)
    person = mill.add_member()
    index = promise_glasses(mill, person)
    without_base = [{**line, "base_cents": None} for line in GLASSES]
    wrong = mill.bill(person, *without_base, **quote(index))
    right = mill.bill(person, *GLASSES, **quote(index))
    mill.share()
    assert mill.state(wrong) == "rejected"
    assert (mill.rules(right), mill.amc(right)) == ([], AMC)
    assert find_state(mill, index) == ("used", right)


def test_care_given_in_time_is_billed_after_the_last_day(mill: Mill):
    install(mill)
    person = mill.add_member()
    index = promise_glasses(mill, person, state="expired", expires_on=CARE)
    claim = mill.bill(person, *GLASSES, **quote(index))
    mill.share()
    assert (mill.rules(claim), mill.amc(claim)) == ([], AMC)
    assert find_state(mill, index) == ("used", claim)


def test_a_promise_that_is_another_s_expired_or_cancelled_pays_nothing(mill: Mill):
    install(mill)
    person = mill.add_member()
    wrong = [
        promise_glasses(mill, mill.add_member()),
        promise_glasses(mill, person, state="cancelled"),
        promise_glasses(mill, person, expires_on=CARE - timedelta(days=1)),
        promise_glasses(mill, person, establishment_ref=mill.add_place()),
    ]
    for day, index in enumerate(wrong, 3):
        lines = [{**line, "care_on": date(2026, 3, day)} for line in GLASSES]
        claim = mill.bill(person, *lines, **quote(index))
        mill.share()
        assert mill.state(claim) == "rejected"
        assert "claim_engagement" in mill.rules(claim)
