"""Proofs of possession at the door: a token opens nothing without a fresh signature of its key."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from tests.api.proving import URL, post, refusal, take_auth
from tests.api.reading import PATH, read_entries
from tests.api.world import COVERED, typed_body
from tests.tokens import (
    PUBLIC_URL,
    Prover,
    TokenAuth,
    b64,
    describe_key,
    make_ec_key,
    sign,
)

from rempart.accounts.tokens import Binding
from rempart.gateway import proofs
from rempart.gateway.proofs import ProofChecker


@pytest.fixture
def gateway(shared_gateway: Any) -> Iterator[Any]:
    kept = shared_gateway.auth
    yield shared_gateway
    shared_gateway.auth = kept


@pytest.fixture
def world(shared_world: Any) -> Any:
    return shared_world


@pytest.fixture
def auth(gateway: Any) -> TokenAuth:
    return take_auth(gateway)


def count_entries(world: Any) -> int:
    return len(read_entries(world.database))


def test_each_call_has_a_proof_of_its_own(gateway, auth, world):
    before = count_entries(world)
    for _ in range(3):
        proof = auth.prover.prove("POST", URL, auth.token)
        assert post(gateway, token=auth.token, proof=proof).status_code == 200
    assert count_entries(world) == before + 3


def test_ed25519_keys_prove_too(gateway, auth):
    prover = Prover(
        key=ed25519.Ed25519PrivateKey.generate(), now=auth.prover.now, nonce=auth.prover.nonce
    )
    token = auth.minter.mint(Binding("jkt", prover.thumbprint))
    assert post(gateway, token=token, proof=prover.prove("POST", URL, token)).status_code == 200


def test_a_proof_serves_once(gateway, auth, world):
    before = count_entries(world)
    proof = auth.prover.prove("POST", URL, auth.token)
    replies = [post(gateway, token=auth.token, proof=proof) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 401, 401]
    assert replies[1].json()["code"] == "invalid_dpop_proof"
    assert count_entries(world) == before + 1


def test_a_signature_written_another_way_does_not_make_a_proof_new(gateway, auth):
    """ES256 signatures come in two forms, s and n - s: what counts is the name of the proof."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    proof = auth.prover.prove("POST", URL, auth.token)
    assert post(gateway, token=auth.token, proof=proof).status_code == 200
    signed, _, signature = proof.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    again = post(gateway, token=auth.token, proof=f"{signed}.{b64(other)}")
    assert refusal(again) == (401, "invalid_dpop_proof")


def test_mutation_without_memory_a_copied_proof_would_serve(gateway, auth, monkeypatch):
    monkeypatch.setattr(ProofChecker, "_use_up", lambda *_: None)
    proof = auth.prover.prove("POST", URL, auth.token)
    statuses = [post(gateway, token=auth.token, proof=proof).status_code for _ in range(2)]
    assert statuses == [200, 200]


OTHER_CALLS: dict[str, dict[str, Any]] = {
    "another method": {"htm": "GET"},
    "a method in lower case": {"htm": "post"},
    "no method": {"htm": None},
    "another path": {"htu": f"{PUBLIC_URL}/v1/other"},
    "the token endpoint": {"htu": f"{PUBLIC_URL}/oauth/token"},
    "another host": {"htu": f"https://elsewhere.example{PATH}"},
    "another scheme": {"htu": URL.replace("http:", "https:")},
    "another port": {"htu": URL.replace("8080", "8081")},
    "a path only": {"htu": PATH},
    "no address": {"htu": None},
    "an address that is a list": {"htu": [URL]},
    "another token": {"ath": b64(hashlib.sha256(b"other").digest())},
    "no token": {"ath": None},
    "an empty name": {"jti": ""},
    "an endless name": {"jti": "x" * 129},
    "no name": {"jti": None},
    "no time": {"iat": None},
    "a time that is a text": {"iat": "now"},
    "a header of another type": {"header": {"typ": "JWT"}},
    "an access token's type": {"header": {"typ": "at+jwt"}},
    "alg none": {"header": {"alg": "none"}},
    "a shared secret": {"header": {"alg": "HS256"}},
    "an RSA algorithm": {"header": {"alg": "PS256"}},
    "the algorithm of another key": {"header": {"alg": "EdDSA"}},
    "no key": {"header": {"jwk": None}},
    "a key that is a text": {"header": {"jwk": "key"}},
    "a critical extension": {"header": {"crit": ["nonce"]}},
}


