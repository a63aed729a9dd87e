"""Quotes and prises en charge, as software asks for them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from tests.api.reading import cut_receipt, read_entries, read_entry, read_fields
from tests.api.world import (
    COVERED,
    ENDED,
    ESTABLISHMENT_REF,
    INSURER_ID,
    STRANGER,
    TODAY,
    card_body,
    save_establishment,
    typed_body,
)

from rempart.accounts.tokens import Bearer
from rempart.disclosure.entry import Kind, Outcome, Purpose
from rempart.disclosure.fields import Field
from rempart.rights.engagement import format_engagement
from rempart.storage.care import CareReader

QUOTES, PECS = "/v1/quotes", "/v1/pecs"
GLASSES = [
    {"number": 1, "act": "MON", "billed_cents": 9000, "base_cents": 5, "basket": "free"},
    {"number": 2, "act": "VER", "billed_cents": 8000, "base_cents": 10, "basket": "free"},
]
# One pair in the delay of renewal, 150 euros at most for a pair.
TABLE = """
[[table]]
code = "CONFORT"
from = 2020-01-01
responsible = true

[[table.limit]]
name = "pair"
label = "Un équipement tous les deux ans"
per = "renewal"
renewal = "optical"
units = 1

[[table.limit]]
name = "price"
label = "Plafond par équipement"
per = "equipment"
amount = "150,00"

[[table.benefit]]
label = "Optique"
acts = ["domain:OPTI"]
pays = "real_cost"
limits = ["pair", "price"]

[[choice]]
convention_type = "IS"
table = "CONFORT"
from = 2020-01-01
"""


def quote_body(person: Any, lines: Any = GLASSES, **changes: Any) -> dict[str, Any]:
    identifiers = typed_body(person)["identifiers"]
    care_date = TODAY.isoformat()
    return {"identifiers": identifiers, "care_date": care_date, "lines": lines, **changes}


def give_table(world: Any) -> None:
    """Let the insurer's table be approved."""
    with world.database.transaction("settler") as tx:
        tx.execute(
            "INSERT INTO claims.benefit_file (file_ref, insurer_id, content, state, decided_at)"
            " VALUES (1, %s, %s, 'approved', now())",
            (INSURER_ID, TABLE),
        )


def read_pecs(world: Any) -> list[tuple[Any, ...]]:
    with world.database.transaction("settler") as tx:
        return tx.execute(
            "SELECT idx, person_ref, state, amc_cents FROM claims.pec ORDER BY idx"
        ).fetchall()


def ask_pec(gateway: Any, person: Any = COVERED, **changes: Any) -> dict[str, Any]:
    reply = gateway.post(PECS, json=quote_body(person, **changes))
    assert reply.status_code == 200, reply.text
    return reply.json()["answer"]["pec"]


def refuse(reply: Any) -> list[tuple[str, str]]:
    assert reply.status_code == 422, reply.text
    return [(one["field"], one["message"][:40]) for one in reply.json()["errors"]]


def test_a_quote_shares_every_act_out_to_the_cent(gateway):
    answer = gateway.post(QUOTES, json=quote_body(COVERED)).json()["answer"]
    assert answer["rights"] == "open"
    for line in answer["lines"]:
        parts = [line[f"{part}_cents"] for part in ("amo", "amc", "reste_a_charge")]
        assert sum(parts) == line["billed_cents"]
    assert answer["total"]["billed_cents"] == 17000
    assert sum(line["amc_cents"] for line in answer["lines"]) == answer["total"]["amc_cents"] > 0
    assert answer["lines"][0]["explanation"][-1].startswith("Il vous reste")


