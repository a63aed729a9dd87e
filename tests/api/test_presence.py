"""Presence at the door: policies, codes of a minute, readers of Vitale cards; never an oracle."""

import json
import secrets
import time

import pytest
from tests.api.reading import PATH, cut_receipt
from tests.api.test_no_oracle import CHANGING
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ENDED,
    ESTABLISHMENT_REF,
    STRANGER,
    SUSPENDED,
    card_body,
    make_person,
    typed_body,
)
from tests.tokens import PUBLIC_URL

from rempart.rights.card import PresenceCode, compute_presence_key
from rempart.rights.presence import (
    TRIES_A_DAY,
    TRIES_OF_A_CALLER,
    compute_digits,
    find_step,
)
from rempart.simulators.terminal import FakeTerminal
from rempart.storage.presence import CodeSeal

WITHIN_S = 60


def set_policy(world, *, required=False, typed=None, account_ref=None):
    with world.database.transaction("registrar") as tx:
        tx.execute("DELETE FROM rights.presence_policy")
        tx.execute(
            "INSERT INTO rights.presence_policy (policy_ref, account_ref, required,"
            " typed_persons_per_day) VALUES (%s, %s, %s, %s)",
            (secrets.randbits(62), account_ref, required, typed),
        )


def ask(gateway, body):
    return gateway.post(PATH, json=body)


def ask_until(gateway, body, status):
    give_up = time.monotonic() + WITHIN_S
    while (reply := ask(gateway, body)).status_code != status:
        assert time.monotonic() < give_up, reply.text
        time.sleep(0.05)
    return reply


def see(reply):
    """Everything of a reply that a caller can compare."""
    headers = {k: v for k, v in reply.headers.items() if k not in {*CHANGING, "rempart-checkpoint"}}
    body = cut_receipt(reply.content) if reply.status_code == 200 else reply.content
    return reply.status_code, tuple(sorted(headers.items())), body


def give_secret(world, person):
    """Give a person an electronic card; return its secret."""
    seal = CodeSeal(world.home.key("presence"))
    sealed = seal.draw(person.person_ref)
    with world.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.code_secret (person_ref, sealed) VALUES (%s, %s)",
            (person.person_ref, sealed),
        )
    return seal.open(person.person_ref, sealed)


def code_body(person, digits, **changes):
    body = typed_body(person, **changes)
    return {
        **body,
        "identifiers": {**body["identifiers"], "mode": "code", "presence_digits": digits},
    }


def count_answers(world):
    with world.database.transaction("auditor") as tx:
        return tx.execute("SELECT count(*) FROM ledger.entry WHERE kind IN (1, 2)").fetchone()[0]


def digits_now(secret, clock, away=0):
    return compute_digits(secret, find_step(clock.now_ms() / 1000) + away)


# ---------------------------------------------------------------- cards of ours


def test_the_code_of_a_card_of_ours_opens_and_a_revoked_card_is_unknown(gateway, world):
    presence = PresenceCode(bytes(range(16)), 2)
    key = compute_presence_key(world.home.key("lookup"), presence)
    with world.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.lookup (lookup_key, person_ref)"
            " VALUES (encode(%s, 'hex')::uuid, %s)",
            (key, COVERED.person_ref),
        )
    body = {**card_body(COVERED), "identifiers": {"mode": "card", "card_code": presence.format()}}
    assert ask(gateway, body).json()["answer"]["rights"] == "open"
    other = PresenceCode(bytes(range(16)), 3)
    elsewhere = {**body, "identifiers": {"mode": "card", "card_code": other.format()}}
    assert ask(gateway, elsewhere).json()["answer"]["reason"] == "unknown_card"
    with world.database.transaction("owner") as tx:
        tx.execute("DELETE FROM rights.lookup WHERE lookup_key = encode(%s, 'hex')::uuid", (key,))
    assert see(ask(gateway, body)) == see(ask(gateway, elsewhere))


# ---------------------------------------------------------------- policies


def test_presence_required_refuses_new_faces_alike_whether_they_exist_or_not(gateway, world):
    set_policy(world, required=True)
    ask_until(gateway, typed_body(COVERED), 403)
    before = count_answers(world)
    seen = {see(ask(gateway, typed_body(person))) for person in (COVERED, ENDED, STRANGER)}
    assert len(seen) == 1
    assert ask(gateway, typed_body(COVERED)).json()["code"] == "presence_required"
    assert count_answers(world) == before