@pytest.mark.parametrize("fault", OTHER_CALLS)
def test_a_proof_of_something_else_is_refused(gateway, auth, world, fault):
    before = count_entries(world)
    proof = auth.prover.prove("POST", URL, auth.token, **OTHER_CALLS[fault])
    reply = post(gateway, token=auth.token, proof=proof)
    assert refusal(reply) == (401, "invalid_dpop_proof")
    challenges = reply.headers.get_list("www-authenticate")
    assert 'DPoP error="invalid_dpop_proof", algs="ES256 EdDSA"' in challenges[0]
    assert count_entries(world) == before


def test_a_query_does_not_matter_in_the_address(gateway, auth):
    proof = auth.prover.prove("POST", URL + "?a=b#c", auth.token)
    assert post(gateway, token=auth.token, proof=proof).status_code == 200


def test_a_proof_by_another_key_is_refused(gateway, auth):
    thief = Prover(now=auth.prover.now, nonce=auth.prover.nonce)
    proof = thief.prove("POST", URL, auth.token)
    assert refusal(post(gateway, token=auth.token, proof=proof)) == (401, "invalid_dpop_proof")


def test_mutation_a_token_without_its_binding_would_serve_its_thief(gateway, auth, monkeypatch):
    check = ProofChecker.check

    def forget(self: Any, *arguments: Any, thumbprint: Any, now_ms: int) -> Any:
        return check(self, *arguments, thumbprint=None, now_ms=now_ms)

    monkeypatch.setattr(ProofChecker, "check", forget)
    thief = Prover(now=auth.prover.now, nonce=auth.prover.nonce)
    proof = thief.prove("POST", URL, auth.token)
    assert post(gateway, token=auth.token, proof=proof).status_code == 200


def test_a_key_shown_but_not_held_proves_nothing(gateway, auth):
    """The right key in the header, the signature of another one."""
    thief = Prover(now=auth.prover.now, nonce=auth.prover.nonce)
    stolen = {"jwk": describe_key(auth.prover.key)}
    proof = thief.prove("POST", URL, auth.token, header=stolen)
    assert refusal(post(gateway, token=auth.token, proof=proof)) == (401, "invalid_dpop_proof")


def test_a_private_key_in_a_proof_is_refused(gateway, auth):
    numbers = auth.prover.key.private_numbers()
    jwk = {**describe_key(auth.prover.key), "d": b64(numbers.private_value.to_bytes(32))}
    proof = auth.prover.prove("POST", URL, auth.token, header={"jwk": jwk})
    assert refusal(post(gateway, token=auth.token, proof=proof)) == (401, "invalid_dpop_proof")


def test_an_rsa_key_and_a_shared_secret_prove_nothing(gateway, auth):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    prover = Prover(key=key, now=auth.prover.now, nonce=auth.prover.nonce)
    token = auth.minter.mint(Binding("jkt", prover.thumbprint))
    reply = post(gateway, token=token, proof=prover.prove("POST", URL, token))
    assert refusal(reply) == (401, "invalid_dpop_proof")
    public = describe_key(auth.prover.key)
    forged = forge_with_hmac(auth.prover.prove("POST", URL, auth.token), public)
    assert refusal(post(gateway, token=auth.token, proof=forged)) == (401, "invalid_dpop_proof")


