"""Quotes and prises en charge in FHIR R4B: the question and the answer of those in JSON."""

import json
from decimal import Decimal

import msgspec
import pytest
from fhir.resources.R4B.claim import Claim
from fhir.resources.R4B.claimresponse import ClaimResponse
from tests.api.fhir_claiming import make_fhir_claim, make_item, money
from tests.api.reading import read_entries
from tests.api.test_quotes import PECS, QUOTES, give_table, quote_body, read_pecs
from tests.api.world import COVERED, ENDED, STRANGER, TODAY

from rempart.disclosure.entry import Kind, Purpose
from rempart.disclosure.fields import Field
from rempart.exchange import fhir_quote
from rempart.exchange.fhir_feed import CARD_SYSTEM, EXTENSIONS
from rempart.exchange.fhir_quote import read_response_fields, write_claim_response

ADDRESS = "/fhir/Claim/$quote"
USES = {"predetermination": QUOTES, "preauthorization": PECS}


def make_glasses(sequence, act, euros, base):
    return make_item(
        sequence,
        euros,
        productOrService={"coding": [{"code": act}]},
        extension=[
            money("base-amount", base),
            {"url": f"{EXTENSIONS}/basket", "valueCode": "free"},
        ],
    )


def make_quote(person=COVERED, use="predetermination", **changes):
    """What `quote_body` asks, in FHIR."""
    items = [make_glasses(1, "MON", 90.0, 0.05), make_glasses(2, "VER", 80.0, 0.10)]
    return make_fhir_claim(person, "D-1", **{"use": use, "item": items, **changes})


def ask(gateway, claim, **headers):
    content = claim if isinstance(claim, bytes) else json.dumps(claim).encode()
    headers = {"Content-Type": "application/fhir+json", **headers}
    return gateway.post(ADDRESS, content=content, headers=headers)


def read_extensions(answer):
    return {
        one["url"].removeprefix(f"{EXTENSIONS}/"): one.get("valueCode") or one.get("valueDate")
        for one in answer["extension"]
    }


def read_cents(amount):
    return int(Decimal(str(amount["value"])) * 100)


def read_amounts(item):
    return {
        one["category"]["coding"][0]["code"]: read_cents(one["amount"])
        for one in item["adjudication"]
    }


def refuse(reply):
    assert reply.status_code == 422, reply.text
    return [one["field"] for one in reply.json()["errors"]]


@pytest.mark.parametrize("use", USES)
def test_the_answer_says_what_the_one_in_json_says(gateway, use):
    claim = make_quote(use=use)
    Claim.model_validate(claim)
    reply = ask(gateway, claim)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/fhir+json")
    told = reply.json()
    ClaimResponse.model_validate(told)
    if "preAuthRef" in told:  # given back, or it would keep its part of what the other is told
        gateway.post(f"{USES[use]}/{told['preAuthRef']}/cancel")
    same = gateway.post(USES[use], json=quote_body(COVERED)).json()["answer"]
    assert (told["outcome"], told["use"]) == ("complete", use)
    assert told["request"]["identifier"]["value"] == "D-1"
    assert [(one["itemSequence"], read_amounts(one)) for one in told["item"]] == [
        (
            line["number"],
            {
                "submitted": line["billed_cents"],
                "eligible": line["base_cents"],
                "amo": line["amo_cents"],
                "benefit": line["amc_cents"],
                "copay": line["reste_a_charge_cents"],
            },
        )
        for line in same["lines"]
    ]
    notes = {one["number"]: one["text"] for one in told["processNote"]}
    for item, line in zip(told["item"], same["lines"], strict=True):
        assert [notes[number] for number in item["noteNumber"]] == line["explanation"]
    totals = {
        one["category"]["coding"][0]["code"]: read_cents(one["amount"]) for one in told["total"]
    }
    assert (totals["submitted"], totals["benefit"]) == (17_000, same["total"]["amc_cents"])
    assert read_extensions(told)["consigne"] == same["consigne"]


def test_a_promise_is_numbered_kept_and_has_its_last_day(gateway, world):
    told = ask(gateway, make_quote(use="preauthorization")).json()
    [(index, person_ref, state, _)] = read_pecs(world)
    followed = gateway.get(f"{PECS}/{told['preAuthRef']}").json()
    assert (followed["state"], state, person_ref) == ("agreed", "agreed", COVERED.person_ref)
    assert told["preAuthPeriod"] == {
        "start": TODAY.isoformat(),
        "end": followed["expires_on"],
    }
    [receipt] = [one for one in told["extension"] if one["url"].endswith("/receipt")]
    assert receipt["extension"][1]["valueString"] == str(index)


def test_a_promise_that_is_refused_says_so_and_pays_nothing(gateway, world):
    give_table(world)
    ask(gateway, make_quote(use="preauthorization"))
    told = ask(gateway, make_quote(use="preauthorization")).json()
    ClaimResponse.model_validate(told)
    assert read_extensions(told)["pec-state"] == "refused"
    assert all(read_amounts(item)["benefit"] == 0 for item in told.get("item", []))


