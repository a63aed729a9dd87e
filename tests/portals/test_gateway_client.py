"""The portals' way to the gateways: the same one each time, another only when nothing was sent."""

import httpx
import pytest
from tests.portals import samples

from rempart.client import SigningKey
from rempart.portals.gateway_client import Answered, Browser, GatewayClient, GatewayDown

URLS = tuple(f"http://gateway-{n}.invalid" for n in range(3))
BROWSER = Browser(address="192.0.2.1", agent="test", language="fr")


class Gateways:
    """Three gateways, some of which are broken."""

    def __init__(self, **broken: Exception):
        self.broken = broken
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host.removesuffix(".invalid").replace("-", "_")
        if request.url.path == "/oauth/token" and name not in self.broken:
            return httpx.Response(200, json={"access_token": "a-token", "expires_in": 600})
        self.asked.append(name)
        if name in self.broken:
            raise self.broken[name]
        if request.url.path == "/v1/openapi.json":
            return httpx.Response(200, json={"openapi": "3.1.0"})
        return httpx.Response(200, json=samples.make_answer())

    def client(self) -> GatewayClient:
        return GatewayClient(
            URLS,
            public_url="http://localhost",
            key=SigningKey.from_seed(bytes(32)),
            transport=httpx.MockTransport(self),
        )


def ask(client: GatewayClient, session_ref: int = 7):
    return client.check_rights(session_ref, {}, browser=BROWSER, request_id="x" * 20)


def test_one_session_always_asks_the_same_gateway_and_many_share_them():
    gateways = Gateways()
    client = gateways.client()
    for _ in range(3):
        assert isinstance(ask(client), Answered)
    assert len(set(gateways.asked)) == 1
    for number in range(40):
        ask(client, number)
    assert len(set(gateways.asked)) == 3


def test_a_gateway_that_cannot_be_reached_is_replaced_by_the_next():
    first = Gateways()
    ask(first.client())
    gateways = Gateways(**{first.asked[0]: httpx.ConnectError("refused")})
    assert isinstance(ask(gateways.client()), Answered)
    assert len(gateways.asked) == 2


def test_a_request_that_may_have_arrived_is_not_sent_to_another_log():
    """Two gateways would write two entries: the professional decides whether to ask again."""
    first = Gateways()
    ask(first.client())
    gateways = Gateways(**{first.asked[0]: httpx.ReadTimeout("slow")})
    assert isinstance(ask(gateways.client()), GatewayDown)
    assert len(gateways.asked) == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_when_none_answers_the_portal_knows_it(failure):
    gateways = Gateways(gateway_0=failure, gateway_1=failure, gateway_2=failure)
    assert isinstance(ask(gateways.client()), GatewayDown)
    assert gateways.client().read_openapi() is None


def test_the_description_is_that_of_the_first_gateway_that_answers():
    gateways = Gateways(gateway_0=httpx.ConnectError("refused"))
    assert gateways.client().read_openapi() == {"openapi": "3.1.0"}
