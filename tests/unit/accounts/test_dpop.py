"""What a proof must say, and what nonces are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.accounts.dpop import (
    MAX_AGE_S,
    MAX_AHEAD_S,
    ProofClaims,
    ProofRefused,
    check_proof,
    check_proof_header,
    compute_nonce,
    is_same_target,
)

URL = "https://tp.example/v1/rights-checks"
NOW_S = 1_795_000_000.0
GOOD = ProofClaims("POST", URL, NOW_S, "p", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", "n")
KEY = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}
HEADER = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY}


def check(claims, now_s=NOW_S, token_hash=GOOD.token_hash):
    check_proof(claims, method="POST", url=URL, token_hash=token_hash, now_s=now_s)


def test_a_good_proof_passes_with_or_without_a_token():
    check(GOOD)
    check(GOOD._replace(token_hash=""), token_hash="")
    check(GOOD, token_hash="")


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"},
        {"method": "post"},
        {"url": "https://tp.example/oauth/token"},
        {"token_hash": ""},
        {"token_hash": "2ShpxuJvkIlELJgsTIKo2PqjFVrJSPmDXPvRUw2nBvE"},
        {"token_hash": "é"},
        {"proof_id": ""},
        {"proof_id": "x" * 129},
        {"issued_s": NOW_S - MAX_AGE_S - 1},
        {"issued_s": NOW_S + MAX_AHEAD_S + 1},
        {"issued_s": float("inf")},
        {"issued_s": float("nan")},
    ],
)
def test_a_proof_of_something_else_is_refused(changes):
    with pytest.raises(ProofRefused):
        check(GOOD._replace(**changes))


@pytest.mark.parametrize("issued_s", [NOW_S - MAX_AGE_S, NOW_S + MAX_AHEAD_S])
def test_the_borders_of_the_window_are_inside(issued_s):
    check(GOOD._replace(issued_s=issued_s))


@pytest.mark.parametrize(
    ("claimed", "same"),
    [
        (URL, True),
        (URL + "?a=b", True),
        (URL + "#part", True),
        ("HTTPS://TP.EXAMPLE/v1/rights-checks", True),
        ("https://tp.example:443/v1/rights-checks", True),
        ("https://tp.example:8443/v1/rights-checks", False),
        ("http://tp.example/v1/rights-checks", False),
        ("https://tp.example/v1/Rights-checks", False),
        ("https://tp.example/v1/rights-checks/", False),
        ("https://tp.example@elsewhere.example/v1/rights-checks", False),
        ("https://tp.example.elsewhere.example/v1/rights-checks", False),
        ("https://tp.example:port/v1/rights-checks", False),
        ("https://[::1/v1/rights-checks", False),
        ("", False),
    ],
)
def test_an_address_names_one_route(claimed, same):
    assert is_same_target(claimed, URL) is same


@given(st.text())
def test_no_address_breaks_the_comparison(text):
    assert is_same_target(text, URL) in (True, False)


def test_the_key_of_a_good_header_is_returned():
    assert check_proof_header(HEADER) == KEY


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": None},
        {"jwk": None},
        {"jwk": "key"},
        {"jwk": {**KEY, "d": "private"}},
        {"jwk": {"kty": "oct", "k": "shared"}},
        {"crit": []},
    ],
)
def test_a_header_that_can_prove_nothing_is_refused(changes):
    with pytest.raises(ProofRefused):
        check_proof_header({**HEADER, **changes})


def test_nonces_differ_by_period_and_by_process():
    nonces = {compute_nonce(bytes([s]) * 32, period) for s in range(3) for period in range(3)}
    assert len(nonces) == 9
    assert compute_nonce(bytes(32), 1) == compute_nonce(bytes(32), 1)
    assert all(len(nonce) == 22 for nonce in nonces)
