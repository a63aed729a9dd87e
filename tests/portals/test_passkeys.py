"""Passkeys from end to end: real messages of a software authenticator, honest and not."""

import json
from datetime import timedelta

import pytest
from tests.portals import people
from tests.portals.authenticator import Authenticator, Keyholder, encode
from tests.portals.bench import (
    REFUSED,
    change,
    fetch,
    forget_counter,
    is_nobody_in,
    leave,
    list_events,
    make_client,
    run_at_once,
    why,
)

from rempart.accounts import passkeys as rules
from rempart.exchange import passkey_messages
from rempart.portals.session_store import SessionStore
from rempart.storage import passkeys as storage

# ---------------------------------------------------------------- the honest way


def test_an_invitation_makes_a_key_and_signs_its_person_in(desk, keyholder, manager):
    answer = keyholder.enrol(people.invite(desk.database, manager))
    assert answer.json() == {"next": "/compte/cles/seconde"}
    page = keyholder.client.get("/compte/cles/seconde").content.decode()
    assert "Plus tard" in page
    assert 'href="/assureur"' in page
    assert keyholder.client.get("/assureur").status_code == 200
    [row] = fetch(
        desk, "SELECT actor_ref, label, transports, sign_count, backed_up FROM accounts.passkey"
    )
    assert row == (manager.actor_ref, "Firefox sur Linux", ["nfc", "usb"], 1, False)
    for kind in ("invitation_used", "passkey_added", "signed_in"):
        assert [actor for actor, _ in list_events(desk, kind)] == [manager.actor_ref]


def test_a_key_signs_in_without_anything_to_type(desk, enrolled, manager):
    assert enrolled.sign_in().json() == {"next": "/assureur"}
    page = enrolled.client.get("/assureur").content.decode()
    assert "Camille Essai" in page
    assert list_events(desk, "signed_in")[-1][0] == manager.actor_ref
    [(used_at, count)] = fetch(desk, "SELECT used_at, sign_count FROM accounts.passkey")
    assert used_at is not None
    assert count == 2


def test_a_key_that_keeps_no_counter_goes_on_for_ever(desk, manager):
    keyholder = Keyholder(make_client(), Authenticator(counts=False))
    keyholder.enrol(people.invite(desk.database, manager))
    for _ in range(3):
        assert keyholder.sign_in().status_code == 200


def test_what_an_authenticator_is_asked(desk, keyholder, manager):
    options = keyholder.begin("/invitation/cle", {"code": people.invite(desk.database, manager)})
    assert options["rp"] == {"name": "Rempart", "id": "localhost"}
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    [(handle,)] = fetch(desk, "SELECT user_handle FROM accounts.actor")
    assert options["user"]["id"] == encode(handle)
    proof = keyholder.begin("/connexion/cle")
    assert proof["allowCredentials"] == []
    assert proof["userVerification"] == "required"
    assert proof["rpId"] == "localhost"
    assert len(proof["challenge"]) >= 43


def test_an_authenticator_that_has_a_key_here_is_told_not_to_make_another(desk, enrolled):
    enrolled.sign_in()
    options = enrolled.begin("/compte/cles")
    [known] = options["excludeCredentials"]
    assert known["id"] == encode(enrolled.authenticator.credentials[0].credential_id)


def test_a_confirmation_asks_for_one_of_ones_own_keys_only(desk, enrolled):
    enrolled.sign_in()
    [allowed] = enrolled.begin("/confirmation/cle")["allowCredentials"]
    assert allowed["id"] == encode(enrolled.authenticator.credentials[0].credential_id)


