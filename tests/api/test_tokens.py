"""The token endpoint: who gets a token, for whom, and what is refused in which words."""

import base64
import functools
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from tests.api.reading import PATH, read_entries
from tests.api.running import Gateway
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ESTABLISHMENT_REF,
    FINESS,
    PUBLISHER_REF,
    RPPS,
    save_establishment,
    save_organisation,
    save_professional,
    save_software,
    save_software_key,
    typed_body,
)
from tests.tokens import (
    CLIENT_ID,
    PUBLIC_URL,
    Prover,
    TokenAuth,
    algorithm_of,
    describe_key,
    make_ec_key,
    sign,
    thumbprint,
)

from rempart.accounts.allowance import Allowance
from rempart.gateway import signatures
from rempart.gateway.token_endpoint import TokenParts
from rempart.kernel.errors import Unavailable
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.storage.gateway_accounts import GatewayAccounts
from rempart.wiring import gateway_app

TOKEN_URL = f"{PUBLIC_URL}/oauth/token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
PSC_TYPE = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PSC_TOKEN = "token-of-the-pharmacist"


class Psc:
    """The national provider, as far as introspection goes."""

    def __init__(self) -> None:
        self.known = {PSC_TOKEN: RPPS.number}
        self.is_down = False

    async def introspect(self, token: str) -> str | None:
        if self.is_down:
            raise Unavailable("the provider does not answer", retry_after_s=7)
        return self.known.get(token)


class Publisher:
    """A software that asks for tokens, correctly unless told otherwise."""

    def __init__(self, gateway: Gateway, world: Any, clock: Any) -> None:
        self.gateway = gateway
        self.key = world.software_key
        self.now: Callable[[], float] = lambda: clock.now_ms() / 1000
        self.prover = Prover(now=self.now)
        self.count = 0

    def make_assertion(self, *, header: Any = None, key: Any = None, **changes: Any) -> str:
        key = key or self.key
        self.count += 1
        claims = {
            "iss": CLIENT_ID,
            "sub": CLIENT_ID,
            "aud": TOKEN_URL,
            "iat": int(self.now()),
            "exp": int(self.now()) + 60,
            "jti": f"assertion-{id(self)}-{self.count}",
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": algorithm_of(key), "kid": thumbprint(describe_key(key)), "typ": "JWT"}
        return sign(key, {**head, **(header or {})}, kept)

    def make_form(self, **changes: Any) -> dict[str, str]:
        form = {
            "grant_type": EXCHANGE,
            "subject_token": PSC_TOKEN,
            "subject_token_type": PSC_TYPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": changes.pop("client_assertion", None) or self.make_assertion(),
            **changes,
        }
        return {name: value for name, value in form.items() if value is not None}

    def post(self, form: dict[str, str], *, proof: str | None = "good", **headers: str) -> Any:
        if proof == "good":
            proof = self.prover.prove("POST", TOKEN_URL)
        sent = {**headers, **({"DPoP": proof} if proof else {})}
        return self.gateway.post("/oauth/token", data=form, headers=sent, auth=None)

    def ask(self, **changes: Any) -> Any:
        """Ask, and once more with the nonce when there was none."""
        reply = self.post(self.make_form(**changes))
        if "dpop-nonce" in reply.headers:
            self.prover.nonce = reply.headers["dpop-nonce"]
            if reply.status_code == 400:
                reply = self.post(self.make_form(**changes))
        return reply

    def use(self, token: str) -> TokenAuth:
        """Calls with a token just given."""
        auth = TokenAuth(None, self.prover)  # type: ignore[arg-type]
        auth.token, auth.until = token, float("inf")
        return auth


@pytest.fixture
def psc() -> Psc:
    return Psc()


@pytest.fixture
def gateway(open_gateway: Any, psc: Psc) -> Iterator[Gateway]:
    with open_gateway(introspect=psc.introspect) as client:
        yield client


@pytest.fixture
def publisher(gateway: Gateway, world: Any, clock: Any) -> Publisher:
    return Publisher(gateway, world, clock)


def execute(world: Any, statement: str, *values: Any) -> None:
    with world.database.transaction("registrar") as tx:
        tx.execute(statement, values)


def read_events(world: Any) -> list[tuple[Any, ...]]:
    with world.database.transaction("registrar") as tx:
        return tx.execute(
            "SELECT kind, org_ref, details FROM accounts.security_event ORDER BY at"
        ).fetchall()


def error_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]


