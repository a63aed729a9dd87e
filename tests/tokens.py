"""Callers with tokens: keys, proofs and assertions, written without the code they test.

A DPoP proof here is three lines of base64 and a signature: what a software publisher would write.
"""

import base64
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from rempart.accounts.tokens import Bearer, Binding
from rempart.workflows.accounts.issue_token import sign_access_token

PUBLIC_URL = "http://localhost:8080"
CLIENT_ID = "logiciel-officine"
_names = itertools.count(1)
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def b64(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value: int, length: int) -> str:
    """A number of a key, as JWK writes it."""
    return b64(value.to_bytes(length))


def describe_key(key: PrivateKey) -> dict[str, str]:
    """The public side of a key, as a JWK."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(key.public_key().public_bytes_raw())}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = key.public_key().public_numbers()
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": number(numbers.x, 32),
            "y": number(numbers.y, 32),
        }
    numbers_rsa = key.public_key().public_numbers()
    return {"e": "AQAB", "kty": "RSA", "n": number(numbers_rsa.n, key.key_size // 8)}


def thumbprint(jwk: dict[str, str]) -> str:
    """The name of a key (RFC 7638)."""
    text = json.dumps(dict(sorted(jwk.items())), separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


def sign(key: PrivateKey, header: dict[str, Any], claims: Any) -> str:
    """A compact signed token, whatever is in it."""
    signed = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = key.sign(signed.encode())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        der = key.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(der)
        signature = r.to_bytes(32) + s.to_bytes(32)
    else:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        chosen = pss if header.get("alg") == "PS256" else padding.PKCS1v15()
        signature = key.sign(signed.encode(), chosen, hashes.SHA256())
    return f"{signed}.{b64(signature)}"


def algorithm_of(key: PrivateKey) -> str:
    """The algorithm a key signs with."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "PS256"


def make_ec_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(kw_only=True)
class Prover:
    """Somebody who holds a DPoP key and knows the time."""

    key: PrivateKey = field(default_factory=make_ec_key, repr=False)
    now: Callable[[], float] = time.time
    nonce: str | None = None

    @property
    def thumbprint(self) -> str:
        """The name of the key."""
        return thumbprint(describe_key(self.key))

    def prove(
        self, method: str, url: str, token: str = "", *, header: Any = None, **changes: Any
    ) -> str:
        """A proof for one call; `header` and `changes` spoil it (None removes a claim)."""
        head = {"typ": "dpop+jwt", "alg": algorithm_of(self.key), "jwk": describe_key(self.key)}
        claims = {
            "htm": method,
            "htu": url,
            "iat": int(self.now()),
            "jti": f"proof-{next(_names)}",
            "ath": b64(hashlib.sha256(token.encode()).digest()) if token else None,
            "nonce": self.nonce,
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return sign(self.key, {**head, **(header or {})}, kept)


@dataclass(kw_only=True)
class Minter:
    """Tokens for one software and one account, made with the installation's own key."""

    key_seed: bytes = field(repr=False)
    bearer: Bearer
    client_id: str = CLIENT_ID
    now: Callable[[], float] = time.time

    def mint(self, binding: Binding, **changes: Any) -> str:
        """A token in force from now on."""
        facts = {
            "issuer": PUBLIC_URL,
            "client_id": self.client_id,
            "bearer": self.bearer,
            "binding": binding,
            "now_s": int(self.now()),
            "token_id": f"token-{next(_names)}",
            "scope": "rights:check claims:send",
        }
        return sign_access_token(self.key_seed, **{**facts, **changes})


class TokenAuth(httpx.Auth):
    """Puts a token and a fresh proof on every request; takes another token before it expires.

    A request that brings its own Authorization is left alone.
    """

    def __init__(self, minter: Minter, prover: Prover) -> None:
        self.minter = minter
        self.prover = prover
        self.token = ""
        self.until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign, and once more when the server gives another nonce."""
        if "authorization" in request.headers:
            yield request
            return
        self._sign(request)
        response = yield request
        if "dpop-nonce" in response.headers:
            self.prover.nonce = response.headers["dpop-nonce"]
            if response.status_code == 401:
                self._sign(request)
                yield request

    def _sign(self, request: httpx.Request) -> None:
        request.headers.update(self.make_headers(request.method, request.url.path))

    def make_headers(self, method: str, path: str) -> dict[str, str]:
        """The two headers of one call."""
        if self.prover.now() > self.until:
            self.token = self.minter.mint(Binding("jkt", self.prover.thumbprint))
            self.until = self.prover.now() + 300
        proof = self.prover.prove(method, PUBLIC_URL + path, self.token)
        return {"Authorization": f"DPoP {self.token}", "DPoP": proof}


def make_auth(
    key_seed: bytes, bearer: Bearer, *, now: Callable[[], float] = time.time, **facts: Any
) -> TokenAuth:
    """An authentication for one software and one account, with a key of its own."""
    return TokenAuth(Minter(key_seed=key_seed, bearer=bearer, now=now, **facts), Prover(now=now))
