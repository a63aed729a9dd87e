"""What is wrong in the form of a claim is told with its rule, its line and its field."""

import json
from random import Random

import pytest

from rempart.exchange import claim_rules
from rempart.exchange.billed_claim import FIRST_DAY, LAST_DAY, BilledClaim, find_faults
from rempart.exchange.claim_json import read_claim, split_claims
from rempart.exchange.lot_spool import MOST_LINE_BYTES, LotSpool
from rempart.kernel.errors import BodyTooLarge, MalformedRequest

LINE = {"number": 1, "act": "G", "care_date": "2026-03-02", "billed_cents": 3_000}
CLAIM = {
    "invoice": "F-1",
    "beneficiary": {
        "mode": "typed",
        "amc_number": "9900000001",
        "insured_nir": "284050000100104",
        "birth_date": "19840512",
        "birth_rank": 1,
    },
    "lines": [LINE],
}
CARD = {"mode": "card", "card_code": "7K3M-Q2ZX-0V9T-5RBN-HC41", "birth_date": "19840512"}


def read(claim):
    return read_claim(json.dumps(claim).encode())


def find(claim):
    """The faults of a claim, as a reader of the answer sees them."""
    made = read(claim)
    faults = find_faults(made) if isinstance(made, BilledClaim) else made
    return [(one.line, one.field, one.refusal.rule) for one in faults]


def with_line(**changes):
    return {**CLAIM, "lines": [{**LINE, **changes}]}


def without(name):
    return {key: value for key, value in CLAIM.items() if key != name}


@pytest.mark.parametrize(
    "claim",
    [
        CLAIM,
        {**CLAIM, "beneficiary": CARD},
        {**CLAIM, "invoice": "Facture n° 2026/118 — é"},
        with_line(care_date=FIRST_DAY.isoformat()),
        with_line(care_date=LAST_DAY.isoformat()),
        with_line(billed_cents=0, amo_cents=0, base_cents=0, asked_amc_cents=0),
        with_line(billed_cents=100_000_000, amo_cents=100_000_000, quantity=9_999, number=999),
        {**CLAIM, "lines": [{**LINE, "number": number} for number in range(1, 201)]},
    ],
)
def test_what_can_be_is_taken(claim):
    assert find(claim) == []


@pytest.mark.parametrize(
    ("claim", "faults"),
    [
        # Amounts
        (with_line(billed_cents=-1), [(1, "billed_cents", "claim_amount")]),
        (with_line(billed_cents=100_000_001), [(1, "billed_cents", "claim_amount")]),
        (with_line(billed_cents=2**63), [(1, "billed_cents", "claim_amount")]),
        (with_line(billed_cents=10**40), [(1, "billed_cents", "claim_amount")]),
        (with_line(billed_cents=30.005), [(1, "billed_cents", "claim_shape")]),
        (with_line(billed_cents="3000"), [(1, "billed_cents", "claim_shape")]),
        (with_line(billed_cents=True), [(1, "billed_cents", "claim_shape")]),
        (with_line(billed_cents=None), [(1, "billed_cents", "claim_shape")]),
        (with_line(base_cents=-1), [(1, "base_cents", "claim_amount")]),
        (with_line(asked_amc_cents=2**31), [(1, "asked_amc_cents", "claim_amount")]),
        (with_line(amo_cents=3_001), [(1, "amo_cents", "claim_amo_part")]),
        # Quantities and numbers
        (with_line(quantity=0), [(1, "quantity", "claim_quantity")]),
        (with_line(quantity=10_000), [(1, "quantity", "claim_quantity")]),
        (with_line(number=0), [(0, "number", "claim_lines")]),
        (with_line(number=1_000), [(1000, "number", "claim_lines")]),
        ({**CLAIM, "lines": [LINE, LINE]}, [(None, "lines", "claim_lines")]),
        ({**CLAIM, "lines": []}, [(None, "lines", "claim_lines")]),
        # Days
        (with_line(care_date="2026-02-30"), [(1, "care_date", "claim_shape")]),
        (with_line(care_date="0001-01-01"), [(1, "care_date", "claim_day")]),
        (with_line(care_date="9999-12-31"), [(1, "care_date", "claim_day")]),
        (with_line(care_date="hier"), [(1, "care_date", "claim_shape")]),
        # Acts and closed lists
        (with_line(act="ZZZ"), [(1, "act", "act_unknown")]),
        (with_line(act="g\u0000"), [(1, "act", "act_unknown")]),
        (with_line(basket="gratuit"), [(1, "basket", "claim_shape")]),
        (with_line(unknown=1), [(1, "", "claim_shape")]),
        # Texts
        ({**CLAIM, "invoice": ""}, [(None, "invoice", "claim_invoice")]),
        ({**CLAIM, "invoice": "F\u00001"}, [(None, "invoice", "claim_invoice")]),
        ({**CLAIM, "invoice": "F\n1"}, [(None, "invoice", "claim_invoice")]),
        ({**CLAIM, "invoice": " F1"}, [(None, "invoice", "claim_invoice")]),
        ({**CLAIM, "invoice": "F" * 65}, [(None, "invoice", "claim_invoice")]),
        ({**CLAIM, "invoice": 7}, [(None, "invoice", "claim_shape")]),
        ({**CLAIM, "pec": "P\u0000"}, [(None, "pec", "claim_mark")]),
        (with_line(equipment="\u0007"), [(1, "equipment", "claim_mark")]),
        (with_line(equipment="e" * 17), [(1, "equipment", "claim_mark")]),
        (without("invoice"), [(None, "invoice", "claim_shape")]),
        (without("lines"), [(None, "lines", "claim_shape")]),
        ({**CLAIM, "beneficiary": {"mode": "photo"}}, [(None, "beneficiary.mode", "claim_shape")]),
        (
            {**CLAIM, "beneficiary": {**CARD, "card_code": "no code"}},
            [(None, "beneficiary.card_code", "card_code")],
        ),
        (
            {**CLAIM, "beneficiary": {**CARD, "birth_date": "1984"}},
            [(None, "beneficiary.birth_date", "birth_date_format")],
        ),
    ],
)
def test_each_fault_has_its_rule_its_line_and_its_field(claim, faults):
    assert find(claim) == faults


