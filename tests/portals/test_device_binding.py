"""A session bound to its device: the token alone opens nothing, and only the device earns more."""

import base64
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from tests.portals import people
from tests.portals.bench import change, fetch, list_events, spend_allowance
from tests.portals.device import COOKIE, Device, describe, encode, make_key, sign, write

from rempart.accounts.devices import COOKIE_LIFETIME
from rempart.portals.device_binding import make_instructions, name_cookie
from rempart.portals.session_store import SessionStore, compute_token_digest
from rempart.workflows.accounts.bind_device import bind_device, offer_device
from rempart.workflows.accounts.web_session import enter_session

BIND, REFRESH = "/compte/appareil/lier", "/compte/appareil/prouver"


@pytest.fixture
def device(enrolled):
    """A browser that signed in with a passkey and bound its session."""
    device = Device(enrolled.client)
    assert device.bind(enrolled.sign_in()).status_code == 200
    return device


@pytest.fixture
def offered(enrolled):
    """A browser that signed in and has not answered the offer yet."""
    device = Device(enrolled.client)
    device.hear(enrolled.sign_in())
    return device


def steal(device) -> Client:
    """Copy the session's token, as malware does, to another machine."""
    thief = Client(headers={"user-agent": "Firefox/1 on Linux"})
    thief.cookies["rempart_session"] = device.client.cookies["rempart_session"].value
    return thief


def is_in(client) -> bool:
    return client.get("/compte").status_code == 200


def age(desk, table, by="10 min 1 s"):
    change(desk, f"UPDATE accounts.{table} SET expires_at = expires_at - %s::interval", by)


def is_bound(desk) -> bool:
    rows = fetch(desk, "SELECT device_key FROM accounts.session WHERE ended_at IS NULL")
    return rows[-1][0] is not None


def test_a_browser_is_offered_to_bind_the_session_it_just_opened(offered):
    path, challenge = offered.read_offer()
    assert path == BIND
    assert len(base64.urlsafe_b64decode(f"{challenge}=")) == 32


def test_a_browser_that_does_not_answer_works_as_before(desk, offered):
    assert is_in(offered.client)
    assert not is_bound(desk)


def test_the_browser_is_told_what_is_bound_and_how(device):
    cookie = device.client.cookies[COOKIE]
    assert device.instructions["refresh_url"] == REFRESH
    assert device.instructions["scope"]["include_site"] is False
    assert device.instructions["credentials"] == [
        {"type": "cookie", "name": COOKIE, "attributes": "Path=/; HttpOnly; SameSite=Lax"}
    ]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/", True, "Lax")
    assert cookie["max-age"] == COOKIE_LIFETIME.total_seconds()


def test_a_bound_session_opens_with_its_cookie_and_says_so(desk, device):
    page = device.client.get("/compte").content.decode()
    assert "liée à cet appareil" in page
    assert is_bound(desk)
    assert [details for _, details in list_events(desk, "session_bound")] == [{}]


def test_a_session_that_is_not_bound_is_not_said_to_be(offered):
    assert "liée à cet appareil" not in offered.client.get("/compte").content.decode()


def test_a_stolen_token_alone_is_worth_nothing(device):
    thief = steal(device)
    answer = thief.get("/compte")
    assert answer.headers["Location"] == "/connexion?next=%2Fcompte"
    assert is_in(device.client)


def test_mutation_without_the_rule_of_the_database_a_stolen_token_opens(desk, device):
    with desk.database.transaction("owner") as tx:
        source = tx.execute(
            "SELECT pg_get_functiondef('accounts.enter_session(bytea,bytea)'::regprocedure)"
        ).fetchone()[0]
        broken = source.replace("c.cookie_digest = device", "true")
        assert broken != source
        tx.execute(broken)
        assert tx.execute(
            "SELECT is_bound FROM accounts.enter_session(%s, NULL)",
            [compute_token_digest(device.client.cookies["rempart_session"].value)],
        ).fetchall() == [(True,)]
        tx.connection.rollback()


def test_a_stolen_token_keeps_no_session_alive(desk, device):
    change(desk, "UPDATE accounts.session SET seen_at = seen_at - interval '5 min'")
    [before] = fetch(desk, "SELECT seen_at FROM accounts.session WHERE ended_at IS NULL")
    steal(device).get("/compte")
    device.lose_cookie()
    assert device.refresh().status_code == 200
    assert fetch(desk, "SELECT seen_at FROM accounts.session WHERE ended_at IS NULL") == [before]


