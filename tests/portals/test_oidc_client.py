"""What is believed of a provider's own description, and how often it is asked."""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import pytest
from tests.portals.providers import OURS, THEIRS, Providers, Walker, make_psc

from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.portals.oidc import DISCOVERY_LIFETIME_S, KEYS_PAUSE_S, RETRY_PAUSE_S, OidcClient
from rempart.portals.oidc_http import BODY_LIMIT, TOTAL_S, BoundedHttp, ProviderDown
from rempart.portals.oidc_tokens import ProviderNotBelieved
from rempart.simulators.faults import Fault
from rempart.simulators.people import Activity, make_professional
from rempart.simulators.tokens import Signer

NOW = 1_800_000_000
BACK = f"{OURS}/connexion/psc/retour"
ISSUER = f"{THEIRS}/auth/realms/esante-wallet"
PERSON = make_professional(make_synthetic_rpps(3).number, activities=[Activity(name="P")])


@dataclass
class Bench:
    """Our client, its clock, and the provider."""

    clock: float = 0.0
    changed: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.providers = Providers(lambda: NOW + self.clock, professionals=[PERSON])
        http = BoundedHttp(httpx.MockTransport(self.carry), clock=lambda: self.clock)
        self.client = OidcClient(make_psc(), http, clock=lambda: self.clock)

    def carry(self, request: httpx.Request) -> httpx.Response:
        for end, body in self.changed.items():
            if request.url.path.endswith(end):
                self.providers.asked.append(request.url.path)
                return httpx.Response(200, stream=httpx.ByteStream(body))
        return self.providers.carry(request)

    def count(self, end: str) -> int:
        return sum(path.endswith(end) for path in self.providers.asked)

    def sign_in(self, fault: Fault | None = None):
        now = int(NOW + self.clock)
        address, ceremony = self.client.begin(BACK, now=now)
        walker = Walker(self.providers.simulator)
        answer = dict(httpx.URL(walker.sign_in(address, PERSON, fault)).params)
        return self.client.finish(ceremony, answer, BACK, now=now)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def describe(bench, **changes) -> bytes:
    document = {**bench.providers.simulator.psc.describe_itself(), **changes}
    return json.dumps({k: v for k, v in document.items() if v is not None}).encode()


def test_the_description_and_the_keys_are_kept_an_hour(bench):
    for _ in range(3):
        assert bench.sign_in().subject == PERSON.subject
    assert (bench.count("configuration"), bench.count("certs")) == (1, 1)
    bench.clock += DISCOVERY_LIFETIME_S + 1
    bench.sign_in()
    assert (bench.count("configuration"), bench.count("certs")) == (2, 2)


def test_a_description_kept_serves_while_no_new_one_can_be_had(bench):
    bench.sign_in()
    bench.clock += DISCOVERY_LIFETIME_S + 1
    bench.changed["configuration"] = b"<html>"
    assert bench.sign_in().subject == PERSON.subject


@pytest.mark.parametrize("is_known", [False, True])
def test_a_provider_that_is_down_is_not_asked_by_everybody_who_comes(bench, is_known):
    """Each waits for it on a thread, of which the pages have few."""
    if is_known:
        bench.sign_in()
        bench.clock += DISCOVERY_LIFETIME_S + 1
    bench.changed["configuration"] = b"{"
    asked = bench.count("configuration")
    for _ in range(10):
        with suppress(ProviderDown):
            bench.client.begin(BACK, now=NOW)
    assert bench.count("configuration") == asked + 1
    bench.clock += RETRY_PAUSE_S
    bench.changed.clear()
    assert bench.sign_in().subject == PERSON.subject


def test_while_one_thread_waits_for_a_provider_the_others_do_not(bench):
    bench.sign_in()
    bench.clock += DISCOVERY_LIFETIME_S + 1
    waiting, go_on = threading.Event(), threading.Event()
    carry = bench.providers.carry

    def wait(request):
        waiting.set()
        go_on.wait(10)
        return carry(request)

    bench.providers.carry = wait
    slow = threading.Thread(target=lambda: bench.client.begin(BACK, now=NOW))
    slow.start()
    waiting.wait(10)
    bench.providers.carry = None  # asked again, it would break
    assert bench.client.begin(BACK, now=NOW)
    go_on.set()
    slow.join()


def test_new_keys_are_found_when_a_token_names_them(bench):
    bench.sign_in()
    bench.providers.simulator.psc.signer = Signer.create()
    bench.clock += KEYS_PAUSE_S + 1
    assert bench.sign_in().subject == PERSON.subject
    assert bench.count("certs") == 2


