"""An OAuth library of others reads what we publish, proves a software, and verifies our tokens."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey
from tests.api.asking import TOKEN_URL, Psc
from tests.api.reading import PATH
from tests.api.running import Gateway
from tests.api.world import COVERED, typed_body
from tests.tokens import CLIENT_ID, PUBLIC_URL, describe_key, thumbprint

ANY_RESPONSE = {"response_types_supported": ["none"]}
ROOT = "/.well-known/oauth-authorization-server"


@pytest.fixture
def gateway(open_gateway: Any, psc: Psc) -> Iterator[Gateway]:
    with open_gateway(introspect=psc.introspect) as client:
        yield client


def sign_assertion(world: Any) -> str:
    """The assertion as Authlib writes it, for a minute: an hour, which it proposes, is too long."""
    pem = world.software_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key = ECKey.import_key(pem)
    kid = thumbprint(describe_key(world.software_key))
    signed = private_key_jwt_sign(
        key,
        CLIENT_ID,
        TOKEN_URL,
        alg="ES256",
        claims={"exp": int(time.time()) + 60},
        header={"alg": "ES256", "kid": kid},
    )
    return signed if isinstance(signed, str) else signed.decode()


def test_what_we_publish_is_valid_for_a_library(gateway):
    told = gateway.get(ROOT).json()
    # There is no way of answering a browser; Authlib wants one all the same.
    assert told.pop("response_types_supported") == []
    AuthorizationServerMetadata({**told, **ANY_RESPONSE}).validate()
    assert told["issuer"] == PUBLIC_URL


def test_mutation_metadata_that_lie_are_told_by_it(gateway):
    told = gateway.get(ROOT).json()
    for name, wrong in (("issuer", "http://x/?a"), ("jwks_uri", "nowhere"), ("issuer", None)):
        with pytest.raises(ValueError, match=name):
            AuthorizationServerMetadata({**told, **ANY_RESPONSE, name: wrong}).validate()


def test_a_library_s_assertion_gets_a_token_that_a_library_verifies(gateway, publisher, world):
    publisher.make_assertion = lambda **_: sign_assertion(world)
    given = publisher.ask()
    assert given.status_code == 200, given.text
    text = given.json()["access_token"]
    [key] = jwt.PyJWKSet.from_dict(gateway.get("/oauth/jwks").json()).keys
    told = jwt.decode(
        text, key, algorithms=["EdDSA"], audience=f"{PUBLIC_URL}/v1", issuer=PUBLIC_URL
    )
    assert told["cnf"] == {"jkt": publisher.prover.thumbprint}
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(text, key, algorithms=["EdDSA"], audience="https://elsewhere.example")
    answer = gateway.post(PATH, json=typed_body(COVERED), auth=publisher.use(text))
    assert answer.status_code == 200
