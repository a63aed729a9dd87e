"""Invitations redeemed: once, in time, by one browser, and never told apart when they are not."""

import logging
from importlib import import_module

import pytest
from django.core import signing
from tests.portals import people
from tests.portals.authenticator import Authenticator, Keyholder, decode, encode
from tests.portals.bench import (
    REFUSED,
    change,
    fetch,
    is_nobody_in,
    leave,
    list_events,
    make_client,
    run_at_once,
    spend_allowance,
)

from rempart.accounts.invitations import InvitationCode
from rempart.accounts.roles import Role

# ---------------------------------------------------------------- invitations


def spoil(desk, how):
    statements = {
        "used": "UPDATE accounts.invitation SET used_at = now()",
        "revoked": "UPDATE accounts.invitation SET revoked_at = now()",
        "expired": "UPDATE accounts.invitation SET expires_at = now()",
        "suspended": "UPDATE accounts.actor SET suspended_at = now()",
        "organisation suspended": "UPDATE accounts.organisation SET suspended_at = now()",
        "role over": "UPDATE accounts.membership SET ends_on = current_date - 2",
        "role of those who give care": "UPDATE accounts.membership SET role = 'holder'",
    }
    if how in statements:
        change(desk, statements[how])


SPOILT = (
    *("unknown", "not a code", "used", "revoked", "expired", "suspended"),
    *("organisation suspended", "role over", "role of those who give care"),
)


@pytest.mark.parametrize("how", SPOILT)
def test_a_code_that_opens_nothing_never_says_why(desk, keyholder, manager, monkeypatch, how):
    code = people.invite(desk.database, manager)
    spoil(desk, how)
    code = {"unknown": InvitationCode.from_number(0).format(), "not a code": "Bonjour"}.get(
        how, code
    )
    done = []
    for module, name in (
        *(("invitations", "load_invitation"), ("passkeys", "list_open_roles")),
        *(("passkeys", "load_owner"), ("passkeys", "list_known")),
    ):
        original = getattr(import_module(f"rempart.storage.{module}"), name)

        def counted(tx, *args, original=original, name=name):
            done.append(name)
            return original(tx, *args)

        monkeypatch.setattr(f"rempart.storage.{module}.{name}", counted)
    refused = keyholder.send("/invitation/cle/debut", {"code": code})
    assert (refused.status_code, refused.content) == (403, REFUSED)
    assert done == ["load_invitation", "list_open_roles", "load_owner", "list_known"]
    assert len(list_events(desk, "invitation_refused")) == 1


@pytest.mark.parametrize("how", SPOILT[2:])
def test_a_code_spoilt_between_the_two_halves_makes_no_key(desk, keyholder, manager, how):
    code = people.invite(desk.database, manager)
    options = keyholder.begin("/invitation/cle", {"code": code})
    spoil(desk, how)
    made = keyholder.authenticator.make(options)
    refused = keyholder.send("/invitation/cle/fin", {"credential": made})
    assert (refused.status_code, refused.content) == (403, REFUSED)
    assert fetch(desk, "SELECT count(*) FROM accounts.passkey") == [(0,)]
    assert len(list_events(desk, "invitation_refused")) == 1


def test_a_code_is_read_as_people_write_it(desk, keyholder, manager):
    code = people.invite(desk.database, manager)
    assert keyholder.enrol(code.lower().replace("-", "  ")).status_code == 200


def test_a_code_works_once(desk, keyholder, manager):
    code = people.invite(desk.database, manager)
    assert keyholder.enrol(code).status_code == 200
    again = Keyholder(make_client())
    assert again.send("/invitation/cle/debut", {"code": code}).content == REFUSED