@pytest.mark.parametrize("path", [QUOTES, PECS])
def test_what_is_never_reimbursed_needs_no_base(gateway, path):
    lenses = {"number": 3, "act": "LEN", "billed_cents": 5_000}
    answer = gateway.post(path, json=quote_body(COVERED, [*GLASSES, lenses]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["answer"]["lines"][2]["amo_cents"] == 0


def test_its_entry_says_which_fields_its_bytes_carry(gateway, world):
    for path in (QUOTES, PECS):
        reply = gateway.post(path, json=quote_body(COVERED))
        entry = read_entry(world.database, reply)
        assert entry.fields == read_fields(reply.content)
        assert entry.fields & Field.AMOUNTS
        assert (entry.kind, entry.outcome) == (Kind.DISCLOSE, Outcome.OPEN)
        assert entry.person_ref == COVERED.person_ref
    purposes = [one.purpose for one in read_entries(world.database) if one.kind == Kind.DISCLOSE]
    assert purposes == [Purpose.QUOTE, Purpose.ADMISSION]


@pytest.mark.parametrize("path", [QUOTES, PECS])
def test_without_open_rights_it_is_answered_like_a_rights_check(gateway, world, path):
    closed = [gateway.post(path, json=quote_body(person)) for person in (ENDED, STRANGER)]
    assert cut_receipt(closed[0].content) == cut_receipt(closed[1].content)
    check = gateway.post("/v1/rights-checks", json=typed_body(ENDED, domain="OPTI"))
    assert cut_receipt(check.content) == cut_receipt(closed[0].content)
    assert read_pecs(world) == []


def test_a_card_needs_the_birth_date_printed_beside_it(gateway):
    body = {**quote_body(COVERED), "identifiers": card_body(COVERED)["identifiers"]}
    assert refuse(gateway.post(QUOTES, json=body))[0][0] == "birth_date"
    reply = gateway.post(QUOTES, json={**body, "birth_date": COVERED.birth_date})
    assert reply.json()["answer"]["rights"] == "open"


def test_what_cannot_be_computed_is_told_before_anybody_is_looked_up(gateway, world):
    unknown_base = [{"number": 1, "act": "MON", "billed_cents": 9000}]
    replies = [
        gateway.post(QUOTES, json=quote_body(person, unknown_base))
        for person in (COVERED, STRANGER)
    ]
    assert refuse(replies[0])[0][0] == "lines.0.base_cents"
    assert replies[0].content == replies[1].content
    assert read_entries(world.database) == []


@pytest.mark.parametrize(
    ("path", "lines", "field"),
    [
        (QUOTES, [], "lines"),
        (QUOTES, [GLASSES[0], GLASSES[0]], "lines"),
        (QUOTES, [{**GLASSES[0], "number": n} for n in range(1, 42)], "lines"),
        (QUOTES, [GLASSES[0], {"number": 2, "act": "G", "billed_cents": 3000}], "lines"),
        (QUOTES, [{**GLASSES[0], "billed_cents": -1}], "lines.0.billed_cents"),
        (QUOTES, [{**GLASSES[0], "billed_cents": 10**12}], "lines.0.billed_cents"),
        (QUOTES, [{**GLASSES[0], "billed_cents": 10.123}], "lines.0.billed_cents"),
        (QUOTES, [{**GLASSES[0], "quantity": 0}], "lines.0.quantity"),
        (QUOTES, [{**GLASSES[0], "act": "NOPE"}], "lines.0.act"),
        (PECS, [{"number": 1, "act": "PH7", "billed_cents": 3000, "base_cents": 3000}], "lines"),
    ],
)
def test_bad_lines_are_refused_with_their_place(gateway, path, lines, field):
    faults = refuse(gateway.post(path, json=quote_body(COVERED, lines)))
    assert field in [name for name, _ in faults]


def test_a_promise_is_named_by_its_entry_and_kept_with_it(gateway, world):
    reply = gateway.post(PECS, json=quote_body(COVERED))
    pec, index = reply.json()["answer"]["pec"], reply.json()["receipt"]["index"]
    assert pec["state"] == "agreed"
    assert pec["expires_on"] == (TODAY + timedelta(days=90)).isoformat()
    assert pec["number"] == format_engagement(world.home.key("engagement"), 1, index)
    amc_cents = reply.json()["answer"]["total"]["amc_cents"]
    assert read_pecs(world) == [(index, COVERED.person_ref, "agreed", amc_cents)]


def test_a_promise_keeps_its_part_of_limits_until_it_is_taken_back(gateway, world):
    give_table(world)
    first = ask_pec(gateway)
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    reply = gateway.post(PECS, json=quote_body(COVERED, care_date=tomorrow))
    second = reply.json()["answer"]
    assert (second["pec"]["state"], second["total"]["amc_cents"]) == ("refused", 0)
    assert "prochain équipement" in " ".join(second["lines"][0]["explanation"])
    cancelled = gateway.post(f"{PECS}/{first['number']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert ask_pec(gateway, care_date=tomorrow)["state"] == "agreed"


def test_a_promise_is_changed_by_another_that_takes_its_place(gateway, world):
    give_table(world)
    first = ask_pec(gateway)
    dearer = [GLASSES[0], {**GLASSES[1], "billed_cents": 9500}]
    changed = ask_pec(gateway, lines=dearer, replaces=first["number"])
    assert changed["state"] == "agreed"
    assert [state for _, _, state, _ in read_pecs(world)] == ["replaced", "agreed"]
    again = gateway.post(PECS, json=quote_body(COVERED, replaces=first["number"]))
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    told = read_entries(world.database)[-1]
    assert (told.fields, told.person_ref) == (Field.RIGHTS_STATUS, COVERED.person_ref)


def test_of_many_that_would_replace_one_promise_at_once_one_does(gateway, world):
    number = ask_pec(gateway)["number"]
    body = quote_body(COVERED, replaces=number)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: gateway.post(PECS, json=body).status_code, range(8)))
    assert sorted(statuses) == [200, *[409] * 7]
    assert sorted(state for _, _, state, _ in read_pecs(world)) == ["agreed", "replaced"]


def test_a_promise_cancelled_while_it_is_replaced_costs_nobody_their_answer(
    gateway, world, monkeypatch
):
    number, read = ask_pec(gateway)["number"], CareReader.load_pecs
    bodies = [quote_body(COVERED, replaces=number), *[quote_body(COVERED)] * 3]

    async def read_then_lose(reader: CareReader, places: Any) -> Any:
        found = await read(reader, places)
        if places:
            with world.database.transaction("owner") as tx:
                tx.execute("UPDATE claims.pec SET state = 'cancelled' WHERE state = 'agreed'")
        return found

    monkeypatch.setattr(CareReader, "load_pecs", read_then_lose)
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda body: gateway.post(PECS, json=body).status_code, bodies))
    assert statuses == [409, 200, 200, 200]