def test_a_face_seen_with_its_card_is_known_afterwards_and_another_is_not(gateway, world):
    set_policy(world, required=True)
    ask_until(gateway, typed_body(COVERED), 403)
    assert ask(gateway, card_body(COVERED)).status_code == 200
    assert ask(gateway, typed_body(COVERED)).json()["answer"]["rights"] == "open"
    assert ask(gateway, typed_body(SUSPENDED)).status_code == 403


def test_an_account_may_type_so_many_new_persons_a_day_over_all_gateways(open_gateway, world):
    people = [COVERED, STRANGER, ENDED, make_person(901)]
    set_policy(world, typed=2, account_ref=ACCOUNT_REF)
    with open_gateway() as first, open_gateway(log_id=2) as second:
        assert [ask(first, typed_body(p)).status_code for p in people[:2]] == [200, 200]
        spent = ask(second, typed_body(people[2]))
        assert (spent.status_code, spent.json()["code"]) == (429, "typed_allowance_spent")
        assert see(spent) == see(ask(second, typed_body(people[3])))
        assert ask(second, typed_body(COVERED)).status_code == 200, "the same person again"
        assert ask(second, card_body(ENDED)).status_code == 200, "presence has no such bound"
    with open_gateway() as restarted:
        assert ask(restarted, typed_body(people[3])).status_code == 429


# ---------------------------------------------------------------- codes of a minute


def test_a_right_code_proves_presence_and_a_wrong_one_looks_like_a_stranger(gateway, world, clock):
    secret = give_secret(world, SUSPENDED)
    right = code_body(SUSPENDED, digits_now(secret, clock))
    assert ask(gateway, right).json()["answer"]["reason"] == "suspended"
    wrong = code_body(SUSPENDED, "000000" if digits_now(secret, clock) != "000000" else "111111")
    replies = {
        see(ask(gateway, body))
        for body in (
            wrong,
            code_body(STRANGER, "123456"),
            code_body(COVERED, "123456"),
            code_body(SUSPENDED, digits_now(secret, clock, away=1440)),
        )
    }
    assert len(replies) == 1


def test_the_code_of_another_person_looks_like_any_wrong_one(gateway, world, clock):
    theirs = digits_now(give_secret(world, COVERED), clock)
    mine = digits_now(give_secret(world, SUSPENDED), clock)
    assert theirs != mine, "one chance in a million: run it again"
    wrong = see(ask(gateway, code_body(STRANGER, theirs)))
    assert see(ask(gateway, code_body(SUSPENDED, theirs))) == wrong
    assert see(ask(gateway, code_body(COVERED, mine))) == wrong
    right = ask(gateway, code_body(COVERED, theirs)).json()["answer"]
    assert right["rights"] == "open", "and it is not used up"


def test_a_wrong_code_leaves_an_entry_about_nobody(gateway, world, clock):
    give_secret(world, COVERED)
    answer = ask(gateway, code_body(COVERED, "123456")).json()["answer"]
    assert (answer["rights"], answer["reason"]) == ("closed", "not_open")
    with world.database.transaction("auditor") as tx:
        [row] = tx.execute(
            "SELECT kind, person_ref, mode FROM ledger.entry WHERE kind IN (1, 2)"
        ).fetchall()
    assert row == (2, 0, 4)


def test_a_code_opens_once_and_for_one_account(gateway, world, clock):
    secret = give_secret(world, COVERED)
    body = code_body(COVERED, digits_now(secret, clock))
    assert ask(gateway, body).json()["answer"]["rights"] == "open"
    assert ask(gateway, body).json()["answer"]["rights"] == "open", "the same account, another care"
    with world.database.transaction("owner") as tx:
        tx.execute("UPDATE rights.code_used SET account_ref = account_ref + 1")
    assert ask(gateway, body).json()["answer"]["rights"] == "closed"


def test_after_some_wrong_codes_even_the_right_one_looks_wrong(gateway, world, clock):
    secret = give_secret(world, COVERED)
    for _ in range(TRIES_A_DAY):
        wrong = see(ask(gateway, code_body(COVERED, "999999")))
    assert see(ask(gateway, code_body(COVERED, digits_now(secret, clock)))) == wrong
    with world.database.transaction("owner") as tx:
        tx.execute("UPDATE rights.code_try SET day = day - 1")
    assert (
        ask(gateway, code_body(COVERED, digits_now(secret, clock))).json()["answer"]["rights"]
        == "open"
    )