def test_somebody_with_several_roles_chooses_one_for_the_session(desk, enrolled, manager):
    employer = people.make_organisation(desk.database, "employer", name="Atelier")
    change(
        desk,
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (77, %s, %s, 'employer_hr', '2020-01-01')",
        manager.actor_ref,
        employer.org_ref,
    )
    before = enrolled.token
    assert enrolled.sign_in(next_page="/compte").json() == {"next": "/connexion/role"}
    assert enrolled.token != before
    assert enrolled.client.get("/assureur").status_code == 302
    page = enrolled.client.get("/connexion/role").content.decode()
    assert "Ressources humaines · Atelier" in page
    waiting = enrolled.token
    token = enrolled.client.cookies["rempart_csrf"].value
    sent = {"role": "77", "csrfmiddlewaretoken": token}
    assert enrolled.client.post("/connexion/role", sent).headers["Location"] == "/compte"
    assert enrolled.token != waiting
    assert enrolled.client.get("/employeur").status_code == 200
    assert enrolled.client.get("/assureur").status_code == 403


@pytest.mark.parametrize("end", ["revoked_at", "cloned_at"])
def test_a_key_revoked_before_the_choice_of_a_role_opens_nothing(desk, enrolled, manager, end):
    """A thief who waits at the choice while the owner recovers gets no session from it."""
    employer = people.make_organisation(desk.database, "employer", name="Atelier")
    change(
        desk,
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (77, %s, %s, 'employer_hr', '2020-01-01')",
        manager.actor_ref,
        employer.org_ref,
    )
    enrolled.sign_in()
    change(desk, f"UPDATE accounts.passkey SET {end} = clock_timestamp()")
    token = enrolled.client.cookies["rempart_csrf"].value
    chosen = {"role": "77", "csrfmiddlewaretoken": token}
    assert enrolled.client.post("/connexion/role", chosen).headers["Location"] == "/connexion"
    assert fetch(desk, "SELECT 1 FROM accounts.session WHERE ended_at IS NULL") == []


def test_a_choice_of_role_is_for_whoever_proved_a_key_and_for_five_minutes(desk, enrolled, manager):
    employer = people.make_organisation(desk.database, "employer", name="Atelier")
    change(
        desk,
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (77, %s, %s, 'employer_hr', '2020-01-01')",
        manager.actor_ref,
        employer.org_ref,
    )
    stranger = make_client()
    assert stranger.get("/connexion/role").headers["Location"] == "/connexion"
    enrolled.sign_in()
    token = enrolled.client.cookies["rempart_csrf"].value
    for role in ("1", "member", ""):
        tried = {"role": role, "csrfmiddlewaretoken": token}
        assert enrolled.client.post("/connexion/role", tried).status_code == 200
    desk.clock += timedelta(minutes=5)
    late = {"role": "77", "csrfmiddlewaretoken": token}
    assert enrolled.client.post("/connexion/role", late).headers["Location"] == "/connexion"


# ---------------------------------------------------------------- proofs that prove nothing


def test_a_proof_made_at_another_address_is_refused(desk, enrolled):
    for origin in ("https://localhost", "http://localhost:81", "https://rempart.evil.invalid"):
        enrolled.authenticator.origin = origin
        refused = enrolled.sign_in()
        assert (refused.status_code, refused.content) == (403, REFUSED)
        assert why(desk) == "bad_proof"


def test_a_proof_made_for_another_site_is_refused(desk, enrolled):
    options = enrolled.begin("/connexion/cle")
    proof = enrolled.authenticator.prove(options, rp_id="evil.invalid")
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).content == REFUSED


def test_a_proof_made_inside_another_site_s_page_is_refused(desk, enrolled):
    enrolled.authenticator.frame = True
    assert enrolled.sign_in().content == REFUSED


def test_a_proof_without_its_holder_is_refused(desk, enrolled):
    enrolled.authenticator.verifies = False
    assert enrolled.sign_in().content == REFUSED
    assert why(desk) == "unverified"


def test_a_proof_serves_once(desk, enrolled):
    proof = enrolled.authenticator.prove(enrolled.begin("/connexion/cle"))
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).status_code == 200
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).content == REFUSED


