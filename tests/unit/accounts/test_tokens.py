"""What a token says and when it opens the door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.accounts.tokens import (
    CHECK_SCOPE,
    CLOCK_SKEW_S,
    AccessToken,
    Bearer,
    Binding,
    Standing,
    check_binding,
    check_standing,
    check_token,
    format_claims,
    parse_claims,
)
from rempart.kernel.errors import AccessDenied

NOW_S = 1_795_000_000
ISSUER = "https://tp.example"
REFS = st.integers(min_value=1, max_value=2**63 - 1)
BINDINGS = st.sampled_from([Binding("jkt", "k" * 43), Binding("x5t#S256", "c" * 43)])


def make_token(**changes):
    facts = {
        "issuer": ISSUER,
        "audience": f"{ISSUER}/v1",
        "client_id": "logiciel",
        "bearer": Bearer(1, 2, 3),
        "scope": CHECK_SCOPE,
        "authority": "psc",
        "binding": Binding("jkt", "k" * 43),
        "issued_s": NOW_S,
        "expires_s": NOW_S + 600,
        "token_id": "t",
    }
    return AccessToken(**{**facts, **changes})


def check(token, now_s=NOW_S):
    check_token(token, issuer=ISSUER, audience=f"{ISSUER}/v1", scope=CHECK_SCOPE, now_s=now_s)


@given(
    st.builds(Bearer, REFS, REFS, st.none() | REFS, st.none() | REFS, st.none() | REFS), BINDINGS
)
def test_what_is_written_is_read_back(bearer, binding):
    token = make_token(bearer=bearer, binding=binding)
    assert parse_claims(format_claims(token)) == token


def test_references_are_texts_because_numbers_of_json_lose_their_last_digits():
    claims = format_claims(make_token(bearer=Bearer(2**63 - 1, 2**62 + 1, 5, 6, 7)))
    assert [claims[name] for name in ("client_ref", "sub", "est", "acc", "sid")] == [
        str(2**63 - 1),
        str(2**62 + 1),
        "5",
        "6",
        "7",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", 12),
        ("sub", ""),
        ("sub", "-1"),
        ("sub", "1.0"),
        ("sub", "١٢"),
        ("sub", "9" * 20),
        ("client_ref", None),
        ("est", 3),
        ("iss", 1),
        ("exp", "soon"),
        ("exp", 1.5),
        ("iat", True),
        ("amr", "psc"),
        ("amr", ["pwd"]),
        ("amr", ["psc", "portal"]),
        ("cnf", {}),
        ("cnf", None),
        ("cnf", {"jkt": 1}),
        ("cnf", {"kid": "x"}),
        ("cnf", {"jkt": "x", "x5t#S256": "y"}),
    ],
)
def test_a_claim_of_another_shape_is_refused(name, value):
    with pytest.raises(AccessDenied):
        parse_claims({**format_claims(make_token()), name: value})


@pytest.mark.parametrize("name", sorted(format_claims(make_token(bearer=Bearer(1, 2)))))
def test_a_claim_that_is_missing_is_refused(name):
    claims = format_claims(make_token())
    del claims[name]
    with pytest.raises(AccessDenied):
        parse_claims(claims)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://elsewhere.example"},
        {"audience": ISSUER},
        {"scope": "rights"},
        {"scope": ""},
        {"scope": "rights:checks other"},
        {"authority": "portal", "binding": Binding("x5t#S256", "c")},
        {"authority": "structure"},
        {"issued_s": NOW_S + 31, "expires_s": NOW_S + 600},
        {"issued_s": NOW_S, "expires_s": NOW_S - 1},
    ],
)
def test_a_token_for_something_else_is_refused(changes):
    with pytest.raises(AccessDenied):
        check(make_token(**changes))


def test_one_scope_among_several_is_enough():
    check(make_token(scope=f"other {CHECK_SCOPE}"))


def test_both_ends_have_thirty_seconds_for_the_clocks_and_no_more():
    token = make_token()
    check(token, NOW_S - CLOCK_SKEW_S)
    check(token, NOW_S + 600 + CLOCK_SKEW_S - 0.001)
    for now_s in (NOW_S - CLOCK_SKEW_S - 1, NOW_S + 600 + CLOCK_SKEW_S):
        with pytest.raises(AccessDenied):
            check(token, now_s)


@pytest.mark.parametrize(
    "presented", [Binding("jkt", "other"), Binding("x5t#S256", "k" * 43), Binding("jkt", "")]
)
def test_another_key_does_not_carry_the_token(presented):
    check_binding(make_token(), Binding("jkt", "k" * 43))
    with pytest.raises(AccessDenied):
        check_binding(make_token(), presented)


GOOD = Standing(
    software_known=True,
    software_stopped=False,
    account_known=True,
    account_stopped=False,
    establishment_stopped=False,
    situation_held=True,
    session_live=True,
)


def test_somebody_in_good_standing_may_ask():
    check_standing(GOOD)


FACTS = [name for name in Standing._fields if isinstance(getattr(GOOD, name), bool)]


@pytest.mark.parametrize("fact", FACTS)
def test_each_fact_alone_stops_the_bearer(fact):
    with pytest.raises(AccessDenied):
        check_standing(GOOD._replace(**{fact: not getattr(GOOD, fact)}))


def test_whoever_the_directory_does_not_know_may_not_ask():
    with pytest.raises(AccessDenied):
        check_standing(None)


@pytest.mark.parametrize(
    ("authority", "kind", "method"),
    [
        ("psc", "jkt", "psc+dpop"),
        ("psc", "x5t#S256", "psc+mtls"),
        ("structure", "x5t#S256", "structure+mtls"),
        ("portal", "jkt", "portal"),
    ],
)
def test_the_ledger_s_word_for_how_they_came_in(authority, kind, method):
    assert make_token(authority=authority, binding=Binding(kind, "x")).method == method
