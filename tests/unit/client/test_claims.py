"""The client's claims: signed for their own address and method, sent again without harm."""

import httpx
import pytest
from tests.unit.client.fake_server import URL, FakeServer, read_proof

from rempart.client import (
    AccessRefused,
    Claims,
    QuestionRefused,
    Rempart,
    SigningKey,
    Unavailable,
)

CLAIM = {"invoice": "F-1", "lines": []}
KEY = SigningKey.generate()


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def claims(server):
    rempart = Rempart(URL, client_id="officine", key=KEY, transport=server.transport)
    return Claims(rempart.act_for(lambda: "psc"))


def answer(server, status, document, **headers):
    server.answers = [httpx.Response(status, json=document, headers=headers)]


def test_claims_are_sent_and_their_references_come_back_by_place(server, claims):
    answer(
        server,
        202,
        {
            "accepted": [{"at": 1, "invoice": "F-1", "claim": "7K3M-Q2ZX-0V9T"}],
            "refused": [{"at": 2, "findings": [{"rule": "claim_lines"}]}],
        },
    )
    received = claims.send([CLAIM, CLAIM])
    assert received.references == {1: "7K3M-Q2ZX-0V9T"}
    [refusal] = received.refused
    assert (refusal.at, refusal.findings[0]["rule"]) == (2, "claim_lines")


def test_a_request_of_which_nothing_is_taken_is_no_exception(server, claims):
    answer(server, 422, {"accepted": [], "refused": [{"at": 1, "findings": []}]})
    assert claims.send([CLAIM]).references == {}


def test_reading_is_signed_for_its_own_method_and_address(server, claims):
    answer(server, 200, {"claim": "7K3M-Q2ZX-0V9T", "state": "paid"})
    assert claims.read("7K3M-Q2ZX-0V9T")["state"] == "paid"
    proof = read_proof(server.requests[-1])
    assert proof["htm"] == "GET"
    assert proof["htu"].endswith("/v1/claims/7K3M-Q2ZX-0V9T")


def test_a_list_is_read_to_its_end(server, claims):
    pages = [
        {"claims": [{"claim": "A"}], "next": "A"},
        {"claims": [{"claim": "B"}], "next": None},
    ]
    server.answers = [httpx.Response(200, json=page) for page in pages]
    assert [one["claim"] for one in claims.list(state="paid")] == ["A", "B"]
    last = server.requests[-1].url
    assert (last.params["after"], last.params["state"]) == ("A", "paid")
    assert "?" not in read_proof(server.requests[-1])["htu"]


@pytest.mark.parametrize(
    ("content", "kind"), [(b' {"invoice":1}\n', "application/x-ndjson"), (b"1 990", "text/plain")]
)
def test_a_lot_is_announced_in_its_own_format(server, claims, content, kind):
    answer(server, 202, {"lots": [{"lot": "L", "state": "received"}]})
    assert claims.send_lot(content, number="12") == [{"lot": "L", "state": "received"}]
    assert server.requests[-1].headers["content-type"] == kind


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AccessRefused), (404, QuestionRefused), (503, Unavailable)]
)
def test_what_goes_wrong_is_said_as_for_rights_checks(server, claims, status, kind):
    answer(server, status, {"code": "x", "detail": "Words."})
    with pytest.raises(kind):
        claims.cancel("7K3M-Q2ZX-0V9T")
