"""A software's key: made once, kept for its owner only, never shown."""

import json
import stat

import pytest

from rempart.client import SigningKey


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_saved_key_is_the_same_when_it_is_read_again(tmp_path, algorithm):
    key = SigningKey.generate(algorithm)
    key.save(tmp_path / "key.json")
    again = SigningKey.load(tmp_path / "key.json")
    assert again.public_jwk == key.public_jwk
    assert again.algorithm == algorithm


def test_only_its_owner_reads_the_file_of_a_key(tmp_path):
    SigningKey.generate().save(tmp_path / "key.json")
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600


def test_a_key_is_never_overwritten(tmp_path):
    file = tmp_path / "key.json"
    SigningKey.generate().save(file)
    before = file.read_bytes()
    with pytest.raises(FileExistsError):
        SigningKey.generate().save(file)
    assert file.read_bytes() == before


def test_the_public_half_holds_no_secret(tmp_path):
    key = SigningKey.generate()
    key.save(tmp_path / "key.json")
    secret = json.loads((tmp_path / "key.json").read_text())["d"]
    assert "d" not in key.public_jwk
    assert secret not in repr(key)
    assert key.public_jwk["kid"] == key.thumbprint


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "not a key", '{"kty": "oct", "k": "c2VjcmV0", "d": "x"}']
)
def test_a_file_that_is_no_private_key_is_refused_by_name(tmp_path, content):
    file = tmp_path / "key.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="JSON Web Key"):
        SigningKey.load(file)


def test_a_public_key_is_not_taken_for_a_private_one():
    with pytest.raises(ValueError, match="private"):
        SigningKey(SigningKey.generate().public_jwk)


def test_the_key_of_a_seed_is_always_the_same():
    one, other = (SigningKey.from_seed(bytes(range(32))) for _ in range(2))
    assert one.thumbprint == other.thumbprint
    assert one.algorithm == "EdDSA"
