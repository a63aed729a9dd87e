"""What a software sends, and what it does with what comes back."""

import base64
import hashlib
from datetime import date

import httpx
import pytest
from tests.unit.client.fake_server import (
    URL,
    FakeServer,
    ask_nonce,
    give_token,
    read_claims,
    read_form,
    read_header,
    read_proof,
)

from rempart.client import (
    Access,
    AccessRefused,
    AlreadyAsked,
    Card,
    Closed,
    NoAnswer,
    Open,
    Problem,
    QuestionRefused,
    Rate,
    Rempart,
    SigningKey,
    SlowDown,
    TokenRefused,
    Typed,
    Unavailable,
)
from rempart.client.answers import read_answer

KEY = SigningKey.generate()
CARD = "7K3M-Q2ZX-0V9T-5RBN-HC41"
PSC_TOKEN = "a-token-of-pro-sante-connect"
TOKEN, CHECKS = "/oauth/token", "/v1/rights-checks"


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def access(server: FakeServer) -> Access:
    return connect(server).act_for(lambda: PSC_TOKEN, situation="990000018")


def connect(server: FakeServer) -> Rempart:
    return Rempart(URL, client_id="officine", key=KEY, transport=server.transport)


def ask(access: Access, **changes):
    question = {"domain": "PHAR", "care_date": date(2026, 11, 22), **changes}
    return access.check_rights(Card(CARD), **question)


def refuse(status: int, code: str = "error", **headers: str) -> httpx.Response:
    document = {"code": code, "detail": "Words.", "errors": [{"field": "domain", "message": "M."}]}
    return httpx.Response(status, json=document, headers=headers)


def test_a_software_says_who_it_is_by_a_signature_of_its_own(server, access):
    ask(access)
    form = read_form(server.of(TOKEN)[0])
    assertion = read_claims(form["client_assertion"], KEY.public_jwk)
    assert read_header(form["client_assertion"])["kid"] == KEY.thumbprint
    assert assertion["iss"] == assertion["sub"] == form["client_id"] == "officine"
    assert assertion["aud"] == URL
    assert 0 < assertion["exp"] - assertion["iat"] <= 60
    assert form["subject_token"] == PSC_TOKEN
    assert form["situation"] == "990000018"
    assert form["scope"] == "rights:check claims:send"


def test_a_call_is_signed_for_its_token_its_address_and_itself_alone(server, access):
    ask(access)
    ask(access)
    calls = server.of(CHECKS)
    proofs = [read_proof(call) for call in calls]
    digest = hashlib.sha256(b"a-token").digest()
    assert calls[0].headers["Authorization"] == "DPoP a-token"
    assert proofs[0]["htm"] == "POST"
    assert proofs[0]["htu"] == URL + CHECKS
    assert proofs[0]["ath"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert proofs[0]["jti"] != proofs[1]["jti"]
    assert "d" not in read_header(calls[0].headers["DPoP"])["jwk"]


def test_the_token_is_bound_to_a_key_that_is_not_the_registered_one(server, access):
    ask(access)
    shown = [read_header(request.headers["DPoP"])["jwk"] for request in server.requests]
    assert shown[0] == shown[1]
    assert shown[0]["x"] != KEY.public_jwk["x"]


@pytest.mark.parametrize("asks_at", [TOKEN, CHECKS])
def test_a_server_that_wants_its_nonce_gets_it_at_once_and_once(server, access, asks_at):
    if asks_at == TOKEN:
        server.tokens = [ask_nonce(400, "n-1"), give_token()]
    else:
        server.answers = [ask_nonce(401, "n-1"), *server.answers]
    assert isinstance(ask(access), Open)
    first, second = server.of(asks_at)
    assert "nonce" not in read_proof(first)
    assert read_proof(second)["nonce"] == "n-1"
    assert read_proof(first)["jti"] != read_proof(second)["jti"]


def test_a_second_attempt_at_the_token_endpoint_signs_a_new_assertion(server, access):
    server.tokens = [ask_nonce(400, "n-1"), give_token()]
    ask(access)
    first, second = (read_form(request)["client_assertion"] for request in server.of(TOKEN))
    assert first != second


def test_a_server_that_always_wants_another_nonce_is_not_asked_for_ever(server, access):
    server.answers = [ask_nonce(401, "n-1")]
    with pytest.raises(AccessRefused):
        ask(access)
    # Twice with the first token, then twice with a new one would be for a token that was kept.
    assert len(server.of(CHECKS)) == 2


def test_a_nonce_told_with_an_answer_is_used_for_the_next_call(server, access):
    server.answers[0].headers["DPoP-Nonce"] = "n-2"
    ask(access)
    ask(access)
    assert read_proof(server.of(CHECKS)[1])["nonce"] == "n-2"


def test_a_token_is_kept_while_it_is_good(server, access):
    ask(access)
    ask(access)
    assert len(server.of(TOKEN)) == 1


def test_a_token_near_its_end_is_renewed_with_a_fresh_token_of_the_person(server):
    given = iter(["first", "second"])
    server.tokens = [give_token(expires_in=10), give_token("another")]
    access = connect(server).act_for(lambda: next(given))
    ask(access)
    ask(access)
    assert [read_form(r)["subject_token"] for r in server.of(TOKEN)] == ["first", "second"]
    assert server.of(CHECKS)[1].headers["Authorization"] == "DPoP another"


def test_a_kept_token_that_is_refused_is_replaced_once_under_the_same_name(server, access):
    ask(access)
    server.answers = [refuse(401), *server.answers]
    server.tokens = [give_token("another")]
    assert isinstance(ask(access), Open)
    names = [request.headers["Idempotency-Key"] for request in server.of(CHECKS)]
    assert names[1] == names[2] != names[0]


def test_a_new_token_that_is_refused_is_not_replaced(server, access):
    server.answers = [refuse(401, "access_denied")]
    with pytest.raises(AccessRefused) as refused:
        ask(access)
    assert refused.value.code == "access_denied"
    assert len(server.of(TOKEN)) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, QuestionRefused),
        (422, QuestionRefused),
        (413, QuestionRefused),
        (403, AccessRefused),
        (409, AlreadyAsked),
        (429, SlowDown),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_each_refusal_is_of_the_class_that_says_what_to_do(server, access, status, kind):
    server.answers = [refuse(status, "some_code", **{"Retry-After": "7"})]
    with pytest.raises(Problem) as refused:
        ask(access)
    assert type(refused.value) is kind
    assert (refused.value.code, refused.value.status) == ("some_code", status)
    assert refused.value.errors[0].field == "domain"
    assert refused.value.retry_after_s == (7 if status in (429, 500, 503) else 0)