def test_all_faults_are_told_at_once():
    claim = {
        **CLAIM,
        "beneficiary": {**CLAIM["beneficiary"], "insured_nir": "1", "birth_rank": 0},
        "lines": [{**LINE, "act": "ZZZ"}, {**LINE, "number": 2, "billed_cents": -1}],
    }
    assert [(line, field) for line, field, _ in find(claim)] == [
        (None, "beneficiary.insured_nir"),
        (None, "beneficiary.birth_rank"),
        (1, "act"),
        (2, "billed_cents"),
    ]


def test_every_line_of_a_wrong_shape_is_told():
    claim = {**CLAIM, "lines": [{**LINE, "act": 1}, LINE, {**LINE, "number": "3"}]}
    assert find(claim) == [(1, "act", "claim_shape"), (3, "number", "claim_shape")]


@pytest.mark.parametrize("text", [b"{", b"\xff", b'{"invoice":"\\ud800"}', b"[" * 100_000, b"1"])
def test_bytes_that_are_no_claim_are_a_fault(text):
    [fault] = read_claim(text)
    assert fault.refusal.rule == "claim_shape"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"claims":1}', b'{"claims":[],"x":1}']
)
def test_a_body_that_is_no_request_is_refused(body):
    with pytest.raises(MalformedRequest):
        split_claims(body)


def test_nothing_of_a_claim_prints():
    assert "2840500001" not in repr(read(CLAIM))
    assert "19840512" not in repr(read(CLAIM))


def test_every_fault_can_be_told_again_from_the_name_of_its_rule():
    rules = claim_rules.RULES
    assert all(rule == refusal.rule for rule, refusal in rules.items())
    for claim in (with_line(act="ZZZ"), with_line(quantity=0), {**CLAIM, "invoice": ""}):
        assert {rule for _, _, rule in find(claim)} <= set(rules)


# ------------------------------------------------------------------ a lot in memory


def test_a_lot_is_read_as_often_as_one_likes():
    spool = LotSpool()
    for block in (b"one\ntw", b"o\n\nfour", b""):
        spool.write(block)
    digest = spool.close()
    assert list(spool.lines()) == list(spool.lines()) == [b"one", b"two", b"", b"four"]
    assert len(digest) == 32
    assert spool.size == 13


def test_a_lot_takes_a_tenth_of_its_bytes_in_memory():
    spool = LotSpool()
    line = b"4" + b" " * 100 + b"%026d\n"
    for place in range(20_000):
        spool.write(line % place)
    spool.close()
    assert spool.kept_size < spool.size / 10
    assert sum(1 for _ in spool.lines()) == 20_000


@pytest.mark.parametrize(
    "bounds", [{"most_bytes": 99}, {"most_kept_bytes": 99_999}, {"most_lines": 99}]
)
def test_a_lot_over_its_bounds_is_refused_while_it_comes(bounds):
    spool = LotSpool(**bounds)
    # Noise cannot be squeezed: it fills the bound of what is kept.
    with pytest.raises(BodyTooLarge):
        spool.write(Random(7).randbytes(200_000))


def test_a_line_without_an_end_does_not_fill_memory():
    spool = LotSpool()
    spool.write(b"x" * 3_000_000)
    spool.close()
    assert max(len(line) for line in spool.lines()) <= 256 * 1024 + MOST_LINE_BYTES


def test_a_lot_does_not_print():
    spool = LotSpool()
    spool.write(b"284050000100104")
    assert repr(spool) == "<LotSpool of 15 bytes>"