# ------------------------------------------------------------------ what works


def test_a_software_exchanges_the_professional_s_token_and_checks_rights(gateway, publisher, world):
    reply = publisher.ask()
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    body = reply.json()
    assert (body["token_type"], body["scope"], body["issued_token_type"]) == (
        "DPoP",
        "rights:check",
        PSC_TYPE,
    )
    assert 0 < body["expires_in"] <= 600
    answer = gateway.post(PATH, json=typed_body(COVERED), auth=publisher.use(body["access_token"]))
    assert answer.status_code == 200
    assert {entry.account_ref for entry in read_entries(world.database)} == {ACCOUNT_REF}


def test_a_token_says_who_where_and_for_which_key(publisher, world):
    token = publisher.ask().json()["access_token"]
    header, payload, _ = (read_part(part) for part in token.split("."))
    assert (header["typ"], header["alg"]) == ("at+jwt", "EdDSA")
    assert payload["sub"] == str(ACCOUNT_REF)
    assert payload["est"] == str(ESTABLISHMENT_REF)
    assert (payload["client_id"], payload["client_ref"]) == (CLIENT_ID, str(world.client_ref))
    assert (payload["iss"], payload["aud"]) == (PUBLIC_URL, f"{PUBLIC_URL}/v1")
    assert payload["cnf"] == {"jkt": publisher.prover.thumbprint}
    assert payload["amr"] == ["psc"]
    assert payload["exp"] - payload["iat"] == 600
    assert RPPS.number not in json.dumps(payload)


def read_part(part: str) -> Any:
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def test_what_a_software_needs_to_know_is_published(gateway):
    metadata = gateway.get("/.well-known/oauth-authorization-server").json()
    assert metadata["issuer"] == PUBLIC_URL
    assert metadata["token_endpoint"] == TOKEN_URL
    keys = gateway.get("/oauth/jwks").json()["keys"]
    assert metadata["jwks_uri"] == f"{PUBLIC_URL}/oauth/jwks"
    assert [key["kty"] for key in keys] == ["OKP"]
    assert not {"d", "k"} & keys[0].keys()


def test_the_published_key_is_the_one_that_signs(gateway, publisher):
    token = publisher.ask().json()["access_token"]
    [key] = gateway.get("/oauth/jwks").json()["keys"]
    assert read_part(token.split(".")[0])["kid"] == key["kid"]
    assert key["kid"] == thumbprint({name: key[name] for name in ("crv", "kty", "x")})