def test_a_refused_challenge_is_used_up_too(desk, enrolled):
    options = enrolled.begin("/connexion/cle")
    assert enrolled.send("/connexion/cle/fin", {"credential": {}}).content == REFUSED
    proof = enrolled.authenticator.prove(options)
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).content == REFUSED


def test_a_challenge_of_another_browser_is_refused(desk, enrolled):
    other = Keyholder(make_client(), enrolled.authenticator)
    proof = enrolled.authenticator.prove(enrolled.begin("/connexion/cle"))
    other.begin("/connexion/cle")
    assert other.send("/connexion/cle/fin", {"credential": proof}).content == REFUSED
    assert is_nobody_in(other)


def test_a_challenge_for_another_purpose_is_refused(desk, enrolled):
    enrolled.sign_in()
    proof = enrolled.authenticator.prove(enrolled.begin("/confirmation/cle"))
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).content == REFUSED


def test_a_challenge_lives_five_minutes_by_the_portals_clock(desk, enrolled):
    proof = enrolled.authenticator.prove(enrolled.begin("/connexion/cle"))
    desk.clock += timedelta(minutes=5)
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).content == REFUSED
    proof = enrolled.authenticator.prove(enrolled.begin("/connexion/cle"))
    desk.clock += timedelta(minutes=4, seconds=59)
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).status_code == 200


def test_a_clock_that_steps_back_makes_no_challenge_eternal(desk, enrolled):
    proof = enrolled.authenticator.prove(enrolled.begin("/connexion/cle"))
    desk.clock -= timedelta(seconds=1)
    assert enrolled.send("/connexion/cle/fin", {"credential": proof}).content == REFUSED


def test_two_requests_at_once_do_not_both_use_a_challenge(desk, enrolled):
    forget_counter(desk, enrolled)
    proof = enrolled.authenticator.prove(enrolled.begin("/connexion/cle"))
    twins = [Keyholder(make_client(), address=enrolled.address) for _ in range(6)]
    for twin in twins:
        for name, morsel in enrolled.client.cookies.items():
            twin.client.cookies[name] = morsel.value
    answers = run_at_once(
        [lambda one=one: one.send("/connexion/cle/fin", {"credential": proof}) for one in twins]
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[403] * 5]


def test_mutation_a_challenge_only_read_would_serve_twice(desk, enrolled, monkeypatch):
    forget_counter(desk, enrolled)
    monkeypatch.setattr(SessionStore, "take", lambda self, name: self.get(name))
    options = enrolled.begin("/connexion/cle")
    cookies = {name: morsel.value for name, morsel in enrolled.client.cookies.items()}
    twins = [Keyholder(make_client()) for _ in range(2)]
    proof = enrolled.authenticator.prove(options)
    for twin in twins:
        for name, value in cookies.items():
            twin.client.cookies[name] = value
    kept = fetch(desk, "SELECT session_key, session_data, expire_date FROM accounts.django_session")
    first = twins[0].send("/connexion/cle/fin", {"credential": proof})
    with desk.database.transaction("owner") as tx:
        tx.cursor().executemany(
            "INSERT INTO accounts.django_session VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", kept
        )
    second = twins[1].send("/connexion/cle/fin", {"credential": proof})
    assert (first.status_code, second.status_code) == (200, 200)


# ---------------------------------------------------------------- copies


def test_a_copied_key_is_closed_with_every_session_it_may_have_opened(desk, enrolled, manager):
    thief = Keyholder(make_client(), enrolled.authenticator.clone(), address="198.51.100.7")
    assert enrolled.sign_in().status_code == 200
    assert thief.sign_in().content == REFUSED
    assert list_events(desk, "passkey_cloned") == [(manager.actor_ref, {})]
    assert enrolled.client.get("/assureur").status_code == 302
    # Neither copy opens anything any more, and the counter of the true one no longer helps.
    for _ in range(2):
        assert enrolled.sign_in().content == REFUSED
        assert thief.sign_in().content == REFUSED
    assert why(desk) == "closed"