def forge_with_hmac(token: str, public: dict[str, str]) -> str:
    """The old trick: HS256 with the public key as the secret."""
    header, payload, _ = token.split(".")
    head = json.loads(base64.urlsafe_b64decode(header + "=="))
    head["alg"] = "HS256"
    signed = f"{b64(json.dumps(head).encode())}.{payload}"
    mac = hmac.digest(json.dumps(public).encode(), signed.encode(), "sha256")
    return f"{signed}.{b64(mac)}"


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "x",
        "a.b.c",
        "..",
        "é.é.é",
        "a.b.c.d",
        b64(b"{}") * 5000 + ".e30.e30",
        b64(b"[1]") + "." + b64(b"{}") + "." + b64(b"s"),
        b64(b'{"typ":"dpop+jwt"') + "." + b64(b"{}") + "." + b64(b"s"),
        b64(b"\xff\xfe") + "." + b64(b"{}") + "." + b64(b"s"),
        b64(b"[" * 700) + "." + b64(b"{}") + "." + b64(b"s"),
    ],
)
def test_what_is_no_proof_at_all_is_refused(gateway, auth, broken):
    reply = gateway.post(
        PATH,
        json=typed_body(COVERED),
        headers=[("Authorization", f"DPoP {auth.token}"), ("DPoP", broken.encode())],
    )
    assert refusal(reply) == (401, "invalid_dpop_proof")


def test_without_proof_or_with_two_nothing_is_answered(gateway, auth):
    assert refusal(post(gateway, token=auth.token)) == (401, "invalid_dpop_proof")
    two = [auth.prover.prove("POST", URL, auth.token) for _ in range(2)]
    assert refusal(post(gateway, token=auth.token, proof=two)) == (401, "invalid_dpop_proof")


def test_a_bound_token_is_not_a_bearer_token(gateway, auth):
    proof = auth.prover.prove("POST", URL, auth.token)
    for sent in (proof, None):
        reply = post(gateway, token=auth.token, proof=sent, scheme="Bearer")
        assert refusal(reply) == (401, "access_denied")


def test_two_authorizations_are_none(gateway, auth):
    proof = auth.prover.prove("POST", URL, auth.token)
    headers = [("Authorization", f"DPoP {auth.token}")] * 2 + [("DPoP", proof)]
    reply = gateway.post(PATH, json=typed_body(COVERED), headers=headers)
    assert refusal(reply) == (401, "access_denied")


# ------------------------------------------------------------------ nonces and clocks


def test_without_the_server_s_nonce_a_proof_is_asked_again(gateway, auth):
    for nonce in (None, "", "invented", auth.prover.nonce + "x"):
        proof = auth.prover.prove("POST", URL, auth.token, nonce=nonce)
        reply = post(gateway, token=auth.token, proof=proof)
        assert refusal(reply) == (401, "use_dpop_nonce")
        assert reply.headers["dpop-nonce"] == auth.prover.nonce
        assert 'error="use_dpop_nonce"' in reply.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("ahead_s", "status"), [(-75, 401), (-50, 200), (0, 200), (25, 200), (40, 401)]
)
def test_the_caller_s_clock_may_differ_a_little(gateway, auth, ahead_s, status):
    issued = auth.prover.now() + ahead_s
    proof = auth.prover.prove("POST", URL, auth.token, iat=issued)
    assert post(gateway, token=auth.token, proof=proof).status_code == status


# ------------------------------------------------------------------ the token itself


SPOILT_TOKENS: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://elsewhere.example"},
    "another use": {"scope": "ledger:read"},
    "a use that only looks like it": {"scope": "rights:checks"},
    "expired": {"lifetime_s": -60},
}


@pytest.mark.parametrize("fault", SPOILT_TOKENS)
def test_a_token_for_something_else_is_refused(gateway, auth, fault):
    token = auth.minter.mint(Binding("jkt", auth.prover.thumbprint), **SPOILT_TOKENS[fault])
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
    assert refusal(reply) == (401, "access_denied")


@pytest.mark.parametrize(("ahead_s", "status"), [(-650, 401), (-620, 200), (20, 200), (45, 401)])
def test_the_clocks_of_two_gateways_may_differ_by_thirty_seconds(gateway, auth, ahead_s, status):
    issued = int(auth.prover.now()) + ahead_s
    token = auth.minter.mint(Binding("jkt", auth.prover.thumbprint), now_s=issued)
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
    assert reply.status_code == status


def forge(auth: TokenAuth, header: dict[str, Any], *, key: Any = None, **claims: Any) -> str:
    """A token of our own making: the claims of a good one, changed, under another header."""
    payload = auth.token.split(".")[1]
    good = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    head = json.loads(base64.urlsafe_b64decode(auth.token.split(".")[0] + "=="))
    return sign(key or make_ec_key(), {**head, **header}, {**good, **claims})


