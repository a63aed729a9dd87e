"""Which software may be registered, with which keys."""

import base64
import json

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from tests.unit.accounts.visitors import make_visitor

from rempart.accounts.registration import (
    MAX_LIVE_KEYS,
    Registration,
    check_can_add_key,
    check_can_end_key,
    check_can_register,
    parse_jwk,
    parse_subject,
)
from rempart.accounts.roles import Role
from rempart.kernel.errors import Conflict, NotAllowed
from rempart.kernel.findings import BadValue

EC = ECKey.generate_key("P-256")
ED = OKPKey.generate_key("Ed25519")
RSA = RSAKey.generate_key(2048)
SHORT_MODULUS = base64.urlsafe_b64encode((2**2047 - 1).to_bytes(256)).rstrip(b"=").decode()


def write(key, **changes) -> str:
    return json.dumps({**key.as_dict(private=False), **changes})


def refuse(text: str) -> str:
    with pytest.raises(BadValue) as refused:
        parse_jwk(text)
    return refused.value.refusal.rule


@pytest.mark.parametrize("key", [EC, ED, RSA], ids=["EC", "Ed25519", "RSA"])
def test_a_key_is_named_by_its_thumbprint_whatever_name_it_came_with(key):
    parsed = parse_jwk(write(key, kid="my-own-name", alg="ES256", use="sig"))
    assert parsed.kid == key.thumbprint()
    assert "kid" not in parsed.jwk


def test_a_set_of_one_key_is_that_key():
    assert parse_jwk(f'{{"keys": [{write(EC)}]}}') == parse_jwk(write(EC))


@pytest.mark.parametrize("key", [EC, ED, RSA], ids=["EC", "Ed25519", "RSA"])
def test_a_private_key_is_refused_by_name(key):
    assert refuse(json.dumps(key.as_dict(private=True))) == "jwk_private"


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_one_private_member_is_enough(member):
    assert refuse(write(EC, **{member: ""})) == "jwk_private"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '"x"', "1", '{"keys": []}', '{"keys": 1}', '{"keys": [1]}'),
        f'{{"keys": [{write(EC)}, {write(ED)}]}}',
        "[" * 5000,
        " " * 8193,
        write(EC, x=None),
        write(EC, x=12),
        write(ED, x=["a"]),
    ],
    ids=lambda _: "text",
)
def test_what_is_not_one_key_is_refused(text):
    assert refuse(text) == "jwk_unreadable"


def move(coordinate: str) -> str:
    """Return a neighbour of a coordinate: off the curve."""
    number = int.from_bytes(base64.urlsafe_b64decode(coordinate + "==")) ^ 1
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        '{"kty": "oct"}',
        '{"crv": "P-256"}',
        write(ECKey.generate_key("P-384")),
        write(ECKey.generate_key("secp256k1")),
        write(OKPKey.generate_key("X25519")),
        write(OKPKey.generate_key("Ed448")),
        write(EC, crv="Ed25519"),
        write(EC, y=move(EC.as_dict(private=False)["y"])),
        write(EC, x="AA"),
        write(EC, x=EC.as_dict(private=False)["x"] + "="),
        write(EC, x="*" * 43),
        write(ED, x="AA"),
        write(RSA, n=SHORT_MODULUS),
        write(RSA, e="Aw"),
        write(RSA, n="AQAB"),
        write(RSA, kty="EC", crv="P-256", x="", y=""),
    ],
    # Keys are drawn anew by each process: what they are must not name the test.
    ids=lambda _: "key",
)
def test_a_key_too_weak_or_of_another_kind_is_refused(text):
    assert refuse(text) == "jwk_kind"


def test_a_key_that_is_not_for_signing_is_refused():
    assert refuse(write(EC, use="enc")) == "jwk_use"


def test_the_one_form_of_a_number_gives_one_thumbprint():
    """A modulus with leading zeros is the same key, and must not count as another."""
    n = base64.urlsafe_b64decode(RSA.as_dict(private=False)["n"] + "==")
    padded = base64.urlsafe_b64encode(b"\0\0" + n).rstrip(b"=").decode()
    assert parse_jwk(write(RSA, n=padded)).kid == RSA.thumbprint()


