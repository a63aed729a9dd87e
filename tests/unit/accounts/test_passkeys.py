"""What a passkey proves, when one is closed for good, and which must stay."""

from datetime import UTC, datetime, timedelta

import pytest

from rempart.accounts import passkeys
from rempart.accounts.passkeys import (
    CHALLENGE_LIFETIME,
    Passkey,
    Proof,
    ProofVerdict,
    can_sign_in_with_passkey,
    check_can_revoke,
    clean_label,
    decide_proof,
    is_challenge_alive,
)
from rempart.accounts.roles import Role
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.findings import BadValue

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def make_key(name: bytes = b"one", *, cloned: bool = False, revoked: bool = False) -> Passkey:
    return Passkey(
        credential_id=name,
        label="Téléphone",
        created_at=NOW,
        used_at=None,
        backed_up=False,
        cloned_at=NOW if cloned else None,
        revoked_at=NOW if revoked else None,
    )


@pytest.mark.parametrize(
    ("known", "shown", "verdict"),
    [
        (0, 0, ProofVerdict.GOOD),  # an authenticator that keeps no counter
        (0, 1, ProofVerdict.GOOD),
        (7, 8, ProofVerdict.GOOD),
        (7, 4_000_000_000, ProofVerdict.GOOD),
        (7, 7, ProofVerdict.CLONED),
        (7, 6, ProofVerdict.CLONED),
        (7, 0, ProofVerdict.CLONED),
    ],
)
def test_a_counter_that_does_not_grow_tells_a_copy(known, shown, verdict):
    proof = Proof(user_verified=True, sign_count=shown, backed_up=False)
    assert decide_proof(proof, is_usable=True, known_count=known) is verdict


def test_a_key_without_its_holder_proves_nothing():
    proof = Proof(user_verified=False, sign_count=8, backed_up=False)
    assert decide_proof(proof, is_usable=True, known_count=7) is ProofVerdict.UNVERIFIED


def test_somebody_unverified_cannot_close_a_key_by_an_old_counter():
    proof = Proof(user_verified=False, sign_count=1, backed_up=False)
    assert decide_proof(proof, is_usable=True, known_count=7) is ProofVerdict.UNVERIFIED


def test_a_closed_key_opens_nothing_whatever_it_proves():
    proof = Proof(user_verified=True, sign_count=8, backed_up=False)
    assert decide_proof(proof, is_usable=False, known_count=7) is ProofVerdict.CLOSED


def test_a_key_is_usable_until_it_is_revoked_or_found_twice():
    assert make_key().is_usable
    assert not make_key(cloned=True).is_usable
    assert not make_key(revoked=True).is_usable


def test_one_of_two_keys_may_go():
    check_can_revoke([make_key(b"one"), make_key(b"two")], b"one", method="passkey")


def test_the_last_key_stays():
    with pytest.raises(Conflict, match="last passkey"):
        check_can_revoke([make_key()], b"one", method="passkey")


def test_closed_keys_do_not_count_among_those_that_remain():
    keys = [make_key(), make_key(b"two", cloned=True), make_key(b"three", revoked=True)]
    with pytest.raises(Conflict):
        check_can_revoke(keys, b"one", method="passkey")


@pytest.mark.parametrize("method", ["psc", "oidc"])
def test_the_last_key_may_go_when_there_is_another_way_in(method):
    check_can_revoke([make_key()], b"one", method=method)


@pytest.mark.parametrize("keys", [[], [make_key(b"two")], [make_key(revoked=True)]])
def test_a_key_that_is_not_usable_cannot_be_revoked(keys):
    with pytest.raises(NotFound):
        check_can_revoke(keys, b"one", method="psc")


def test_mutation_counting_closed_keys_would_lock_somebody_out(monkeypatch):
    monkeypatch.setattr(passkeys.Passkey, "is_usable", property(lambda self: True))
    check_can_revoke([make_key(), make_key(b"two", revoked=True)], b"one", method="passkey")


@pytest.mark.parametrize("role", Role)
def test_who_gives_care_comes_by_pro_sante_connect_and_nobody_else_must(role):
    assert can_sign_in_with_passkey(role) == (role not in {Role.HOLDER, Role.LOCUM})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Téléphone", "Téléphone"),
        ("  Clé   du\tbureau \n", "Clé du bureau"),
        ("x" * 60, "x" * 60),
        ("=1+1", "=1+1"),
    ],
)
def test_a_label_is_kept_in_order(typed, kept):
    assert clean_label(typed) == kept


@pytest.mark.parametrize("typed", ["", "   ", "x" * 61, "a\x00b", "a\u202eb", "a\x1b[31mb"])
def test_a_label_nobody_could_read_is_refused(typed):
    with pytest.raises(BadValue):
        clean_label(typed)


@pytest.mark.parametrize(
    ("age", "alive"),
    [
        (timedelta(0), True),
        (CHALLENGE_LIFETIME - timedelta(seconds=1), True),
        (CHALLENGE_LIFETIME, False),
        (timedelta(days=1), False),
        (-timedelta(seconds=1), False),
    ],
)
def test_a_challenge_lives_five_minutes(age, alive):
    assert is_challenge_alive(NOW - age, now=NOW) is alive