def test_a_cookie_of_ten_minutes_ago_opens_nothing_and_the_device_earns_another(desk, device):
    age(desk, "device_cookie")
    assert not is_in(device.client)
    assert device.refresh().status_code == 200
    assert is_in(device.client)


def test_a_device_is_asked_to_sign_when_it_has_nothing_to_sign(device):
    device.lose_cookie()
    device.challenge = ""
    asked = device.post(REFRESH)
    assert asked.status_code == 403
    assert asked.headers["Secure-Session-Challenge"].endswith(f';id="{device.session_id}"')
    assert COOKIE not in asked.cookies
    assert device.post(REFRESH, device.make_proof()).status_code == 200
    assert is_in(device.client)


def test_two_refreshes_at_once_are_both_good(device):
    first, second = device.client.cookies[COOKIE].value, None
    assert device.refresh().status_code == 200
    second = device.client.cookies[COOKIE].value
    assert first != second
    for cookie in (first, second):
        device.client.cookies[COOKIE] = cookie
        assert is_in(device.client)


def test_a_proof_serves_once(device):
    device.challenge = ""
    device.post(REFRESH)
    proof = device.make_proof()
    assert device.post(REFRESH, proof).status_code == 200
    replayed = device.post(REFRESH, proof)
    assert replayed.status_code == 403
    assert COOKIE not in replayed.cookies


def test_a_challenge_lives_five_minutes(desk, device):
    device.challenge = ""
    device.post(REFRESH)
    age(desk, "device_challenge", "5 min 1 s")
    late = device.post(REFRESH, device.make_proof())
    assert (late.status_code, COOKIE in late.cookies) == (403, False)
    # The browser signs what it was just given, and goes on.
    assert device.post(REFRESH, device.make_proof()).status_code == 200


def test_another_key_earns_nothing_and_the_owner_reads_of_it(desk, device):
    device.key = make_key()
    refused = device.post(REFRESH, device.make_proof())
    assert (refused.status_code, COOKIE in refused.cookies) == (401, False)
    assert list_events(desk, "device_refused")[-1][1] == {"reason": "signature"}


def test_another_key_that_comes_with_the_proof_is_not_looked_at(device):
    device.key = make_key()
    proof = sign(device.key, {"jti": device.challenge}, jwk=describe(device.key))
    assert device.post(REFRESH, proof).status_code == 401


def test_a_thief_with_the_token_binds_it_to_no_other_device(desk, device):
    path, spent = device.read_offer()
    thief = Device(steal(device))
    for challenge in (spent, device.challenge, "made up"):
        proof = sign(thief.key, {"jti": challenge}, jwk=describe(thief.key))
        assert thief.post(path, proof).status_code == 401
    assert not is_in(thief.client)


def test_an_offer_binds_once_even_where_two_were_made(desk, device):
    digest = compute_token_digest(device.client.cookies["rempart_session"].value)
    [(before,)] = fetch(desk, "SELECT device_key FROM accounts.session WHERE ended_at IS NULL")
    other = make_key()
    with desk.signin() as tx:
        challenge = offer_device(tx, int(device.session_id))
        proof = sign(other, {"jti": challenge}, jwk=describe(other))
        bind_device(tx, digest, proof, address="http://localhost" + BIND, whence=people.WHENCE)
    assert list_events(desk, "device_refused")[-1][1] == {"reason": "bound already"}
    assert fetch(desk, "SELECT device_key FROM accounts.session WHERE ended_at IS NULL") == [
        (before,)
    ]


def test_nobody_gives_a_bound_session_another_key(desk, device):
    with pytest.raises(Exception, match="keeps the device"):
        change(desk, "UPDATE accounts.session SET device_key = NULL")


def test_an_offer_of_one_session_binds_no_other(desk, device, keyholder):
    stranger = Device(Client(headers={"user-agent": "Firefox/1 on Linux"}))
    stranger.client.cookies["rempart_session"] = SessionStore().session_key or "x" * 32
    proof = sign(stranger.key, {"jti": device.read_offer()[1]}, jwk=describe(stranger.key))
    assert stranger.post(BIND, proof).status_code == 401


