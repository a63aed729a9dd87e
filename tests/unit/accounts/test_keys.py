"""How keys are written and what is stored of them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.accounts.keys import (
    compute_key_digest,
    compute_token_digest,
    format_client_key,
    format_token,
)


@given(st.binary(min_size=32, max_size=32))
def test_every_key_can_be_read_back_as_its_digest(secret):
    key = format_client_key(secret)
    assert len(key) == 47
    assert compute_key_digest(key) == hashlib.sha256(key.encode()).digest()


def test_a_sign_in_token_is_a_key_without_its_prefix():
    secret = bytes(range(32))
    assert format_client_key(secret) == "rmp_" + format_token(secret)
    assert compute_token_digest(format_token(secret)) != compute_key_digest(
        format_client_key(secret)
    )


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_short_or_long_secret_is_refused(size):
    with pytest.raises(ValueError, match="32 bytes"):
        format_client_key(bytes(size))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "rmp_",
        "rmp_" + "a" * 42,
        "rmp_" + "a" * 44,
        "a" * 47,
        "rmp_" + "é" * 43,
        "RMP_" + "a" * 43,
    ],
)
def test_another_shape_is_not_a_client_key(key):
    with pytest.raises(ValueError, match="rmp_"):
        compute_key_digest(key)


@pytest.mark.parametrize("token", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "\n"])
def test_another_shape_is_not_a_sign_in_token(token):
    with pytest.raises(ValueError, match="43"):
        compute_token_digest(token)