def test_no_refusal_repeats_the_key():
    text = write(EC, y=move(EC.as_dict(private=False)["y"]))
    with pytest.raises(BadValue) as refused:
        parse_jwk(text)
    assert EC.as_dict(private=False)["x"] not in str(refused.value)


def make(**changes) -> Registration:
    facts = {"client_id": "officine-plus", "label": "Officine Plus", "publisher_ref": 7}
    return Registration(**{**facts, "key": parse_jwk(write(EC)), **changes})


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"client_id": "ab"}, "client_id"),
        ({"client_id": "a" * 65}, "client_id"),
        ({"client_id": "Officine"}, "client_id"),
        ({"client_id": "officine plus"}, "client_id"),
        ({"client_id": "portals"}, "client_id"),
        ({"label": " "}, "software_label"),
        ({"label": "x" * 101}, "software_label"),
        ({"label": "a\nb"}, "software_label"),
        ({"key": None}, "one_proof"),
        ({"certificate_subject": "CN=x"}, "one_proof"),
        ({"establishment_ref": 5}, "structure_by_certificate"),
    ],
)
def test_what_cannot_be_registered_says_why(changes, rule):
    with pytest.raises(BadValue) as refused:
        make(**changes)
    assert refused.value.refusal.rule == rule


@pytest.mark.parametrize("scopes", [(), ("everything",)])
def test_a_scope_nobody_knows_is_refused(scopes):
    with pytest.raises(ValueError, match="rights:check"):
        make(scopes=scopes)


def test_the_software_of_an_establishment_proves_itself_by_its_certificate():
    registration = make(key=None, certificate_subject="CN=clinique.example", establishment_ref=5)
    assert registration.establishment_ref == 5


@pytest.mark.parametrize("text", ["", "clinique", "CN=", "=x", "CN=a,", "FOO=x"])
def test_a_subject_that_cannot_be_read_is_refused(text):
    with pytest.raises(BadValue) as refused:
        parse_subject(text)
    assert refused.value.refusal.rule == "certificate_subject"


def test_a_subject_is_written_in_one_form():
    assert parse_subject(" CN=a\\, b,  O=c ") == "CN=a\\, b,O=c"


def test_a_publisher_registers_its_own_software_only():
    publisher = make_visitor(Role.PUBLISHER_ADMIN, org_ref=7)
    check_can_register(publisher, make())
    with pytest.raises(NotAllowed, match="its own"):
        check_can_register(publisher, make(publisher_ref=8))


def test_only_the_operator_registers_what_acts_for_an_establishment():
    structure = make(key=None, certificate_subject="CN=x", establishment_ref=5)
    check_can_register(make_visitor(Role.OPERATOR_ADMIN, is_host=True), structure)
    with pytest.raises(NotAllowed, match="by the operator"):
        check_can_register(make_visitor(Role.PUBLISHER_ADMIN, org_ref=7), structure)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"revoked": True}, "revoked"),
        ({"by_certificate": True}, "certificate"),
        ({"known": True}, "already"),
        ({"live_kids": frozenset(map(str, range(MAX_LIVE_KEYS)))}, "at most"),
    ],
)
def test_a_key_that_cannot_be_added_says_why(changes, words):
    facts = {"by_certificate": False, "revoked": False, "live_kids": frozenset("a"), "known": False}
    check_can_add_key(**facts)
    with pytest.raises(Conflict, match=words):
        check_can_add_key(**{**facts, **changes})


@pytest.mark.parametrize(
    ("live", "lasting", "words"),
    [("b", "b", "ended already"), ("a", "a", "last key"), ("ab", "a", "last key")],
)
def test_a_key_that_cannot_end_says_why(live, lasting, words):
    with pytest.raises(Conflict, match=words):
        check_can_end_key("a", live_kids=frozenset(live), lasting_kids=frozenset(lasting))


def test_a_key_ends_when_another_lasts():
    check_can_end_key("a", live_kids=frozenset("ab"), lasting_kids=frozenset("ab"))
    check_can_end_key("a", live_kids=frozenset("ab"), lasting_kids=frozenset("b"))
