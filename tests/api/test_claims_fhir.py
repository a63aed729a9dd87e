"""Claims in FHIR R4B: read by one mapping, acknowledged in what a foreign model accepts."""

import json

import pytest
from fhir.resources.R4B.claim import Claim
from fhir.resources.R4B.claimresponse import ClaimResponse
from tests.api.claiming import CLAIMS, make_claim, make_line, read_rows, take_one
from tests.api.fhir_claiming import make_fhir_claim, make_item, money, send_fhir
from tests.api.world import AMC, COVERED, STRANGER, TODAY

from rempart.exchange.billed_claim import BilledClaim
from rempart.exchange.fhir_claim import format_acknowledgement, read_fhir_claim
from rempart.exchange.fhir_feed import CARD_SYSTEM, EXTENSIONS


def read(claim):
    return read_fhir_claim(json.dumps(claim).encode())


def find(claim):
    """The faults of a claim."""
    made = read(claim)
    assert not isinstance(made, BilledClaim)
    return [(one.line, one.field, one.refusal.rule) for one in made]


def with_item(**changes):
    return make_fhir_claim(COVERED, item=[make_item(**changes)])


def code(name, value):
    return {"url": f"{EXTENSIONS}/{name}", "valueCode": value}


def test_a_claim_that_a_foreign_model_accepts_is_taken(gateway, world):
    claim = make_fhir_claim(COVERED)
    Claim.model_validate(claim)
    reply = send_fhir(gateway, claim)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/fhir+json")
    answer = ClaimResponse.model_validate(reply.json())
    assert (answer.outcome, answer.use, answer.status) == ("queued", "claim", "active")
    reference = answer.identifier[0].value
    assert gateway.get(f"{CLAIMS}/{reference}").json()["channel"] == "fhir"
    assert read_rows(world, "SELECT person_ref, billed_cents FROM claims.claim") == [
        (COVERED.person_ref, 3_000)
    ]
    assert COVERED.nir.number not in reply.text


def test_it_is_the_same_claim_as_in_json(gateway, world):
    reference = take_one(gateway, make_claim(COVERED, lines=[make_line()]))
    answer = send_fhir(gateway, make_fhir_claim(COVERED)).json()
    assert answer["identifier"][0]["value"] == reference
    assert read_rows(world, "SELECT count(*) FROM claims.claim") == [(1,)]


def test_a_claim_of_a_wrong_form_is_answered_by_its_findings(gateway, world):
    reply = send_fhir(gateway, with_item(productOrService={"coding": [{"code": "ZZZ"}]}))
    assert reply.status_code == 422
    answer = ClaimResponse.model_validate(reply.json())
    assert answer.outcome == "error"
    [error] = answer.error
    assert (error.itemSequence, error.code.coding[0].code) == (1, "act_unknown")
    assert "/" in error.code.text
    assert read_rows(world, "SELECT count(*) FROM claims.claim") == [(0,)]


def test_everything_the_mapping_names_is_read():
    item = make_item(
        euros=150.00,
        quantity={"value": 2},
        productOrService={"coding": [{"code": "VER"}]},
        extension=[
            money("base-amount", 0.10),
            money("amo-amount", 0.06),
            money("asked-amc-amount", 90),
            code("basket", "free"),
            code("correction", "complex"),
            code("exoneration", "ald"),
            {"url": f"{EXTENSIONS}/equipment", "valueString": "1"},
            {"url": f"{EXTENSIONS}/early-renewal", "valueBoolean": True},
        ],
    )
    claim = make_fhir_claim(
        COVERED,
        item=[item],
        total={"value": 150, "currency": "EUR"},
        related=[{"claim": {"identifier": {"value": "7K3M-Q2ZX-0V9T"}}}],
        extension=[{"url": f"{EXTENSIONS}/in-pathway", "valueBoolean": False}],
    )
    claim["insurance"][0]["preAuthRef"] = ["PEC-1", "RP-7K3M-Q2ZX-0V9T-5RBN"]
    Claim.model_validate(claim)
    made = read(claim)
    [line] = made.lines
    assert (line.billed_cents, line.base_cents, line.amo_cents, line.quantity) == (15_000, 10, 6, 2)
    assert (line.basket, line.correction, line.exoneration) == ("free", "complex", "ald")
    assert (line.equipment, line.early_renewal, line.care_date) == ("1", True, TODAY)
    assert made.asked_amc_cents == (9_000,)
    assert (made.engagement, made.pec) == ("RP-7K3M-Q2ZX-0V9T-5RBN", "PEC-1")
    assert (made.replaces, made.in_pathway) == ("7K3M-Q2ZX-0V9T", False)
    assert made.identifiers.amc_number.number == AMC


def test_a_card_designates_its_holder():
    claim = make_fhir_claim(COVERED)
    claim["contained"][1]["identifier"] = [{"system": CARD_SYSTEM, "value": COVERED.card.format()}]
    made = read(claim)
    assert made.identifiers == COVERED.card
    assert made.birth_date == COVERED.birth_date


@pytest.mark.parametrize(
    ("claim", "faults"),
    [
        (with_item(euros=30.005), [(1, "net", "claim_amount")]),
        (with_item(euros=-30), [(1, "billed_cents", "claim_amount")]),
        (with_item(euros=1e300), [(1, "net", "claim_amount")]),
        (with_item(net={"value": 30, "currency": "USD"}), [(1, "net", "claim_amount")]),
        (with_item(net={"value": "NaN"}), [(1, "net", "claim_amount")]),
        (with_item(quantity={"value": 1.5}), [(1, "quantity", "claim_quantity")]),
        (with_item(quantity={"value": 1e300}), [(1, "quantity", "claim_quantity")]),
        (with_item(servicedDate="hier"), [(None, "item[0].servicedDate", "claim_shape")]),
        (with_item(extension=[code("basket", "gratuit")]), [(1, "basket", "claim_shape")]),
        (
            make_fhir_claim(COVERED, total={"value": 31, "currency": "EUR"}),
            [(None, "total", "claim_total")],
        ),
        (make_fhir_claim(COVERED, use="predetermination"), [(None, "use", "claim_shape")]),
        (make_fhir_claim(COVERED, identifier=[]), [(None, "identifier", "claim_shape")]),
        (make_fhir_claim(COVERED, insurance=[]), [(None, "insurance", "claim_shape")]),
        (make_fhir_claim(COVERED, contained=[]), [(None, "contained", "claim_shape")]),
    ],
)
def test_each_fault_has_its_rule_and_its_place(claim, faults):
    assert find(claim) == faults


def test_an_amount_of_a_monstrous_exponent_is_not_written_out():
    for monster in ("1e999999999999", "-1e999999999999", "1e-999999999999"):
        text = json.dumps(make_fhir_claim(STRANGER)).replace("30.0,", f"{monster},")
        [fault] = read_fhir_claim(text.encode())
        assert fault.refusal.rule == "claim_amount"


def test_an_acknowledgement_can_be_written_of_anything():
    for body in (b"{}", b"[]", b'{"type":1}'):
        text = format_acknowledgement(
            body, created="2026-01-01T00:00:00+00:00", reference=None, faults=read_fhir_claim(body)
        )
        ClaimResponse.model_validate_json(text)