FORGERIES: dict[str, dict[str, Any]] = {
    "our name, another key": {"header": {}},
    "another algorithm": {"header": {"alg": "ES256"}},
    "alg none": {"header": {"alg": "none"}},
    "a key of its own": {"header": {"alg": "ES256", "jwk": describe_key(make_ec_key())}},
    "a key from elsewhere": {"header": {"jku": "https://elsewhere.example/keys"}},
}


@pytest.mark.parametrize("trick", FORGERIES)
def test_a_forged_token_is_refused(gateway, auth, trick):
    token = forge(auth, FORGERIES[trick]["header"], sub="8")
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
    assert refusal(reply) == (401, "access_denied")


def test_a_token_without_signature_or_signed_with_the_public_key_is_refused(gateway, auth):
    [public] = gateway.get("/oauth/jwks").json()["keys"]
    header, payload, _ = auth.token.split(".")
    none = b64(json.dumps({"alg": "none", "typ": "at+jwt"}).encode())
    for token in (
        f"{none}.{payload}.",
        f"{none}.{payload}.{b64(b'x')}",
        f"{header}.{payload}.",
        forge_with_hmac(auth.token, public),
    ):
        reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
        assert refusal(reply) == (401, "access_denied")


def test_another_kind_of_statement_signed_by_our_key_is_no_token(gateway, auth, world):
    """The same key, the same claims, another type."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(world.home.key("token"))
    for header in ({"typ": "JWT"}, {"typ": None}, {"typ": "portal-session+jwt"}):
        token = forge(auth, header, key=key)
        reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
        assert refusal(reply) == (401, "access_denied")
    token = forge(auth, {}, key=key)
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
    assert reply.status_code == 200, "only the type made the difference"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example/v1"},
        {"aud": [f"{PUBLIC_URL}/v1"]},
        {"sub": 8},
        {"sub": "-8"},
        {"sub": "9" * 30},
        {"cnf": {}},
        {"cnf": {"jkt": "x", "x5t#S256": "y"}},
        {"cnf": None},
        {"amr": ["pwd"]},
        {"amr": ["structure"]},
        {"exp": "2099"},
        {"exp": True},
    ],
)
def test_claims_that_we_never_write_are_refused_even_signed(gateway, auth, world, claims):
    key = ed25519.Ed25519PrivateKey.from_private_bytes(world.home.key("token"))
    token = forge(auth, {}, key=key, **claims)
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
    assert refusal(reply)[0] == 401


def test_every_refused_token_gets_the_same_bytes(gateway, auth, world):
    expired = auth.minter.mint(Binding("jkt", auth.prover.thumbprint), lifetime_s=-60)
    elsewhere = auth.minter.mint(Binding("jkt", auth.prover.thumbprint), issuer="https://x.example")
    stranger = auth.minter.mint(
        Binding("jkt", auth.prover.thumbprint), bearer=auth.minter.bearer._replace(client_ref=1)
    )
    tokens = [expired, elsewhere, stranger, forge(auth, {}), "rubbish"]
    found = []
    for token in tokens:
        reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
        found.append((reply.status_code, sorted(reply.headers.multi_items()), reply.content))
    assert all(one == found[0] for one in found)
    assert found[0][0] == 401


# ------------------------------------------------------------------ memory is bounded


def test_a_flood_of_proofs_is_forgotten_with_its_nonces(gateway, auth, monkeypatch):
    monkeypatch.setattr(proofs, "MAX_KEPT", 20)
    kept = auth.prover.prove("POST", URL, auth.token)
    assert post(gateway, token=auth.token, proof=kept).status_code == 200
    nonce = auth.prover.nonce
    for _ in range(30):
        proof = auth.prover.prove("POST", URL, auth.token)
        reply = post(gateway, token=auth.token, proof=proof)
        if "dpop-nonce" in reply.headers:
            auth.prover.nonce = reply.headers["dpop-nonce"]
    assert auth.prover.nonce != nonce, "what is forgotten was signed with a nonce that is dead"
    assert refusal(post(gateway, token=auth.token, proof=kept)) == (401, "use_dpop_nonce")