def test_a_challenge_of_another_session_earns_nothing(desk, enrolled, device):
    other = Device(Client(enforce_csrf_checks=True, headers={"user-agent": "Firefox/1 on Linux"}))
    enrolled.client = other.client
    assert other.bind(enrolled.sign_in()).status_code == 200
    mine, device.challenge = device.challenge, other.challenge
    asked = device.post(REFRESH, device.make_proof())
    assert (asked.status_code, COOKIE in asked.cookies) == (403, False)
    device.challenge = mine
    device.session_id, mine = other.session_id, device.session_id
    assert device.post(REFRESH, device.make_proof()).status_code == 401


def test_a_cookie_of_another_session_opens_nothing(enrolled, device):
    other = Device(Client(enforce_csrf_checks=True, headers={"user-agent": "Firefox/1 on Linux"}))
    enrolled.client = other.client
    other.bind(enrolled.sign_in())
    device.client.cookies[COOKIE] = other.client.cookies[COOKIE].value
    assert not is_in(device.client)


def forge(device, header, claims):
    """Write a token whose signature is of nothing."""
    return f'"{write(header)}.{write(claims)}.{encode(bytes(64))}"'


@pytest.mark.parametrize("path", [BIND, REFRESH])
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none", "typ": "dbsc+jwt"}, "algorithm"),
        ({"alg": "HS256", "typ": "dbsc+jwt"}, "algorithm"),
        ({"alg": "RS256", "typ": "dbsc+jwt"}, "algorithm"),
        ({"alg": "ES256", "typ": "dpop+jwt"}, "type"),
        ({"alg": "ES256"}, "type"),
        ({"alg": "ES256", "typ": "dbsc+jwt", "crit": ["exp"]}, "critical header"),
    ],
)
def test_a_proof_of_another_kind_is_refused(desk, enrolled, path, header, reason):
    device = Device(enrolled.client)
    if path == REFRESH:
        device.bind(enrolled.sign_in())
    else:
        device.hear(enrolled.sign_in())
        device.challenge = device.read_offer()[1]
    jwk = {"jwk": describe(device.key)}
    signed = sign(device.key, {"jti": device.challenge}, **{"typ": None, **header}, **jwk)
    unsigned = forge(device, {**header, **jwk}, {"jti": device.challenge})
    for proof in (signed, unsigned, unsigned.rsplit(".", 1)[0] + '."'):
        assert device.post(path, proof).status_code == 401
    assert reason in {details["reason"] for _, details in list_events(desk, "device_refused")}
    # Nothing was used up: the right proof still counts.
    device.challenge = device.challenge or device.read_offer()[1]
    good = sign(device.key, {"jti": device.challenge}, **jwk)
    assert device.post(path, good).status_code == 200


@pytest.mark.parametrize(
    ("audience", "status"),
    [
        ("http://localhost" + REFRESH, 200),
        ("https://elsewhere.example" + REFRESH, 401),
        ("http://localhost" + BIND, 401),
        ("", 401),
        (["http://localhost" + REFRESH], 401),
    ],
)
def test_a_proof_made_for_elsewhere_is_refused(device, audience, status):
    answer = device.post(REFRESH, device.make_proof(aud=audience))
    assert answer.status_code == status


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "x",
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": 2},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    ],
)
def test_no_session_is_bound_to_a_key_of_another_kind(desk, offered, jwk):
    proof = sign(offered.key, {"jti": offered.read_offer()[1]}, jwk=jwk)
    assert offered.post(BIND, proof).status_code == 401
    assert not is_bound(desk)


def test_a_private_key_is_not_taken_for_a_public_one(desk, offered):
    numbers = offered.key.private_numbers()
    jwk = {**describe(offered.key), "d": encode(numbers.private_value.to_bytes(32))}
    assert offered.post(BIND, sign(offered.key, {"jti": "x"}, jwk=jwk)).status_code == 401


@pytest.mark.parametrize("proof", ["x", "..", "é.é.é", "a" * 9000, '"' + "e30." * 3 + '"', "[]"])
def test_bytes_that_mean_nothing_are_refused(device, proof):
    assert device.post(REFRESH, proof.encode().decode("latin-1")).status_code == 401
    assert device.post(BIND, proof.encode().decode("latin-1")).status_code == 401
    assert is_in(device.client)


@pytest.mark.parametrize("claims", [{}, {"jti": 1}, {"jti": ""}, {"jti": "x" * 300}, [], "x"])
def test_claims_without_a_challenge_are_refused(device, claims):
    assert device.post(REFRESH, sign(device.key, claims)).status_code == 401


