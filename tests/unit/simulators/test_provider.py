"""The simulated Pro Santé Connect keeps the rules of the real one: a client learns them here."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.simulators.clients import ASSERTION_TYPE, RegisteredClient
from rempart.simulators.messages import Reply, Request
from rempart.simulators.people import Activity, make_agent, make_professional
from rempart.simulators.provider import CIBA_GRANT
from rempart.simulators.psc import Simulator, make_simulator
from rempart.simulators.tokens import Signer, compute_challenge

BASE = "http://localhost:8089"
REALM = "/auth/realms/esante-wallet"
PROTOCOL = f"{REALM}/protocol/openid-connect"
BACK = "http://localhost/retour"
PUBLISHED = json.loads(
    (Path(__file__).parents[2] / "data" / "psc" / "discovery.json").read_text("utf-8")
)
SIGNER = Signer.create()
CLAIRE = make_professional(
    make_synthetic_rpps(1).number, given_name="Claire", activities=[Activity(name="Pharmacie")]
)
PAUL = make_professional(make_synthetic_rpps(2).number, given_name="Paul", family_name="<b>X</b>")
KEY = ECKey.generate_key("P-256", auto_kid=True)


@dataclass
class Bench:
    """The simulator, its clock, and a browser with a cookie."""

    approve: bool = False
    now: float = 1_800_000_000.0
    letters: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    cookie: str = ""

    def __post_init__(self) -> None:
        clients = [
            RegisteredClient(
                client_id="a",
                secret="s",
                redirect_uris=(BACK, "http://127.0.0.1/retour"),
                logout_uri="http://localhost/fin",
                home_uri="http://localhost/",
            ),
            RegisteredClient(client_id="b", secret="t", redirect_uris=(BACK,)),
            RegisteredClient(client_id="k", jwks={"keys": [KEY.as_dict(private=False)]}),
        ]
        self.simulator: Simulator = make_simulator(
            base_url=BASE,
            professionals=[CLAIRE, PAUL],
            agents=[make_agent("x", "Sacha Martin")],
            psc_clients=clients,
            company_clients=clients,
            post=lambda address, form: self.letters.append((address, dict(form))),
            clock=lambda: self.now,
            signer=SIGNER,
            auto_approve=self.approve,
        )

    def get(self, path: str, bearer: str = "", **query: str) -> Reply:
        headers = {"cookie": self.cookie} | (
            {"authorization": f"Bearer {bearer}"} if bearer else {}
        )
        return self.simulator.answer(Request(method="GET", path=path, query=query, headers=headers))

    def post(self, path: str, client: tuple[str, str] | None = ("a", "s"), **form: str) -> Reply:
        headers = {"cookie": self.cookie}
        if client:
            coded = base64.b64encode(":".join(client).encode()).decode()
            headers["authorization"] = f"Basic {coded}"
        body = urlencode(form).encode()
        return self.simulator.answer(Request(method="POST", path=path, headers=headers, body=body))

    def authorize(self, **changes: str) -> Reply:
        asked = {
            "client_id": "a",
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "openid scope_all",
            "state": "st",
            "nonce": "no",
            "code_challenge": compute_challenge("v" * 43),
            "code_challenge_method": "S256",
            "acr_values": "eidas1",
            **changes,
        }
        return self.get("/wallet/auth", **{k: v for k, v in asked.items() if v})

    def code(self, person=CLAIRE, **changes: str) -> str:
        reply = self.authorize(**changes)
        if reply.status != 303:
            [page] = set(re.findall(r'name="page" value="([^"]+)"', reply.body.decode()))
            reply = self.post(
                "/wallet/auth/choix", None, page=page, person=person.subject, channel="MOBILE"
            )
            self.cookie = dict(reply.headers)["set-cookie"].partition(";")[0]
        return read_answer(reply)["code"]

    def redeem(self, code: str, client=("a", "s"), **changes: str) -> Reply:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": "v" * 43,
            **changes,
        }
        return self.post(f"{PROTOCOL}/token", client, **form)

    def sign_in(self) -> dict[str, str]:
        return read(self.redeem(self.code()))


def read(reply: Reply, status: int = 200):
    assert reply.status == status, reply.body
    return json.loads(reply.body)


def read_answer(reply: Reply) -> dict[str, str]:
    assert reply.status == 303, reply.body
    address = dict(reply.headers)["location"]
    assert address.startswith(BACK)
    return dict(parse_qsl(urlsplit(address).query))


def read_token(token: str) -> dict[str, object]:
    return jwt.decode(token, SIGNER.key, algorithms=["RS256"]).claims


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_describes_itself_as_published(bench):
    ours = read(bench.get(f"{REALM}/.well-known/wallet-openid-configuration"))
    assert set(ours) - {"backchannel_logout_supported", "backchannel_logout_session_supported",
                        "backchannel_authentication_endpoint", "code_challenge_methods_supported",
                        "backchannel_token_delivery_modes_supported"} <= set(PUBLISHED)  # fmt: skip
    for name in ("token", "introspection", "userinfo", "end_session"):
        path = urlsplit(PUBLISHED[f"{name}_endpoint"]).path
        assert urlsplit(ours[f"{name}_endpoint"]).path == path
    assert bench.get(f"{REALM}/.well-known/openid-configuration").status == 404


def test_the_keys_hold_no_secret(bench):
    [key] = read(bench.get(f"{PROTOCOL}/certs"))["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    KeySet.import_key_set({"keys": [key]})


def test_tokens_say_who_where_and_how(bench):
    tokens = bench.sign_in()
    identity, access = read_token(tokens["id_token"]), read_token(tokens["access_token"])
    assert identity["iss"] == access["iss"] == f"{BASE}{REALM}"
    assert (identity["aud"], identity["nonce"], identity["acr"]) == ("a", "no", "eidas1")
    assert identity["sid"] == access["sid"] == tokens["session_state"]
    assert (access["SubjectNameID"], access["authMode"]) == (CLAIRE.hint, "MOBILE")
    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (120, 1800)
    claims = read(bench.get(f"{PROTOCOL}/userinfo", tokens["access_token"]))
    assert claims["SubjectNameID"] == CLAIRE.hint
    assert claims["SubjectRefPro"]["exercices"][0]["activities"][0]["raisonSocialeSite"] == (
        "Pharmacie"
    )


def test_the_page_says_what_it_is_and_escapes_names(bench):
    page = bench.authorize().body.decode()
    assert "Simulateur" in page
    assert "Claire" in page
    assert "<b>X</b>" not in page


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"acr_values": "eidas3"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_bad_request_goes_back_with_its_error(bench, changes, error):
    answer = read_answer(bench.authorize(**changes))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "st", f"{BASE}{REALM}")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://voleur.invalid/"},
        {"redirect_uri": f"{BACK}/x"},
        {"redirect_uri": "http://127.0.0.1:80/autre"},
        {"redirect_uri": "http://127.0.0.1:5/retour?x=1"},
    ],
)
def test_nobody_is_sent_to_an_address_that_was_not_declared(bench, changes):
    reply = bench.authorize(**changes)
    assert (reply.status, "location" in dict(reply.headers)) == (400, False)


def test_software_on_the_machine_listens_on_any_port(bench):
    reply = bench.authorize(redirect_uri="http://127.0.0.1:54321/retour", prompt="none")
    assert dict(reply.headers)["location"].startswith("http://127.0.0.1:54321/retour?")


@pytest.mark.parametrize(
    ("client", "changes", "error"),
    [
        (("a", "s"), {"code_verifier": "w" * 43}, "invalid_grant"),
        (("a", "s"), {"code_verifier": ""}, "invalid_grant"),
        (("a", "s"), {"redirect_uri": "http://localhost/autre"}, "invalid_grant"),
        (("b", "t"), {}, "invalid_grant"),
        (("a", "x"), {}, "invalid_client"),
        (("nobody", "s"), {}, "invalid_client"),
        (None, {}, "invalid_client"),
        (("a", "s"), {"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_is_for_whoever_asked_and_proves_it(bench, client, changes, error):
    reply = bench.redeem(bench.code(), client, **changes)
    assert read(reply, 401 if error == "invalid_client" else 400)["error"] == error


def test_a_code_seen_twice_ends_what_it_gave(bench):
    code = bench.code()
    tokens = read(bench.redeem(code))
    assert read(bench.redeem(code), 400)["error"] == "invalid_grant"
    assert bench.get(f"{PROTOCOL}/userinfo", tokens["access_token"]).status == 401


def test_everything_has_an_end(bench):
    code = bench.code()
    bench.now += 61
    assert read(bench.redeem(code), 400)["error"] == "invalid_grant"
    tokens = bench.sign_in()
    bench.now += 121
    assert bench.get(f"{PROTOCOL}/userinfo", tokens["access_token"]).status == 401
    again = read(
        bench.post(f"{PROTOCOL}/token", grant_type="refresh_token",
                   refresh_token=tokens["refresh_token"])
    )  # fmt: skip
    assert bench.get(f"{PROTOCOL}/userinfo", again["access_token"]).status == 200
    old = bench.post(
        f"{PROTOCOL}/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    assert read(old, 400)["error"] == "invalid_grant"
    bench.now += 1801
    late = bench.post(
        f"{PROTOCOL}/token", grant_type="refresh_token", refresh_token=again["refresh_token"]
    )
    assert read(late, 400)["error"] == "invalid_grant"


def test_a_browser_that_is_in_is_not_asked_again_unless_it_must_be(bench):
    bench.sign_in()
    assert "code" in read_answer(bench.authorize())
    assert bench.authorize(prompt="login").status == 200
    assert bench.authorize(max_age="0").status == 200
    bench.now += 30 * 60 + 1
    assert bench.authorize().status == 200


def test_a_token_is_introspected_by_a_client_that_proves_itself(bench):
    token = bench.sign_in()["access_token"]
    path = f"{PROTOCOL}/token/introspect"
    found = read(bench.post(path, ("b", "t"), token=token))
    assert (found["active"], found["client_id"], found["SubjectNameID"]) == (
        True,
        "a",
        CLAIRE.hint,
    )
    assert read(bench.post(path, ("b", "t"), token="x")) == {"active": False}
    assert bench.post(path, ("b", "x"), token=token).status == 401
    bench.post(f"{PROTOCOL}/revoke", token=token)
    assert read(bench.post(path, ("b", "t"), token=token)) == {"active": False}


def assertion(**changes) -> dict[str, str]:
    claims = {
        "iss": "k",
        "sub": "k",
        "aud": f"{BASE}{PROTOCOL}/token",
        "exp": 1_800_000_060,
        "jti": "1",
        **changes,
    }
    signed = jwt.encode({"alg": "ES256"}, claims, KEY, algorithms=["ES256"])
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


def test_a_client_may_prove_itself_with_its_key_once_per_assertion(bench):
    form = {"grant_type": "refresh_token", "refresh_token": "x", **assertion()}
    answers = [bench.post(f"{PROTOCOL}/token", None, **form) for _ in range(2)]
    assert [json.loads(one.body)["error"] for one in answers] == ["invalid_grant", "invalid_client"]


@pytest.mark.parametrize(
    "changes",
    [{"iss": "a"}, {"sub": "a"}, {"aud": "x"}, {"exp": 1_799_999_000}, {"exp": 1}, {"jti": ""}],
)
def test_an_assertion_must_say_everything(bench, changes):
    form = {"grant_type": "refresh_token", "refresh_token": "x", **assertion(**changes)}
    assert bench.post(f"{PROTOCOL}/token", None, **form).status == 401


def test_leaving_tells_every_client_that_took_part(bench):
    tokens = bench.sign_in()
    bench.redeem(bench.code(client_id="b"), ("b", "t"))
    reply = bench.get(
        f"{PROTOCOL}/logout",
        client_id="a",
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri="http://localhost/",
        state="x",
    )
    assert dict(reply.headers)["location"] == "http://localhost/?state=x"
    [(address, form)] = bench.letters
    claims = read_token(form["logout_token"])
    assert (address, claims["aud"], claims["sid"]) == (
        "http://localhost/fin",
        "a",
        tokens["session_state"],
    )
    assert bench.get(f"{PROTOCOL}/userinfo", tokens["access_token"]).status == 401
    assert bench.authorize().status == 200


def test_leaving_sends_nobody_elsewhere(bench):
    reply = bench.get(
        f"{PROTOCOL}/logout", client_id="a", post_logout_redirect_uri="https://voleur.invalid/"
    )
    assert reply.status == 200


def ask(bench, **changes):
    form = {
        "scope": "openid scope_all",
        "login_hint": CLAIRE.hint,
        "binding_message": "42",
        "channel": "CARD",
        **changes,
    }
    return bench.post(f"{PROTOCOL}/ext/ciba/auth", **form)


def poll(bench, name, client=("a", "s")):
    return json.loads(
        bench.post(f"{PROTOCOL}/token", client, grant_type=CIBA_GRANT, auth_req_id=name).body
    )


def test_software_asks_somebody_on_their_own_device(bench):
    asked = read(ask(bench))
    assert (asked["expires_in"], asked["interval"]) == (120, 1)
    name = asked["auth_req_id"]
    assert poll(bench, name)["error"] == "authorization_pending"
    assert poll(bench, name)["error"] == "slow_down"
    assert poll(bench, name, ("b", "t"))["error"] == "invalid_grant"
    page = bench.get("/wallet/ciba").body.decode()
    assert "<strong>42</strong>" in page
    bench.post("/wallet/ciba", None, request=name, answer="yes")
    bench.now += 1
    tokens = poll(bench, name)
    assert read_token(tokens["access_token"])["authMode"] == "CARD"
    assert "nonce" not in read_token(tokens["id_token"])
    assert poll(bench, name)["error"] == "invalid_grant"


def test_somebody_may_refuse_or_not_answer(bench):
    name = read(ask(bench, login_hint=CLAIRE.hint[1:]))["auth_req_id"]
    bench.post("/wallet/ciba", None, request=name, answer="no")
    assert poll(bench, name)["error"] == "access_denied"
    name = read(ask(bench))["auth_req_id"]
    bench.now += 121
    assert poll(bench, name)["error"] == "expired_token"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"binding_message": "4"}, "invalid_binding_message"),
        ({"binding_message": "ab"}, "invalid_binding_message"),
        ({"login_hint": "8123"}, "unknown_user_id"),
        ({"scope": "x"}, "invalid_scope"),
        ({"channel": "FAX"}, "invalid_request"),
    ],
)
def test_what_is_asked_of_a_device_must_be_complete(bench, changes, error):
    assert read(ask(bench, **changes), 400)["error"] == error


def test_tests_may_have_every_request_approved():
    bench = Bench(approve=True)
    assert "access_token" in poll(bench, read(ask(bench))["auth_req_id"])


def test_the_company_has_its_own_people_and_no_device(bench):
    realm = "/auth/realms/entreprise"
    document = read(bench.get(f"{realm}/.well-known/openid-configuration"))
    assert document["issuer"] == f"{BASE}{realm}"
    assert "backchannel_authentication_endpoint" not in document
    assert bench.post(f"{realm}/protocol/openid-connect/ext/ciba/auth").status == 404
    assert bench.simulator.company.people.find(CLAIRE.subject) is None
