"""How the portals get a token for a browser session, keep it, and sign their calls."""

import httpx
import pytest
from tests.portals import samples
from tests.unit.client.fake_server import (
    ANSWER,
    FakeServer,
    ask_nonce,
    give_token,
    read_form,
    read_header,
    read_proof,
)

from rempart.accounts.software import check_assertion, check_statement
from rempart.client import SigningKey
from rempart.gateway.signatures import PublicKey, read_object, split_compact
from rempart.portals.gateway_client import Answered, Browser, GatewayClient, GatewayDown, KeyRefused
from rempart.portals.session_tokens import SessionTokens

KEY = SigningKey.from_seed(bytes(range(32)))
PUBLIC_URL = "https://tp.example"
BROWSER = Browser(address="192.0.2.1", agent="test", language="fr")
TOKEN, CHECKS = "/oauth/token", "/v1/rights-checks"


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def client(server: FakeServer) -> GatewayClient:
    return GatewayClient(
        ["http://127.0.0.1:8081"], public_url=PUBLIC_URL, key=KEY, transport=server.transport
    )


def ask(client: GatewayClient, session_ref: int = 7):
    return client.check_rights(session_ref, {}, browser=BROWSER, request_id="x" * 20)


def read_statement(text: str) -> dict:
    compact = split_compact(text.encode())
    PublicKey(KEY.public_jwk).verify(compact.read_header()["alg"], compact)
    return read_object(compact.payload)


def test_the_portals_prove_who_they_are_and_which_session_they_ask_for(server, client):
    assert isinstance(ask(client), Answered)
    form = read_form(server.of(TOKEN)[0])
    assertion, session = (
        read_statement(form[name]) for name in ("client_assertion", "subject_token")
    )
    now_s = assertion["iat"]
    check_assertion(assertion, client_id="portals", audiences=[PUBLIC_URL], now_s=now_s)
    check_statement(session, client_id="portals", audiences=[PUBLIC_URL], now_s=now_s)
    assert session["sid"] == "7"
    assert read_header(form["subject_token"])["typ"] == "portal-session+jwt"
    assert form["subject_token_type"] == "urn:rempart:params:token-type:portal-session"


def test_calls_are_signed_for_the_public_address_wherever_the_gateway_is(server, client):
    ask(client)
    assert str(server.of(CHECKS)[0].url) == "http://127.0.0.1:8081/v1/rights-checks"
    assert read_proof(server.of(CHECKS)[0])["htu"] == PUBLIC_URL + CHECKS
    assert read_proof(server.of(TOKEN)[0])["htu"] == PUBLIC_URL + TOKEN


def test_one_token_serves_a_session_and_no_other_one(server, client):
    server.tokens = [give_token("of-7"), give_token("of-8")]
    for session_ref in (7, 7, 8, 7):
        ask(client, session_ref)
    used = [request.headers["Authorization"] for request in server.of(CHECKS)]
    assert used == ["DPoP of-7", "DPoP of-7", "DPoP of-8", "DPoP of-7"]


def test_a_token_near_its_end_is_replaced(server):
    now = [0.0]
    tokens = SessionTokens(
        public_url=PUBLIC_URL,
        key=KEY,
        http=httpx.Client(transport=server.transport),
        steady_s=lambda: now[0],
    )
    for now[0], asked in ((0.0, 1), (584.0, 1), (586.0, 2)):
        tokens.send("http://127.0.0.1:8081", CHECKS, session_ref=7, headers={}, json={})
        assert len(server.of(TOKEN)) == asked


@pytest.mark.parametrize("asks_at", [TOKEN, CHECKS])
def test_a_gateway_that_wants_its_nonce_gets_it_with_a_new_assertion(server, client, asks_at):
    if asks_at == TOKEN:
        server.tokens = [ask_nonce(400, "n-1"), give_token()]
    else:
        server.answers = [ask_nonce(401, "n-1"), httpx.Response(200, json=ANSWER)]
    assert isinstance(ask(client), Answered)
    first, second = server.of(asks_at)
    assert read_proof(second)["nonce"] == "n-1"
    if asks_at == TOKEN:
        assert read_form(first)["client_assertion"] != read_form(second)["client_assertion"]


def test_a_session_that_ended_is_told_as_such(server, client):
    server.tokens = [httpx.Response(400, json={"error": "invalid_grant"})]
    assert ask(client) == KeyRefused()
    assert server.of(CHECKS) == []


def test_a_session_that_ends_while_its_token_is_kept_is_told_as_such(server, client):
    ask(client)
    server.answers = [samples.make_problem(401, "access_denied")]
    server.tokens = [httpx.Response(400, json={"error": "invalid_grant"})]
    assert ask(client) == KeyRefused()


def test_a_token_that_ended_on_the_way_is_replaced_once(server, client):
    ask(client)
    server.answers = [samples.make_problem(401, "access_denied"), httpx.Response(200, json=ANSWER)]
    assert isinstance(ask(client), Answered)
    server.answers = [samples.make_problem(401, "access_denied")]
    assert ask(client) == KeyRefused()


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(401, json={"error": "invalid_client"}),
        httpx.Response(503, json={"error": "temporarily_unavailable"}),
        httpx.Response(200, json={}),
        httpx.Response(200, content=b"<html>"),
    ],
)
def test_when_no_token_can_be_had_nobody_is_signed_out(server, client, reply):
    server.tokens = [reply]
    assert isinstance(ask(client), GatewayDown)


def test_a_clock_that_is_wrong_signs_nobody_out(server, client):
    server.answers = [samples.make_problem(401, "invalid_dpop_proof")]
    assert isinstance(ask(client), GatewayDown)
