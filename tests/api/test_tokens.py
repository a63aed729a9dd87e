"""The token endpoint: who gets a token, for whom, and what is refused in which words."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from tests.api.asking import (
    PSC_TOKEN,
    PSC_TYPE,
    TOKEN_URL,
    Psc,
    Publisher,
    error_of,
    execute,
    read_events,
    read_part,
)
from tests.api.claiming import CLAIMS
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
    save_software_key,
    typed_body,
)
from tests.tokens import (
    CLIENT_ID,
    PUBLIC_URL,
    describe_key,
    make_ec_key,
    thumbprint,
)

from rempart.gateway import signatures
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.storage.gateway_accounts import GatewayAccounts


@pytest.fixture
def gateway(open_gateway: Any, psc: Psc) -> Iterator[Gateway]:
    with open_gateway(introspect=psc.introspect) as client:
        yield client


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


def test_a_token_asked_from_a_slow_database_changes_nobody_s_nonce(
    gateway, publisher, clock, monkeypatch
):
    """The moment a request came, long past, looks like a clock that went back."""
    auth = publisher.use(publisher.ask().json()["access_token"])
    assert gateway.post(PATH, json=typed_body(COVERED), auth=auth).status_code == 200
    nonce, use = publisher.prover.nonce, GatewayAccounts.use_assertion
    proofs = gateway.app.state["gateway"].token_endpoint._proofs

    async def use_slowly(*given: Any, **more: Any) -> bool:
        clock.put_forward(seconds=8)
        proofs.find_nonce(now_ms=clock.now_ms())  # somebody else is answered meanwhile
        return await use(*given, **more)

    monkeypatch.setattr(GatewayAccounts, "use_assertion", use_slowly)
    assert publisher.post(publisher.make_form()).status_code == 200
    assert nonce in proofs._nonces


@pytest.mark.parametrize("scope", ["claims:send", "rights:check claims:send"])
def test_a_token_is_for_what_was_asked(gateway, publisher, scope):
    body = publisher.ask(scope=scope).json()
    assert body["scope"] == scope
    auth = publisher.use(body["access_token"])
    assert gateway.get(CLAIMS, auth=auth).status_code == 200
    checks = gateway.post(PATH, json=typed_body(COVERED), auth=auth).status_code
    assert checks == (200 if "rights:check" in scope else 401)


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


def test_an_assertion_is_not_used_up_while_the_nonce_is_missing(publisher):
    form = publisher.make_form()
    refused = publisher.post(form)
    assert error_of(refused) == (400, "use_dpop_nonce")
    publisher.prover.nonce = refused.headers["dpop-nonce"]
    assert publisher.post(form).status_code == 200


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


def test_a_spoilt_assertion_is_an_invalid_client_and_no_more(publisher, subtests):
    publisher.ask()
    for fault, changes in SPOILT_ASSERTIONS.items():
        with subtests.test(fault):
            assertion = publisher.make_assertion(**changes)
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


def test_an_assertion_serves_once_on_every_gateway(publisher, world, open_gateway, psc, clock):
    publisher.ask()
    assertion = publisher.make_assertion()
    assert publisher.post(publisher.make_form(client_assertion=assertion)).status_code == 200
    replayed = publisher.post(publisher.make_form(client_assertion=assertion))
    assert error_of(replayed) == (401, "invalid_client")
    with open_gateway(introspect=psc.introspect, log_id=2) as other:
        there = Publisher(other, world, clock)
        assert there.ask().status_code == 200
        elsewhere = there.post(there.make_form(client_assertion=assertion))
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


def test_clocks_may_differ_a_little_both_ways(publisher, subtests):
    publisher.ask()
    for ahead, status in ((-120, 401), (-70, 200), (0, 200), (260, 200), (340, 401)):
        with subtests.test(ahead):
            # A software whose clock is `ahead`: its assertion lives a minute.
            end = int(publisher.now()) + ahead + 60
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


def test_a_token_given_to_another_application_is_not_exchanged(publisher, psc):
    """Whoever catches a professional's token elsewhere cannot use it here."""
    psc.client_id = "another-application"
    refused = publisher.ask()
    assert error_of(refused) == (400, "invalid_grant")
    psc.known.clear()
    assert publisher.ask().json() == refused.json()
