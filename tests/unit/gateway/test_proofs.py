"""Proofs are remembered for as long as a copy could serve; certificates are read one way only."""

import base64
from ipaddress import ip_network

import pytest
from tests.tokens import Prover, describe_key, make_ec_key, sign

from rempart.accounts.dpop import NonceNeeded, ProofRefused
from rempart.gateway.proofs import KEPT_MS, Call, ProofChecker, make_certificate_finder
from rempart.gateway.signatures import BadSignature, PublicKey, split_compact
from rempart.gateway.tokens import TokenReader
from rempart.kernel.errors import AccessDenied

URL = "https://tp.example/v1/rights-checks"
CALL = Call("POST", URL)
START_MS = 1_795_000_000_000


class Scene:
    """A checker, a caller, and one clock for both."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.checker = ProofChecker()
        self.prover = Prover(now=lambda: self.now_ms / 1000)

    def prove(self, **changes):
        self.prover.nonce = self.checker.find_nonce(now_ms=self.now_ms)
        return self.prover.prove("POST", URL, **changes).encode()

    def check(self, proof):
        return self.checker.check([proof], CALL, thumbprint=None, now_ms=self.now_ms)


@pytest.mark.parametrize("later_ms", [0, 1, 59_000, 60_000, 89_000, 90_000, 95_000, 200_000])
def test_a_copy_never_serves_however_late(later_ms):
    scene = Scene()
    # The latest a clock may be ahead: this proof could be accepted for the longest time.
    proof = scene.prove(iat=START_MS / 1000 + 30)
    scene.check(proof)
    scene.now_ms += later_ms
    with pytest.raises((ProofRefused, NonceNeeded)):
        scene.check(proof)


@pytest.mark.parametrize("step_ms", [1_000, 45_000, 89_999])
def test_what_was_seen_outlives_the_turn_of_the_generations(step_ms):
    scene = Scene()
    scene.now_ms += step_ms
    proof = scene.prove(iat=scene.now_ms / 1000 + 30)
    scene.check(proof)
    scene.now_ms = START_MS + KEPT_MS
    with pytest.raises(ProofRefused, match="used before"):
        scene.check(proof)


def test_a_clock_that_goes_back_forgets_nothing_that_could_serve_again():
    scene = Scene()
    proof = scene.prove()
    scene.check(proof)
    scene.now_ms += 3_600_000
    scene.check(scene.prove())
    scene.now_ms = START_MS
    with pytest.raises(NonceNeeded):
        scene.check(proof)


def test_memory_empties_by_itself():
    scene = Scene()
    for _ in range(5):
        for _ in range(20):
            scene.check(scene.prove())
        scene.now_ms += KEPT_MS
    scene.check(scene.prove())
    assert len(scene.checker._seen) + len(scene.checker._seen_before) <= 21


def test_the_same_name_by_another_key_is_another_proof():
    scene = Scene()
    scene.check(scene.prove(jti="one"))
    scene.prover = Prover(now=scene.prover.now)
    scene.check(scene.prove(jti="one"))


def test_a_proof_that_is_refused_is_not_used_up():
    scene = Scene()
    good = scene.prove(jti="one")
    with pytest.raises(ProofRefused):
        scene.check(scene.prove(jti="one", htm="GET"))
    scene.check(good)


TRUSTED = (ip_network("127.0.0.0/8"), ip_network("2001:db8::/32"))
DER = b"certificate"
ITEM = b":" + base64.b64encode(DER) + b":"


@pytest.mark.parametrize(
    ("peer", "header", "found"),
    [
        ("127.0.0.1", ITEM, DER),
        ("2001:db8::1", b" " + ITEM + b" ", DER),
        ("203.0.113.9", ITEM, None),
        ("", ITEM, None),
        ("testclient", ITEM, None),
        ("127.0.0.1", None, None),
        ("127.0.0.1", b"", None),
        ("127.0.0.1", b"::", None),
        ("127.0.0.1", b":", None),
        ("127.0.0.1", base64.b64encode(DER), None),
        ("127.0.0.1", ITEM + b";a=b", None),
        ("127.0.0.1", ITEM + b", " + ITEM, None),
        ("127.0.0.1", b":" + base64.urlsafe_b64encode(b"\xff\xef\xbe") + b":", None),
        ("127.0.0.1", b":Y Q=:", None),
        ("127.0.0.1", b":" + b"A" * 20_000 + b":", None),
    ],
)
def test_a_certificate_is_read_from_trusted_peers_in_one_form(peer, header, found):
    assert make_certificate_finder(TRUSTED)(peer, header) == found


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": 2},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": ["P-256"]},
        {"kty": ["EC"]},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": "____", "e": "AQAB"},
    ],
)
def test_a_key_that_is_none_is_refused(jwk):
    with pytest.raises(BadSignature):
        PublicKey(jwk)


def test_the_algorithm_comes_from_the_key():
    key = make_ec_key()
    token = split_compact(sign(key, {"alg": "ES256"}, {}).encode())
    public = PublicKey(describe_key(key))
    public.verify("ES256", token)
    for algorithm in ("EdDSA", "RS256", "HS256", "none", None, ""):
        with pytest.raises(BadSignature):
            public.verify(algorithm, token)


def test_a_short_signature_and_another_content_are_refused():
    key = make_ec_key()
    public = PublicKey(describe_key(key))
    token = split_compact(sign(key, {"alg": "ES256"}, {"a": 1}).encode())
    for spoilt in (
        token._replace(signature=token.signature[:63]),
        token._replace(signature=token.signature + b"\0"),
        token._replace(signature=bytes(64)),
        token._replace(signed=token.signed[:-1]),
    ):
        with pytest.raises(BadSignature):
            public.verify("ES256", spoilt)


def test_refused_tokens_are_not_remembered():
    reader = TokenReader(PublicKey(describe_key(make_ec_key())), issuer="i", audience="a")
    for n in range(20):
        with pytest.raises(AccessDenied):
            reader.read(f"e30.e30.{n:04}".encode(), now_ms=START_MS)
    assert reader._known == {}