@pytest.mark.parametrize("session_id", ["", "x", "-1", "9" * 30, "١٢", str(2**63)])
def test_a_session_that_is_none_is_refused(device, session_id):
    headers = {"sec-secure-session-id": session_id.encode().decode("latin-1")}
    proof = device.make_proof()
    answer = device.client.post(REFRESH, headers={**headers, "secure-session-response": proof})
    assert answer.status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_asks_nothing(device, site):
    for path in (BIND, REFRESH):
        answer = device.post(path, device.make_proof(), **{"sec-fetch-site": site})
        assert answer.status_code == 401


def test_a_form_of_another_site_says_nothing_that_only_a_browser_says(device):
    for path in (BIND, REFRESH):
        assert device.client.post(path, {"any": "thing"}).status_code == 401


def test_somebody_not_signed_in_is_told_nothing(desk):
    stranger = Device(Client())
    stranger.session_id = "7"
    assert stranger.post(REFRESH).status_code == 401
    assert stranger.post(BIND, sign(stranger.key, {"jti": "x"})).status_code == 401


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE accounts.session SET ended_at = now(), end_reason = 'revoked'",
        "UPDATE accounts.session SET expires_at = now()",
        "UPDATE accounts.session SET seen_at = now() - idle_limit",
    ],
)
def test_the_device_of_a_session_that_is_over_earns_nothing(desk, device, end):
    change(desk, end)
    device.lose_cookie()
    assert device.refresh().status_code == 401


def test_a_confirmation_keeps_the_device(desk, enrolled, device):
    assert enrolled.confirm().status_code == 200
    assert is_in(device.client)
    device.lose_cookie()
    assert not is_in(device.client)
    assert device.refresh().status_code == 200
    assert is_in(device.client)


def test_signing_in_again_offers_again_and_the_old_device_is_nobodys(desk, enrolled, device):
    again = Device(enrolled.client)
    again.hear(enrolled.sign_in())
    assert is_in(enrolled.client)
    assert not is_bound(desk)
    assert device.refresh().status_code == 401


def test_tries_are_counted(desk, device):
    spend_allowance(desk)
    assert device.post(REFRESH, "x").status_code == 429
    assert device.post(BIND, "x").status_code == 429


def test_nothing_that_opens_anything_is_stored(desk, device):
    rows = fetch(desk, "SELECT * FROM accounts.device_cookie")
    rows += fetch(desk, "SELECT * FROM accounts.device_challenge")
    written = str(rows)
    assert rows
    for secret in (device.client.cookies[COOKIE].value, device.challenge):
        assert secret not in written


@pytest.mark.parametrize("table", ["device_challenge", "device_cookie", "tries"])
@pytest.mark.parametrize("act", ["SELECT 1 FROM accounts.{}", "DELETE FROM accounts.{}"])
def test_the_pages_reach_nothing_of_it(desk, table, act):
    with pytest.raises(Exception, match="permission denied"), desk.transaction() as tx:
        tx.execute(act.format(table))


def test_the_pages_enter_by_both_halves_only(desk, device):
    digest = compute_token_digest(device.client.cookies["rempart_session"].value)
    with desk.transaction() as tx:
        assert enter_session(tx, digest) is None
    with pytest.raises(Exception, match="permission denied"), desk.transaction() as tx:
        tx.execute("SELECT accounts.enter_by_token(%s)", [digest])


def test_where_the_operator_asks_for_it_sensitive_acts_need_the_device(desk, enrolled, device):
    desk.clock = desk.clock.now(desk.clock.tzinfo)
    desk.sensitive_needs_device = True
    assert device.client.get("/compte/cles/ajouter").status_code == 200
    other = Client(enforce_csrf_checks=True, headers={"user-agent": "Firefox/1 on Linux"})
    enrolled.client = other
    enrolled.sign_in()
    refused = other.get("/compte/cles/ajouter")
    assert refused.status_code == 403
    assert "liée à l’appareil" in refused.content.decode()
    assert is_in(other)
    desk.sensitive_needs_device = False
    assert other.get("/compte/cles/ajouter").status_code == 200


def test_over_tls_the_cookie_is_one_that_no_neighbour_plants(desk, monkeypatch):
    monkeypatch.setattr(settings, "SESSION_COOKIE_SECURE", True)
    request = RequestFactory().post(BIND, secure=True)
    [credential] = make_instructions(request, 7)["credentials"]
    assert name_cookie() == credential["name"] == "__Host-rempart_device"
    assert credential["attributes"].endswith("; Secure")


def test_the_limits_are_those_the_documentation_gives():
    assert timedelta(minutes=10) == COOKIE_LIFETIME