def test_a_promise_takes_the_place_of_another(gateway, world):
    first = ask(gateway, make_quote(use="preauthorization")).json()["preAuthRef"]
    related = [{"claim": {"identifier": {"value": first}}}]
    assert ask(gateway, make_quote(use="preauthorization", related=related)).status_code == 200
    assert [state for _, _, state, _ in read_pecs(world)] == ["replaced", "agreed"]
    forged = [{"claim": {"identifier": {"value": "RP-0000-0000-0000-0000"}}}]
    wrong = ask(gateway, make_quote(use="preauthorization", related=forged))
    assert refuse(wrong) == ["replaces"]


def test_its_entry_says_which_fields_its_bytes_carry(gateway, world):
    replies = [ask(gateway, make_quote(person, use)) for use in USES for person in (COVERED, ENDED)]
    entries = [one for one in read_entries(world.database) if one.kind != Kind.SESSION]
    assert [one.fields for one in entries] == [read_response_fields(one.content) for one in replies]
    assert entries[0].fields & Field.AMOUNTS
    assert [one.purpose for one in entries[::2]] == [Purpose.QUOTE, Purpose.ADMISSION]


def test_mutation_bytes_that_carry_more_than_the_entry_says_are_noticed(
    gateway, world, monkeypatch
):
    monkeypatch.setattr(fhir_quote, "_write_items", lambda told, notes: [{"itemSequence": 1}])
    reply = ask(gateway, make_quote(ENDED))
    entry = read_entries(world.database)[-1]
    assert entry.fields != read_response_fields(reply.content)


def test_nothing_of_the_person_comes_back(gateway):
    for person in (COVERED, ENDED):
        text = ask(gateway, make_quote(person)).text
        for secret in (person.nir.number, person.birth_date, person.card.format()):
            assert secret not in text


def test_whoever_is_not_covered_is_answered_like_a_stranger(gateway, world):
    told = [ask(gateway, make_quote(person, "preauthorization")) for person in (ENDED, STRANGER)]
    for one in told:
        ClaimResponse.model_validate(one.json())
        extensions = read_extensions(one.json())
        assert (extensions["rights"], extensions["closed-reason"]) == ("closed", "not_open")
        assert {"item", "total", "preAuthRef"}.isdisjoint(one.json())
    bare = [
        {
            **one.json(),
            "extension": [e for e in one.json()["extension"] if "receipt" not in e["url"]],
        }
        for one in told
    ]
    assert bare[0] == bare[1]
    assert read_pecs(world) == []


def test_a_card_is_shown_with_the_birth_date_printed_on_it(gateway):
    claim = make_quote(ENDED)
    claim["contained"][1]["identifier"] = [{"system": CARD_SYSTEM, "value": ENDED.card.format()}]
    extensions = read_extensions(ask(gateway, claim).json())
    assert extensions["closed-reason"] == "out_of_period"


def test_the_same_request_again_makes_no_second_promise(gateway, world):
    claim = make_quote(use="preauthorization")
    first, again = (ask(gateway, claim, **{"Idempotency-Key": "tuesday"}) for _ in range(2))
    assert first.json()["preAuthRef"] == again.json()["preAuthRef"]
    assert len(read_pecs(world)) == 1
    other = ask(gateway, make_quote(), **{"Idempotency-Key": "tuesday"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"use": "claim"}, "use"),
        ({"identifier": []}, "identifier"),
        ({"item": []}, "item"),
        ({"item": [make_item(n) for n in range(1, 42)]}, "item"),
        ({"item": [make_item(euros=30.005)]}, "item.1.net"),
        ({"item": [make_item(), make_item(2, servicedDate="2026-01-01")]}, "item.servicedDate"),
        ({"item": [make_item(), make_glasses(2, "VER", 80.0, 0.10)]}, "lines"),
        ({"item": [make_item(1, productOrService={"coding": [{"code": "MON"}]})]}, "item.1.base"),
        ({"item": [make_item(servicedDate="2019-01-01")]}, "care_date"),
        ({"use": "preauthorization", "item": [make_item()]}, "lines"),
        (
            {"extension": [{"url": f"{EXTENSIONS}/presence-digits", "valueString": "12"}]},
            "extension.presence-digits",
        ),
        (
            {
                "extension": [
                    {"url": f"{EXTENSIONS}/presence-digits", "valueString": "123456"},
                    {"url": f"{EXTENSIONS}/vitale-assertion", "valueString": "x"},
                ]
            },
            "extension",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(gateway, world, changes, field):
    assert field in refuse(ask(gateway, make_quote(**changes)))
    assert read_entries(world.database) == []


def test_other_formats_methods_and_sizes_are_refused(gateway):
    assert gateway.get(ADDRESS).status_code == 405
    assert ask(gateway, b"{").json()["code"] == "malformed_request"
    assert ask(gateway, make_quote(), **{"Content-Type": "text/plain"}).status_code == 415
    assert ask(gateway, b" " * 200_000).status_code == 413


def test_an_answer_that_says_something_new_is_not_sent_without_it():
    answer = {
        "answer": {
            "rights": "closed",
            "domain": "OPTI",
            "care_date": "2026-01-01",
            "reason": "x",
            "consigne": "ask_card",
            "secret": 1,
        },
        "receipt": {"log": "l", "index": 1, "checkpoint": "c"},
    }
    with pytest.raises(msgspec.ValidationError, match="secret"):
        write_claim_response(
            json.dumps(answer).encode(), asked=json.dumps(make_quote()).encode(), today=TODAY
        )