def test_what_another_gateway_promises_meanwhile_is_not_promised_twice(gateway, world, monkeypatch):
    give_table(world)
    number, read = ask_pec(gateway)["number"], CareReader.load_used
    gateway.post(f"{PECS}/{number}/cancel")

    async def read_then_promise(reader: CareReader, persons: Any, **options: Any) -> Any:
        found = await read(reader, persons, **options)
        with world.database.transaction("owner") as tx:
            tx.execute("UPDATE claims.pec SET state = 'agreed' WHERE state = 'cancelled'")
        return found

    monkeypatch.setattr(CareReader, "load_used", read_then_promise)
    assert ask_pec(gateway)["state"] == "refused"


def test_a_number_that_is_not_ours_replaces_nothing(gateway):
    reply = gateway.post(PECS, json=quote_body(COVERED, replaces="RP-0000-0000-0000-0000"))
    assert refuse(reply)[0][0] == "replaces"


def test_the_same_request_again_makes_no_second_promise(gateway, world):
    headers = {"Idempotency-Key": "pec-of-tuesday"}
    replies = [gateway.post(PECS, json=quote_body(COVERED), headers=headers) for _ in range(2)]
    assert cut_receipt(replies[0].content) == cut_receipt(replies[1].content)
    assert len(read_pecs(world)) == 1


def test_only_who_asked_follows_a_promise(gateway, world, clock):
    number = ask_pec(gateway)["number"]
    with world.database.transaction("registrar") as tx:
        save_establishment(tx, 72, finess="990000027", siret="99000002700013")
        tx.execute("UPDATE accounts.professional SET establishment_ref = 72")
    other = Bearer(world.bearer.client_ref, world.bearer.account_ref, 72)
    auth = world.make_auth(bearer=other, now=lambda: clock.now_ms() / 1000)
    gateway.auth, mine = auth, gateway.auth
    theirs = gateway.get(f"{PECS}/{number}")
    forged = gateway.get(f"{PECS}/RP-0000-0000-0000-0000")
    assert (theirs.status_code, theirs.content) == (404, forged.content)
    assert gateway.post(f"{PECS}/{number}/cancel").status_code == 404
    assert gateway.get(PECS).json()["pecs"] == []
    with world.database.transaction("registrar") as tx:
        tx.execute("UPDATE accounts.professional SET establishment_ref = %s", (ESTABLISHMENT_REF,))
    gateway.auth = mine
    assert gateway.get(f"{PECS}/{number}").json()["state"] == "agreed"


def test_a_list_tells_no_amount_and_nobody(gateway, world):
    numbers = [ask_pec(gateway)["number"] for _ in range(3)]
    entries = len(read_entries(world.database))
    listed = gateway.get(PECS).json()
    assert [one["number"] for one in listed["pecs"]] == numbers[::-1]
    assert set(listed["pecs"][0]) == {
        *("number", "domain", "care_date", "state", "asked_at", "expires_on")
    }
    older = gateway.get(PECS, params={"before": listed["pecs"][1]["asked_at"]}).json()
    assert [one["number"] for one in older["pecs"]] == numbers[:1]
    assert refuse(gateway.get(PECS, params={"before": "yesterday"}))[0][0] == "before"
    assert len(read_entries(world.database)) == entries


def test_a_promise_whose_last_day_has_passed_holds_nothing(gateway, world):
    give_table(world)
    number = ask_pec(gateway)["number"]
    with world.database.transaction("owner") as tx:
        tx.execute("UPDATE claims.pec SET expires_on = %s", (TODAY - timedelta(days=1),))
    assert gateway.get(f"{PECS}/{number}").json()["state"] == "expired"
    assert gateway.post(f"{PECS}/{number}/cancel").status_code == 409
    assert ask_pec(gateway)["state"] == "agreed"


def test_mutation_a_promise_that_keeps_nothing_would_be_given_twice(gateway, world):
    give_table(world)
    ask_pec(gateway)
    with world.database.transaction("owner") as tx:
        tx.execute("UPDATE claims.pec SET uses = '[]'")
    assert ask_pec(gateway)["state"] == "agreed"  # and two pairs of glasses would be paid
