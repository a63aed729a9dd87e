"""The token endpoint: requests that are none, the portals' own, and what is never told."""

import functools
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.asking import (
    PSC_TOKEN,
    PSC_TYPE,
    TOKEN_URL,
    Psc,
    Publisher,
    error_of,
    execute,
    read_part,
)
from tests.api.reading import PATH
from tests.api.running import Gateway
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    RPPS,
    save_software,
    typed_body,
)
from tests.tokens import (
    CLIENT_ID,
)

from rempart.accounts.allowance import Allowance
from rempart.gateway.token_endpoint import TokenParts
from rempart.kernel.errors import Unavailable
from rempart.storage.gateway_accounts import GatewayAccounts
from rempart.wiring import gateway_app


@pytest.fixture
def gateway(open_gateway: Any, psc: Psc) -> Iterator[Gateway]:
    with open_gateway(introspect=psc.introspect) as client:
        yield client


# ------------------------------------------------------------------ requests that are not


WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": None}, "unsupported_grant_type"),
    ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, "unauthorized_client"),
    ({"subject_token": None}, "invalid_request"),
    ({"subject_token": ""}, "invalid_request"),
    ({"subject_token_type": None}, "invalid_request"),
    ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
    (
        {"subject_token_type": "urn:rempart:params:token-type:portal-session"},
        "unauthorized_client",
    ),
    ({"scope": "ledger:read"}, "invalid_scope"),
    ({"scope": "rights:check ledger:read"}, "invalid_scope"),
    ({"scope": "rights:check  claims:send"}, "invalid_scope"),
    ({"client_assertion_type": "urn:other"}, "invalid_request"),
]


def test_what_is_asked_otherwise_is_named(publisher, subtests):
    publisher.ask()
    for changes, error in WRONG_FIELDS:
        with subtests.test(str(changes)):
            reply = publisher.post(publisher.make_form(**changes))
            assert reply.json()["error"] == error
            assert reply.json().keys() == {"error", "error_description"}


def test_without_proof_of_being_a_client_nothing_is_given(publisher):
    form = publisher.make_form()
    del form["client_assertion"], form["client_assertion_type"]
    for given in ({}, {"client_id": CLIENT_ID}, {"client_id": CLIENT_ID, "client_secret": "x"}):
        assert error_of(publisher.post({**form, **given})) == (401, "invalid_client")


def test_another_method_and_another_format_are_refused(gateway, publisher):
    refused = gateway.get("/oauth/token", auth=None)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    reply = gateway.post("/oauth/token", json=publisher.make_form(), auth=None)
    assert error_of(reply) == (400, "invalid_request")


UNREADABLE = [
    b"grant_type=a&grant_type=b",
    b"&&&",
    b"grant_type",
    b"grant_type=%ff",
    "grant_type=é".encode(),
    b"a=1&" * 30 + b"b=2",
]


def test_a_form_that_cannot_be_read_is_refused(gateway, subtests):
    for body in UNREADABLE:
        with subtests.test(body):
            reply = gateway.post(
                "/oauth/token",
                content=body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                auth=None,
            )
            assert error_of(reply) == (400, "invalid_request")


def test_a_form_that_is_too_large_is_refused_before_it_is_read(gateway):
    reply = gateway.post("/oauth/token", data={"subject_token": "x" * 20_000}, auth=None)
    assert error_of(reply) == (413, "invalid_request")


def test_a_software_and_an_address_have_their_bounds(open_gateway, world, clock, psc, monkeypatch):
    tight = functools.partial(
        TokenParts,
        client_allowance=Allowance(rate_per_s=1, burst=1),
        address_allowance=Allowance(rate_per_s=1, burst=5),
    )
    monkeypatch.setattr(gateway_app, "TokenParts", tight)
    with open_gateway(introspect=psc.introspect) as gateway:
        publisher = Publisher(gateway, world, clock)
        assert [publisher.ask().status_code for _ in range(2)] == [200, 429]
        statuses = [gateway.post("/oauth/token", auth=None).status_code for _ in range(3)]
        last = gateway.post("/oauth/token", auth=None)
    assert statuses == [400, 400, 429]
    assert error_of(last) == (429, "temporarily_unavailable")
    assert last.headers["retry-after"] == "1"


# ------------------------------------------------------------------ the portals' own software


