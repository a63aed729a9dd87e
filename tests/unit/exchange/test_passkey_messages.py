"""Passkey messages: whatever bytes come, a proof or a refusal, and never a fault."""

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.portals.authenticator import Authenticator, decode, encode

from rempart.exchange.passkey_messages import (
    DECOY_KEY,
    KeyOwner,
    KnownKey,
    ProofRefused,
    RelyingParty,
    make_authentication_options,
    make_registration_options,
    read_credential_id,
    read_proof,
    read_registration,
    read_user_handle,
)

PARTY = RelyingParty(origin="http://localhost", rp_id="localhost")
CHALLENGE = bytes(range(32))
OWNER = KeyOwner(handle=bytes(32), name="Camille Essai")
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


def make_key():
    """Return an authenticator with one key, and what it said when it made it."""
    options = make_registration_options(PARTY, OWNER, challenge=CHALLENGE, known=[])
    authenticator = Authenticator()
    return authenticator, authenticator.make(options)


def prove(authenticator):
    return authenticator.prove(make_authentication_options(PARTY, challenge=CHALLENGE))


def check(message, public_key=DECOY_KEY):
    return read_proof(message, PARTY, challenge=CHALLENGE, public_key=public_key)


def register(message):
    return read_registration(message, PARTY, challenge=CHALLENGE)


@pytest.mark.parametrize(
    ("url", "origin", "rp_id"),
    [
        ("https://tp.example", "https://tp.example", "tp.example"),
        ("http://localhost:8080", "http://localhost:8080", "localhost"),
        ("https://TP.example/", "https://TP.example", "tp.example"),
    ],
)
def test_the_site_is_named_after_its_public_address(url, origin, rp_id):
    assert RelyingParty.from_url(url) == RelyingParty(origin=origin, rp_id=rp_id)


def test_a_site_without_a_name_has_no_passkeys():
    with pytest.raises(ValueError, match="no host name"):
        RelyingParty.from_url("tp.example")


def test_an_honest_key_is_read_and_its_proofs_with_it():
    authenticator, made = make_key()
    key = register(made)
    assert key.transports == ("nfc", "usb")
    assert (key.sign_count, key.backed_up) == (1, False)
    proof = check(prove(authenticator), key.public_key)
    assert (proof.user_verified, proof.sign_count) == (True, 2)


def test_the_counter_and_the_holder_are_judged_elsewhere():
    """The library would refuse before looking at the signature."""
    authenticator, made = make_key()
    key = register(made)
    authenticator.counter = -1
    authenticator.verifies = False
    proof = check(prove(authenticator), key.public_key)
    assert (proof.user_verified, proof.sign_count) == (False, 0)


def test_the_decoy_is_a_key_that_nobody_proves():
    authenticator, _ = make_key()
    with pytest.raises(ProofRefused):
        check(prove(authenticator), DECOY_KEY)


def test_options_name_the_keys_that_are_known():
    known = [KnownKey(credential_id=bytes(16), transports=("usb",)), KnownKey(credential_id=b"x")]
    options = make_authentication_options(PARTY, challenge=CHALLENGE, allowed=known)
    assert [key["id"] for key in options["allowCredentials"]] == [encode(bytes(16)), encode(b"x")]
    assert options["allowCredentials"][0]["transports"] == ["usb"]
    made = make_registration_options(PARTY, OWNER, challenge=CHALLENGE, known=known)
    assert len(made["excludeCredentials"]) == 2


@pytest.mark.parametrize("length", [1, 15, 1024, 4000])
def test_a_reference_of_an_odd_length_is_none(length):
    assert read_credential_id({"rawId": encode(bytes(length))}) == b""


@pytest.mark.parametrize("text", [None, 1, [], "é", "a", "%" * 30, {}])
def test_a_reference_that_cannot_be_read_is_none(text):
    assert read_credential_id({"rawId": text}) == b""
    assert not read_user_handle({"response": {"userHandle": text}})


def test_a_top_frame_of_another_site_is_refused_even_when_it_says_it_is_not_one():
    _, made = make_key()
    client_data = json.loads(decode(made["response"]["clientDataJSON"]))
    client_data["topOrigin"] = "https://evil.invalid"
    made["response"]["clientDataJSON"] = encode(json.dumps(client_data).encode())
    with pytest.raises(ProofRefused):
        register(made)


@given(ANY)
def test_anything_at_all_is_refused_and_nothing_breaks(value):
    message = value if isinstance(value, dict) else {"response": value}
    assert isinstance(read_credential_id(message), bytes)
    assert read_user_handle(message) is None or isinstance(read_user_handle(message), bytes)
    with pytest.raises(ProofRefused):
        check(message)
    with pytest.raises(ProofRefused):
        register(message)


@given(st.sampled_from(("clientDataJSON", "attestationObject")), st.binary(max_size=400))
def test_any_bytes_in_a_new_key_are_refused(part, content):
    _, made = make_key()
    made["response"][part] = encode(content)
    with pytest.raises(ProofRefused):
        register(made)


@given(ANY, ANY)
def test_any_cbor_in_a_new_key_is_refused(statement, data):
    """Right up to the format: what is attested, and how, is whatever a forger likes."""
    _, made = make_key()
    for content in (
        {"fmt": "none", "attStmt": statement, "authData": data},
        {"fmt": "packed", "attStmt": {"x5c": statement, "sig": data}, "authData": bytes(200)},
        {"fmt": statement, "attStmt": {}, "authData": bytes(37)},
    ):
        made["response"]["attestationObject"] = encode(cbor2.dumps(content))
        with pytest.raises(ProofRefused):
            register(made)


@given(st.dictionaries(st.integers(-4, 4), st.integers() | st.binary(max_size=40), max_size=6))
def test_any_public_key_is_refused(cose):
    authenticator, made = make_key()
    attestation = cbor2.loads(decode(made["response"]["attestationObject"]))
    true = authenticator.credentials[0].public_key
    attestation["authData"] = attestation["authData"].replace(true, cbor2.dumps(cose))
    made["response"]["attestationObject"] = encode(cbor2.dumps(attestation))
    with pytest.raises(ProofRefused):
        register(made)


@given(
    st.sampled_from(("clientDataJSON", "authenticatorData", "signature")), st.binary(max_size=90)
)
def test_any_bytes_in_a_proof_are_refused(part, content):
    authenticator, made = make_key()
    key = register(made)
    proof = prove(authenticator)
    proof["response"][part] = encode(content)
    with pytest.raises(ProofRefused):
        check(proof, key.public_key)
