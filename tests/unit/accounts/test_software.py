"""Which software may ask, for which token, and what it says of itself."""

import pytest

from rempart.accounts.oauth import GrantRefused, OAuthError
from rempart.accounts.software import (
    CLIENT_CREDENTIALS,
    PORTAL_SESSION,
    PSC_TOKEN,
    TOKEN_EXCHANGE,
    BadStatement,
    Software,
    SoftwareKey,
    Statement,
    check_assertion,
    check_can_ask_token,
)
from rempart.accounts.workplaces import Workplace, choose_workplace

NOW_S = 1_795_000_000
AUDIENCES = ("https://tp.example/oauth/token", "https://tp.example")
CLAIMS = {
    "iss": "logiciel",
    "sub": "logiciel",
    "aud": AUDIENCES[0],
    "exp": NOW_S + 60,
    "jti": "a",
}


def make_software(**changes):
    facts = {
        "client_ref": 1,
        "client_id": "logiciel",
        "publisher_ref": 8,
        "scopes": ("rights:check",),
        "certificate_subject": None,
        "psc_clients": frozenset(),
        "establishment_ref": None,
        "stopped": False,
        "keys": (SoftwareKey("one", {}), SoftwareKey("two", {})),
    }
    return Software(**{**facts, **changes})


def check(**changes):
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return check_assertion(claims, client_id="logiciel", audiences=AUDIENCES, now_s=NOW_S)


def test_a_good_assertion_is_known_by_its_name_and_its_end():
    assert check() == Statement("a", NOW_S + 60)
    assert check(aud=["https://elsewhere.example", AUDIENCES[1]], iat=NOW_S, nbf=NOW_S)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"iss": None},
        {"sub": "other"},
        {"sub": None},
        {"aud": None},
        {"aud": []},
        {"aud": [1, None]},
        {"aud": "https://tp.example/"},
        {"exp": None},
        {"exp": NOW_S - 30},
        {"exp": NOW_S + 331},
        {"exp": "later"},
        {"exp": True},
        {"exp": float("nan")},
        {"iat": NOW_S + 31},
        {"iat": "now"},
        {"nbf": NOW_S + 31},
        {"jti": None},
        {"jti": ""},
        {"jti": 1},
        {"jti": "x" * 257},
    ],
)
def test_a_spoilt_assertion_is_refused(changes):
    with pytest.raises(BadStatement):
        check(**changes)


@pytest.mark.parametrize("end_s", [NOW_S - 29, NOW_S + 330])
def test_the_borders_of_its_life_are_inside(end_s):
    check(exp=end_s)


def test_a_key_is_found_by_its_name_alone():
    software = make_software()
    assert software.find_key("two") == SoftwareKey("two", {})
    for kid in (None, "", "three", 1):
        assert software.find_key(kid) is None


PORTALS = {"publisher_ref": None}
STRUCTURE = {"establishment_ref": 3}


@pytest.mark.parametrize(
    ("facts", "grant_type", "token_type", "by_certificate", "error"),
    [
        ({}, TOKEN_EXCHANGE, PSC_TOKEN, False, None),
        ({}, TOKEN_EXCHANGE, PSC_TOKEN, True, None),
        (PORTALS, TOKEN_EXCHANGE, PORTAL_SESSION, False, None),
        (STRUCTURE, CLIENT_CREDENTIALS, "", True, None),
        (STRUCTURE, CLIENT_CREDENTIALS, "", False, "unauthorized_client"),
        ({}, CLIENT_CREDENTIALS, "", True, "unauthorized_client"),
        (PORTALS, CLIENT_CREDENTIALS, "", False, "unauthorized_client"),
        ({}, TOKEN_EXCHANGE, PORTAL_SESSION, False, "unauthorized_client"),
        (PORTALS, TOKEN_EXCHANGE, PSC_TOKEN, False, "unauthorized_client"),
        ({}, TOKEN_EXCHANGE, "", False, "invalid_request"),
        ({}, TOKEN_EXCHANGE, "saml", False, "invalid_request"),
        ({}, "password", PSC_TOKEN, False, "unsupported_grant_type"),
        ({}, "", PSC_TOKEN, False, "unsupported_grant_type"),
        ({"scopes": ()}, TOKEN_EXCHANGE, PSC_TOKEN, False, "invalid_scope"),
    ],
)
def test_who_may_ask_for_which_token(facts, grant_type, token_type, by_certificate, error):
    def ask():
        check_can_ask_token(
            make_software(**facts),
            grant_type=grant_type,
            subject_token_type=token_type,
            scope="rights:check",
            by_certificate=by_certificate,
        )

    if error is None:
        ask()
        return
    with pytest.raises(GrantRefused) as refused:
        ask()
    assert refused.value.error == error


OWN = Workplace(1, "990000019", "99000001900015")
ELSEWHERE = Workplace(2, None, "99000002700013", 9)
UNDER_ANOTHER = Workplace(1, "990000019", "99000001900015", 9)


@pytest.mark.parametrize(
    ("places", "chosen", "found"),
    [
        ((), None, OAuthError.INVALID_GRANT),
        ((Workplace(None),), None, OAuthError.INVALID_GRANT),
        ((OWN,), None, OWN),
        ((ELSEWHERE,), None, ELSEWHERE),
        ((OWN, UNDER_ANOTHER), None, OWN),
        ((OWN, ELSEWHERE), "990000019", OWN),
        ((OWN, ELSEWHERE), "99000001900015", OWN),
        ((OWN, ELSEWHERE), "99000002700013", ELSEWHERE),
        ((OWN, ELSEWHERE), None, OAuthError.INVALID_REQUEST),
        ((OWN,), "99000002700013", OAuthError.INVALID_GRANT),
        ((), "990000019", OAuthError.INVALID_GRANT),
    ],
)
def test_where_a_professional_acts(places, chosen, found):
    if isinstance(found, Workplace):
        assert choose_workplace(places, chosen) == found
        return
    with pytest.raises(GrantRefused, match="situation") as refused:
        choose_workplace(places, chosen)
    assert refused.value.error is found