def test_a_thief_who_comes_first_is_thrown_out_when_the_owner_comes(desk, enrolled):
    thief = Keyholder(make_client(), enrolled.authenticator.clone())
    assert thief.sign_in().status_code == 200
    assert enrolled.sign_in().content == REFUSED
    assert thief.client.get("/assureur").status_code == 302


def test_mutation_without_the_counter_a_copy_works(desk, enrolled, monkeypatch):
    monkeypatch.setattr(rules.Proof, "__post_init__", lambda self: None, raising=False)
    monkeypatch.setattr(
        "rempart.workflows.accounts.passkey_ceremony.decide_proof",
        lambda proof, **known: rules.ProofVerdict.GOOD,
    )
    thief = Keyholder(make_client(), enrolled.authenticator.clone())
    assert enrolled.sign_in().status_code == 200
    assert thief.sign_in().status_code == 200


def test_nobody_without_the_key_can_have_it_closed(desk, enrolled):
    """An old counter proves a copy only under a good signature."""
    for _ in range(3):
        enrolled.sign_in()
        leave(enrolled)
    forger = Keyholder(make_client(), Authenticator())
    forger.authenticator.make(forger_options(enrolled))
    forged = forger.authenticator.credentials[0]
    forged.credential_id = enrolled.authenticator.credentials[0].credential_id
    forger.authenticator.counter = 0
    assert forger.sign_in().content == REFUSED
    assert why(desk) == "bad_proof"
    assert list_events(desk, "passkey_cloned") == []
    assert enrolled.sign_in().status_code == 200


def forger_options(enrolled):
    handle = enrolled.authenticator.credentials[0].user_handle
    return {"rp": {"id": "localhost"}, "user": {"id": encode(handle)}, "challenge": encode(b"x")}


# ---------------------------------------------------------------- everything refused looks the same


def break_key(desk, enrolled, how):
    statements = {
        "revoked": "UPDATE accounts.passkey SET revoked_at = now()",
        "cloned": "UPDATE accounts.passkey SET cloned_at = now()",
        "suspended": "UPDATE accounts.actor SET suspended_at = now()",
        "organisation suspended": "UPDATE accounts.organisation SET suspended_at = now()",
        "role suspended": "UPDATE accounts.membership SET suspended_at = now()",
        "role over": "UPDATE accounts.membership SET ends_on = current_date - 2",
        "role not begun": "UPDATE accounts.membership SET starts_on = current_date + 2",
        "role of those who give care": "UPDATE accounts.membership SET role = 'holder'",
        "another handle": "UPDATE accounts.actor SET user_handle = sha256('x')",
    }
    if how == "no role":
        people.make_member(desk.database, people.make_organisation(desk.database, "insurer"))
        statements[how] = (
            "UPDATE accounts.membership SET actor_ref ="
            " (SELECT actor_ref FROM accounts.actor WHERE kind = 'member')"
        )
    if how in statements:
        change(desk, statements[how])
    elif how == "unknown":
        enrolled.authenticator.credentials[0].credential_id = bytes(32)
    elif how == "another key":
        other = Authenticator()
        other.make(forger_options(enrolled))
        enrolled.authenticator.credentials[0].private_key = other.credentials[0].private_key


WAYS = (
    *("unknown", "another key", "revoked", "cloned", "suspended", "organisation suspended"),
    *("role suspended", "role over", "role not begun", "no role", "role of those who give care"),
    "another handle",
)


def count_work(monkeypatch, keyholder):
    """Sign in; return the answer, the statements run and the signatures verified."""
    done = {"statements": [], "signatures": 0}
    verify = passkey_messages.verify_authentication_response
    for name in ("load_for_proof", "list_open_roles"):
        original = getattr(storage, name)

        def counted(tx, *args, original=original, name=name):
            done["statements"].append(name)
            return original(tx, *args)

        monkeypatch.setattr(storage, name, counted)

    def counted_verify(**facts):
        done["signatures"] += 1
        assert facts["credential_public_key"]
        return verify(**facts)

    monkeypatch.setattr(passkey_messages, "verify_authentication_response", counted_verify)
    answer = keyholder.sign_in()
    return answer, done