def test_mutation_without_the_bound_the_right_code_would_still_open(gateway, world, clock):
    secret = give_secret(world, COVERED)
    for _ in range(TRIES_A_DAY):
        ask(gateway, code_body(COVERED, "999999"))
    with world.database.transaction("owner") as tx:
        tx.execute("TRUNCATE rights.code_try")
    body = code_body(COVERED, digits_now(secret, clock))
    assert ask(gateway, body).json()["answer"]["rights"] == "open"


def test_an_account_that_guesses_is_told_to_wait_whoever_it_guesses_about(gateway, world, clock):
    give_secret(world, COVERED)
    for n in range(TRIES_OF_A_CALLER):
        assert ask(gateway, code_body(make_person(910 + n), "999999")).status_code == 200
    stopped = {see(ask(gateway, code_body(person, "123456"))) for person in (COVERED, STRANGER)}
    assert {status for status, *_ in stopped} == {429}
    assert len(stopped) == 1


# ---------------------------------------------------------------- readers of Vitale cards


@pytest.fixture
def terminal(world, clock):
    """A terminal registered at the pharmacy."""
    made = FakeTerminal(PUBLIC_URL, now_s=lambda: clock.now_ms() / 1000)
    register(world, made)
    return made


def register(world, terminal, establishment_ref=ESTABLISHMENT_REF):
    with world.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO accounts.terminal (terminal_ref, establishment_ref, kid, jwk, label)"
            " VALUES (%s, %s, %s, %s, 'Lecteur du comptoir')",
            (
                secrets.randbits(62),
                establishment_ref,
                terminal.key.thumbprint,
                json.dumps(terminal.key.bare_jwk),
            ),
        )


def vitale_body(person, assertion):
    body = typed_body(person)
    return {
        **body,
        "identifiers": {**body["identifiers"], "mode": "vitale", "assertion": assertion},
    }


def test_a_reading_signed_by_a_terminal_of_the_place_proves_presence(gateway, terminal):
    body = vitale_body(SUSPENDED, terminal.read(SUSPENDED.typed))
    assert ask(gateway, body).json()["answer"]["reason"] == "suspended"


def test_a_reading_counts_once(gateway, terminal):
    body = vitale_body(COVERED, terminal.read(COVERED.typed))
    assert [ask(gateway, body).status_code for _ in range(2)] == [200, 422]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example/v1/rights-checks"},
        {"sub": "AAAA"},
        {"iat": 1},
        {"iat": 4_000_000_000},
        {"iat": "now"},
        {"jti": "short"},
        {"jti": None},
    ],
)
def test_a_reading_of_another_person_time_or_place_is_refused(gateway, terminal, claims):
    reply = ask(gateway, vitale_body(COVERED, terminal.read(COVERED.typed, **claims)))
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == "identifiers.assertion"


def test_a_terminal_unknown_revoked_or_of_another_place_is_refused_alike(gateway, world, clock):
    def make():
        return FakeTerminal(PUBLIC_URL, now_s=lambda: clock.now_ms() / 1000)

    unknown, revoked, elsewhere = make(), make(), make()
    register(world, revoked)
    with world.database.transaction("registrar") as tx:
        tx.execute("UPDATE accounts.terminal SET revoked_at = now()")
        tx.execute(
            "INSERT INTO accounts.establishment (establishment_ref, finess, siret, name, postcode,"
            " city) VALUES (72, '990000027', '99000002700012', 'Ailleurs', '99000', 'Ville')"
        )
    register(world, elsewhere, 72)
    seen = {
        see(ask(gateway, vitale_body(person, terminal.read(person.typed))))
        for terminal in (unknown, revoked, elsewhere)
        for person in (COVERED, STRANGER)
    }
    assert len(seen) == 1
    assert {status for status, *_ in seen} == {422}


@pytest.mark.parametrize("text", ["", "a.b.c", "é", "x" * 3000])
def test_what_is_no_assertion_is_refused(gateway, text):
    assert ask(gateway, vitale_body(COVERED, text)).status_code == 422


def test_a_vitale_reading_of_somebody_we_do_not_know_says_no_more_than_typing(gateway, terminal):
    reply = ask(gateway, vitale_body(STRANGER, terminal.read(STRANGER.typed)))
    assert reply.json()["answer"]["reason"] == "not_open"
