"""Without the card, a refusal does not tell whether the person exists: same status, headers, bytes.

Time is measured by `bench/refusal_timing.py`: a test on a shared machine would only measure noise.
"""

import base64

import pytest
from tests.api.reading import PATH, cut_receipt
from tests.api.world import (
    COVERED,
    ENDED,
    PENDING,
    PHARMACY_ONLY,
    STRANGER,
    SUSPENDED,
    card_body,
    typed_body,
)

from rempart.rights.answer import ShownReason, decide_shown_reason
from rempart.workflows.rights import check_rights


@pytest.fixture
def gateway(shared_gateway):
    return shared_gateway


CHANGING = {"content-length", "dpop-nonce"}
PARTS_OF_THE_RECEIPT = {"log", "index", "checkpoint"}


def wrong(person, **changes):
    """A question about a person with one identifier that is not theirs."""
    body = typed_body(person, domain="DENT")
    body["identifiers"] |= changes
    return body


REFUSALS = {
    "stranger": typed_body(STRANGER, domain="DENT"),
    "ended": typed_body(ENDED, domain="DENT"),
    "suspended": typed_body(SUSPENDED, domain="DENT"),
    "domain not covered": typed_body(PHARMACY_ONLY, domain="DENT"),
    "feed not published yet": typed_body(PENDING, domain="DENT"),
    "another birth date": wrong(COVERED, birth_date="19840513"),
    "another birth rank": wrong(COVERED, birth_rank=2),
    "another insurer": wrong(COVERED, amc_number="9900000002"),
    "another person's number": wrong(COVERED, insured_nir=STRANGER.nir.format_compact()),
}


def collect_refusals(gateway):
    """Every refusal once, with everything a caller can compare."""
    found = {}
    for name, body in REFUSALS.items():
        reply = gateway.post(PATH, json=body)
        receipt = reply.json()["receipt"]
        # The nonce of the hour is everybody's: it tells nothing of the person.
        headers = {k: v for k, v in reply.headers.items() if k not in CHANGING}
        shown = base64.urlsafe_b64decode(headers.pop("rempart-checkpoint") + "==").decode()
        assert shown == receipt["checkpoint"]  # what every caller is told of the log, nothing more
        found[name] = (reply.status_code, headers, cut_receipt(reply.content))
        assert receipt.keys() == PARTS_OF_THE_RECEIPT
    return found


def test_typed_refusals_are_the_same_bytes(gateway):
    found = collect_refusals(gateway)
    assert len(found) == len(REFUSALS)
    assert all(one == found["stranger"] for one in found.values())


def test_the_length_of_a_refusal_depends_on_its_receipt_alone(gateway):
    gateway.post(PATH, json=typed_body(COVERED))
    lengths = {
        len(reply.content) - len(str(reply.json()["receipt"]))
        for body in REFUSALS.values()
        for reply in (gateway.post(PATH, json=body),)
    }
    assert len(lengths) == 1


def test_mutation_a_reason_that_slips_through_is_noticed(gateway, monkeypatch):
    def show_everything(decision, *, presence):
        return decide_shown_reason(decision, presence=True)

    monkeypatch.setattr(check_rights, "decide_shown_reason", show_everything)
    found = collect_refusals(gateway)
    assert found["suspended"] != found["stranger"]


def test_a_problem_does_not_depend_on_the_person(gateway):
    bodies = [typed_body(p, care_date="2031-01-01") for p in (COVERED, STRANGER)]
    first, second = (gateway.post(PATH, json=body) for body in bodies)
    assert (first.status_code, first.headers, first.content) == (
        second.status_code,
        second.headers,
        second.content,
    )


@pytest.mark.parametrize("person", [ENDED, SUSPENDED])
def test_with_the_card_the_reason_is_told(gateway, person):
    reply = gateway.post(PATH, json=card_body(person))
    assert reply.json()["answer"]["reason"] != ShownReason.NOT_OPEN.value
