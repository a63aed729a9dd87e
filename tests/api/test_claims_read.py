"""What became of claims is read by who billed them, and only once the ledger has it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.api.claiming import (
    CLAIMS,
    make_card_claim,
    make_claim,
    make_line,
    read_rows,
    take_one,
)
from tests.api.reading import read_entries
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ENDED,
    STRANGER,
    save_establishment,
)

from rempart.claims.references import parse_reference
from rempart.disclosure.entry import Kind, Mode, Outcome, Purpose
from rempart.disclosure.fields import Field
from rempart.kernel.errors import LedgerUnavailable
from rempart.storage.claims_intake import ClaimShelf
from rempart.storage.ledger_writer import LedgerWriter
from rempart.workflows.claims import read_claims


def read_disclosures(world):
    """The entries of answers, without those of sessions."""
    return [one for one in read_entries(world.database) if one.kind != Kind.SESSION]


def adjudicate(world, claim, **facts):
    """Write a result, as whoever shares claims out does."""
    columns = {
        "state": "adjudicated", "amo_cents": 2_100, "amc_cents": 900, "reste_a_charge_cents": 0,
        "findings": "[]", **facts,
    }  # fmt: skip
    assignments = ", ".join(f"{name} = %s" for name in columns)
    with world.database.transaction("settler") as tx:
        tx.execute(
            f"UPDATE claims.claim SET {assignments} WHERE claim_ref = %s",
            (*columns.values(), parse_reference(claim)),
        )
        tx.execute(
            "UPDATE claims.line SET amo_cents = 2100, amc_cents = 900, reste_a_charge_cents = 0"
            " WHERE claim_ref = %s",
            (parse_reference(claim),),
        )


def test_a_claim_is_read_with_its_result_and_the_entry_says_so(gateway, world):
    claim = take_one(gateway, make_claim(COVERED))
    adjudicate(world, claim)
    reply = gateway.get(f"{CLAIMS}/{claim.lower()}")
    assert reply.status_code == 200
    found = reply.json()
    assert (found["state"], found["invoice"], found["channel"]) == ("adjudicated", "F-1", "json")
    assert (found["amo_cents"], found["amc_cents"], found["reste_a_charge_cents"]) == (2100, 900, 0)
    [line] = found["lines"]
    assert (line["act"], line["billed_cents"], line["amc_cents"]) == ("G", 3_000, 900)
    [entry] = read_disclosures(world)
    assert entry.idx == found["receipt"]["index"]
    assert (entry.kind, entry.account_ref, entry.person_ref, entry.insurer_id) == (
        *(Kind.DISCLOSE, ACCOUNT_REF, COVERED.person_ref, 1),
    )
    assert (entry.purpose, entry.mode, entry.outcome) == (
        *(Purpose.BILLING, Mode.CLAIM, Outcome.CLAIM),
    )
    told = Field.RIGHTS_STATUS | Field.CLOSED_REASON | Field.AMOUNTS | Field.BILLED_ACTS
    assert entry.fields == told
    assert entry.domain


def test_nothing_sent_or_stored_of_the_person_comes_back(gateway, world):
    claim = take_one(gateway, make_claim(COVERED))
    text = gateway.get(f"{CLAIMS}/{claim}").text + gateway.get(CLAIMS).text
    for secret in (COVERED.nir.number, COVERED.birth_date, str(COVERED.person_ref)):
        assert secret not in text


def test_a_claim_about_nobody_is_read_on_record_too(gateway, world):
    gateway.get(f"{CLAIMS}/{take_one(gateway, make_claim(STRANGER))}")
    [entry] = read_disclosures(world)
    assert (entry.kind, entry.person_ref, entry.insurer_id) == (Kind.NEGATIVE, 0, 0)


def test_findings_of_controls_say_what_to_do_in_both_languages(gateway, world):
    claim = take_one(gateway, make_card_claim(COVERED))
    until = '[{"line": 1, "rule": "claim_rights_closed", "until": "2027-01-31"}]'
    adjudicate(world, claim, state="rejected", findings=until)
    [finding] = gateway.get(f"{CLAIMS}/{claim}").json()["findings"]
    assert (finding["line"], finding["code"], finding["until"]) == (1, "I1002", "2027-01-31")
    assert (finding["severity"], finding["recoverable"], finding["to_member"]) == (
        *("rejection", True, True),
    )
    assert "droits" in finding["fr"]
    assert "Rights" in finding["en"]


def test_a_list_shows_states_invoices_and_amounts_and_records_each_person_once(gateway, world):
    first = take_one(gateway, make_claim(COVERED, "F-1"))
    take_one(gateway, make_claim(COVERED, "F-2"))
    take_one(gateway, make_claim(ENDED, "F-3"))
    adjudicate(world, first)
    gateway.get(f"{CLAIMS}/{first}")
    before = len(read_disclosures(world))
    listed = gateway.get(CLAIMS).json()
    assert [(one["invoice"], one["state"], one["amc_cents"]) for one in listed["claims"]] == [
        ("F-1", "adjudicated", 900),
        ("F-2", "received", None),
        ("F-3", "received", None),
    ]
    assert listed["next"] is None
    assert "act" not in str(listed)
    entries = read_disclosures(world)[before:]
    assert [(one.person_ref, one.fields) for one in entries] == [
        (COVERED.person_ref, Field.RIGHTS_STATUS | Field.AMOUNTS),
        (0, 0),
    ]


def test_an_empty_list_records_nothing(gateway, world):
    assert gateway.get(CLAIMS).json() == {"claims": [], "next": None}
    assert read_disclosures(world) == []


def test_a_list_is_read_page_after_page_in_the_order_claims_came(gateway):
    sent = [take_one(gateway, make_claim(COVERED, f"F-{place}")) for place in range(5)]
    found, after = [], {}
    while True:
        page = gateway.get(CLAIMS, params={"most": 2, **after}).json()
        found += [one["claim"] for one in page["claims"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == sent


def test_a_list_is_asked_by_state_invoice_instant_and_lot(gateway, world):
    first = take_one(gateway, make_claim(COVERED, "F-1"))
    second = take_one(gateway, make_claim(COVERED, "F-2"))
    adjudicate(world, first)
    gateway.get(f"{CLAIMS}/{first}")

    def ask(**wish):
        return [one["claim"] for one in gateway.get(CLAIMS, params=wish).json()["claims"]]

    assert ask(state="adjudicated") == [first]
    assert ask(invoice="F-2") == [second]
    now = datetime.now(UTC)
    assert ask(since=(now - timedelta(minutes=5)).isoformat()) == [first, second]
    assert ask(since=(now + timedelta(minutes=5)).isoformat()) == []
    assert ask(lot="0000-0000-0001") == []
    assert ask(after=second) == []


WRONG_WISHES = (
    *("state=eaten", "since=hier", "since=2026-01-01", "most=0", "most=101", "most=x", "lot=x"),
    *("after=x", "invoice=%00", "who=me", "state=paid&state=held", "state=%ff"),
)


def test_a_wish_that_cannot_be_is_refused(gateway):
    for wish in WRONG_WISHES:
        reply = gateway.get(f"{CLAIMS}?{wish}")
        assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request"), wish


def test_a_claim_of_another_establishment_is_as_one_that_does_not_exist(gateway, world):
    claim = take_one(gateway, make_claim(COVERED))
    with world.database.transaction("registrar") as tx:
        save_establishment(tx, 72, finess="990000027", siret="99000002700013")
        tx.execute("UPDATE accounts.professional SET establishment_ref = 72")
    gateway.auth = world.make_auth(bearer=world.bearer._replace(establishment_ref=72))
    before = read_entries(world.database)
    for path in (f"{CLAIMS}/{claim}", f"{CLAIMS}/0000-0000-0001", f"{CLAIMS}/no-reference"):
        reply = gateway.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")
        assert gateway.post(f"{path}/cancel").status_code == 404
    assert gateway.get(CLAIMS).json()["claims"] == []
    assert read_entries(world.database) == before
    assert read_rows(world, "SELECT count(*) FROM claims.cancel_request") == [(0,)]
    # Nor can it be replaced; its own claim with the same content is another one.
    other = take_one(gateway, make_claim(COVERED))
    assert other != claim


def test_taking_a_claim_back_is_asked_once(gateway, world):
    claim = take_one(gateway, make_claim(COVERED))
    for _ in range(2):
        reply = gateway.post(f"{CLAIMS}/{claim}/cancel")
        assert (reply.status_code, reply.json()) == (202, {"claim": claim, "cancel": "asked"})
    assert read_rows(world, "SELECT claim_ref, account_ref FROM claims.cancel_request") == [
        (parse_reference(claim), ACCOUNT_REF)
    ]


# ------------------------------------------------------------------ the ledger comes first


def test_without_the_ledger_no_result_leaves_and_claims_still_come_in(gateway, world, monkeypatch):
    claim = take_one(gateway, make_claim(COVERED))

    async def fail(*_, **__):
        raise LedgerUnavailable("the ledger cannot record")

    monkeypatch.setattr(LedgerWriter, "append", fail)
    for path in (f"{CLAIMS}/{claim}", CLAIMS):
        reply = gateway.get(path)
        assert (reply.status_code, reply.json()["code"]) == (503, "ledger_unavailable")
        assert "amc" not in reply.text
    assert gateway.post(CLAIMS, json=make_claim(COVERED, "F-2")).status_code == 202


def test_mutation_a_result_that_leaves_before_its_entry_is_noticed(gateway, world, monkeypatch):
    claim = take_one(gateway, make_claim(COVERED))

    async def forget(desk, told, *, now_ms):
        return [[]] * len(told)

    monkeypatch.setattr(read_claims, "record_readings", forget)
    gateway.get(CLAIMS)
    gateway.get(f"{CLAIMS}/{claim}")
    assert read_disclosures(world) == []


def test_results_read_at_once_share_the_log_and_each_has_its_place_in_it(
    gateway, world, monkeypatch
):
    claims = [take_one(gateway, make_claim(COVERED, f"F-{n}")) for n in range(8)]
    append, batches = LedgerWriter.append, []

    async def append_slowly(self, drafts, **others):
        batches.append(len(drafts))
        await asyncio.sleep(0.3)
        return await append(self, drafts, **others)

    monkeypatch.setattr(LedgerWriter, "append", append_slowly)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda claim: gateway.get(f"{CLAIMS}/{claim}").json(), claims))
    assert [one["claim"] for one in replies] == claims
    assert len({one["receipt"]["index"] for one in replies}) == 8
    assert len(batches) < 5, "one for each would keep rights checks waiting"


def test_an_unknown_claim_does_not_cost_the_desk_its_log(gateway, world):
    assert gateway.get(f"{CLAIMS}/0000-0000-0001").status_code == 404
    assert gateway.app.state.gateway.keeper.is_open


# ------------------------------------------------------------------ what it costs


def test_a_batch_of_claims_takes_four_statements_at_most(gateway, monkeypatch):
    asked = []
    fetch = ClaimShelf._fetch

    async def count(self, query, *arguments):
        if "call_adjudication" not in query:
            asked.append(query)
        return await fetch(self, query, *arguments)

    monkeypatch.setattr(ClaimShelf, "_fetch", count)
    claims = [
        make_claim(COVERED, f"F-{place}", lines=[make_line(), make_line(2)]) for place in range(20)
    ]
    gateway.post(CLAIMS, json={"claims": claims})
    # The first one of a request is written alone at most, the others together.
    assert len(asked) <= 4
    first = take_one(gateway, claims[0])
    asked.clear()
    gateway.post(CLAIMS, json=make_claim(COVERED, "F-1", replaces=first))
    assert len(asked) == 3
