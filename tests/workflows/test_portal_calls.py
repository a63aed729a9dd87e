"""The portals at a real gateway: a browser session is exchanged, used, and dies with its owner."""

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import httpx
import pytest
from tests.api.world import COVERED, card_body, populate
from tests.portals import people, samples

from rempart.client import SigningKey
from rempart.portals.gateway_client import (
    Answered,
    Browser,
    GatewayClient,
    GatewayDown,
    GatewayReply,
    KeyRefused,
)
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.own_software import register_own_software
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.register_software import find_software
from rempart.workflows.accounts.web_session import end_web_session

BROWSER = Browser(address="192.0.2.44", agent="Firefox on a test bench", language="fr")
FACTORY = "rempart.wiring.gateway_app:create_app"
LIMIT_S = 180


@dataclass(frozen=True)
class Counter:
    """A professional signed in at the portals, and the portals' way to the gateway."""

    database: Database
    client: GatewayClient
    holder: people.Somebody
    session_ref: int

    def ask(self, session_ref: int | None = None) -> GatewayReply:
        """Check a right for the professional, as the page does."""
        return self.client.check_rights(
            session_ref or self.session_ref,
            card_body(COVERED),
            browser=BROWSER,
            request_id=secrets.token_urlsafe(24),
        )

    def end_session(self) -> None:
        """Close the browser session, from elsewhere."""
        with self.database.transaction("signin") as tx:
            end_web_session(tx, self.session_ref, reason="revoked", whence=people.WHENCE)


@pytest.fixture
def counter(database: Database, home: Home, environment: dict[str, str]) -> Iterator[Counter]:
    populate(database, home)
    register_own_software(database, home)
    holder = people.make_holder(database, samples.add_professional(database))
    session_ref = people.adopt(secrets.token_hex(16), database, holder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "rempart.wiring.http_server", "asgi", FACTORY)
    with subprocess.Popen(
        [*command, "127.0.0.1", str(port)], env=environment, stdin=subprocess.PIPE
    ) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: is_ready(url))
            with closing(make_client(url, home)) as client:
                yield Counter(database, client, holder, session_ref)
        finally:
            server.terminate()
            server.wait(timeout=120)


def make_client(url: str, home: Home) -> GatewayClient:
    key = SigningKey.from_seed(home.key("portals-client"))
    return GatewayClient([url], public_url=Settings().public_url, key=key)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, verify=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_a_check_from_the_portals_is_the_professional_s_own_in_the_ledger(counter):
    for _ in range(2):
        assert isinstance(counter.ask(), Answered)
    with counter.database.transaction("registrar") as tx:
        portals = find_software(tx, client_id="portals").client_ref
    with counter.database.transaction("analyst") as tx:
        sessions = tx.execute(
            "SELECT account_ref, client_ref, method, address, agent FROM ledger.session"
        ).fetchall()
    assert sessions == [
        (counter.holder.actor_ref, portals, "portal", BROWSER.address, BROWSER.agent)
    ]


def test_a_session_that_ends_opens_nothing_soon_although_its_token_is_kept(counter):
    """How soon is told by the gateway's own tests, on a clock they hold."""
    assert isinstance(counter.ask(), Answered)
    counter.end_session()
    wait_until(lambda: counter.ask() == KeyRefused())
    assert counter.ask() == KeyRefused()


def test_a_session_nobody_opened_and_one_of_an_agent_get_no_token(counter):
    assert counter.ask(session_ref=12345) == KeyRefused()
    operator = people.make_organisation(counter.database, "operator")
    agent = people.make_agent(counter.database, operator, people.Role.OPERATOR_ADMIN)
    session_ref = people.adopt(secrets.token_hex(16), counter.database, agent)
    assert counter.ask(session_ref=session_ref) == KeyRefused()


def test_another_key_than_the_home_s_signs_nobody_out_and_learns_nothing(counter):
    """A portals process that lies about its home: the gateway does not know it."""
    stranger = GatewayClient(
        counter.client._base_urls,
        public_url=Settings().public_url,
        key=SigningKey.generate("EdDSA"),
    )
    with closing(stranger):
        assert isinstance(replace(counter, client=stranger).ask(), GatewayDown)
