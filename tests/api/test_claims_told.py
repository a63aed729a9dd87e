"""A stolen account learns by claims what it would learn by rights checks, and nothing more."""

import pytest
from tests.api.claiming import CLAIMS, make_card_claim, make_claim, read_rows, take_one
from tests.api.reading import PATH
from tests.api.test_claims_go_on import see
from tests.api.test_claims_read import adjudicate, read_disclosures
from tests.api.world import COVERED, ENDED, STRANGER, SUSPENDED, make_person, typed_body

from rempart.claims.references import parse_reference
from rempart.disclosure.entry import Kind, Mode
from rempart.disclosure.fields import Field
from rempart.storage.claims_intake import ClaimShelf
from rempart.workflows.claims import read_claims

REJECTED = {
    "state": "rejected",
    "amo_cents": None,
    "amc_cents": None,
    "reste_a_charge_cents": None,
}


@pytest.fixture
def gateway(open_gateway):
    with open_gateway(guard="on") as client:
        yield client


def find(rule):
    return f'[{{"line": 1, "rule": "{rule}", "until": "2027-01-31"}}]'


def send(gateway, world, person, invoice="F-9", *, make=make_claim):
    """Send a claim, and share it out: a stranger's is rejected."""
    claim = take_one(gateway, make(person, invoice))
    if person is STRANGER:
        adjudicate(world, claim, **REJECTED, findings=find("claim_unknown"))
    elif person is ENDED:
        adjudicate(world, claim, **REJECTED, findings=find("claim_rights_closed"))
    else:
        adjudicate(world, claim)
    return claim


def read(gateway, claim):
    return gateway.get(f"{CLAIMS}/{claim}").json()


def read_many(gateway, world, count, first=910):
    """Bill people new to the account by typed identifiers; return the states it reads."""
    people = (make_person(first + n) for n in range(count))
    claims = [take_one(gateway, make_claim(one, f"M-{n}")) for n, one in enumerate(people)]
    for claim in claims:
        adjudicate(world, claim, **REJECTED, findings=find("claim_unknown"))
    return [read(gateway, claim)["state"] for claim in claims]


def write(world, query, *values):
    with world.database.transaction("settler") as tx:
        tx.execute(query, values)


def test_a_robot_reads_a_handful_of_results_and_then_claims_that_wait(gateway, world):
    states = read_many(gateway, world, 12)
    told = states.index("received")
    assert 0 < told < 10
    assert set(states[told:]) == {"received"}
    reply = gateway.post(PATH, json=typed_body(COVERED))
    assert reply.json()["code"] == "presence_needed", "one allowance for both"


def test_rights_checks_and_results_spend_one_allowance(gateway, world):
    for n in range(12):
        gateway.post(PATH, json=typed_body(make_person(910 + n)))
    assert read(gateway, send(gateway, world, COVERED))["state"] == "received"


def test_what_is_not_told_is_the_same_bytes_whoever_it_is_about(gateway, world):
    read_many(gateway, world, 12)
    waits = take_one(gateway, make_claim(SUSPENDED, "F-9"))
    claims = [waits, *(send(gateway, world, one) for one in (COVERED, ENDED, STRANGER))]
    seen = set()
    for claim in claims:
        reply = gateway.get(f"{CLAIMS}/{claim}")
        status, headers, content = see(reply)
        told, receipt = content.split(b'"receipt"')
        seen.add((status, tuple(headers.items()), told, len(receipt), len(reply.content)))
    assert len(seen) == 1
    found = read(gateway, claims[1])
    assert (found["state"], found["amc_cents"], found["findings"]) == ("received", None, [])
    assert found["state_at"] == found["received_at"]
    assert found["lines"][0]["amc_cents"] is None


def test_what_is_not_told_is_of_nobody_in_the_ledger(gateway, world):
    read_many(gateway, world, 12)
    read(gateway, send(gateway, world, COVERED))
    last = read_disclosures(world)[-1]
    assert (last.kind, last.mode, last.person_ref, last.insurer_id, last.fields) == (
        *(Kind.NEGATIVE, Mode.CLAIM, 0, 0, Field(0)),
    )


def test_whom_the_account_knows_is_told_whatever_was_spent(gateway, world):
    gateway.post(PATH, json=typed_body(COVERED))
    read_many(gateway, world, 12)
    assert read(gateway, send(gateway, world, COVERED))["amc_cents"] == 900


