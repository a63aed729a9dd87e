"""Identity tokens and logout tokens at the edges of what is acceptable."""

import base64
import hashlib
import json

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from rempart.portals.oidc_tokens import (
    LOGOUT_EVENT,
    OLDEST_ID_TOKEN_S,
    OLDEST_LOGOUT_S,
    SKEW_S,
    Expected,
    ProviderNotBelieved,
    UnknownKey,
    read_signed,
    verify_id_token,
    verify_logout_token,
)

NOW = 1_800_000_000
ISSUER = "https://fournisseur.invalid/auth/realms/x"
CLIENT = "rempart"
ACCESS = "a-token"
KEY = ECKey.generate_key("P-256", auto_kid=True)
KEYS = KeySet([KEY])
EXPECTED = Expected(
    issuer=ISSUER,
    client_id=CLIENT,
    nonce="n" * 43,
    acr_values=("eidas1",),
    fresh_since=None,
    access_token=ACCESS,
)


def sign(claims, key=KEY, alg="ES256", **header):
    return jwt.encode(
        {"alg": alg, "kid": key.kid, **header}, claims, key, algorithms=[alg, "PS256"]
    )


def identity(**changes):
    claims = {
        "iss": ISSUER,
        "sub": "f:1:8990",
        "aud": CLIENT,
        "exp": NOW + 120,
        "iat": NOW,
        "nonce": "n" * 43,
        "acr": "eidas1",
        "sid": "s1",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def logout(**changes):
    claims = {
        "iss": ISSUER,
        "sub": "f:1:8990",
        "sid": "s1",
        "aud": CLIENT,
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "j1",
        "events": {LOGOUT_EVENT: {}},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def accept(claims, *, now=NOW, expected=EXPECTED):
    return verify_id_token(sign(claims), KEYS, expected, now=now)


def order(claims, *, now=NOW, **header):
    token = sign(claims, **header)
    return verify_logout_token(token, KEYS, issuer=ISSUER, client_id=CLIENT, now=now)


def reason(act):
    with pytest.raises(ProviderNotBelieved) as caught:
        act()
    return caught.value.reason


def test_a_good_token_says_who_and_which_session():
    found = accept(identity())
    assert (found.subject, found.sid) == ("f:1:8990", "s1")
    assert "8990" not in repr(found)


def test_a_provider_without_sessions_is_accepted():
    assert accept(identity(sid=None)).sid == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": None}, "iss"),
        ({"iss": ISSUER + "/"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": "another"}, "aud"),
        ({"aud": f"{CLIENT} another"}, "aud"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"nbf": NOW + SKEW_S + 1}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": ["n" * 43]}, "nonce"),
        ({"acr": None}, "acr"),
        ({"acr": "0"}, "acr"),
        ({"acr": ["eidas1"]}, "acr"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 12}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sid": 3}, "sid"),
        ({"at_hash": "x"}, "at_hash"),
        ({"at_hash": 3}, "at_hash"),
    ],
)
def test_a_claim_that_is_not_the_one_expected_is_refused(changes, why):
    assert reason(lambda: accept(identity(**changes))) == why


def test_several_audiences_are_accepted_when_we_asked():
    assert accept(identity(aud=[CLIENT, "another"], azp=CLIENT)).sid == "s1"


@pytest.mark.parametrize(
    ("exp", "iat", "good"),
    [
        (NOW - SKEW_S + 1, NOW - 200, True),
        (NOW - SKEW_S, NOW - 200, False),
        (NOW + 120, NOW + SKEW_S, True),
        (NOW + 120, NOW + SKEW_S + 1, False),
        (NOW + 120, NOW - OLDEST_ID_TOKEN_S - SKEW_S, True),
        (NOW + 120, NOW - OLDEST_ID_TOKEN_S - SKEW_S - 1, False),
    ],
)
def test_clocks_may_differ_by_a_minute_and_no_more(exp, iat, good):
    claims = identity(exp=exp, iat=iat)
    if good:
        assert accept(claims).sid == "s1"
    else:
        assert reason(lambda: accept(claims)) in {"exp", "iat"}


@pytest.mark.parametrize(
    ("auth_time", "good"),
    [(NOW - SKEW_S, True), (NOW - SKEW_S - 1, False), (None, False), ("now", False)],
)
def test_a_fresh_ceremony_is_dated(auth_time, good):
    expected = Expected(**{**{n: getattr(EXPECTED, n) for n in Expected.__slots__},
                           "fresh_since": NOW})  # fmt: skip
    claims = identity(auth_time=auth_time)
    if good:
        assert accept(claims, expected=expected).sid == "s1"
    else:
        assert reason(lambda: accept(claims, expected=expected)) == "auth_time"


@pytest.mark.parametrize(
    ("make", "alg", "digest"),
    [
        (lambda: RSAKey.generate_key(2048, auto_kid=True), "RS256", hashlib.sha256),
        (lambda: RSAKey.generate_key(2048, auto_kid=True), "PS256", hashlib.sha256),
        (lambda: ECKey.generate_key("P-256", auto_kid=True), "ES256", hashlib.sha256),
    ],
)
def test_each_algorithm_of_the_list_is_read_with_its_at_hash(make, alg, digest):
    key = make()
    half = digest(ACCESS.encode()).digest()
    at_hash = base64.urlsafe_b64encode(half[: len(half) // 2]).rstrip(b"=").decode()
    token = sign(identity(at_hash=at_hash), key, alg)
    assert verify_id_token(token, KeySet([key]), EXPECTED, now=NOW).sid == "s1"


def test_the_edwards_curve_is_read_too():
    """Signed by hand: the library would advise against the name that providers use."""
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    half = hashlib.sha512(ACCESS.encode()).digest()[:32]
    claims = identity(at_hash=base64.urlsafe_b64encode(half).rstrip(b"=").decode())
    header = {"alg": "EdDSA", "kid": key.kid}
    message = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (header, claims)
    )
    signature = base64.urlsafe_b64encode(key.private_key.sign(message)).rstrip(b"=")
    token = (message + b"." + signature).decode()
    assert verify_id_token(token, KeySet([key]), EXPECTED, now=NOW).sid == "s1"


def test_a_key_does_not_serve_for_another_algorithm():
    """A signature made with one family and announced as another."""
    token = sign(identity())
    header, payload, signature = token.split(".")
    for alg in ("RS256", "PS256", "EdDSA"):
        lie = {"alg": alg, "kid": KEY.kid}
        coded = base64.urlsafe_b64encode(json.dumps(lie).encode()).rstrip(b"=").decode()
        assert header != coded
        assert reason(lambda c=coded: read_signed(f"{c}.{payload}.{signature}", KEYS)) == (
            "signature"
        )


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c.d", "e30.e30.", "é.é.é", ".".join(["e30"] * 5), "bnVsbA.e30.e30"],
)
def test_what_is_not_a_token_is_refused(token):
    assert reason(lambda: read_signed(token, KEYS)) in {"unreadable", "algorithm"}


def test_demands_that_nobody_understands_are_refused():
    header = {"alg": "ES256", "kid": KEY.kid, "crit": ["x"], "x": 1}
    coded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    assert reason(lambda: read_signed(f"{coded}.e30.e30", KEYS)) == "critical header"


def test_a_key_meant_for_encryption_signs_nothing():
    wrong = ECKey.import_key({**KEY.as_dict(private=False), "use": "enc"})
    with pytest.raises(UnknownKey):
        read_signed(sign(identity()), KeySet([wrong]))


def test_a_token_that_names_no_key_is_read_when_there_is_one_key_only():
    token = jwt.encode({"alg": "ES256"}, identity(), KEY, algorithms=["ES256"])
    assert read_signed(token, KEYS)[1]["iss"] == ISSUER
    two = KeySet([KEY, ECKey.generate_key("P-256", auto_kid=True)])
    assert reason(lambda: read_signed(token, two)) == "the key is not named"


def test_a_good_logout_token_says_whose_sessions_end():
    found = order(logout())
    assert (found.subject, found.sid, found.jti) == ("f:1:8990", "s1", "j1")
    assert "8990" not in repr(found)


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT", "application/logout+jwt"])
def test_providers_name_logout_tokens_in_several_ways(typ):
    assert order(logout(), typ=typ).jti == "j1"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://autre.invalid"}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"iat": None}, "iat"),
        ({"iat": NOW - OLDEST_LOGOUT_S - SKEW_S - 1}, "iat"),
        ({"iat": NOW + SKEW_S + 1}, "iat"),
        ({"exp": NOW - SKEW_S}, "exp"),
        ({"exp": "never"}, "exp"),
        ({"events": None}, "events"),
        ({"events": [LOGOUT_EVENT]}, "events"),
        ({"events": {LOGOUT_EVENT: True}}, "events"),
        ({"events": {"http://autre": {}}}, "events"),
        ({"nonce": "n"}, "a nonce has no place here"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 3}, "jti"),
        ({"sub": None, "sid": None}, "neither sub nor sid"),
    ],
)
def test_a_logout_token_that_is_not_one_is_refused(changes, why):
    assert reason(lambda: order(logout(**changes))) == why


def test_an_identity_token_ends_no_session():
    assert reason(lambda: order(identity())) == "events"


def test_a_logout_token_signs_nobody_in():
    assert reason(lambda: accept(logout())) == "nonce"


def test_an_access_token_ends_no_session():
    assert reason(lambda: order(logout(), typ="at+jwt")) == "typ"


def test_a_logout_token_without_an_end_is_judged_by_its_age():
    assert order(logout(exp=None)).jti == "j1"