@pytest.fixture
def portals(gateway: Gateway, world: Any, clock: Any) -> Publisher:
    """The software of the portals, and a professional signed in there."""
    with world.database.transaction("registrar") as tx:
        _, key = save_software(tx, "portails", publisher_ref=None)
        tx.execute(
            "INSERT INTO accounts.session (session_ref, token_digest, actor_ref, role, method,"
            " address, agent, idle_limit, expires_at) VALUES (601, %s, %s, 'holder', 'psc', '', '',"
            " '30 min', clock_timestamp() + interval '4 h')",
            (bytes(32), ACCOUNT_REF),
        )
    publisher = Publisher(gateway, world, clock)
    publisher.key = key
    make_form = publisher.make_form

    def make_portal_form(**changes: Any) -> dict[str, str]:
        session = changes.pop("session", {})
        return make_form(
            **{
                "client_assertion": publisher.make_assertion(iss="portails", sub="portails"),
                "subject_token": publisher.make_assertion(
                    header={"typ": "portal-session+jwt", **session.pop("header", {})},
                    **{"iss": "portails", "sub": None, "sid": "601", **session},
                ),
                "subject_token_type": "urn:rempart:params:token-type:portal-session",
                **changes,
            }
        )

    publisher.make_form = make_portal_form  # type: ignore[method-assign]
    return publisher


def test_the_portals_ask_for_whoever_is_signed_in_there(gateway, portals, world):
    token = portals.ask().json()["access_token"]
    claims = read_part(token.split(".")[1])
    assert (claims["sub"], claims["sid"], claims["amr"]) == (str(ACCOUNT_REF), "601", ["portal"])
    answer = gateway.post(PATH, json=typed_body(COVERED), auth=portals.use(token))
    assert answer.status_code == 200
    with world.database.transaction("auditor") as tx:
        assert tx.execute("SELECT method FROM ledger.session").fetchall() == [("portal",)]


FALSE_SESSIONS: list[dict[str, Any]] = [
    {"sid": "602"},
    {"sid": "six"},
    {"sid": None},
    {"iss": CLIENT_ID},
    {"aud": "https://elsewhere.example"},
    {"exp": 1},
    {"header": {"typ": "JWT"}},
    {"header": {"kid": "other"}},
]


def test_a_session_the_portals_did_not_sign_for_is_refused(portals, subtests):
    portals.ask()
    for session in FALSE_SESSIONS:
        with subtests.test(str(session)):
            assert error_of(portals.ask(session=dict(session))) == (400, "invalid_grant")


def test_a_session_that_is_over_gives_no_token(portals, world):
    execute(world, "UPDATE accounts.session SET ended_at = clock_timestamp()")
    assert error_of(portals.ask()) == (400, "invalid_grant")


def test_a_session_in_a_role_without_care_gives_no_token(portals, world):
    execute(world, "UPDATE accounts.session SET role = 'establishment_manager'")
    assert error_of(portals.ask()) == (400, "invalid_grant")


def test_the_portals_do_not_exchange_tokens_of_the_provider(portals):
    portals.ask()
    reply = portals.ask(subject_token=PSC_TOKEN, subject_token_type=PSC_TYPE)
    assert error_of(reply) == (400, "unauthorized_client")


# ------------------------------------------------------------------ nothing is told


def test_no_token_key_or_number_reaches_a_log_an_answer_or_a_metric(
    gateway, publisher, portals, psc, world, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    sent: list[str] = []
    replies = []
    for software in (publisher, portals):
        token = software.ask().json()["access_token"]
        auth = software.use(token)
        replies.append(gateway.post(PATH, json=typed_body(COVERED), auth=auth))
        replies.append(gateway.post(PATH, json=typed_body(COVERED), auth=None))
        form = software.make_form()
        proof = software.prover.prove("POST", TOKEN_URL)
        sent += [token, proof, form["client_assertion"], form["subject_token"]]
        replies += [
            software.post({**form, **changes}, proof=proof)
            for changes in ({}, {"subject_token": token}, {"scope": token}, {"situation": token})
        ]
    psc.is_down = True
    replies.append(publisher.ask())
    replies.append(gateway.get("/metrics"))
    private = publisher.key.private_numbers().private_value
    forbidden = [*sent, RPPS.number, str(private), world.home.key("token").hex()]
    said = "".join(f"{reply.headers}{reply.text}" for reply in replies)
    logged = "".join(
        f"{record.getMessage()} {record.exc_text} {record.__dict__}"
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore", "asyncio"))  # the caller's own
    )
    for text in (said, logged, "".join(capfd.readouterr())):
        assert [name for name in forbidden if name in text] == []


def test_a_bug_in_the_endpoint_is_told_anonymously(publisher, monkeypatch, caplog):
    async def explode(self: Any, client_id: str) -> None:
        raise KeyError(RPPS.number)

    publisher.ask()
    monkeypatch.setattr(GatewayAccounts, "load_software", explode)
    reply = publisher.post(publisher.make_form())
    assert error_of(reply) == (500, "server_error")
    assert RPPS.number not in reply.text + caplog.text
    assert "KeyError at" in caplog.text


def test_a_database_that_does_not_answer_is_told_apart(publisher, monkeypatch):
    async def fail(self: Any, *_: Any) -> None:
        raise Unavailable("down")

    publisher.ask()
    monkeypatch.setattr(GatewayAccounts, "load_software", fail)
    reply = publisher.post(publisher.make_form())
    assert error_of(reply) == (503, "temporarily_unavailable")
    assert reply.headers["retry-after"] == "2"