@pytest.mark.parametrize("kind", ["Ed25519", "RSA PS256", "RSA RS256"])
def test_a_software_may_sign_with_other_keys_and_change_them(publisher, world, kind):
    key: Any = ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("RSA"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with world.database.transaction("registrar") as tx:
        save_software_key(tx, world.client_ref, key)
    publisher.ask()
    header = {"alg": kind.split()[1]} if kind.startswith("RSA") else {}
    assertion = publisher.make_assertion(key=key, header=header)
    assert publisher.post(publisher.make_form(client_assertion=assertion)).status_code == 200
    execute(
        world,
        "UPDATE accounts.software_key SET ends_at = clock_timestamp() WHERE kid = %s",
        thumbprint(describe_key(key)),
    )
    again = publisher.make_assertion(key=key, header=header)
    assert error_of(publisher.post(publisher.make_form(client_assertion=again))) == (
        401,
        "invalid_client",
    )
    assert publisher.ask().status_code == 200, "the first key goes on"


def test_an_assertion_may_be_addressed_to_the_issuer(publisher):
    publisher.ask()
    assertion = publisher.make_assertion(aud=[PUBLIC_URL])
    assert publisher.post(publisher.make_form(client_assertion=assertion)).status_code == 200


# ------------------------------------------------------------------ clients that are not


SPOILT_ASSERTIONS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://elsewhere.example/oauth/token"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "somebody-else"},
    "expired": {"exp": int(time.time()) - 60},
    "no end": {"exp": None},
    "an end too far": {"exp": int(time.time()) + 3600},
    "an end that is a text": {"exp": "2099-01-01"},
    "begun tomorrow": {"iat": int(time.time()) + 86400},
    "not before tomorrow": {"nbf": int(time.time()) + 86400},
    "no name": {"jti": None},
    "an endless name": {"jti": "x" * 300},
    "alg none": {"header": {"alg": "none"}},
    "a shared secret": {"header": {"alg": "HS256"}},
    "another key's name": {"header": {"kid": "unknown"}},
    "no key's name": {"header": {"kid": None}},
    "a critical extension": {"header": {"crit": ["exp"]}},
    "an access token's type": {"header": {"typ": "at+jwt"}},
    "a proof's type": {"header": {"typ": "dpop+jwt"}},
    "a software that does not exist": {"iss": "nobody-at-all", "sub": "nobody-at-all"},
    "a subject that is none": {"sub": "' OR 1=1 --", "iss": "' OR 1=1 --"},
}


@pytest.mark.parametrize("fault", SPOILT_ASSERTIONS)
def test_a_spoilt_assertion_is_an_invalid_client_and_no_more(publisher, fault):
    publisher.ask()
    assertion = publisher.make_assertion(**SPOILT_ASSERTIONS[fault])
    reply = publisher.post(publisher.make_form(client_assertion=assertion))
    assert error_of(reply) == (401, "invalid_client")


def test_an_assertion_signed_by_another_key_is_refused(publisher):
    publisher.ask()
    kid = thumbprint(describe_key(publisher.key))
    forged = publisher.make_assertion(key=make_ec_key(), header={"kid": kid})
    reply = publisher.post(publisher.make_form(client_assertion=forged))
    assert error_of(reply) == (401, "invalid_client")


def test_a_public_key_does_not_serve_as_a_shared_secret(publisher):
    publisher.ask()
    assertion = publisher.make_assertion(header={"alg": "HS256"})
    signed = assertion.rpartition(".")[0]
    secret = json.dumps(describe_key(publisher.key)).encode()
    mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
    forged = f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    reply = publisher.post(publisher.make_form(client_assertion=forged))
    assert error_of(reply) == (401, "invalid_client")


def test_unknown_revoked_suspended_and_forged_get_the_same_bytes(publisher, world):
    publisher.ask()

    def refuse(**changes: Any) -> tuple[Any, ...]:
        assertion = publisher.make_assertion(**changes)
        reply = publisher.post(publisher.make_form(client_assertion=assertion))
        return reply.status_code, dict(reply.headers), reply.content

    unknown = refuse(iss="nobody-at-all", sub="nobody-at-all")
    kid = thumbprint(describe_key(publisher.key))
    forged = refuse(key=make_ec_key(), header={"kid": kid})
    execute(world, "UPDATE accounts.organisation SET suspended_at = clock_timestamp()")
    suspended = refuse()
    execute(world, "UPDATE accounts.organisation SET suspended_at = NULL")
    execute(world, "UPDATE accounts.software SET revoked_at = clock_timestamp()")
    revoked = refuse()
    assert unknown == forged == suspended == revoked
    assert unknown[0] == 401


def test_an_unknown_software_costs_a_verification_too(publisher, monkeypatch):
    """The same work: counted, not timed."""
    publisher.ask()
    verified: list[object] = []
    verify = signatures.PublicKey.verify

    def count(self: Any, algorithm: object, token: Any) -> None:
        verified.append(algorithm)
        verify(self, algorithm, token)

    monkeypatch.setattr(signatures.PublicKey, "verify", count)
    for changes in ({"iss": "nobody-at-all", "sub": "nobody-at-all"}, {"header": {"kid": "x"}}):
        assertion = publisher.make_assertion(**changes)
        publisher.post(publisher.make_form(client_assertion=assertion))
    assert verified == ["ES256", "ES256"]


