"""The way to Pro Santé Connect's introspection, met by a provider that misbehaves."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc.jwk import ECKey

from rempart.kernel.errors import Unavailable
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.portals.oidc import PSC, Provider, SigningKey
from rempart.wiring.psc_introspection import DISCOVERY_LIFETIME_S, PscIntrospection

RPPS = make_synthetic_rpps(1).number
FOUND = (make_synthetic_rpps(1), "officine-plus")
NOW_S = 1_795_000_000.0
ISSUER = "https://psc.example/auth/realms/esante-wallet"
DISCOVERY = f"{ISSUER}/.well-known/wallet-openid-configuration"
ENDPOINT = f"{ISSUER}/protocol/openid-connect/token/introspect"


class Server:
    """The provider, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.discovery: Any = {"issuer": ISSUER, "introspection_endpoint": ENDPOINT}
        self.answer: Any = {
            "active": True,
            "acr": "eidas1",
            "exp": NOW_S + 60,
            "iss": ISSUER,
            "client_id": "officine-plus",
            "SubjectNameID": f"8{RPPS}",
        }
        self.status = 200

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if str(request.url) == DISCOVERY:
            return httpx.Response(200, content=flow(json.dumps(self.discovery).encode()))
        if isinstance(self.answer, Exception):
            raise self.answer
        answer = self.answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx.Response(self.status, content=flow(content), headers={"Location": DISCOVERY})


async def flow(content: bytes) -> AsyncIterator[bytes]:
    """A body as it comes over a network."""
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


def make_provider(*, key: SigningKey | None = None, secret: str = "a secret: é") -> Provider:
    return Provider(
        name=PSC,
        label="Pro Santé Connect",
        discovery=DISCOVERY,
        client_id="rempart",
        secret="" if key else secret,
        key=key,
        scope="openid scope_all",
        acr_values=("eidas1",),
        audience="professionals",
    )


def introspect(server: Server, provider: Provider | None, *tokens: str) -> list[str | None]:
    async def scene() -> list[str | None]:
        psc = PscIntrospection(
            provider, transport=httpx.MockTransport(server.respond), clock=lambda: NOW_S
        )
        async with psc.running(None):
            return [await psc.introspect(token) for token in tokens]

    return asyncio.run(scene())


def test_each_token_is_asked_about_and_nothing_is_kept():
    server = Server()
    assert introspect(server, make_provider(), "one", "one", "two") == [FOUND] * 3
    urls = [str(request.url) for request in server.asked]
    assert urls == [DISCOVERY, ENDPOINT, ENDPOINT, ENDPOINT]
    forms = [parse_qs(request.content.decode()) for request in server.asked[1:]]
    assert [form["token"] for form in forms] == [["one"], ["one"], ["two"]]


def test_a_secret_is_form_encoded_before_it_is_sent():
    server = Server()
    introspect(server, make_provider(), "one")
    scheme, _, pair = server.asked[1].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"rempart:a%20secret%3A%20%C3%A9")


def test_with_a_key_an_assertion_is_signed():
    server = Server()
    key = SigningKey(key=ECKey.generate_key("P-256"), algorithm="ES256")
    assert introspect(server, make_provider(key=key), "one") == [FOUND]
    form = parse_qs(server.asked[1].content.decode())
    payload = form["client_assertion"][0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("rempart", "rempart", ENDPOINT)
    assert "authorization" not in server.asked[1].headers


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (httpx.ConnectError("no route"), 200),
        (httpx.ReadTimeout("slow"), 200),
        (b"", 200),
        (b"<html>", 200),
        ({}, 200),
        ({"active": True}, 500),
        ({"active": True}, 401),
        ({"active": True}, 302),
        (b"x" * 300_000, 200),
    ],
)
def test_a_provider_in_trouble_is_unavailable_and_says_when_to_come_back(answer, status):
    server = Server()
    server.answer, server.status = answer, status
    with pytest.raises(Unavailable) as failure:
        introspect(server, make_provider(), "the-token")
    assert failure.value.retry_after_s > 0
    assert "the-token" not in repr(failure.value)


@pytest.mark.parametrize(
    "discovery",
    [
        *({}, {"issuer": ISSUER}, []),
        {"issuer": "https://autre.example", "introspection_endpoint": ENDPOINT},
        {"issuer": ISSUER, "introspection_endpoint": ENDPOINT.replace("https", "http")},
    ],
)
def test_a_description_that_cannot_be_believed_is_unavailable_and_nobody_is_asked(discovery):
    server = Server()
    server.discovery = discovery
    with pytest.raises(Unavailable):
        introspect(server, make_provider(), "one")
    assert [str(request.url) for request in server.asked] == [DISCOVERY]


def test_a_description_kept_serves_while_no_new_one_can_be_had():
    server, clock = Server(), [NOW_S]

    async def scene() -> None:
        psc = PscIntrospection(
            make_provider(),
            transport=httpx.MockTransport(server.respond),
            clock=lambda: clock[0],
        )
        async with psc.running(None):
            assert await psc.introspect("one") == FOUND
            clock[0] += DISCOVERY_LIFETIME_S + 1
            server.answer["exp"] = clock[0] + 60
            server.discovery = {}
            assert await psc.introspect("two") == FOUND
            assert await psc.introspect("three") == FOUND

    asyncio.run(scene())
    urls = [str(request.url) for request in server.asked]
    assert urls == [DISCOVERY, ENDPOINT, DISCOVERY, ENDPOINT, ENDPOINT]


def test_without_configuration_nobody_is_recognised():
    with pytest.raises(Unavailable, match="not configured"):
        introspect(Server(), None, "one")