def test_a_card_is_judged_as_a_card(gateway, world):
    read_many(gateway, world, 8)
    claim = send(gateway, world, COVERED, make=make_card_claim)
    assert read(gateway, claim)["amc_cents"] == 900


@pytest.mark.parametrize(
    "fact", ["vouched = true", "state = 'remitted'", "state = 'paid'", "state = 'undone'"]
)
def test_a_promise_and_the_money_tell_the_result_without_the_guard(gateway, world, fact):
    read_many(gateway, world, 12)
    claim = send(gateway, world, COVERED)
    assert read(gateway, claim)["amc_cents"] is None
    write(
        world,
        f"UPDATE claims.claim SET {fact} WHERE claim_ref = %s",
        parse_reference(claim),
    )
    assert read(gateway, claim)["amc_cents"] == 900
    assert any(one["amc_cents"] == 900 for one in gateway.get(CLAIMS).json()["claims"])


def test_what_was_told_once_is_told_again(gateway, world):
    claim = send(gateway, world, COVERED)
    assert read(gateway, claim)["amc_cents"] == 900
    read_many(gateway, world, 12)
    assert read(gateway, claim)["amc_cents"] == 900


def test_a_list_tells_and_finds_only_what_may_be_told(gateway, world):
    claim = send(gateway, world, COVERED)

    def ask(state):
        listed = gateway.get(CLAIMS, params={"state": state}).json()["claims"]
        return [(one["claim"], one["amc_cents"]) for one in listed]

    assert (ask("adjudicated"), ask("received")) == ([], [(claim, None)])
    assert {one.person_ref for one in read_disclosures(world)} == {0}
    read(gateway, claim)
    assert (ask("adjudicated"), ask("received")) == ([(claim, 900)], [])


def test_that_somebody_is_unknown_and_that_rights_are_closed_are_one_wording(gateway, world):
    def tell(person, make):
        reply = read(gateway, send(gateway, world, person, f"{person.nir}-{make}", make=make))
        return reply["findings"]

    unknown, closed = (tell(person, make_claim) for person in (STRANGER, ENDED))
    assert unknown == closed
    assert unknown[0]["rule"] == "claim_not_open"
    rules = {tell(person, make_card_claim)[0]["rule"] for person in (STRANGER, ENDED)}
    assert rules == {"claim_unknown", "claim_rights_closed"}, "the card earns the reason"


def test_mutation_results_told_to_whoever_billed_would_be_the_search_the_door_is_not(
    gateway, world, monkeypatch
):
    async def tell(_desk, looks, **_times):
        return [True] * len(looks)

    monkeypatch.setattr(read_claims, "judge_readings", tell)
    assert read_many(gateway, world, 12) == ["rejected"] * 12


def test_mutation_a_claim_that_waits_and_is_not_judged_would_be_known_by_its_work(
    gateway, world, monkeypatch
):
    asked = []
    judge = read_claims.judge_readings

    async def count(desk, looks, **times):
        asked.extend(look.person_ref for look in looks)
        return await judge(desk, looks, **times)

    monkeypatch.setattr(read_claims, "judge_readings", count)
    fetched = []
    fetch = ClaimShelf._fetch

    async def note(self, query, *arguments):
        fetched.append(query)
        return await fetch(self, query, *arguments)

    read_many(gateway, world, 12)
    asked.clear()
    monkeypatch.setattr(ClaimShelf, "_fetch", note)
    work = []
    waits = take_one(gateway, make_claim(SUSPENDED, "F-9"))
    for claim in (waits, *(send(gateway, world, one) for one in (COVERED, STRANGER))):
        fetched.clear()
        read(gateway, claim)
        work.append(tuple(fetched))
    assert len(set(work)) == 1
    assert len(asked) == 3


def test_a_card_in_a_claim_is_noted_and_typed_identifiers_are_not(gateway, world):
    take_one(gateway, make_claim(COVERED, "F-1"))
    take_one(gateway, make_card_claim(COVERED, "F-2"))
    query = "SELECT invoice, by_card FROM claims.claim ORDER BY invoice"
    assert read_rows(world, query) == [("F-1", False), ("F-2", True)]