def test_an_assertion_serves_once_on_every_gateway(publisher, world, open_gateway, psc):
    publisher.ask()
    assertion = publisher.make_assertion()
    assert publisher.post(publisher.make_form(client_assertion=assertion)).status_code == 200
    replayed = publisher.post(publisher.make_form(client_assertion=assertion))
    assert error_of(replayed) == (401, "invalid_client")
    with open_gateway(introspect=psc.introspect, log_id=2) as other:
        elsewhere = other.post(
            "/oauth/token", data=publisher.make_form(client_assertion=assertion), auth=None
        )
    assert (elsewhere.status_code, elsewhere.content) == (401, replayed.content)
    assert (
        read_events(world)
        == [("token_refused", PUBLISHER_REF, {"software": CLIENT_ID, "error": "invalid_client"})]
        * 2
    )


def test_mutation_without_the_table_of_used_assertions_a_copy_would_serve(publisher, monkeypatch):
    async def forget(self: Any, digest: bytes, *, expires_s: float) -> bool:
        return True

    monkeypatch.setattr(GatewayAccounts, "use_assertion", forget)
    publisher.ask()
    assertion = publisher.make_assertion()
    statuses = [
        publisher.post(publisher.make_form(client_assertion=assertion)).status_code
        for _ in range(2)
    ]
    assert statuses == [200, 200]


def test_a_client_id_that_is_not_the_signer_s_is_refused(publisher):
    publisher.ask()
    reply = publisher.post(publisher.make_form(client_id="somebody-else"))
    assert error_of(reply) == (401, "invalid_client")
    assert publisher.post(publisher.make_form(client_id=CLIENT_ID)).status_code == 200


@pytest.mark.parametrize(
    ("ahead", "status"), [(-120, 401), (-70, 200), (0, 200), (260, 200), (340, 401)]
)
def test_clocks_may_differ_a_little_both_ways(publisher, ahead, status):
    publisher.ask()
    now = int(publisher.now())
    end = now + ahead + 60  # a software whose clock is `ahead`: its assertion lives a minute
    assertion = publisher.make_assertion(iat=None, exp=end)
    reply = publisher.post(publisher.make_form(client_assertion=assertion))
    assert reply.status_code == status


# ------------------------------------------------------------------ people that are not


def test_a_token_the_provider_does_not_know_gives_nothing(publisher, world):
    reply = publisher.ask(subject_token="stolen-and-expired")
    assert error_of(reply) == (400, "invalid_grant")
    [(kind, org_ref, details)] = read_events(world)
    assert (kind, org_ref) == ("token_refused", PUBLISHER_REF)
    assert details == {"software": CLIENT_ID, "error": "invalid_grant"}


def test_a_professional_who_is_not_in_the_directory_gets_no_token(publisher, psc):
    psc.known[PSC_TOKEN] = make_synthetic_rpps(77).number
    assert error_of(publisher.ask()) == (400, "invalid_grant")


def test_a_suspended_professional_gets_no_token(publisher, world):
    execute(world, "UPDATE accounts.actor SET suspended_at = clock_timestamp()")
    assert error_of(publisher.ask()) == (400, "invalid_grant")


def test_a_provider_that_is_down_is_told_apart(publisher, psc):
    publisher.ask()
    psc.is_down = True
    reply = publisher.ask()
    assert error_of(reply) == (503, "temporarily_unavailable")
    assert reply.headers["retry-after"] == "7"


OTHER_PLACE = 72
OTHER_FINESS = "990000027"
OTHER_SIRET = "99000002700013"