def test_a_key_that_took_the_name_of_the_one_before_is_found(bench):
    before = Signer.create().describe_keys()
    before["keys"][0]["kid"] = bench.providers.simulator.psc.signer.kid
    bench.changed["certs"] = json.dumps(before).encode()
    with pytest.raises(ProviderNotBelieved):
        bench.sign_in()
    bench.changed.clear()
    bench.clock += KEYS_PAUSE_S + 1
    assert bench.sign_in().subject == PERSON.subject


def test_unknown_keys_do_not_make_us_ask_for_ever(bench):
    bench.sign_in()
    for _ in range(5):
        with pytest.raises(ProviderNotBelieved):
            bench.sign_in(Fault.UNKNOWN_KEY)
    assert bench.count("certs") == 1
    bench.clock += KEYS_PAUSE_S + 1
    for _ in range(5):
        with pytest.raises(ProviderNotBelieved):
            bench.sign_in(Fault.UNKNOWN_KEY)
    assert bench.count("certs") == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": None},
        {"issuer": "https://autre.invalid"},
        {"issuer": f"{ISSUER}/autre"},
        {"issuer": 3},
        {"issuer": ""},
        {"token_endpoint": None},
        {"token_endpoint": "http://psc.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": ["x"]},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": "http://psc.example/logout"},
    ],
)
def test_a_description_that_cannot_be_trusted_is_not(bench, changes):
    bench.changed["configuration"] = describe(bench, **changes)
    with pytest.raises(ProviderDown):
        bench.client.begin(BACK, now=NOW)


def test_a_provider_that_never_says_its_name_is_accepted_when_it_never_promised_to(bench):
    bench.changed["configuration"] = describe(
        bench, authorization_response_iss_parameter_supported=None
    )
    assert bench.sign_in(Fault.ISS_MISSING).subject == PERSON.subject
    with pytest.raises(ProviderNotBelieved):
        bench.sign_in(Fault.ISS_OF_ANOTHER)


def test_a_provider_without_a_way_out_offers_none(bench):
    bench.changed["configuration"] = describe(bench, end_session_endpoint=None)
    assert bench.client.make_logout_url(f"{OURS}/") is None
    bench.changed["configuration"] = b"x"
    assert Bench(changed={"configuration": b"x"}).client.make_logout_url(OURS) is None


@pytest.mark.parametrize(
    "keys",
    [b"{}", b'{"keys": {}}', b'{"keys": [1, {"kty": "oct", "k": "eA"}, {"kty": "RSA"}]}'],
)
def test_keys_that_cannot_be_used_verify_nothing(bench, keys):
    bench.changed["certs"] = keys
    with pytest.raises((ProviderDown, ProviderNotBelieved)):
        bench.sign_in()


@pytest.mark.parametrize(
    "changes",
    [
        {"id_token": None},
        {"id_token": 3},
        {"access_token": None},
        {"token_type": "mac"},
        {"token_type": None},
    ],
)
def test_an_answer_without_its_tokens_is_refused(bench, changes):
    tokens = {"id_token": "a.b.c", "access_token": "x", "token_type": "Bearer", **changes}
    kept = {name: value for name, value in tokens.items() if value is not None}
    bench.changed["/token"] = json.dumps(kept).encode()
    with pytest.raises(ProviderNotBelieved):
        bench.sign_in()


class Drip(httpx.SyncByteStream):
    """A body that comes in drops, each a while after the last."""

    def __init__(self, bench, size, pause_s):
        self.bench, self.size, self.pause_s = bench, size, pause_s

    def __iter__(self):
        for _ in range(self.size):
            self.bench.clock += self.pause_s
            yield b" "


@pytest.mark.parametrize(("size", "pause_s"), [(BODY_LIMIT + 1, 0), (int(TOTAL_S) + 2, 1.0)])
def test_an_answer_is_neither_endless_nor_very_slow(bench, size, pause_s):
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, stream=Drip(bench, size, pause_s))
    )
    http = BoundedHttp(transport, clock=lambda: bench.clock)
    with pytest.raises(ProviderDown):
        http.get("https://psc.example/")


def test_we_ask_for_nothing_compressed_and_name_ourselves(bench):
    seen = []

    def carry(request):
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    BoundedHttp(httpx.MockTransport(carry)).post(
        "https://psc.example/", {"a": "é&"}, auth=("x", "y")
    )
    [request] = seen
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["authorization"].startswith("Basic ")
    assert request.read() == b"a=%C3%A9%26"


def test_nothing_kept_of_a_ceremony_is_printed(bench):
    _, ceremony = bench.client.begin(BACK, now=NOW)
    for secret in (ceremony.nonce, ceremony.verifier, make_psc().secret):
        assert secret not in repr((ceremony, make_psc()))
    assert PERSON.hint not in repr(bench.sign_in())