def test_of_browsers_that_come_at_once_one_gets_in(desk, manager):
    code = people.invite(desk.database, manager)
    browsers = [Keyholder(make_client(), address=f"192.0.2.{n}") for n in range(6)]
    made = [
        one.authenticator.make(one.begin("/invitation/cle", {"code": code})) for one in browsers
    ]
    answers = run_at_once(
        [
            lambda one=one, key=key: one.send("/invitation/cle/fin", {"credential": key})
            for one, key in zip(browsers, made, strict=True)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[403] * 5]
    assert {a.content for a in answers if a.status_code == 403} == {REFUSED}
    assert fetch(desk, "SELECT count(*) FROM accounts.passkey") == [(1,)]
    assert len(list_events(desk, "invitation_used")) == 1


def test_mutation_a_code_used_up_without_looking_lets_two_in(desk, manager, monkeypatch):
    monkeypatch.setattr("rempart.storage.invitations.use_up", lambda tx, ref: True)
    code = people.invite(desk.database, manager)
    for number in range(2):
        browser = Keyholder(make_client(), address=f"192.0.2.{number}")
        assert browser.enrol(code).status_code == 200


def test_guessing_codes_is_slow_and_per_address(desk, keyholder, manager):
    code = people.invite(desk.database, manager)
    guess = {"code": InvitationCode.from_number(7).format()}
    assert keyholder.send("/invitation/cle/debut", guess).status_code == 403
    spend_allowance(desk, "code", address=keyholder.address)
    told = keyholder.send("/invitation/cle/debut", {"code": code})
    assert told.status_code == 429
    assert int(told.headers["Retry-After"]) > 10
    assert Keyholder(make_client(), address="198.51.100.1").enrol(code).status_code == 200
    change(desk, "UPDATE accounts.tries SET empty_at = clock_timestamp()")
    assert keyholder.send("/invitation/cle/debut", {"code": "x"}).status_code == 403


def test_the_forwarded_address_counts_only_when_our_front_says_it(desk, keyholder):
    """Somebody else's header gives nobody a fresh allowance."""
    desk.trusted_proxies = ()
    try:
        assert keyholder.send("/invitation/cle/debut", {"code": "x"}).status_code == 403
        spend_allowance(desk, "code", address="127.0.0.1")
        keyholder.address = "203.0.113.7"
        assert keyholder.send("/invitation/cle/debut", {"code": "x"}).status_code == 429
    finally:
        desk.trusted_proxies = type(desk).trusted_proxies


def test_a_key_made_badly_does_not_use_the_code_up(desk, keyholder, manager):
    code = people.invite(desk.database, manager)
    for spoilt in ("origin", "holder", "frame"):
        keyholder.authenticator = Authenticator(
            origin="http://evil.invalid" if spoilt == "origin" else "http://localhost",
            verifies=spoilt != "holder",
            frame=spoilt == "frame",
        )
        assert keyholder.enrol(code).content == REFUSED
    keyholder.authenticator = Authenticator()
    made = keyholder.authenticator.make(
        keyholder.begin("/invitation/cle", {"code": code}), rp_id="evil.invalid"
    )
    assert keyholder.send("/invitation/cle/fin", {"credential": made}).content == REFUSED
    keyholder.authenticator = Authenticator()
    assert keyholder.enrol(code).status_code == 200


def test_nobody_takes_over_a_key_that_is_known_already(desk, enrolled, insurer):
    """Whoever announces somebody else's reference gets nothing, and the code stays good."""
    other = people.make_agent(desk.database, insurer, Role.INSURER_MANAGER, name="Autre")
    code = people.invite(desk.database, other)
    thief = Keyholder(make_client(), address="192.0.2.9")
    options = thief.begin("/invitation/cle", {"code": code})
    made = thief.authenticator.make(options)
    known = enrolled.authenticator.credentials[0].credential_id
    fresh = thief.authenticator.credentials[0].credential_id
    attestation = decode(made["response"]["attestationObject"]).replace(fresh, known)
    made["response"]["attestationObject"] = encode(attestation)
    made["id"] = made["rawId"] = encode(known)
    assert thief.send("/invitation/cle/fin", {"credential": made}).content == REFUSED
    assert fetch(
        desk, "SELECT used_at FROM accounts.invitation WHERE actor_ref = %s", other.actor_ref
    ) == [(None,)]
    assert enrolled.sign_in().status_code == 200


def test_a_reference_announced_and_not_signed_is_refused(desk, keyholder, manager):
    made = keyholder.authenticator.make(
        keyholder.begin("/invitation/cle", {"code": people.invite(desk.database, manager)})
    )
    made["id"] = made["rawId"] = encode(bytes(32))
    assert keyholder.send("/invitation/cle/fin", {"credential": made}).content == REFUSED


def test_a_recovery_closes_what_was_lost(desk, enrolled, manager):
    enrolled.sign_in()
    fresh = Keyholder(make_client(), address="192.0.2.77")
    assert fresh.enrol(people.invite(desk.database, manager, kind="recovery")).status_code == 200
    assert is_nobody_in(enrolled)
    assert enrolled.sign_in().content == REFUSED
    assert fresh.client.get("/assureur").status_code == 200
    leave(fresh)
    assert fresh.sign_in().status_code == 200
    [(_, details)] = list_events(desk, "passkey_revoked")
    assert details["reason"] == "recovery"


def test_an_enrolment_closes_nothing(desk, enrolled, manager):
    enrolled.sign_in()
    fresh = Keyholder(make_client(), address="192.0.2.77")
    assert fresh.enrol(people.invite(desk.database, manager)).status_code == 200
    assert enrolled.client.get("/assureur").status_code == 200


def test_no_code_reaches_a_log_or_the_database(desk, keyholder, manager, caplog):
    code = people.invite(desk.database, manager)
    with caplog.at_level(logging.DEBUG):
        keyholder.enrol(code)
        keyholder.send("/invitation/cle/debut", {"code": code})
    kept = str(fetch(desk, "SELECT * FROM accounts.invitation"))
    kept += str(fetch(desk, "SELECT * FROM accounts.security_event"))
    kept += str(
        [
            signing.loads(row, salt="django.contrib.sessions.SessionStore")
            for (row,) in fetch(desk, "SELECT session_data FROM accounts.django_session")
        ]
    )
    for written in (code, code.replace("-", "")):
        assert written not in caplog.text
        assert written not in kept