@pytest.mark.parametrize("how", WAYS)
def test_every_refusal_is_the_same_bytes_and_the_same_work(desk, enrolled, monkeypatch, how):
    break_key(desk, enrolled, how)
    refused, done = count_work(monkeypatch, enrolled)
    assert (refused.status_code, refused.content) == (403, REFUSED)
    assert done == {"statements": ["load_for_proof", "list_open_roles"], "signatures": 1}
    assert len(list_events(desk, "sign_in_refused")) == 1
    assert {"Retry-After", "Location"} & set(refused.headers) == set()
    assert is_nobody_in(enrolled)


def test_refusals_have_the_same_headers(desk, manager):
    seen = set()
    for how in WAYS[:5]:
        keyholder = Keyholder(make_client())
        keyholder.enrol(people.invite(desk.database, manager))
        leave(keyholder)
        break_key(desk, keyholder, how)
        refused = keyholder.sign_in()
        names = {k: v for k, v in refused.headers.items() if k not in {"Content-Length"}}
        seen.add(json.dumps([names, sorted(refused.cookies)]))
        change(desk, "UPDATE accounts.actor SET suspended_at = NULL")
        change(desk, "DELETE FROM accounts.passkey")
    assert len(seen) == 1


def test_mutation_an_unknown_key_answered_at_once_takes_less_work(desk, enrolled, monkeypatch):
    original = passkey_messages.read_proof

    def hasty(message, party, *, challenge, public_key):
        if public_key == passkey_messages.DECOY_KEY:
            raise passkey_messages.ProofRefused
        return original(message, party, challenge=challenge, public_key=public_key)

    monkeypatch.setattr("rempart.workflows.accounts.passkey_ceremony.read_proof", hasty)
    break_key(desk, enrolled, "unknown")
    _, done = count_work(monkeypatch, enrolled)
    assert done["signatures"] == 0


@pytest.mark.parametrize(
    "message",
    [
        *(b"", b"{", b"[]", b"null", b"[" * 8000, b'"x"', b"\xff\xfe", b"{}"),
        *(b'{"credential": 1}', b'{"credential": {}}', b'{"credential": {"rawId": 1}}'),
        b'{"credential": {"rawId": "AAAA", "id": "AAAA", "type": "public-key", "response": []}}',
        b'{"credential": {"rawId": "' + b"A" * 9000 + b'"}}',
    ],
)
def test_nonsense_is_refused_like_the_rest(desk, enrolled, message):
    enrolled.begin("/connexion/cle")
    refused = enrolled.send("/connexion/cle/fin", message)
    assert (refused.status_code, refused.content) == (403, REFUSED)


def test_a_damaged_proof_is_refused_wherever_it_is_damaged(desk, enrolled):
    """One byte changed, one cut, in each part of the message."""
    desk.allowances = challenges_without_limit()
    for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        for cut in range(4):
            proof = enrolled.authenticator.prove(enrolled.begin("/connexion/cle"))
            text = proof["response"][part]
            changed = text[:-2] if cut == 0 else flip(text, cut * len(text) // 4 - 1)
            proof["response"][part] = changed
            refused = enrolled.send("/connexion/cle/fin", {"credential": proof})
            assert refused.content == REFUSED, (part, cut)
    assert list_events(desk, "passkey_cloned") == []


def flip(text, place):
    other = "B" if text[place] != "B" else "C"
    return text[:place] + other + text[place + 1 :]


def challenges_without_limit():
    class Allowance:
        def ask(self, address):
            return 0

    class Allowances:
        ceremonies = codes = Allowance()

    return Allowances()
