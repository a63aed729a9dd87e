"""Whose token this is, as Pro Santé Connect says; anything doubtful is nobody's."""

import json

import pytest

from rempart.exchange.psc_introspection import parse_introspection
from rempart.kernel.errors import Unavailable
from rempart.kernel.synthetic import make_synthetic_rpps

RPPS = make_synthetic_rpps(1)
OTHER = make_synthetic_rpps(2)
ISSUER = "https://psc.example/auth/realms/esante-wallet"
NOW_S = 1_795_000_000
GOOD = {
    "active": True,
    "iss": ISSUER,
    "client_id": "officine-plus",
    "azp": "officine-plus",
    "acr": "eidas1",
    "exp": NOW_S + 120,
    "SubjectNameID": f"8{RPPS.number}",
    "given_name": "Paul",
    "scope": "openid scope_all",
}


def parse(**changes):
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return parse_introspection(json.dumps(claims).encode(), issuer=ISSUER, now_s=NOW_S)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"client_id": None},
        {"azp": None},
        {"SubjectNameID": RPPS.number},
        {"SubjectNameID": None, "username": f"8{RPPS.number}"},
        {"SubjectNameID": None, "preferred_username": f"8{RPPS.number}"},
        {"preferred_username": f"8{RPPS.number}"},
    ],
)
def test_a_token_in_force_is_a_professional_s(changes):
    assert parse(**changes) == (RPPS, "officine-plus")


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"acr": "eidas2"},
        {"acr": None},
        {"exp": NOW_S},
        {"exp": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"client_id": None, "azp": None},
        {"azp": "another-application"},
        {"SubjectNameID": "ANS20210107161422"},
        {"SubjectNameID": None},
        {"SubjectNameID": ""},
        {"username": f"8{OTHER.number}"},
    ],
)
def test_a_doubtful_token_is_nobody_s(changes):
    assert parse(**changes) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b"\xff", b"{}", b'{"active":"yes"}', b'{"active":1}']
)
def test_what_is_no_introspection_says_that_the_provider_is_not_itself(body):
    with pytest.raises(Unavailable):
        parse_introspection(body, issuer=ISSUER, now_s=NOW_S)
