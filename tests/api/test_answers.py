"""What a professional is answered, and what the ledger then holds."""

from datetime import timedelta

import pytest
from tests.api.reading import PATH, read_entry
from tests.api.world import (
    COVERED,
    ENDED,
    INSURER_ID,
    PENDING,
    PHARMACY_ONLY,
    STRANGER,
    SUSPENDED,
    TODAY,
    card_body,
    typed_body,
)

from rempart.disclosure.checkpoint import verify_checkpoint
from rempart.disclosure.entry import Kind, Outcome
from rempart.disclosure.note import NoteVerifier
from rempart.rights.engagement import parse_engagement


@pytest.fixture
def gateway(shared_gateway):
    return shared_gateway


@pytest.fixture
def world(shared_world):
    return shared_world


ASK_FOR_CARD = ("closed", "not_open", "ask_for_card")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        pytest.param(typed_body(COVERED), ("open", None, "bill_amc"), id="covered, typed"),
        pytest.param(card_body(COVERED), ("open", None, "bill_amc"), id="covered, card"),
        pytest.param(typed_body(ENDED), ASK_FOR_CARD, id="ended, typed"),
        pytest.param(
            card_body(ENDED), ("closed", "out_of_period", "collect_from_member"), id="ended, card"
        ),
        pytest.param(typed_body(SUSPENDED), ASK_FOR_CARD, id="suspended, typed"),
        pytest.param(
            card_body(SUSPENDED), ("closed", "suspended", "contact_insurer"), id="suspended, card"
        ),
        pytest.param(
            typed_body(PHARMACY_ONLY, domain="OPTI"), ASK_FOR_CARD, id="other domain, typed"
        ),
        pytest.param(
            card_body(PHARMACY_ONLY, domain="OPTI"),
            ("closed", "domain_not_covered", "collect_from_member"),
            id="other domain, card",
        ),
        pytest.param(typed_body(STRANGER), ASK_FOR_CARD, id="stranger, typed"),
        pytest.param(
            card_body(STRANGER), ("closed", "unknown_card", "ask_for_card"), id="unknown card"
        ),
        pytest.param(typed_body(PENDING), ASK_FOR_CARD, id="feed not published yet, typed"),
        pytest.param(
            card_body(PENDING),
            ("closed", "unknown_card", "ask_for_card"),
            id="feed not published yet, card",
        ),
    ],
)
def test_what_is_answered(gateway, body, answer):
    reply = gateway.post(PATH, json=body)
    given = reply.json()["answer"]
    assert reply.status_code == 200
    assert (given["rights"], given.get("reason"), given["consigne"]) == answer
    assert (given["domain"], given["care_date"]) == (body["domain"], body["care_date"])


@pytest.mark.parametrize(
    ("domain", "terms"),
    [
        ("PHAR", {"kind": "rate", "rate_bp": 10000, "circuit": "IS", "conditions": []}),
        (
            "OPTI",
            {"kind": "forfait", "amount_cents": 20000, "circuit": None, "conditions": ["DEVIS"]},
        ),
        ("MEDG", {"kind": "ticket_moderateur", "circuit": None, "conditions": []}),
    ],
)
def test_an_open_answer_says_what_is_covered(gateway, domain, terms):
    reply = gateway.post(PATH, json=typed_body(COVERED, domain=domain))
    assert reply.json()["answer"]["terms"] == terms


@pytest.mark.parametrize(
    ("days", "rights"), [(-31, "open"), (-30, "open"), (-29, "closed"), (0, "closed")]
)
def test_the_last_day_of_a_contract_counts(gateway, days, rights):
    care_date = TODAY + timedelta(days=days)
    reply = gateway.post(PATH, json=card_body(ENDED, care_date=care_date.isoformat()))
    assert reply.json()["answer"]["rights"] == rights


def test_spaces_lower_case_and_confused_letters_on_a_card_do_not_matter(gateway):
    code = COVERED.card.format().lower().replace("-", " ").replace("1", "l").replace("0", "o")
    body = card_body(COVERED, identifiers={"mode": "card", "card_code": code})
    assert gateway.post(PATH, json=body).json()["answer"]["rights"] == "open"


def test_the_engagement_number_names_the_ledger_entry(gateway, world):
    reply = gateway.post(PATH, json=typed_body(COVERED))
    engagement = reply.json()["answer"]["engagement"]
    place = parse_engagement(world.home.key("engagement"), engagement["number"])
    assert place == (1, reply.json()["receipt"]["index"])
    assert engagement["expires_on"] == (TODAY + timedelta(days=30)).isoformat()


def test_the_receipt_is_signed_and_covers_the_entry(gateway, world):
    receipt = gateway.post(PATH, json=typed_body(COVERED)).json()["receipt"]
    with world.database.transaction("auditor") as tx:
        [(origin, vkey)] = tx.execute("SELECT origin, vkey FROM ledger.log").fetchall()
    checkpoint = verify_checkpoint(
        receipt["checkpoint"], NoteVerifier.parse(vkey), origin=receipt["log"]
    )
    assert origin == receipt["log"]
    assert checkpoint.size > receipt["index"]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (typed_body(ENDED), Outcome.CLOSED_OUT_OF_PERIOD),
        (typed_body(SUSPENDED), Outcome.CLOSED_SUSPENDED),
        (typed_body(PHARMACY_ONLY, domain="DENT"), Outcome.CLOSED_DOMAIN),
    ],
)
def test_the_entry_holds_the_exact_outcome_that_the_answer_hides(gateway, world, body, outcome):
    reply = gateway.post(PATH, json=body)
    entry = read_entry(world.database, reply)
    assert reply.json()["answer"]["reason"] == "not_open"
    assert (entry.kind, entry.outcome) == (Kind.DISCLOSE, outcome)


@pytest.mark.parametrize("person", [STRANGER, PENDING])
def test_nobody_is_found_and_that_is_recorded_too(gateway, world, person):
    entry = read_entry(world.database, gateway.post(PATH, json=typed_body(person)))
    assert (entry.kind, entry.outcome) == (Kind.NEGATIVE, Outcome.UNKNOWN)
    assert (entry.person_ref, entry.insurer_id, entry.data_version) == (0, INSURER_ID, 0)


def test_a_decoy_leaves_no_trace_in_the_entry_of_a_stranger(gateway, world):
    gateway.post(PATH, json=typed_body(COVERED))  # from here on, COVERED is the decoy
    for body in (typed_body(STRANGER), card_body(STRANGER)):
        reply = gateway.post(PATH, json=body)
        assert reply.json()["answer"]["rights"] == "closed"
        assert read_entry(world.database, reply).person_ref == 0


def test_a_stranger_of_an_unknown_insurer_counts_for_no_insurer(gateway, world):
    body = typed_body(STRANGER)
    body["identifiers"]["amc_number"] = "9900000099"
    assert read_entry(world.database, gateway.post(PATH, json=body)).insurer_id == 0