def test_a_broken_network_tells_under_which_name_to_ask_again(server, access):
    answered, server.answers = server.answers, [httpx.ReadError("the cable")]
    with pytest.raises(NoAnswer) as broken:
        ask(access)
    name = broken.value.idempotency_key
    server.answers = answered
    ask(access, idempotency_key=name)
    sent = [request.headers["Idempotency-Key"] for request in server.of(CHECKS)]
    assert sent == [name, name]


def test_no_token_is_told_with_the_word_of_oauth(server, access):
    server.tokens = [
        httpx.Response(400, json={"error": "invalid_grant", "error_description": "not in force"})
    ]
    with pytest.raises(TokenRefused, match="not in force") as refused:
        ask(access)
    assert refused.value.code == "invalid_grant"


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b'{"answer": {}}'])
def test_an_answer_that_cannot_be_read_is_no_answer(server, access, content):
    server.answers = [httpx.Response(200, content=content)]
    with pytest.raises(Unavailable):
        ask(access)


def test_an_open_answer_is_typed(access):
    answer = ask(access)
    assert isinstance(answer, Open)
    assert answer.terms == Rate(10000, "IS", ())
    assert answer.engagement.expires_on == date(2026, 12, 22)
    assert answer.receipt.index == 1


def test_a_closed_answer_is_typed():
    answer = read_answer(
        {
            "answer": {
                "rights": "closed",
                "domain": "PHAR",
                "care_date": "2026-11-22",
                "reason": "not_open",
                "consigne": "ask_for_card",
                "added_later": 1,
            },
            "receipt": {"log": "l", "index": 2, "checkpoint": "c", "added_later": 1},
        }
    )
    assert isinstance(answer, Closed)
    assert (answer.reason, answer.consigne) == ("not_open", "ask_for_card")


def test_nothing_that_opens_or_names_somebody_is_in_a_repr(server, access):
    ask(access)
    rempart = access._rempart
    typed = Typed(amc_number="9900000001", insured_nir="N" * 15, birth_date="19840512")
    shown = repr([KEY, rempart, access, access._token, Card(CARD), typed])
    secrets = [KEY._key.as_dict(private=True)["d"], "a-token", CARD, "N" * 15, "19840512"]
    assert [secret for secret in secrets if secret in shown] == []


def test_a_question_is_not_in_what_is_raised_about_it(server, access):
    server.answers = [httpx.ReadError("the cable")]
    with pytest.raises(NoAnswer) as broken:
        ask(access)
    assert broken.value.__cause__ is None
    assert CARD not in repr(broken.value) + str(broken.value.__dict__)


def test_a_structure_asks_by_its_certificate_and_signs_nothing(server, certificate_files):
    server.tokens = [give_token()]
    rempart = Rempart(
        URL, client_id="clinique", certificate=certificate_files, transport=server.transport
    )
    ask(rempart.act_for_structure(professional="99700000005"))
    form = read_form(server.of(TOKEN)[0])
    assert form["grant_type"] == "client_credentials"
    assert form["professional"] == "99700000005"
    assert "client_assertion" not in form
    assert [request.headers.get("DPoP") for request in server.requests] == [None, None]
    assert server.of(CHECKS)[0].headers["Authorization"] == "Bearer a-token"


@pytest.mark.parametrize("proofs", [{}, {"key": KEY, "certificate": ("a", "b")}])
def test_a_software_proves_itself_in_one_way(proofs):
    with pytest.raises(ValueError, match="one of the two"):
        Rempart(URL, client_id="officine", **proofs)