@pytest.fixture
def two_places(world: Any) -> None:
    """The professional stands in for another one elsewhere."""
    colleague = make_synthetic_rpps(5)
    with world.database.transaction("registrar") as tx:
        save_establishment(tx, OTHER_PLACE, finess=OTHER_FINESS, siret=OTHER_SIRET)
        save_organisation(tx, 92, "establishment", establishment_ref=OTHER_PLACE)
        save_professional(tx, 9, colleague, establishment_ref=OTHER_PLACE)
        tx.execute(
            "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role,"
            " accountable_ref, starts_on) VALUES (1, %s, 92, 'locum', 9, '2020-01-01')",
            (ACCOUNT_REF,),
        )


def test_whoever_works_in_two_places_says_where(publisher, two_places):
    reply = publisher.ask()
    assert error_of(reply) == (400, "invalid_request")
    assert "situation" in reply.json()["error_description"]
    own = publisher.ask(situation=FINESS).json()["access_token"]
    assert read_part(own.split(".")[1])["est"] == str(ESTABLISHMENT_REF)
    for chosen in (OTHER_FINESS, OTHER_SIRET):
        claims = read_part(publisher.ask(situation=chosen).json()["access_token"].split(".")[1])
        assert (claims["est"], claims["acc"]) == (str(OTHER_PLACE), "9")


def test_a_place_that_is_not_theirs_is_refused(publisher, world):
    with world.database.transaction("registrar") as tx:
        save_establishment(tx, OTHER_PLACE, finess=OTHER_FINESS, siret=OTHER_SIRET)
    assert error_of(publisher.ask(situation=OTHER_FINESS)) == (400, "invalid_grant")
    assert error_of(publisher.ask(situation="'; DROP")) == (400, "invalid_request")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts.membership SET suspended_at = clock_timestamp()",
        "UPDATE accounts.membership SET ends_on = '2021-01-01'",
        "UPDATE accounts.membership SET role = 'establishment_manager'",
        "UPDATE accounts.organisation SET suspended_at = clock_timestamp() WHERE org_ref = 92",
    ],
)
def test_a_role_that_is_over_is_no_place_any_more(publisher, world, two_places, change):
    execute(world, change)
    assert error_of(publisher.ask(situation=OTHER_FINESS)) == (400, "invalid_grant")
    assert publisher.ask().status_code == 200, "one place is left: it need not be chosen"


# ------------------------------------------------------------------ requests that are not


@pytest.mark.parametrize(
    ("changes", "error"),
    [
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
        ({"client_assertion_type": "urn:other"}, "invalid_request"),
    ],
)
def test_what_is_asked_otherwise_is_named(publisher, changes, error):
    publisher.ask()
    reply = publisher.post(publisher.make_form(**changes))
    assert reply.json()["error"] == error
    assert reply.json().keys() == {"error", "error_description"}


def test_without_proof_of_being_a_client_nothing_is_given(publisher):
    form = publisher.make_form()
    del form["client_assertion"], form["client_assertion_type"]
    for given in ({}, {"client_id": CLIENT_ID}, {"client_id": CLIENT_ID, "client_secret": "x"}):
        assert error_of(publisher.post({**form, **given})) == (401, "invalid_client")


def test_another_method_and_another_format_are_refused(gateway, publisher):
    assert gateway.get("/oauth/token", auth=None).status_code == 400
    reply = gateway.post("/oauth/token", json=publisher.make_form(), auth=None)
    assert error_of(reply) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=a&grant_type=b",
        b"&&&",
        b"grant_type",
        b"grant_type=%ff",
        "grant_type=é".encode(),
        b"a=1&" * 30 + b"b=2",
    ],
)
def test_a_form_that_cannot_be_read_is_refused(gateway, body):
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
        client_allowance=Allowance(rate_per_s=1, burst=2),
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


@pytest.mark.parametrize(
    "session",
    [
        {"sid": "602"},
        {"sid": "six"},
        {"sid": None},
        {"iss": CLIENT_ID},
        {"aud": "https://elsewhere.example"},
        {"exp": 1},
        {"header": {"typ": "JWT"}},
        {"header": {"kid": "other"}},
    ],
)
def test_a_session_the_portals_did_not_sign_for_is_refused(portals, session):
    portals.ask()
    assert error_of(portals.ask(session=session)) == (400, "invalid_grant")


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
